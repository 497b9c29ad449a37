"""Medians, ratios and verdicts. Pure: it knows neither contestants nor rows."""

import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Spread:
    """Where several measurements of one thing lie."""

    median: float
    low: float
    high: float
    lower_quartile: float
    upper_quartile: float


def spread(values):
    """REQUIRES: at least one value."""
    ordered = sorted(values)
    at_least_two = ordered if len(ordered) > 1 else ordered * 2  # as quantiles() wants them
    lower, _, upper = statistics.quantiles(at_least_two, n=4, method="inclusive")
    return Spread(statistics.median(ordered), ordered[0], ordered[-1], lower, upper)


def best(values, lower_is_better):
    return min(values) if lower_is_better else max(values)


def paired_ratios(ours, theirs):
    """What each round says: `ours` and `theirs` map rounds to values; rounds that only one of them has, and
    those where there is nothing to compare with, say nothing."""
    return [ours[number] / theirs[number] for number in sorted(ours) if theirs.get(number)]


def paired_differences(ours, theirs):
    """By how much `ours` is more, in each round that both have."""
    return [ours[number] - theirs[number] for number in sorted(ours) if number in theirs]


def noise_of(ratios_to_itself):
    """How far something typically is from itself from one run to the next: the median distance from 1."""
    return statistics.median(abs(ratio - 1) for ratio in ratios_to_itself)


# --- Verdicts ----------------------------------------------------------------------------------------------

MET = "met"
WITHIN_NOISE = "met within noise"
MISSED = "missed"
NOT_MEASURED = "not measured"

# The worst one is a target's verdict.
SEVERITY = [MET, WITHIN_NOISE, MISSED]

AT_MOST = "at most"
AT_LEAST = "at least"
BELOW = "below"


def excess(measured, limit, sense):
    """How far `measured` is on the wrong side of `limit`; negative on the right side."""
    return limit - measured if sense == AT_LEAST else measured - limit


def verdict(measured, limit, sense, noise=0.0):
    """`noise` is in the measure of `measured`."""
    over = excess(measured, limit, sense)
    if over < 0 or (over == 0 and sense != BELOW):
        return MET
    return WITHIN_NOISE if over <= noise and noise > 0 else MISSED


def worst(verdicts):
    """The verdict on all of them; not measured where there is none."""
    return max(verdicts, key=SEVERITY.index, default=NOT_MEASURED)
