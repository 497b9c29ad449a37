"""The family of `bench/run`: Tidegate, the library, beside bare epoll, bare io_uring, other libraries and socat."""

import platform

from . import contestants, machine, plot, report, rows, targets
from .family import Family, Windows
from .measure import Bench

# Each library or program with its Debian package and its pkg-config name.
LIBRARIES = {
    "libuv": ("libuv1-dev", "libuv"),
    "Asio": ("libasio-dev", "asio"),
    "libevent": ("libevent-dev", "libevent"),
    "liburing": ("liburing-dev", "liburing"),
    "OpenSSL": ("libssl-dev", "openssl"),
    "Google Benchmark": ("libbenchmark-dev", "benchmark"),
    "Valgrind": ("valgrind", "valgrind"),
    "socat": ("socat", "socat"),
}


class LibraryBench(Bench):
    def rows_left_out(self, rows):
        """None by itself: who lacks a program is left out of its rows, and said to lack it."""
        return {}

    def versions(self):
        # The Python that runs this runs the contestant as well: both are found in the same way.
        return {**machine.library_versions(LIBRARIES), "Python": platform.python_version()}


def make_bench(arguments, cores, windows, folder):
    return LibraryBench(arguments.programs, cores, windows.window_seconds, windows.warmup_seconds, folder)


LIBRARY = Family(
    name="performance",
    make_target="make bench-quick",
    contestants=tuple(contestants.CONTESTANTS),
    chosen=contestants.chosen,
    full_rows=rows.full_rows,
    quick_rows=rows.quick_rows,
    targets=tuple(targets.TARGETS),
    full=Windows(5, 0.4, 0.1),
    quick=Windows(2, 0.25, 0.05),
    add_options=lambda parser: None,
    make_bench=make_bench,
    write_page=report.write,
    write_picture=plot.write,
)
