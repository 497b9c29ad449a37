"""What is measured: each row is one load, put on every contestant in turn."""

import dataclasses
import fnmatch
import itertools

from .contestants import TWINS

KIBIBYTE = 1024
ONE_WAY_BYTES = 64 * KIBIBYTE
FRAMED_BYTES = 64
RECORD_BYTES = 16 * KIBIBYTE  # the most that a TLS record takes
SMALL_BYTES = KIBIBYTE  # up to here, what is done once for each message costs more than its bytes

CONNECTIONS = (1, 50, 500)
SIZES = (64, KIBIBYTE, 16 * KIBIBYTE, 128 * KIBIBYTE)
PIPELINES = (1, 16)
# Peers, bytes, and datagrams that each peer has in flight: few enough for a receive buffer of ordinary size.
DATAGRAM_LOADS = ((1, 512, 1), (1, 64, 64), (1, 512, 64), (1, 1400, 64),
                  (50, 64, 4), (50, 512, 4), (50, 1400, 4))
TRANSPORTS = ("tcp", "unix")
# Who shows what streams cost on top of callbacks.
STREAMS_ONLY = ("epoll", "epoll_again", "asio", "asio_coroutines", "tidegate", "tidegate_uring", "tidegate_streams",
                "tidegate_streams_uring")


@dataclasses.dataclass(frozen=True)
class Row:
    name: str  # in --rows and in the JSON
    kind: str  # the table that it stands in: echo framed in out storm spin idle instructions timers udp ...
    label: str  # its line in that table
    program_kind: str = "server"  # which of a contestant's programs takes it: see Contestant.program_for
    transport: str = "tcp"
    server_mode: str = "echo"
    load_mode: str = "echo"
    connections: int = 0
    size: int = 0
    pipeline: int = 1
    server_arguments: tuple[str, ...] = ()
    load_arguments: tuple[str, ...] = ()
    loop_arguments: tuple[str, ...] = ()
    file_bytes: int = 0  # of the file that is sent
    child_on_same_core: bool = False  # of a child whose output is read
    only: tuple[str, ...] = ()  # the contestants of a row that is not for everybody
    reference: str = ""  # whom ratios are against; empty: what the kind has, in contestants
    most_rounds: int = 1000  # where more would tell nothing new
    seconds_beside: float = 0.12  # what one run takes besides the measured window; for the estimate

    def takes(self, contestant):
        if self.only:
            return contestant.name in self.only
        if contestant.only_in not in ("", self.kind) or contestant.not_in == self.kind:
            return False
        if self.program_kind.endswith("instructions") and contestant.name in TWINS:
            return False  # counted, not timed: there is no noise to find out
        return bool(contestant.program_for(self.program_kind))

    @property
    def has_window(self):
        """Whether the load is measured over a window of time, rather than until its work is done."""
        return (self.program_kind in ("server", "datagrams", "relay", "tls", "file", "http")
                and self.kind not in ("idle", "tls_idle"))


def size_text(size_bytes):
    return f"{size_bytes:,} B" if size_bytes % KIBIBYTE else f"{size_bytes // KIBIBYTE} KiB"


def connections_text(connections):
    return counted(connections, "connection")


def counted(number, noun):
    return f"{number} {noun}{'' if number == 1 else 's'}"


# --- Rows of the servers -----------------------------------------------------------------------------------


def echo(transport, pipeline, connections, size):
    return Row(f"echo-{transport}-{connections}x{size}x{pipeline}", "echo",
               f"{connections_text(connections)}, {size_text(size)}", transport=transport,
               connections=connections, size=size, pipeline=pipeline,
               seconds_beside=0.12 + connections / 6000)


def framed(transport):
    return Row(f"framed-{transport}", "framed", f"50 connections, 16 × {FRAMED_BYTES} B, {transport}",
               transport=transport, connections=50, size=FRAMED_BYTES, pipeline=16,
               server_arguments=("--message", str(FRAMED_BYTES)))


def one_way_in(transport):
    return Row(f"in-{transport}", "in", f"8 connections, {transport}", transport=transport,
               server_mode="discard", load_mode="send", connections=8, size=ONE_WAY_BYTES)


def one_way_out(transport):
    return Row(f"out-{transport}", "out", f"8 connections, {transport}", transport=transport,
               server_mode="generate", load_mode="receive", connections=8, size=ONE_WAY_BYTES)


def storm(transport):
    return Row(f"storm-{transport}", "storm", f"50 at a time, one echo of 64 B each, {transport}",
               transport=transport, load_mode="storm", connections=50, size=64)


def idle(connections, rounds):
    return Row("idle", "idle", f"{connections:,} idle connections", load_mode="idle",
               connections=connections, size=64, most_rounds=rounds, seconds_beside=0.5)


