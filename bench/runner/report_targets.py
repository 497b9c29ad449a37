"""The report's chapter on targets: what we wanted, what we measured, and where it falls short."""

from . import numbers, targets, words
from .figures import METRICS

SHORTFALLS_SHOWN = 8  # of each target


def chapter(results, wanted):
    """`wanted` are the targets."""
    outcomes = targets.evaluate_all(results, wanted)
    lines = [line_of(results, outcome) for outcome in outcomes]
    titles = ["Target", "Limit", "Measured", "Verdict"]
    return ["## Targets", "", *words.paragraph(introduction(outcomes)), *words.text_table(titles, lines),
            *shortfalls(results, outcomes), *reasons(outcomes)]


def introduction(outcomes):
    verdicts = [outcome.verdict for outcome in outcomes]
    parts = [f"{verdicts.count(verdict)} {verdict}"
             for verdict in (*numbers.SEVERITY, numbers.NOT_MEASURED) if verdicts.count(verdict)]
    return f"""Of {len(verdicts)} targets: {words.listed(parts)}. A target that covers several rows is met
        where every row meets it; what is shown is the row nearest to the limit or furthest beyond it.
        "Met within noise" means beyond the limit by no more than the row's reference differs from
        itself there, and by no more than {words.percent(targets.MOST_EXCUSED)}."""


def line_of(results, outcome):
    target = outcome.target
    limit = limit_text(target)
    measured = measured_text(results, outcome)
    return [target.title, limit, measured, verdict_text(outcome.verdict)]


def limit_text(target):
    if target.surplus_over:
        return f"{target.sense} {target.limit:g} of its surplus"
    return f"{target.sense} {target.limit:g}{'' if target.is_ratio else ' B'}"


def verdict_text(verdict):
    return words.bold(verdict) if verdict in (numbers.MISSED, numbers.NOT_MEASURED) else verdict


def measured_text(results, outcome):
    parts = []
    if outcome.checks:
        worst = outcome.worst
        parts.append(f"{value_text(outcome.target, worst)} ({place_text(results, outcome, worst)})")
    met = sum(check.verdict == numbers.MET for check in outcome.checks)
    if len(outcome.checks) > 1:
        parts.append(f"{met} of {len(outcome.checks)} met")
    if outcome.failed_rows:
        parts.append(f"failed in {words.listed(outcome.failed_rows)}")
    if outcome.checks and outcome.unmeasured:
        names = words.listed(results["contestants"][name] for name in outcome.unmeasured)
        parts.append(f"without {names}: not measured")
    return "; ".join(parts) or words.NOTHING


def value_text(target, check):
    if target.surplus_over:
        return f"{words.ratio(check.measured)} of {words.ratio(check.limit)}"
    return words.ratio(check.measured) if target.is_ratio else f"{check.measured:.0f} B"


def place_text(results, outcome, check):
    """The row; and, where there are several, the metric and whom it is held against."""
    parts = [check.row]
    if len(outcome.target.metrics) > 1:
        parts.append(METRICS[check.metric].title)
    if len(outcome.target.against) > 1:
        parts.append(results["contestants"][check.against])
    return ", ".join(parts)


def shortfalls(results, outcomes):
    """What is not plainly met, row by row, worst first."""
    lines = [line for outcome in outcomes for line in shortfalls_of(results, outcome)]
    if not lines:
        return []
    return ["Where a target is not plainly met:", "",
            *words.text_table(["Target", "Row", "Measured", "Noise", "Verdict"], lines)]


def shortfalls_of(results, outcome):
    target = outcome.target
    short = [check for check in outcome.checks if check.verdict != numbers.MET]
    short.sort(key=lambda check: numbers.excess(check.measured, check.limit, target.sense), reverse=True)
    lines = [["", place_text(results, outcome, check), value_text(target, check),
              words.ratio(check.noise) if target.is_ratio else words.NOTHING, check.verdict]
             for check in short[:SHORTFALLS_SHOWN]]
    if len(short) > len(lines):
        lines.append(["", f"and {len(short) - len(lines)} more, in the JSON", "", "", ""])
    if lines:
        lines[0][0] = target.title
    return lines


def reasons(outcomes):
    """Why, where a target is not plainly met and we know."""
    lines = []
    for outcome in outcomes:
        if outcome.verdict in (numbers.WITHIN_NOISE, numbers.MISSED) and outcome.target.reason:
            lines += words.paragraph(f"**{outcome.target.title}.** {outcome.target.reason}")
    return ["What we know of the reasons:", "", *lines] if lines else []
