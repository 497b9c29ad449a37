"""The report's tables of figures: one chapter for each kind of row."""

from . import contestants, summary, words
from .figures import METRICS, unit_name

TLS_TEXT = "TLS 1.3, AES-128-GCM, X25519."

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
    ("udp", "Datagrams, echo",
     """Each datagram is answered with the same, to the peer that it came from. A peer sends the next when
     an answer has come; one that is missing after 200 ms counts as lost, and not as answered. "Bare
     recvmmsg/sendmmsg" receives up to 64 datagrams in one blocking call and answers them in another. "Bare
     GRO/GSO" does so as well, and joins datagrams of one size to one peer: the kernel then has one to
     send, and cuts it. So does Tidegate. libuv's second form receives many at a time (UV_UDP_RECVMMSG)
     and answers with uv_udp_try_send.""", ("cpu_ns", "rate")),
    ("train", "Datagrams, trains",
     """A peer sends datagrams of one size as one train, which the kernel cuts, and another train when all
     of one has come back. Who asks for it (UDP_GRO) gets a train in one piece, and may send one as well
     (UDP_SEGMENT): bare GRO/GSO does, and Tidegate, whose protocol is told of each datagram
     nevertheless. The others receive and answer each by itself.""", ("cpu_ns", "rate")),
    ("spawn", "Starting children",
     """`true`, from the call to the end that was noticed, with /dev/null as its 0, 1 and 2. CPU is that of
     program and child together. Beside 500 MiB means that the program has so much memory in use, in pages
     of the ordinary size. "Without pidfd" is what Tidegate does on a kernel before Linux 5.4: a thread
     waits for each child.""", ("ns", "loop_cpu_ns")),
    ("output", "Output of a child",
     """A child writes 64 KiB at a time to a pipe, and the program reads until its end. On the same core, each
     has its turn when the pipe is full or empty; on another, the program is woken up for almost every
     page. CPU is that of the program alone. libuv's child has a Unix socket instead of a pipe, which costs less.""",
     ("loop_cpu_ns", "ns")),
    ("relay", "Relay",
     """`tidegate relay` beside `socat`, which by itself moves 8 KiB at a time: from one connection to
     another, one way. CPU is that of the relay.""", ("cpu_ns", "rate")),
    ("tls", "TLS, echo",
     f"""{TLS_TEXT} "Bare OpenSSL, from memory" receives once for many records, lets OpenSSL take them from
     memory, and sends all that it encrypted at once; "on the socket" lets OpenSSL read and write the socket,
     as one writes it first. Both wait in epoll, and have OpenSSL give its record buffers back whenever they
     are empty, which "keeping buffers" does not: memory has a chapter of its own. Asio's is its ssl
     stream.""", ("cpu_ns", "rate")),
    ("tls_in", "TLS, one way, in",
     "The server decrypts and throws away; figures are per message of 16 KiB, which is a record.",
     ("cpu_ns", "rate")),
    ("tls_out", "TLS, one way, out",
     "The server encrypts as fast as its peers read; figures are per message of 16 KiB, which is a record.",
     ("cpu_ns", "rate")),
    ("handshake", "TLS, handshakes",
     """Connect, handshake, one echo, close, again: figures are per handshake. A full one has the server's
     certificate (ECDSA, P-256) and its signature in it; a session that is resumed with a ticket spares these,
     and not the exchange of new keys (X25519). The load generator has more to do for a full one than the
     server has.""", ("cpu_ns", "rate")),
    ("file", "Sending a file",
     """A file that is in the page cache, over and over, by sendfile(2); figures are per 64 KiB.""",
     ("cpu_ns", "rate")),
    ("streams", "Streams",
     """The echo server once more, with `StreamReader` and `StreamWriter` instead of callbacks; Asio's is the
     same with a coroutine for each connection. "One by one": each message is read exactly, and answered with
     a write of its own; bare epoll answers all that have arrived with one.""", ("cpu_ns", "rate")),
]
ABSOLUTE_CHAPTERS = [
    ("idle", "Memory",
     """What the server's resident memory grew by, for each connection that was made, used once and then left
     idle. What the kernel keeps is not in it: the socket, which is the same for all, and on io_uring the
     request that waits for it.""",
     ("rss_bytes",)),
    ("tls_idle", "Memory with TLS",
     """The same of connections that are encrypted. OpenSSL's own share is what the bare programs grow by: they
     have 48 bytes of their own for each connection, and give record buffers back, or keep them.""",
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
    ("udp_instructions", "Instructions per datagram",
     """The same for datagrams; who makes fewer and larger system calls has more to do for each of them
     here, and less in the kernel.""", ("instructions",)),
    ("tls_instructions", "Instructions per message with TLS",
     """The same for an echo of 64 B that is encrypted; OpenSSL's are in it.""", ("instructions",)),
]


def chapters(results):
    return echo_chapters(results) + ratio_chapters(results, CHAPTERS) + absolute_chapters(results, ABSOLUTE_CHAPTERS)


def ratio_chapters(results, wanted):
    """Of the kinds that were measured."""
    lines = []
    for kind, title, text, metrics in wanted:
        rows = rows_of(results, kind)
        if rows:
            lines += [f"## {title}", "", *words.paragraph(text)]
            for metric in metrics:
                lines += ratio_table(results, rows, metric, heading(kind, metric))
            lines += beside(results, rows, kind)
    return lines


def absolute_chapters(results, wanted):
    lines = []
    for kind, title, text, metrics in wanted:
        rows = rows_of(results, kind)
        if rows:
            lines += [f"## {title}", "", *words.paragraph(text), *absolute_table(results, rows, metrics)]
    return lines


def beside(results, rows, kind):
    """What a kind has to say beside its ratios."""
    if kind in ("udp", "train"):
        return losses(results, rows)
    return absolute_table(results, rows, ("grown_bytes",)) if kind == "relay" else []


def losses(results, rows):
    """Who lost datagrams, where, and the greatest share of all in one run."""
    found = []
    for row in rows:
        for name, title in results["contestants"].items():
            most = max(summary.by_round(row, name, "lost").values(), default=0)
            if most > 0:
                found.append(f"{title} in {row['name']} (up to {words.percent(most)})")
    return words.paragraph(f"Datagrams were lost by {words.listed(found)}." if found
                           else "No datagram was lost.")


def rows_of(results, kind):
    return [row for row in results["rows"] if row["kind"] == kind]


def heading(kind, metric):
    unit = unit_name(kind)
    if metric == "rate":
        return "throughput (pieces of 64 KiB)" if unit == "64 KiB" else f"{unit}s per second"
    return f"{'relay CPU' if kind == 'relay' else METRICS[metric].title} per {unit}"


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
    if name == summary.reference_of(row) or "ratio" not in figure:
        return words.quantity(figure["median"], METRICS[metric].unit) + mark
    text = words.ratio(figure["ratio"]["median"]) + mark
    return words.bold(text) if name == contestants.OURS else text


def is_meaningless(row, name):
    """A ratio of throughputs of which one is the load generator's."""
    reference = summary.reference_of(row)
    both = [row["summary"]["contestants"].get(each, {}) for each in (name, reference)]
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
            if any(figures) and name not in contestants.TWINS:
                cells = [words.quantity(figure["median"], METRICS[metric].unit) if figure else words.NOTHING
                         for figure, metric in zip(figures, metrics)]
                lines.append([words.bold(title) if name == contestants.OURS else title, *cells])
    return words.table([rows[0]["label"], *(METRICS[metric].title for metric in metrics)], lines)
