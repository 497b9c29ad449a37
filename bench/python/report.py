"""docs/python-performance.md: every figure in it comes from the JSON, every sentence from here."""

from runner import numbers, report, report_tables, report_targets, summary, words
from runner.contestants import OURS, OURS_URING
from runner.figures import METRICS

from . import targets
from .contestants import STOCK, UVLOOP

ECHO_METRICS = ("cpu_ns", "rate")

# Kind: title of the chapter, what its rows are, the metrics to show.
CHAPTERS = [
    ("echo_protocol", "Echo by Protocol", "`asyncio.Protocol`: whatever arrives is written back. 50 connections, one "
     "message in flight on each.", ECHO_METRICS),
    ("echo_buffered", "Echo by BufferedProtocol",
     """`asyncio.BufferedProtocol` with 64 KiB for each connection, into which the loop receives. What is written is a
     copy, because a transport may keep what it could not send at once.""", ECHO_METRICS),
    ("echo_streams", "Echo by streams",
     "`read` of up to 64 KiB, `write` and `drain`, in a task for each connection.", ECHO_METRICS),
    ("in", "One way, in",
     """The server reads and throws away; figures are per 64 KiB. What of the kernel's work for the sender falls to the
     server differs from run to run, for bare C too: either the load generator waits for the server, or the server for
     the load generator. So CPU is shown of both together as well.""", ("both_cpu_ns", *ECHO_METRICS)),
    ("out", "One way, out", "The server writes for as long as the transport takes it; figures are per 64 KiB.",
     ECHO_METRICS),
    ("tls", "Echo with TLS",
     """The same servers with an `ssl.SSLContext`: TLS 1.3, AES-128-GCM, X25519. Bare C is OpenSSL between two pieces
     of memory. The interpreter's OpenSSL may be another than that of the bare server: see the machine.""",
     ECHO_METRICS),
    ("storm", "Connect storm", "Connect, one echo, close, again: figures are per connection.", ECHO_METRICS),
    ("udp", "Datagrams, echo",
     """`asyncio.DatagramProtocol`: each datagram is sent back to where it came from. Bare C receives up to 64 of them
     in one system call and answers them in another.""", ECHO_METRICS),
    ("http", "HTTP",
     "`wrk` with 50 connections, and a framework that answers each request with a greeting of a few bytes.",
     ECHO_METRICS),
    ("loop", "The loop by itself",
     """One operation is a callback that schedules the next; a timer that is set and cancelled; a turn of a task; the
     lookup of an address that is a number already.""", ("loop_cpu_ns", "ns")),
    ("threads", "Calls from another thread",
     "Time on the clock, and CPU of both threads, which share the interpreter's lock.", ("ns", "loop_cpu_ns")),
    ("spawn", "Starting children",
     "`true`, from the call to the end that was noticed. CPU is that of program and child together.",
     ("ns", "loop_cpu_ns")),
    ("output", "Output of a child",
     """A child writes to a pipe on the core of the program that reads, by streams; figures are per 64 KiB. CPU is that
     of the program alone.""", ("loop_cpu_ns", "ns")),
]


def write(results):
    lines = [
        "# Performance under Python", "",
        *opening(results),
        *report.warnings(results), *left_out(results),
        *report_targets.chapter(results, targets.TARGETS),
        "![CPU of every loop in every row](python-performance.svg)", "",
        *reading(),
        *overview(results),
        *report_tables.ratio_chapters(results, CHAPTERS),
        *report.failures(results),
        *method(results),
        *report.machine(results),
        *again(),
    ]
    return "\n".join(lines).rstrip() + "\n"


def opening(results):
    command = "make bench-python-quick" if results["settings"]["quick"] else "make bench-python"
    return words.paragraph(f"""What asyncio's programs cost on Tidegate's event loop, on uvloop, and on the loop that
        Python comes with. The programs are the same, and ordinary; they are told which loop to run on. `{command}`
        measured this and wrote this page: every figure in it comes from
        [python-performance.json](python-performance.json), where every single run can be read.""") + (
        words.paragraph("""This is the quick run: few rows, one round, short windows. It shows that everything works
            and roughly where things stand; it decides nothing.""") if results["settings"]["quick"] else [])


