"""What Tidegate's loop wants to reach under Python, as data."""

import fnmatch

from runner import numbers
from runner.contestants import OURS, OURS_URING
from runner.rows import KIBIBYTE
from runner.targets import Target, kind

from .contestants import BARE, UVLOOP

CPU = ("cpu_ns", "loop_cpu_ns")  # a row has one of them
TIME = ("ns",)
SURPLUS_SIZES = (64, KIBIBYTE, 16 * KIBIBYTE, 128 * KIBIBYTE)


# Why what misses does.
WHO_DOES_THE_SENDERS_WORK = """
In one way in, the kernel's work for the sender is done by whichever of the two processes comes to it: the row flips
between two states, in which the sum of both processes' CPU is the same. libuv reads up to 8 MB in a turn and is more
often in the state that is cheap for the server; a turn of ours is bounded (contract E5)."""
EACH_CALL_HAS_A_HANDLE = """
A call from another thread has a handle, an object of its own, which is made where one thread has the interpreter's lock
and called where another has it; the interpreter's own instructions for the program's lines are half of what is left."""
THE_STREAMS_ARE_PYTHON = """
What asyncio's read, write and drain do for a small message is Python, the same on every loop: three fifths of what we
take of our own, while half of the CPU of either loop is the kernel's, which for 10 and 16 KiB copies more."""


def named(*patterns):
    return lambda row: any(fnmatch.fnmatchcase(row["name"], pattern) for pattern in patterns)


def every(row):
    return True


def times_as_fast(times):
    """As a ratio of what each costs."""
    return 1 / times


def targets_of(title, contestant):
    """The same of each backend."""
    def against_uvloop(what, rows, metrics, limit, sense=numbers.AT_MOST, **more):
        return Target(f"{title}{what}, against uvloop", rows, metrics, (UVLOOP,), limit, sense, contestant=contestant,
                      **more)

    return [
        against_uvloop("every row: CPU", every, CPU, 1.0, numbers.BELOW, reason=WHO_DOES_THE_SENDERS_WORK),
        against_uvloop("calls from another thread, children: time", kind("threads", "spawn"), TIME, 1.0,
                       numbers.BELOW),
        against_uvloop("echo by Protocol: CPU beyond a bare server's",
                       named(*(f"echo-protocol-{size}" for size in SURPLUS_SIZES)), CPU, 0.5, surplus_over=BARE),
        against_uvloop("timers: CPU", named("timers"), CPU, times_as_fast(2)),
        against_uvloop("call_soon_threadsafe: time and CPU", kind("threads"), (*TIME, *CPU), times_as_fast(2),
                       reason=EACH_CALL_HAS_A_HANDLE),
        against_uvloop("call_soon: CPU", named("call_soon*"), CPU, times_as_fast(1.25)),
        against_uvloop("echo by streams: CPU", kind("echo_streams"), CPU, times_as_fast(1.25),
                       reason=THE_STREAMS_ARE_PYTHON),
        against_uvloop("TLS echo: CPU", kind("tls"), CPU, times_as_fast(1.25)),
    ]


TARGETS = (*targets_of("Tidegate, ", OURS), *targets_of("On io_uring, ", OURS_URING))
