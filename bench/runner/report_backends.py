"""The report's chapter on Tidegate's two backends: which of them costs less, under which load."""

import dataclasses

from . import numbers, summary, words
from .contestants import OURS, OURS_URING
from .rows import KIBIBYTE, SMALL_BYTES

METRIC = "cpu_ns"
OTHER_LOADS = {"framed": "Sixteen writes per wake-up", "in": "One way, in", "out": "One way, out",
               "storm": "Connect storm", "udp": "Datagrams, echo", "train": "Datagrams, trains",
               "relay": "Relay", "tls": "TLS, echo", "tls_in": "TLS, one way, in", "tls_out": "TLS, one way, out",
               "handshake": "TLS, handshakes", "file": "Sending a file"}


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One row: io_uring's CPU divided by epoll's, and what chance does in that row."""

    group: str
    ratio: float
    noise: float

    @property
    def is_cheaper(self):
        return self.ratio < 1 - self.noise

    @property
    def is_dearer(self):
        return self.ratio > 1 + self.noise


def group_of(row):
    """The line of the table that a row belongs to; none where there is no message to divide by, or where a
    row is about something else."""
    if row["kind"] != "echo":
        return OTHER_LOADS.get(row["kind"])
    transport = "TCP" if row["transport"] == "tcp" else "Unix"
    if row["connections"] == 1:
        return f"Echo, {transport}, 1 connection"
    size = f"up to {SMALL_BYTES // KIBIBYTE} KiB" if row["size"] <= SMALL_BYTES else "16 KiB and more"
    return f"Echo, {transport}, 50 and 500 connections, {size}"


def comparisons(results):
    found = []
    for row in results["rows"]:
        ratios = summary.ratios(row, METRIC, OURS_URING, OURS)
        if group_of(row) and ratios:
            noise = summary.noise(row, METRIC) or 0.0
            found.append(Comparison(group_of(row), numbers.spread(ratios).median, noise))
    return found


# --- What is written ---------------------------------------------------------------------------------------


def chapter(results):
    found = comparisons(results)
    if not found:
        return []
    return ["## io_uring or epoll?", "", *words.paragraph("""Which backend is right as the default? CPU per
        message of Tidegate on io_uring, divided by that of Tidegate on epoll in the same round: each row has
        the median of its rounds, and each line of this table the median of its rows, the least and the most.
        A row counts as cheaper or dearer where it differs from 1 by more than its noise."""),
            *table(found), *words.paragraph(answer(found))]


def table(found):
    groups = {}
    for each in found:
        groups.setdefault(each.group, []).append(each)
    lines = [line(group, some) for group, some in groups.items()]
    if len(groups) > 1:
        lines.append(line("All of them", found))
    return words.table(["", "rows", "io_uring / epoll", "from .. to", "cheaper", "dearer"], lines)


def line(title, some):
    spread = numbers.spread(each.ratio for each in some)
    return [title, str(len(some)), words.ratio(spread.median),
            f"{words.ratio(spread.low)} .. {words.ratio(spread.high)}",
            str(sum(each.is_cheaper for each in some)), str(sum(each.is_dearer for each in some))]


def answer(found):
    """As much as the figures allow to say, and no more."""
    cheaper, dearer = (sum(getattr(each, name) for each in found) for name in ("is_cheaper", "is_dearer"))
    if not cheaper and not dearer:
        verdict = "no row tells the two apart"
    elif not dearer:
        verdict = "io_uring: where there is a difference, it costs less"
    elif not cheaper:
        verdict = "epoll: where there is a difference, it costs less"
    else:
        verdict = "neither for every load"
    count = f"{len(found)} rows" if len(found) > 1 else "1 row"
    level = len(found) - cheaper - dearer
    return f"""By CPU alone: **{verdict}**. Of {count}, io_uring is cheaper in {cheaper}, dearer in
        {dearer}, and no different beyond the noise in {level}."""
