"""The report's tables of figures: one chapter for each kind of row."""

from . import contestants, summary, words
from .figures import METRICS, unit_name

# Kind: title of the chapter, what its rows are, the metrics to show.
CHAPTERS = [
    ("framed", "Sixteen writes per wake-up",
     """Each read of the server finds sixteen messages of 64 B, and its protocol answers each with a write
     of its own; bare epoll and bare io_uring answer them with one gathered send.""", ("cpu_ns", "rate")),
    ("in", "One way, in", "The server reads and throws away; figures are per 64 KiB.", ("cpu_ns", "rate")),
    ("out", "One way, out", "The server writes as fast as its peers read; figures are per 64 KiB.",
     ("cpu_ns", "rate")),
    ("storm", "Connect storm", "Connect, one echo, close, again: figures are per connection.",
     ("cpu_ns", "rate")),
    ("spin", "Spinning",
     """One connection, one message in flight: the time of a round trip is mostly that of waking up. With
     `--spin 50` the loop looks again for 50 µs before it sleeps, so that it is awake when the next message
     comes, and its core busy meanwhile.""",
     ("rate", "cpu_ns")),
]
ABSOLUTE_CHAPTERS = [
    ("idle", "Memory",
     """What the server's resident memory grew by, for each connection that was made, used once and then left
     idle. What the kernel keeps is not in it: the socket, which is the same for all, and on io_uring the request
     that waits for it.""",
     ("rss_bytes",)),
    ("timers", "Timers", 
     """CPU time for each timer. Memory that the program has to provide is there beforehand; what the library
     allocates is counted. A timer never reaches the kernel, so Tidegate's are the same on both of its
     backends.""", ("insert_ns", "cancel_ns", "expire_ns")),
    ("calls", "Calls within the loop", "CPU time for each callback.", ("ns",)),
    ("threads", "Calls from another thread",
     "Time on the clock, and CPU time of both threads, for each call.", ("ns", "loop_cpu_ns")),
    ("instructions", "Instructions",
     """User-space instructions for each message, counted by Callgrind: the library's own share, without the
     kernel's, and nearly the same on every run.""", ("instructions",)),
]


def chapters(results):
    lines = echo_chapters(results)
    for kind, title, text, metrics in CHAPTERS:
        rows = rows_of(results, kind)
        if rows:
            lines += [f"## {title}", "", *words.paragraph(text)]
            for metric in metrics:
                lines += ratio_table(results, rows, metric, heading(kind, metric))
    for kind, title, text, metrics in ABSOLUTE_CHAPTERS:
        rows = rows_of(results, kind)
        if rows:
            lines += [f"## {title}", "", *words.paragraph(text), *absolute_table(results, rows, metrics)]
    return lines


def rows_of(results, kind):
    return [row for row in results["rows"] if row["kind"] == kind]


def heading(kind, metric):
    if metric == "cpu_ns":
        return f"server CPU per {unit_name(kind)}"
    return f"{unit_name(kind)}s per second" if kind not in ("in", "out") else "throughput (pieces of 64 KiB)"


# --- Ratios ------------------------------------------------------------------------------------------------


def echo_chapters(results):
    rows = rows_of(results, "echo")
    if not rows:
        return []
    lines = ["## Echo: server CPU per message", "", *words.paragraph("""Less is better. Bare epoll's figure is
        absolute, the others are ratios to it.""")]
    lines += echo_tables(results, rows, "cpu_ns")
    lines += ["## Echo: messages per second", "", *words.paragraph(f"""More is better. {words.DAGGER}: the
        load generator was at its limit there and the server was not, so the ratio says nothing about the
        server.""")]
    lines += echo_tables(results, rows, "rate")
    return lines + ["## Echo: Tidegate in detail", "", *words.paragraph("""On epoll. Ratios to bare epoll of the
        same round: the median, the least and the most of all rounds, the best against the best, and the
        noise: how far bare epoll typically is from itself."""), *detail_table(rows)]


def echo_tables(results, rows, metric):
    lines = []
    for transport in ("tcp", "unix"):
        for pipeline in sorted({row["pipeline"] for row in rows}):
            some = [row for row in rows if (row["transport"], row["pipeline"]) == (transport, pipeline)]
            if some:
                in_flight = "1 message" if pipeline == 1 else f"{pipeline} messages"
                name = "TCP" if transport == "tcp" else "Unix"
                lines += ratio_table(results, some, metric, f"{name}, {in_flight} in flight")
    return lines


def ratio_table(results, rows, metric, title):
    """Contestants as columns: the reference as it is, the others as ratios to it."""
    names = [name for name in results["contestants"]
             if any(summary.metric_of(row, name, metric) for row in rows)]
    titles = [title, *(results["contestants"][name] for name in names)]
    lines = [[row["label"], *(ratio_cell(row, name, metric) for name in names)] for row in rows]
    return words.table(titles, lines)


def ratio_cell(row, name, metric):
    figure = summary.metric_of(row, name, metric)
    if figure is None:
        return words.NOTHING
    mark = words.DAGGER if metric == "rate" and is_meaningless(row, name) else ""
    if name == contestants.REFERENCE or "ratio" not in figure:
        return words.quantity(figure["median"], METRICS[metric].unit) + mark
    text = words.ratio(figure["ratio"]["median"]) + mark
    return words.bold(text) if name == contestants.OURS else text


def is_meaningless(row, name):
    """A ratio of throughputs of which one is the load generator's."""
    both = [row["summary"]["contestants"].get(each, {}) for each in (name, contestants.REFERENCE)]
    return any(each.get("load_bound") for each in both)


def detail_table(rows):
    titles = ["", "CPU", "least - most", "best", "noise", "messages/s", "least - most", "best", "noise"]
    lines = []
    for row in rows:
        cells = [cell for metric in ("cpu_ns", "rate") for cell in detail_cells(row, metric)]
        if any(cell != words.NOTHING for cell in cells):
            lines.append([row["name"].removeprefix("echo-"), *cells])
    return words.table(titles, lines) if lines else []


def detail_cells(row, metric):
    figure = summary.metric_of(row, contestants.OURS, metric) or {}
    if "ratio" not in figure:
        return [words.NOTHING] * 4
    ratio = figure["ratio"]
    noise = row["summary"]["noise"].get(metric)
    mark = words.DAGGER if metric == "rate" and is_meaningless(row, contestants.OURS) else ""
    return [words.ratio(ratio["median"]) + mark,
            f"{words.ratio(ratio['low'])} - {words.ratio(ratio['high'])}",
            words.ratio(ratio["best"]),
            words.NOTHING if noise is None else words.percent(noise)]


# --- Absolute figures --------------------------------------------------------------------------------------


def absolute_table(results, rows, metrics):
    """Contestants as lines: the median of each figure."""
    lines = []
    for row in rows:
        for name, title in results["contestants"].items():
            figures = [summary.metric_of(row, name, metric) for metric in metrics]
            if any(figures) and name != contestants.REFERENCE_AGAIN:
                cells = [words.quantity(figure["median"], METRICS[metric].unit) if figure else words.NOTHING
                         for figure, metric in zip(figures, metrics)]
                lines.append([words.bold(title) if name == contestants.OURS else title, *cells])
    return words.table([rows[0]["label"], *(METRICS[metric].title for metric in metrics)], lines)