SPIN = Row("spin", "spin", "1 connection, 64 B, tcp", connections=1, size=64,
           only=("epoll", "epoll_again", "tidegate", "tidegate_spin"))

# --- Rows of datagrams -------------------------------------------------------------------------------------


def datagrams(sockets, size, in_flight):
    return Row(f"udp-{sockets}x{size}x{in_flight}", "udp",
               f"{counted(sockets, 'peer')}, {size_text(size)}, {in_flight} in flight",
               program_kind="datagrams", transport="udp", load_mode="datagrams", connections=sockets,
               size=size, pipeline=in_flight)


def trains(size, length, in_flight):
    return Row(f"train-{size}x{length}x{in_flight}", "train",
               f"1 peer, {length} × {size_text(size)}, {counted(in_flight, 'train')} in flight",
               program_kind="datagrams", transport="udp", load_mode="datagrams", connections=1, size=size,
               pipeline=length * in_flight, load_arguments=("--train", str(length)))


# --- Rows of children and relays ---------------------------------------------------------------------------


def spawn(count, at_a_time=1, resident_mebibytes=0):
    at_once = f", {at_a_time} at a time" if at_a_time > 1 else ", one after the other"
    beside = f", beside {resident_mebibytes} MiB" if resident_mebibytes else ""
    name = "".join(["spawn", f"-{at_a_time}" if at_a_time > 1 else "",
                    f"-{resident_mebibytes}MiB" if resident_mebibytes else ""])
    options = [*(("--at-a-time", str(at_a_time)) if at_a_time > 1 else ()),
               *(("--resident", str(resident_mebibytes)) if resident_mebibytes else ())]
    # Copying the page tables of so much memory takes those who do it 5 ms for each child.
    each_seconds = 0.0008 + resident_mebibytes * 0.000003
    return Row(name, "spawn", f"{count} × true{at_once}{beside}", program_kind="children",
               loop_arguments=("spawn", str(count), *options), seconds_beside=0.1 + count * each_seconds)


def output(mebibytes, on_same_core):
    """On one core the child fills the pipe before it is the program's turn; on two they meet after each page."""
    place = "same" if on_same_core else "other"
    return Row(f"output-{place}-core", "output", f"{mebibytes:,} MiB, the child on the {place} core",
               program_kind="children", loop_arguments=("output", str(mebibytes)),
               child_on_same_core=on_same_core,
               seconds_beside=0.1 + mebibytes / (1500 if on_same_core else 500))


RELAY = Row("relay-tcp", "relay", "1 connection, writes of 128 KiB", program_kind="relay", load_mode="send",
            connections=1, size=128 * KIBIBYTE, seconds_beside=0.2)

# --- Rows of TLS, files and streams ------------------------------------------------------------------------


def tls_echo(connections, size, pipeline=1):
    in_flight = f" × {pipeline}" if pipeline > 1 else ""
    return Row(f"tls-echo-{connections}x{size}x{pipeline}", "tls",
               f"{connections_text(connections)}, {size_text(size)}{in_flight}", program_kind="tls",
               connections=connections, size=size, pipeline=pipeline, seconds_beside=0.15 + connections / 2000)


def tls_one_way(direction, server_mode, load_mode):
    return Row(f"tls-{direction}", f"tls_{direction}", "8 connections", program_kind="tls",
               server_mode=server_mode, load_mode=load_mode, connections=8, size=RECORD_BYTES, pipeline=16,
               server_arguments=("--message", str(RECORD_BYTES)), seconds_beside=0.2)


def handshakes(sessions):
    """A session that is resumed spares the certificate and its signature, and nothing else: keys are new."""
    return Row(f"handshake-{sessions}", "handshake",
               f"50 at a time, one echo of 64 B each, {'sessions resumed' if sessions == 'resumed' else 'in full'}",
               program_kind="tls", load_mode="storm", connections=50, size=64,
               load_arguments=("--sessions", sessions))


def tls_idle(connections, rounds):
    return Row("tls-idle", "tls_idle", f"{connections:,} idle connections", program_kind="tls", load_mode="idle",
               connections=connections, size=64, most_rounds=rounds, seconds_beside=2.0)


def tls_rows():
    return [tls_echo(1, 64), tls_echo(50, 64), tls_echo(500, 64), tls_echo(50, KIBIBYTE),
            tls_echo(8, RECORD_BYTES, 16), tls_one_way("in", "discard", "send"),
            tls_one_way("out", "generate", "receive"), handshakes("new"), handshakes("resumed")]


def file(size_bytes):
    size = f"{size_bytes >> 30} GiB" if size_bytes >= 1 << 30 else f"{size_bytes >> 20} MiB"
    return Row(f"file-{size.replace(' ', '')}", "file", f"1 connection, {size}", program_kind="file",
               server_mode="generate", load_mode="receive", connections=1, size=ONE_WAY_BYTES,
               file_bytes=size_bytes, seconds_beside=0.3)


