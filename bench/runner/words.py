"""How figures and tables are written: units, rounding, Markdown. Knows nothing of what they mean."""

DAGGER = "†"
NOTHING = "-"


def ratio(value):
    return f"{value:.2f}"


def percent(value):
    return f"{value * 100:.1f} %"


def duration(nanoseconds):
    for limit, divisor, unit in ((1e3, 1, "ns"), (1e6, 1e3, "µs"), (1e9, 1e6, "ms")):
        if nanoseconds < limit:
            return f"{three_digits(nanoseconds / divisor)} {unit}"
    return f"{three_digits(nanoseconds / 1e9)} s"


def three_digits(value):
    """8.46, 84.6, 846: as much as the measurement is worth."""
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}"


def count(value):
    return f"{value:,.0f}"


def quantity(value, unit):
    """A figure in the unit of its metric."""
    if unit == "ns":
        return duration(value)
    return f"{count(value)} {unit}".strip() if unit != "/s" else f"{count(value)}/s"


# --- Markdown ----------------------------------------------------------------------------------------------


def table(titles, lines):
    """The first column to the left, figures to the right."""
    widths = [max(len(line[column]) for line in [titles, *lines]) for column in range(len(titles))]

    def written(line):
        first = line[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        return "| " + " | ".join([first, *rest]) + " |"

    rule = "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    return [written(titles), rule, *map(written, lines), ""]


def text_table(titles, lines):
    """All columns to the left."""
    widths = [max(len(line[column]) for line in [titles, *lines]) for column in range(len(titles))]

    def written(line):
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return [written(titles), rule, *map(written, lines), ""]


def paragraph(text):
    return [" ".join(text.split()), ""]


def bold(text):
    return f"**{text}**"


def listed(items):
    """"a", "a and b", "a, b and c"."""
    items = list(items)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"
