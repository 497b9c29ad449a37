"""What Tidegate wants to reach, as data, and how a run is held against it."""

import dataclasses
from collections.abc import Callable

from . import numbers, summary
from .contestants import (BARE_URING, DATAGRAM_LIBRARIES, LIBRARIES, OURS, OURS_STREAMS, OURS_STREAMS_URING,
                          OURS_THREAD, OURS_URING, REFERENCE)
from .rows import KIBIBYTE, RECORD_BYTES


@dataclasses.dataclass(frozen=True)
class Target:
    title: str
    rows: Callable  # which rows of the JSON it is about
    metrics: tuple[str, ...]
    against: tuple[str, ...]  # the contestants that ours is divided by; none: the figure itself counts
    limit: float
    sense: str = numbers.AT_MOST
    contestant: str = OURS
    against_best: bool = False  # not against each of them: row by row, against the one that is best there
    is_difference: bool = False  # ours less theirs, instead of ours divided by theirs
    surplus_over: str = ""  # of what theirs costs more than this one, ours may have `limit` as its share
    reason: str = ""  # for a known miss: why

    @property
    def is_ratio(self):
        return bool(self.against) and not self.is_difference


# Noise excuses no more than this: a machine that is very noisy must not make every target look met.
MOST_EXCUSED = 0.05


def kind(*kinds):
    return lambda row: row["kind"] in kinds


def echo_of(*sizes_bytes, connections=()):
    """Echo rows of these sizes, with these numbers of connections; none named: with any."""
    return lambda row: (row["kind"] == "echo" and row["size"] in sizes_bytes
                        and (not connections or row["connections"] in connections))


def tls_bulk(row):
    """Rows of messages that fill a record each."""
    return row["kind"] in ("tls_in", "tls_out") or (row["kind"] == "tls" and row["size"] == RECORD_BYTES)


def tls_small(row):
    return row["kind"] == "tls" and row["size"] <= KIBIBYTE


def streams_of_whatever_arrives(row):
    """Not those of messages one by one: there callbacks answer sixteen of them from where they lie, at once, and
    streams copy each and take two awaits for it."""
    return row["kind"] == "streams" and row["pipeline"] == 1


CPU = ("cpu_ns",)
RATE = ("rate",)
COUNT = ("instructions",)
CHILD_CPU = ("loop_cpu_ns",)
CHILD_TIMES = ("ns", *CHILD_CPU)
BARE = (REFERENCE,)


ONE_IN_FLIGHT = """
        With one datagram in flight what is measured is how long a processor takes to wake up, after each of them: the
        reference differs from itself by a tenth there."""
TRAINS_ARE_COPIED = """
        What is answered is copied once, into the queue of what is to be sent, and seen by the protocol one by one; the
        bare program sends a train from where it has received it. It shows where a train is large: of 46 datagrams of
        1,400 bytes, bare GRO/GSO itself costs 0.16 of recvfrom/sendto."""


def datagram_targets(title, contestant):
    """The same of each backend."""
    return [
        Target(f"{title}, echo: CPU for each, against bare recvmmsg/sendmmsg", kind("udp"), CPU, ("mmsg",),
               1.0, contestant=contestant, reason=ONE_IN_FLIGHT),
        Target(f"{title}, echo: CPU for each, against libuv and Asio", kind("udp"), CPU, DATAGRAM_LIBRARIES,
               1.0, numbers.BELOW, contestant=contestant, reason=ONE_IN_FLIGHT),
        Target(f"{title}, echo: how many per second, against bare recvmmsg/sendmmsg, libuv and Asio",
               kind("udp"), RATE, ("mmsg", *DATAGRAM_LIBRARIES), 1.0, numbers.AT_LEAST,
               contestant=contestant, reason=ONE_IN_FLIGHT),
        Target(f"{title}, trains: CPU for each, against bare GRO/GSO", kind("train"), CPU, ("trains",), 1.25,
               contestant=contestant, reason=TRAINS_ARE_COPIED),
        Target(f"{title}, trains: CPU for each, against bare recvfrom/sendto", kind("train"), CPU,
               ("sendto",), 0.15, contestant=contestant, reason=TRAINS_ARE_COPIED),
    ]


THE_CLIENT_WORKS_MORE = """
        A full handshake costs the load generator, which verifies a signature, more than the server, which makes one: how
        many there are per second is up to both. CPU for each is the server's alone."""


