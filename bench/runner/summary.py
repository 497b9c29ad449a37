"""What all runs of a row say together: medians, ratios to the reference of the same round, noise. Pure."""

import dataclasses

from . import contestants, numbers
from .contestants import twin_of
from .figures import METRICS


def reference_of(row):
    """Whom ratios are against: some rows say so, for others their kind does."""
    return row.get("reference") or contestants.reference_of(row["kind"])


def by_round(row, contestant, metric):
    """Round to value, of one contestant."""
    return {run["round"]: run["figures"][metric] for run in row["runs"]
            if run["contestant"] == contestant and metric in run["figures"]}


def ratios(row, metric, contestant, against):
    """The ratios of each round in which both were measured."""
    return numbers.paired_ratios(by_round(row, contestant, metric), by_round(row, against, metric))


def differences(row, metric, contestant, against):
    """By how much `contestant` is more, in each round in which both were measured."""
    return numbers.paired_differences(by_round(row, contestant, metric), by_round(row, against, metric))


def noise(row, metric):
    """How far the reference is from itself, typically; none where it was not measured twice."""
    reference = reference_of(row)
    to_itself = ratios(row, metric, twin_of(reference), reference)
    return numbers.noise_of(to_itself) if to_itself else None


def contestants_in(row):
    return {run["contestant"] for run in row["runs"]}


def is_load_bound(row, contestant):
    """Whether most of its runs were."""
    marks = [run["load_bound"] for run in row["runs"] if run["contestant"] == contestant]
    return sum(marks) * 2 > len(marks)


# --- The part of the JSON ----------------------------------------------------------------------------------


def summarise(row):
    """What the JSON says beside the runs of a row."""
    return {
        "noise": {metric: noise(row, metric) for metric in METRICS if noise(row, metric) is not None},
        "contestants": {name: summarise_contestant(row, name) for name in sorted(contestants_in(row))},
    }


def summarise_contestant(row, name):
    metrics = {}
    reference = reference_of(row)
    for metric, meaning in METRICS.items():
        own = by_round(row, name, metric)
        if not own:
            continue
        best = numbers.best(own.values(), meaning.lower_is_better)
        metrics[metric] = {"median": numbers.spread(own.values()).median, "best": best}
        paired = ratios(row, metric, name, reference)
        if paired:
            theirs = by_round(row, reference, metric).values()
            metrics[metric]["ratio"] = {
                **dataclasses.asdict(numbers.spread(paired)),
                "best": best / numbers.best(theirs, meaning.lower_is_better),
            }
    return {"load_bound": is_load_bound(row, name), "metrics": metrics}


def metric_of(row, contestant, metric):
    """The summary of one figure, or None where it was not measured."""
    return row["summary"]["contestants"].get(contestant, {}).get("metrics", {}).get(metric)
