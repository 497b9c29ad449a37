"""What is measured: each row is one program, which every loop runs in turn."""

import dataclasses

from runner import rows
from runner.contestants import twin_of
from runner.rows import KIBIBYTE, ONE_WAY_BYTES, RECORD_BYTES, connections_text, counted, size_text

from .contestants import BARE, STOCK

CONNECTIONS = 50
SIZES = (64, KIBIBYTE, 10 * KIBIBYTE, 16 * KIBIBYTE, 100 * KIBIBYTE, 128 * KIBIBYTE)
# The ways to write a server, with what the tables call them.
INTERFACES = {"protocol": "Protocol", "buffered": "BufferedProtocol", "streams": "streams"}

STARTING_SECONDS = 0.35  # an interpreter, what it imports, and its end


@dataclasses.dataclass(frozen=True)
class Row(rows.Row):
    script: str = ""  # in programs/
    bare_program: str = ""  # of bench/peers: the same in C, where there is such
    modules: tuple[str, ...] = ()  # what the interpreter has to import for it
    commands: tuple[str, ...] = ()  # what has to be on PATH
    seconds_beside: float = STARTING_SECONDS

    def takes(self, contestant):
        if contestant.is_bare:
            return bool(self.bare_program)
        return contestant.name != twin_of(STOCK) or self.reference == STOCK


def server_row(*arguments, bare_program, **more):
    return Row(*arguments, bare_program=bare_program, reference=BARE, **more)


def loop_row(*arguments, **more):
    return Row(*arguments, reference=STOCK, **more)


# --- Servers -----------------------------------------------------------------------------------------------


def echo(interface, size):
    return server_row(f"echo-{interface}-{size}", f"echo_{interface}", size_text(size), script=f"echo_{interface}.py",
                      bare_program="echo_epoll", connections=CONNECTIONS, size=size)


def one_way(direction, interface):
    server_mode, load_mode = {"in": ("discard", "send"), "out": ("generate", "receive")}[direction]
    return server_row(f"{direction}-{interface}", direction, f"8 connections, {INTERFACES[interface]}",
                      script=f"echo_{interface}.py", bare_program="echo_epoll", server_mode=server_mode,
                      load_mode=load_mode, connections=8, size=ONE_WAY_BYTES)


STORM = server_row("storm", "storm", "50 at a time, one echo of 64 B each", script="echo_protocol.py",
                   bare_program="echo_epoll", load_mode="storm", connections=CONNECTIONS, size=64)


def datagrams(peers, size, in_flight):
    """As few in flight as fit into a receive buffer that nobody enlarged."""
    return server_row(f"udp-{peers}x{size}x{in_flight}", "udp",
                      f"{counted(peers, 'peer')}, {size_text(size)}, {in_flight} in flight", script="echo_datagrams.py",
                      bare_program="datagrams_bare", program_kind="datagrams", transport="udp", load_mode="datagrams",
                      connections=peers, size=size, pipeline=in_flight)


def tls_echo(interface, connections, size, pipeline=1):
    in_flight = f" × {pipeline}" if pipeline > 1 else ""
    return server_row(f"tls-{interface}-{connections}x{size}x{pipeline}", "tls",
                      f"{connections_text(connections)}, {size_text(size)}{in_flight}, {INTERFACES[interface]}",
                      script=f"echo_{interface}.py", bare_program="tls_memory", program_kind="tls",
                      connections=connections, size=size, pipeline=pipeline, seconds_beside=STARTING_SECONDS + 0.1)


def http(framework):
    return loop_row(f"http-{framework}", "http", f"{framework}, {connections_text(CONNECTIONS)}",
                    script=f"http_{framework}.py", program_kind="http", connections=CONNECTIONS,
                    modules=(framework,), commands=("wrk",), seconds_beside=STARTING_SECONDS + 1.0)


# --- The loop by itself ------------------------------------------------------------------------------------


def loop_work(name, label, work, count, *options, kind="loop", each_seconds=1e-6):
    """`each_seconds` is what asyncio's own loop takes."""
    return loop_row(name, kind, label, script="loop_work.py", program_kind="loop",
                    loop_arguments=(work, str(count), *options),
                    seconds_beside=STARTING_SECONDS + 0.6 * count * each_seconds)


def loop_rows(share=1.0):
    """`share` is how much of it is done."""
    def of(count):
        return int(count * share)

    return [
        loop_work("call_soon", "call_soon, without arguments", "call_soon", of(500_000)),
        loop_work("call_soon-3", "call_soon, with three arguments", "call_soon", of(500_000), "--arguments", "3"),
        loop_work("timers", "call_later and cancel", "timers", of(200_000), each_seconds=1.5e-6),
        loop_work("sleep", "sleep(0)", "sleep", of(300_000)),
        loop_work("getaddrinfo", "getaddrinfo of a number", "getaddrinfo", of(5_000), each_seconds=6e-5),
        loop_work("threads", "call_soon_threadsafe, from another thread", "threads", of(200_000), kind="threads",
                  each_seconds=4e-6),
    ]


# --- Children ----------------------------------------------------------------------------------------------


def spawn(count, at_a_time=1):
    at_once = f", {at_a_time} at a time" if at_a_time > 1 else ", one after the other"
    options = ("--at-a-time", str(at_a_time)) if at_a_time > 1 else ()
    return loop_row(f"spawn-{at_a_time}", "spawn", f"{count} × true{at_once}", script="children.py",
                    program_kind="children", loop_arguments=("spawn", str(count), *options),
                    seconds_beside=STARTING_SECONDS + count * 0.002)


def output(mebibytes):
    return loop_row("pipe", "output", f"{mebibytes:,} MiB from a child", script="children.py",
                    program_kind="children", loop_arguments=("output", str(mebibytes)), child_on_same_core=True,
                    seconds_beside=STARTING_SECONDS + mebibytes / 700)


# --- The two lists -----------------------------------------------------------------------------------------


def full_rows():
    return [
        *(echo(interface, size) for interface in INTERFACES for size in SIZES),
        *(one_way(direction, interface) for direction in ("in", "out") for interface in ("protocol", "streams")),
        tls_echo("protocol", CONNECTIONS, 64), tls_echo("protocol", CONNECTIONS, KIBIBYTE),
        tls_echo("streams", CONNECTIONS, KIBIBYTE), tls_echo("protocol", 8, RECORD_BYTES, 16),
        STORM, datagrams(1, 512, 64), datagrams(50, 512, 2),
        http("aiohttp"), http("uvicorn"),
        *loop_rows(), spawn(200), spawn(200, at_a_time=8), output(512),
    ]


def quick_rows():
    """One row of each sort."""
    return [
        echo("protocol", 64), echo("protocol", 16 * KIBIBYTE), echo("buffered", KIBIBYTE), echo("streams", KIBIBYTE),
        one_way("in", "streams"), one_way("out", "streams"), tls_echo("protocol", CONNECTIONS, KIBIBYTE), STORM,
        datagrams(1, 512, 64), http("aiohttp"), http("uvicorn"), *loop_rows(0.2), spawn(50), output(64),
    ]