def tls_targets(title, contestant):
    """The same of each backend."""
    return [
        Target(f"{title}, messages of 16 KiB, in, out and echo: CPU per byte, against bare OpenSSL from memory",
               tls_bulk, CPU, ("openssl",), 1.05, contestant=contestant),
        Target(f"{title}, echo of 64 B and 1 KiB: CPU per message, against bare OpenSSL from memory", tls_small,
               CPU, ("openssl",), 1.1, contestant=contestant),
        Target(f"{title}: CPU, against Asio's ssl stream", kind("tls", "tls_in", "tls_out", "handshake"), CPU,
               ("asio",), 1.0, numbers.BELOW, contestant=contestant),
        Target(f"{title}, handshakes, new and resumed: how many per second, against bare OpenSSL from memory",
               kind("handshake"), RATE, ("openssl",), 0.95, numbers.AT_LEAST, contestant=contestant,
               reason=THE_CLIENT_WORKS_MORE),
        Target(f"{title}, handshakes, new and resumed: CPU for each, against bare OpenSSL from memory",
               kind("handshake"), CPU, ("openssl",), 1.05, contestant=contestant),
        # What the bare program has for each connection besides OpenSSL's is 48 bytes: its memory is OpenSSL's own.
        Target(f"{title}, idle connections: bytes of memory for each, on top of OpenSSL's own", kind("tls_idle"),
               ("rss_bytes",), ("openssl",), 1.5 * KIBIBYTE, contestant=contestant, is_difference=True),
    ]


