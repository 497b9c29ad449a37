"""docs/performance.svg: CPU per message relative to bare epoll, a line for each row and a dot for each
contestant. Written by hand, text as text, legible on light and on dark pages. Other families have pictures of
their own, which are drawn in the same way."""

import dataclasses
import html
import math
from collections.abc import Callable

from . import contestants, summary

# --- Geometry, in pixels -----------------------------------------------------------------------------------

LABELS_WIDTH = 210
PLOT_WIDTH = 560
MARGIN = 24
LEGEND_TOP = 74
LEGEND_HEIGHT = 20
LINE_HEIGHT = 18
GROUP_HEIGHT = 30
AXIS_HEIGHT = 52
BEYOND_STEP = 13  # what is beyond the end of the axis stands behind it, one beside the other
BEYOND_WIDTH = 8 * BEYOND_STEP
PLOT_LEFT = MARGIN + LABELS_WIDTH
PLOT_RIGHT = PLOT_LEFT + PLOT_WIDTH
WIDTH = PLOT_RIGHT + BEYOND_WIDTH + MARGIN


# Colours that people with any kind of colour vision tell apart (Okabe and Ito); ours is the strong one.
COLOURS = ["#0072b2", "#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#f0e442", "#999999"]
OUR_COLOUR = "#d55e00"
OUR_URING_COLOUR = "#7b3fb5"

STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 17px; font-weight: 600 }
  .group { font-weight: 600 }
  .quiet { fill: #57606a }
  .page { fill: #ffffff }
  .grid { stroke: #d8dee4; stroke-width: 1 }
  .one { stroke: #57606a; stroke-width: 1.5 }
  .noise { fill: #57606a; opacity: .16 }
  .dot { stroke: #ffffff; stroke-width: .75 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .quiet { fill: #9198a1 }
    .page { fill: #0d1117 }
    .grid { stroke: #2a313a }
    .one { stroke: #9198a1 }
    .noise { fill: #9198a1; opacity: .25 }
    .dot { stroke: #0d1117 }
  }
"""


@dataclasses.dataclass(frozen=True)
class Axis:
    """Logarithmic: half the CPU is as far from 1 as twice the CPU."""

    least: float
    most: float
    ticks: tuple[float, ...]


AXIS = Axis(0.4, 2.0, (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0))


def x_of(ratio, axis=AXIS):
    """Where a ratio lies; those beyond an end lie at it."""
    clipped = min(max(ratio, axis.least), axis.most)
    return PLOT_LEFT + PLOT_WIDTH * math.log(clipped / axis.least) / math.log(axis.most / axis.least)


# --- What is drawn -----------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Line:
    label: str
    dots: dict  # contestant: ratio
    noise: float


@dataclasses.dataclass(frozen=True)
class Picture:
    title: str
    subtitle: str
    axis_title: str
    axis: Axis
    groups_of: Callable  # the results' lines, by the title of their group


def line_of(row):
    """None where there is nothing to compare."""
    dots = {}
    for name in row["summary"]["contestants"]:
        figure = summary.metric_of(row, name, "cpu_ns")
        if name not in (contestants.REFERENCE, contestants.REFERENCE_AGAIN) and figure and "ratio" in figure:
            dots[name] = figure["ratio"]["median"]
    return Line(label_of(row), dots, row["summary"]["noise"].get("cpu_ns", 0.0)) if dots else None


def label_of(row):
    return row["label"] if row["kind"] == "echo" else {
        "framed": f"16 writes per wake-up, {row['transport']}",
        "in": f"one way in, 64 KiB, {row['transport']}",
        "out": f"one way out, 64 KiB, {row['transport']}",
        "storm": f"connect, echo, close, {row['transport']}",
    }[row["kind"]]


def groups_of(results):
    """Title and lines, in the order of the report."""
    groups = {}
    for row in results["rows"]:
        if row["kind"] == "echo":
            in_flight = "1 message" if row["pipeline"] == 1 else f"{row['pipeline']} messages"
            title = f"Echo, {'TCP' if row['transport'] == 'tcp' else 'Unix'}, {in_flight} in flight"
        elif row["kind"] in ("framed", "in", "out", "storm"):
            title = "Other loads"
        else:
            continue
        line = line_of(row)
        if line:
            groups.setdefault(title, []).append(line)
    return groups


def colours_of(results, groups):
    drawn = {name for lines in groups.values() for line in lines for name in line.dots}
    others = [name for name in results["contestants"] if name in drawn and name not in contestants.BOTH_OURS]
    colours = {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(others)}
    ours = {contestants.OURS: OUR_COLOUR, contestants.OURS_URING: OUR_URING_COLOUR}
    return {**colours, **{name: colour for name, colour in ours.items() if name in drawn}}


BARE_EPOLL = Picture(
    title="Server CPU per message, relative to bare epoll",
    subtitle="Left of 1.0 is less CPU than a server written by hand on epoll. The grey band is the noise of the row.",
    axis_title="CPU ÷ that of bare epoll in the same round (logarithmic)",
    axis=AXIS,
    groups_of=groups_of,
)


# --- Drawing -----------------------------------------------------------------------------------------------


def write(results, picture=BARE_EPOLL):
    groups, title = picture.groups_of(results), picture.title
    colours = colours_of(results, groups)
    legend_marks, top = legend(results, colours)
    body, bottom = drawn_groups(groups, colours, top, picture.axis)
    height = bottom + AXIS_HEIGHT
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" aria-label="{title}">',
        f"<title>{title}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}" rx="8"/>',
        text(MARGIN, 32, title, "title"),
        text(MARGIN, 52, picture.subtitle, "quiet"),
        *legend_marks,
        *grid(top, bottom, picture.axis),
        *body,
        *scale(bottom, picture),
        "</svg>",
    ]) + "\n"


def text(x, y, words, style="", anchor="start"):
    style_text = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{style_text}>{html.escape(words)}</text>'


def legend(results, colours):
    """The marks, in as many lines as they need, and where the plot may begin."""
    marks, left, y = [], MARGIN + 6.0, LEGEND_TOP
    x = left
    for name, colour in colours.items():
        title = results["contestants"][name]
        width = 38 + 6.8 * len(title)
        if x > left and x + width > WIDTH - MARGIN:
            x, y = left, y + LEGEND_HEIGHT
        marks.append(dot(x, y, colour, name in contestants.BOTH_OURS))
        marks.append(text(x + 10, y + 4, title))
        x += width
    return marks, y + LEGEND_HEIGHT - 2


def dot(x, y, colour, is_ours):
    return f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{5.5 if is_ours else 4}" fill="{colour}"/>'


def triangle(x, y, colour, is_ours, ratio, axis):
    """Points to where the ratio lies that it stands for, and carries it in its tooltip."""
    size = 6.5 if is_ours else 5
    towards = size if ratio > axis.most else -size
    return (f'<path class="dot" fill="{colour}" d="M{x + towards:.1f} {y:.1f} L{x - towards / 2:.1f} '
            f'{y - size:.1f} L{x - towards / 2:.1f} {y + size:.1f} Z"><title>{ratio:.2f}</title></path>')


def grid(top, bottom, axis):
    places = [(tick, x_of(tick, axis)) for tick in axis.ticks]
    return [f'<line class="{"one" if tick == 1.0 else "grid"}" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>'
            for tick, x in places]


def scale(bottom, picture):
    ticks = [text(x_of(tick, picture.axis), bottom + 18, f"{tick:g}", "quiet", "middle") for tick in picture.axis.ticks]
    beyond = text(PLOT_RIGHT + BEYOND_WIDTH / 2, bottom + 18, "more", "quiet", "middle")
    name = text((PLOT_LEFT + PLOT_RIGHT) / 2, bottom + 40, picture.axis_title, "quiet", "middle")
    return [*ticks, beyond, name]


def drawn_groups(groups, colours, top, axis):
    """The marks, and where they end."""
    marks, y = [], top
    for title, lines in groups.items():
        marks.append(text(MARGIN, y + GROUP_HEIGHT - 10, title, "group"))
        y += GROUP_HEIGHT
        for line in lines:
            marks += drawn_line(line, y + LINE_HEIGHT / 2, colours, axis)
            y += LINE_HEIGHT
    return marks, y + 8


def drawn_line(line, y, colours, axis):
    left, right = x_of(1 / (1 + line.noise), axis), x_of(1 + line.noise, axis)
    marks = [text(PLOT_LEFT - 12, y + 4, line.label, anchor="end"),
             f'<rect class="noise" x="{left:.1f}" y="{y - LINE_HEIGHT / 2:.1f}" width="{right - left:.1f}" '
             f'height="{LINE_HEIGHT}"/>']
    # Ours last, so that it lies on top.
    for name in sorted(line.dots, key=lambda name: (name in contestants.BOTH_OURS, name == contestants.OURS)):
        ratio, look = line.dots[name], (y, colours[name], name in contestants.BOTH_OURS)
        if axis.least <= ratio <= axis.most:
            marks.append(dot(x_of(ratio, axis), *look))
        else:
            marks.append(triangle(beyond_x(line, ratio, axis), *look, ratio, axis))
    return marks


def beyond_x(line, ratio, axis):
    """Behind the end of the axis that `ratio` is beyond, in the order of the ratios. To the left is room for
    one place only, and nobody has needed that yet."""
    if ratio < axis.least:
        return x_of(ratio, axis)
    nearer = sum(axis.most < other < ratio for other in line.dots.values())
    return PLOT_RIGHT + BEYOND_STEP * (nearer + 1)