def left_out(results):
    contestants = [f"{results['contestants'][name]}: {words.listed(lacking)}"
                   for name, lacking in results["missing"].items()]
    rows = [f"row {name}: {words.listed(lacking)}"
            for name, lacking in results["settings"].get("rows_left_out", {}).items()]
    if not contestants and not rows:
        return []
    return words.paragraph(f"**Left out**, for want of what stands behind it: {'; '.join([*contestants, *rows])}.")


def reading():
    return ["## How to read it", "", *words.paragraph("""**CPU** is what the server's process used, kernel included,
        divided by the messages that it served: less is better, and it does not depend on the speed of the load
        generator. Throughput may: † marks where the load generator was at its limit and the server was not."""),
            *words.paragraph("""In the tables of servers, ratios are against **bare C**, which does nothing but this on
        epoll: what the kernel's share is shows there. Elsewhere they are against asyncio's own loop. Each of the two
        runs twice in every round ("again"): how far that column is from 1.00 is what chance does in that row, and no
        difference smaller than that means anything. "Tidegate" stands on epoll, "Tidegate, io_uring" is the same loop
        on its other backend.""")]


# --- All rows at a glance ----------------------------------------------------------------------------------


def overview(results):
    """Every row in one line, against uvloop; none where it was not measured."""
    lines = [line for row in results["rows"] for line in overview_line(row)]
    if not lines:
        return []
    titles = ["Row", "uvloop", *(results["contestants"][name] for name in (STOCK, OURS, OURS_URING))]
    return ["## Against uvloop, row by row", "", *words.paragraph("""CPU for each message, connection, operation or 64
        KiB: uvloop's is absolute, the others are ratios to it, in the same round. Less is better. One way in
        has two states, and CPU of both ends in its chapter."""),
            *words.table(titles, lines)]


def overview_line(row):
    metric = next((each for each in targets.CPU if summary.metric_of(row, UVLOOP, each)), None)
    if not metric:
        return []
    absolute = words.quantity(summary.metric_of(row, UVLOOP, metric)["median"], METRICS[metric].unit)
    return [[row["name"], absolute, *(overview_cell(row, metric, name) for name in (STOCK, OURS, OURS_URING))]]


def overview_cell(row, metric, name):
    ratios = summary.ratios(row, metric, name, UVLOOP)
    if not ratios:
        return words.NOTHING
    text = words.ratio(numbers.spread(ratios).median)
    return words.bold(text) if name == OURS else text


# --- How --------------------------------------------------------------------------------------------------


def method(results):
    settings = results["settings"]
    shared = settings["cores_are_shared"]
    place = "on one core, for want of a second" if shared else "pinned to different cores"
    rounds = f"{settings['rounds']} rounds" if settings["rounds"] > 1 else "1 round"
    return ["## Method", "", *words.paragraph(f"""Server and load generator are processes, {place}, over loopback. Each
        row has {rounds}; in each round every loop runs once, in an order that is shuffled anew (seed
        {settings['seed']}), in a fresh interpreter. The load generator is that of `make bench`: it connects everything,
        warms up for {settings['warmup_seconds']:g} s and then measures a window of {settings['window_seconds']:g} s;
        at both ends it reads the server's CPU time from the kernel's scheduler, in nanoseconds, and it compares every
        byte that comes back. HTTP's is `wrk`, for whole seconds and without warming up. A loop by itself has one core;
        with a second thread it has both, and so have children."""),
            *words.paragraph("""A ratio is computed within one round; what is reported is the median of the ratios. The
        noise is the median distance from 1 of the reference's ratio to itself.""")]


def again():
    return ["## How to run it again", "",
            "```sh",
            "make bench-python          # everything: about 16 minutes; writes docs/python-performance.*",
            "make bench-python-quick    # a row of each sort: about a minute; writes build/bench/python-performance.*",
            "make bench-python PYTHON=/path/to/python    # another interpreter: that of a venv with a newer uvloop, say",
            "bench/run-python --rows 'echo-*' --rounds 9 # some rows, closely; into build/bench as well",
            "```", "",
            *words.paragraph("Leave the machine alone meanwhile. `bench/README.md` tells what is in it.")]