TARGETS = [
    Target("Echo: CPU per message, against bare epoll", kind("echo"), CPU, BARE, 1.03, reason="""
        Our own share of a small message is some twenty to forty nanoseconds out of three microseconds or more. Rows
        of one connection measure how long a processor takes to wake up, and differ from themselves by as much."""),
    Target("Echo: CPU per message, against every library", kind("echo"), CPU, LIBRARIES, 1.0, reason="""
        The rival that is near is libuv with uv_try_write out of one fixed buffer, which is bare epoll with some forty
        nanoseconds on top, as we are: with messages of up to 16 KiB, which of the two is ahead changes from run to
        run."""),
    Target("Echo of 128 KiB: CPU per message, against bare epoll", echo_of(128 * KIBIBYTE), CPU, BARE, 0.88, reason="""
        A large buffer gains where more than 64 KiB wait for the server at once. With one message under way on one
        connection that is rarely so: the server wakes up for the first part of it, and waking up is what such
        a row measures. Bare epoll with our buffer (tuned) stands where we do, row by row."""),
    Target("Instructions per 1 KiB echo, against every library", kind("instructions"), COUNT, LIBRARIES, 1.0,
           numbers.BELOW),
    Target("Instructions per 1 KiB echo, against bare epoll", kind("instructions"), COUNT, BARE, 2.0),
    Target("Sixteen writes of 64 B per wake-up: CPU, against one gathered send of bare epoll", kind("framed"),
           CPU, BARE, 1.0, reason="""
        Both make one receive and one send for sixteen messages. Bare epoll looks at none of them; our protocol
        is called, finds sixteen, and calls write for each, which costs about five nanoseconds a message."""),
    Target("One-way in, 8 connections: CPU per byte, against bare epoll", kind("in"), CPU, BARE, 0.65, reason="""
        What a byte costs here depends on which side waits. Where the receiver does not get to the end of its
        socket, TCP keeps the window small and sends the sender's segments from inside the receiver's calls:
        twenty-five to thirty microseconds for 64 KiB, for bare epoll too, and one large read is 0.6 to 0.7 of
        that. Where it does, bare epoll pays ten, and only pieces that stay in the cache keep up with it. TCP
        changes between the two within minutes on this machine (see bare epoll's noise), and 0.65 is for the first
        only. The figure of this page is older than our receiving in pieces: in seven rounds of the rows of one way
        alone, since then, in-tcp takes 1.09 on epoll and 1.01 on io_uring (libuv 0.92, Asio 1.28), with a noise of
        0.19. On a Unix socket the kernel hands over less than a small buffer holds at a time, and there is nothing
        to be gained."""),
    Target("Spinning, 1 connection of 64 B: round trips per second, against blocking", kind("spin"), RATE,
           (OURS,), 2.0, numbers.AT_LEAST, contestant="tidegate_spin"),
    Target("Timers: insert, cancel and expire, against libuv and Asio", kind("timers"),
           ("insert_ns", "cancel_ns", "expire_ns"), ("libuv", "asio"), 1.0, numbers.BELOW),
    Target("Connect storm: connections per second, against bare epoll", kind("storm"), RATE, BARE, 1.0,
           numbers.AT_LEAST, reason="""
        On a Unix socket, where making a connection costs half of what it does over TCP, two things show: the
        descriptor is taken out of epoll before it is closed (a duplicate of it that somebody kept would make the
        loop spin for ever otherwise), and connection_made and connection_lost are calls of their own, each in the
        iteration after what caused it."""),
    Target("Idle connections: bytes of memory for each", kind("idle"), ("rss_bytes",), (), 300),
    Target("On io_uring, echo: CPU per message, against bare epoll", kind("echo"), CPU, BARE, 1.0,
           contestant=OURS_URING, reason="""
        What io_uring spares is the way into the kernel, twice a message, and that is five to ten per cent of
        a message of up to 1 KiB over TCP; the rest is the same TCP stack. A wake-up that brings sixteen
        messages makes two system calls, and there is next to nothing to spare. From 12 KiB up we are told by
        a poll and then receive and answer by system calls, as bare epoll does: every other way that we tried
        was dearer there. Rows of one connection measure how long a processor takes to wake up. Bare epoll
        differs from itself by up to eleven per cent over Unix sockets here."""),
    Target("On io_uring, echo of 64 B and 1 KiB, 500 connections: CPU per message, against bare epoll",
           echo_of(64, KIBIBYTE, connections=(500,)), CPU, BARE, 0.93, contestant=OURS_URING, reason="""
        Reached over TCP with one message in flight. With sixteen in flight a wake-up has two system calls for
        sixteen messages, whoever makes them, and the bare io_uring servers stand where we do. Over Unix sockets
        a run of seven rounds on one row alone gave 0.92 with 1 KiB; among everything else that row is noisy."""),
    Target("On io_uring, every load: CPU, against the better of the bare io_uring servers",
           kind("echo", "framed", "in", "out", "storm"), CPU, BARE_URING, 1.05, contestant=OURS_URING,
           against_best=True, reason="""
        The better of two in each row is the luckier of two as well. Where it is more than luck: the plain
        server, with its many buffers of 16 KiB, is ahead where each connection has sixteen messages of 128
        KiB under way, and behind by as much elsewhere. One-way out is told below."""),
    Target("On io_uring, sixteen writes of 64 B per wake-up: CPU, against one gathered send of bare epoll",
           kind("framed"), CPU, BARE, 1.03, contestant=OURS_URING),
    Target("On io_uring, one-way in and out, 8 connections: CPU per byte, against bare epoll",
           kind("in", "out"), CPU, BARE, 1.03, contestant=OURS_URING, reason="""
        In: as on epoll. Out over TCP has two regimes on this machine as well: in the one that the long run of
        four rounds fell into for us, we cost 1.2 (epoll) and 2.3 (io_uring) of bare epoll; in a run of seven
        rounds of that row alone, 0.80 and 0.78; in another such run 1.17 and 1.23, at half of bare epoll's
        throughput. What it depends on is the burst: our program writes until it is paused, which fills the send
        buffer of one connection, a mebibyte and more, before the next has its turn. With one piece for each
        connection in an iteration, as bare epoll's program has it, the same library takes 1.0 of bare epoll's CPU
        where it takes 2.6 otherwise (seven runs, interleaved).
        (Copying less is not it: offering pieces of 64 KiB to the kernel at once, uncopied, changed nothing.)"""),
    Target("On io_uring, connect storm: connections per second, against bare epoll", kind("storm"), RATE,
           BARE, 1.0, numbers.AT_LEAST, contestant=OURS_URING, reason="""
        As on epoll, connection_made and connection_lost are calls of their own, each in the iteration after
        what caused it; and a request that waits for data has to be taken back before its connection can be
        closed."""),
    Target("On io_uring, idle connections: bytes of memory for each", kind("idle"), ("rss_bytes",), (), 300,
           contestant=OURS_URING),
    *datagram_targets("Datagrams", OURS),
    *datagram_targets("Datagrams on io_uring", OURS_URING),
    Target("Instructions per datagram, against libuv and Asio", kind("udp_instructions"), COUNT,
           ("libuv", "asio"), 1.0, numbers.BELOW),
    Target("Children: time and CPU for each, against libuv", kind("spawn"), CHILD_TIMES, ("libuv",), 1.0),
    Target("Children on io_uring: time and CPU for each, against libuv", kind("spawn"), CHILD_TIMES,
           ("libuv",), 1.0, contestant=OURS_URING),
    Target("Children without pidfd: time and CPU for each, against libuv", kind("spawn"), CHILD_TIMES,
           ("libuv",), 1.0, contestant=OURS_THREAD, reason="""
        It is what stands in for a pidfd before Linux 5.4 and in sandboxes: a thread is made for each child, and a
        thread costs as much as a tenth of starting a program."""),
    Target("Output of a child: CPU, against a bare loop of reads", kind("output"), CHILD_CPU, ("posix",),
           1.1),
    Target("Output of a child on io_uring: CPU, against a bare loop of reads", kind("output"), CHILD_CPU,
           ("posix",), 1.1, contestant=OURS_URING),
    Target("Relay, TCP to TCP: CPU per byte, against socat", kind("relay"), CPU, ("socat",), 1.0),
    Target("Relay on io_uring, TCP to TCP: CPU per byte, against socat", kind("relay"), CPU, ("socat",), 1.0,
           contestant=OURS_URING),
    *tls_targets("TLS", OURS),
    *tls_targets("TLS on io_uring", OURS_URING),
    Target("Sending a file: CPU per byte, against a bare loop of sendfile", kind("file"), CPU, ("sendfile",), 1.05),
    Target("Sending a file on io_uring: CPU per byte, against a bare loop of sendfile", kind("file"), CPU,
           ("sendfile",), 1.05, contestant=OURS_URING),
    Target("Streams, echo of 1 KiB: CPU per message, against callbacks", streams_of_whatever_arrives, CPU, (OURS,),
           1.25, contestant=OURS_STREAMS),
    Target("Streams on io_uring, echo of 1 KiB: CPU per message, against callbacks", streams_of_whatever_arrives,
           CPU, (OURS_URING,), 1.25, contestant=OURS_STREAMS_URING),
]


