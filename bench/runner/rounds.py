"""Every contestant in every round: who runs when, and what becomes of those that fail."""

import dataclasses

from .figures import Nonsense, figures_of, is_load_bound
from .processes import Failure


@dataclasses.dataclass(frozen=True)
class Plan:
    """One row with those who take part in it."""

    row: object
    contestants: tuple
    rounds: int

    @property
    def runs(self):
        return self.rounds * len(self.contestants)


def plan(rows, contestants, rounds, is_built):
    """A plan for each row that somebody can take part in; `is_built(row, contestant)` says who can."""
    plans = []
    for row in rows:
        takers = tuple(each for each in contestants if row.takes(each) and is_built(row, each))
        if takers:
            plans.append(Plan(row, takers, min(rounds, row.most_rounds)))
    return plans


def seconds_of(plan, window_seconds):
    """What a plan will take, roughly."""
    window = window_seconds if plan.row.has_window else 0.0
    return plan.runs * (window + plan.row.seconds_beside)


def measure_row(plan, bench, random, progress):
    """The row as the JSON has it: what identifies it, all runs, and who failed. Each round has every
    contestant once, in an order of its own; one that failed is left out of what remains of the row."""
    runs, failures, failed = [], [], set()
    for number in range(1, plan.rounds + 1):
        order = list(plan.contestants)
        random.shuffle(order)
        for contestant in order:
            progress.step(plan, number, contestant)
            if contestant.name in failed:
                continue
            try:
                runs.append(measure_run(plan.row, contestant, number, bench))
            except Failure as failure:
                failed.add(contestant.name)
                failures.append({"contestant": contestant.name, "round": number, "what": str(failure)})
                progress.failed(plan, contestant, failure)
    return {**identity_of(plan.row), "rounds": plan.rounds, "runs": runs, "failures": failures}


def measure_run(row, contestant, number, bench):
    raw = bench.run(row, contestant)
    try:
        return {"round": number, "contestant": contestant.name, "figures": figures_of(row, raw),
                "load_bound": row.has_window and is_load_bound(raw), "raw": raw}
    except Nonsense as nonsense:
        raise Failure(f"nothing to go by: {nonsense}") from nonsense
    except (KeyError, TypeError, ZeroDivisionError) as error:
        raise Failure(f"what was printed can't be read: {error!r}") from error


def identity_of(row):
    reference = {"reference": row.reference} if row.reference else {}
    return {"name": row.name, "kind": row.kind, "label": row.label, "transport": row.transport,
            "connections": row.connections, "size": row.size, "pipeline": row.pipeline, **reference}
