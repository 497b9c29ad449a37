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
ONE_WAY_HAS_TWO_STATES = """
One way over TCP is in one of two states, for bare C too: where the receiver does not get to the end of its socket, the
window stays small, and the receiver does most of what the sender's kernel does otherwise. What is dear for one end is
cheap for the other, and which of them it is changes from run to run. What both take is shown in the chapter of one way
in, and is a target of its own, added when this had been seen; it does not replace that of the server's CPU."""
EACH_CALL_HAS_A_HANDLE = """
A call from another thread has a handle, an object of its own, which is made where one thread has the interpreter's lock
and called where another has it; the interpreter's own instructions for the program's lines are half of what is left."""
THE_STREAMS_ARE_PYTHON = """
What asyncio's read, write and drain do for a small message is Python, the same on every loop: three fifths of what we
take of our own. And three fifths of our CPU is the kernel's, the same on every loop (two system calls for a message):
of what is left, an echo of 1 KiB takes 18,700 instructions on our loop and 25,900 on uvloop, which is 0.72."""


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
        against_uvloop("every row: CPU", every, CPU, 1.0, numbers.BELOW, reason=ONE_WAY_HAS_TWO_STATES),
        against_uvloop("one way in: CPU of server and load generator", kind("in"), ("both_cpu_ns",), 1.0,
                       numbers.BELOW, reason=ONE_WAY_HAS_TWO_STATES),
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