def streams(connections):
    """Whatever has arrived is answered."""
    return Row(f"streams-{connections}x{KIBIBYTE}", "streams", f"{connections_text(connections)}, 1 KiB",
               connections=connections, size=KIBIBYTE, only=STREAMS_ONLY)


def framed_streams(pipeline):
    """Each message is read by itself, exactly, and answered by itself."""
    return Row(f"streams-framed-{KIBIBYTE}x{pipeline}", "streams", f"50 connections, {pipeline} × 1 KiB, one by one",
               connections=50, size=KIBIBYTE, pipeline=pipeline, server_arguments=("--message", str(KIBIBYTE)),
               only=STREAMS_ONLY)


# --- Rows of the loops, and what is counted instead of timed -----------------------------------------------


def timers(count, seconds):
    return Row("timers", "timers", f"{count:,} timers", program_kind="loop",
               loop_arguments=("timers", str(count)), most_rounds=3, seconds_beside=seconds)


def calls(count):
    return Row("call_soon", "calls", f"{count:,} callbacks, each schedules the next", program_kind="loop",
               loop_arguments=("call_soon", str(count)), seconds_beside=0.05)


def threads(count):
    return Row("threads", "threads", f"{count:,} calls from another thread", program_kind="loop",
               loop_arguments=("threads", str(count)), seconds_beside=0.25)


INSTRUCTIONS = Row("instructions", "instructions", "1 KiB echo, 50 connections", program_kind="instructions",
                   connections=50, size=KIBIBYTE, most_rounds=1, seconds_beside=2.2)
DATAGRAM_INSTRUCTIONS = Row("instructions-udp", "udp_instructions", "512 B echo, 1 peer, 64 in flight",
                            program_kind="datagram_instructions", transport="udp", connections=1, size=512,
                            pipeline=64, most_rounds=1, seconds_beside=2.2)

TLS_INSTRUCTIONS = Row("instructions-tls", "tls_instructions", "64 B echo with TLS, 50 connections",
                       program_kind="tls_instructions", transport="tls", connections=50, size=64, most_rounds=1,
                       seconds_beside=15)

# --- The two lists -----------------------------------------------------------------------------------------


def full_rows():
    return [
        *(echo(transport, pipeline, connections, size) for transport, pipeline, connections, size
          in itertools.product(TRANSPORTS, PIPELINES, CONNECTIONS, SIZES)),
        *(make(transport) for make in (framed, one_way_in, one_way_out, storm) for transport in TRANSPORTS),
        *(datagrams(*load) for load in DATAGRAM_LOADS), trains(512, 64, 4), trains(1400, 46, 4),
        spawn(300), spawn(300, at_a_time=8), spawn(60, resident_mebibytes=500), output(1024, True), output(256, False),
        RELAY,
        *tls_rows(), tls_idle(2_000, 2), file(1 << 30), streams(50), framed_streams(16),
        SPIN, idle(10_000, 2), timers(1_000_000, 1.8), calls(1_000_000), threads(1_000_000), INSTRUCTIONS,
        DATAGRAM_INSTRUCTIONS, TLS_INSTRUCTIONS,
    ]


def quick_rows():
    """One row of each sort: enough to see that all works, and roughly where things stand."""
    return [
        echo("tcp", 1, 1, 64), echo("tcp", 1, 50, 64), echo("tcp", 16, 50, 64), echo("tcp", 1, 50, KIBIBYTE),
        echo("tcp", 1, 500, 16 * KIBIBYTE), echo("tcp", 1, 50, 128 * KIBIBYTE),
        echo("unix", 1, 50, KIBIBYTE), framed("tcp"), one_way_in("tcp"), one_way_out("tcp"), storm("tcp"),
        datagrams(1, 512, 64), trains(512, 64, 4), spawn(60), output(256, True), RELAY,
        tls_echo(50, 64), tls_one_way("in", "discard", "send"), tls_one_way("out", "generate", "receive"),
        handshakes("new"), handshakes("resumed"), tls_idle(500, 1), file(64 << 20), streams(50),
        SPIN, idle(10_000, 1), timers(100_000, 0.3), calls(100_000), threads(100_000), INSTRUCTIONS,
    ]


def matching(rows, pattern):
    """Those whose names match one of the shell patterns in `pattern`, which are separated by commas."""
    if not pattern:
        return rows
    patterns = pattern.split(",")
    found = [row for row in rows if any(fnmatch.fnmatchcase(row.name, each) for each in patterns)]
    if not found:
        raise ValueError(f"no row matches {pattern}; there are {', '.join(row.name for row in rows)}")
    return found
