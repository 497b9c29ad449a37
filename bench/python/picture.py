"""What docs/python-performance.svg shows: every row, relative to uvloop; or to asyncio's own loop, where there was no
uvloop."""

from runner import numbers, plot, summary
from runner.contestants import twin_of

from .contestants import BARE, STOCK, UVLOOP
from .targets import CPU

LONGEST_LABEL = 33  # characters that there is room for
GROUPS = {
    "echo_protocol": "Echo by Protocol, 50 connections", "echo_buffered": "Echo by BufferedProtocol, 50 connections",
    "echo_streams": "Echo by streams, 50 connections", "in": "One way in", "out": "One way out", "tls": "Echo with TLS",
    "storm": "Connections, datagrams, HTTP", "udp": "Connections, datagrams, HTTP",
    "http": "Connections, datagrams, HTTP", "loop": "The loop by itself", "threads": "The loop by itself",
    "spawn": "Children", "output": "Children",
}
NOT_DRAWN = {twin_of(BARE), twin_of(STOCK)}  # they are the noise

AXES = {UVLOOP: plot.Axis(0.2, 4.0, (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0)),
        STOCK: plot.Axis(0.1, 1.5, (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5))}
SUBTITLES = {UVLOOP: "Left of 1.0 is less than uvloop needs. The grey band is the noise of the row.",
             STOCK: "Left of 1.0 is less than asyncio's own loop needs. The grey band is the noise of the row."}


def write(results):
    base = base_of(results)
    title = results["contestants"][base]
    return plot.write(results, plot.Picture(
        title=f"CPU under Python, relative to {title}", subtitle=SUBTITLES[base],
        axis_title=f"CPU ÷ that of {title} in the same round (logarithmic)", axis=AXES[base],
        groups_of=lambda results: groups_of(results, base)))


def base_of(results):
    measured = any(UVLOOP in row["summary"]["contestants"] for row in results["rows"])
    return UVLOOP if measured else STOCK


def groups_of(results, base):
    groups = {}
    for row in results["rows"]:
        line = line_of(row, base)
        if line:
            groups.setdefault(GROUPS[row["kind"]], []).append(line)
    return groups


def line_of(row, base):
    """None where there is nothing to compare."""
    metric = next((each for each in CPU if summary.by_round(row, base, each)), None)
    if not metric:
        return None
    dots = {}
    for name in row["summary"]["contestants"]:
        ratios = summary.ratios(row, metric, name, base)
        if ratios and name != base and name not in NOT_DRAWN:
            dots[name] = numbers.spread(ratios).median
    return plot.Line(label_of(row), dots, summary.noise(row, metric) or 0.0) if dots else None


def label_of(row):
    return row["label"] if len(row["label"]) <= LONGEST_LABEL else row["name"]