# --- Holding a run against them ----------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Check:
    """One target in one row, against one contestant."""

    row: str
    metric: str
    against: str  # empty: the figure itself
    measured: float
    noise: float
    verdict: str
    limit: float  # the target's, or what follows from it in this row


@dataclasses.dataclass(frozen=True)
class Outcome:
    target: Target
    checks: tuple[Check, ...]
    failed_rows: tuple[str, ...]  # where ours did not get through: missed, whatever the others say
    unmeasured: tuple[str, ...]  # whom it could not be held against
    verdict: str

    @property
    def worst(self):
        return hardest(self.target, self.checks)


def evaluate(target, results):
    rows = [row for row in results["rows"] if target.rows(row)]
    places = [(row, metric) for row in rows for metric in target.metrics]
    groups = [checks_of(target, row, metric) for row, metric in places]
    seen = {check.against for group in groups for check in group}
    if target.against_best:
        groups = [[hardest(target, group)] for group in groups if group]
    checks = [check for group in groups for check in group]
    failed_rows = tuple(row["name"] for row in rows
                        if any(failure["contestant"] == target.contestant for failure in row["failures"]))
    unmeasured = tuple(name for name in target.against if name not in seen)
    verdicts = [*(check.verdict for check in checks), *(numbers.MISSED for _ in failed_rows)]
    return Outcome(target, tuple(checks), failed_rows, unmeasured, numbers.worst(verdicts))


def hardest(target, checks):
    """The one that is furthest on the wrong side, or nearest to it. Within one row, where ours is the same in
    all of them, that is the one against the best."""
    return max(checks, default=None,
               key=lambda check: numbers.excess(check.measured, check.limit, target.sense))


def checks_of(target, row, metric):
    """In one row, against each of those who were measured there."""
    checks = [check_of(target, row, metric, against) for against in target.against or ("",)]
    return [check for check in checks if check]


def check_of(target, row, metric, against):
    """None where one side was not measured."""
    limit = target.limit
    if target.is_difference:
        values = summary.differences(row, metric, target.contestant, against)
    elif target.surplus_over:
        values, limit = within_surplus(target, row, metric, against)
    elif against:
        values = summary.ratios(row, metric, target.contestant, against)
    else:
        values = list(summary.by_round(row, target.contestant, metric).values())
    if not values:
        return None
    measured = numbers.spread(values).median
    # A difference is one of memory, which chance has no part in.
    noise = 0.0 if target.is_difference else (summary.noise(row, metric) or 0.0) * measured
    excuse = min(noise, MOST_EXCUSED * measured)
    return Check(row["name"], metric, against, measured, noise,
                 numbers.verdict(measured, limit, target.sense, excuse), limit)


def within_surplus(target, row, metric, against):
    """Our ratios to the one whose surplus counts, and what they may be. Theirs may cost less than that one, too: then
    ours may cost as much."""
    theirs = summary.ratios(row, metric, against, target.surplus_over)
    if not theirs:
        return [], target.limit
    surplus = max(0.0, numbers.spread(theirs).median - 1)
    return summary.ratios(row, metric, target.contestant, target.surplus_over), 1 + target.limit * surplus


def evaluate_all(results, wanted):
    return [evaluate(target, results) for target in wanted]


def as_json(outcome):
    return {"title": outcome.target.title, "limit": outcome.target.limit, "sense": outcome.target.sense,
            "verdict": outcome.verdict, "reason": outcome.target.reason,
            "failed_rows": list(outcome.failed_rows), "unmeasured": list(outcome.unmeasured),
            "checks": [dataclasses.asdict(check) for check in outcome.checks]}
