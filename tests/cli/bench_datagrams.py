"""`tidegate bench udp://`: what comes back is measured, what does not is counted, and what is wrong is named."""

import contextlib
import json
import re
import socket
import threading
import time

from bench import check_echo, measure
from support import FAILURE, PATIENCE_SECONDS, check, check_equal, check_error, echo, run


class RudeDatagrams:
    """Receives datagrams on the loopback interface and sends back what `answers(datagram, count)` makes of each."""

    def __init__(self, answers):
        self._answers = answers
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.02)
        self.url = "udp://127.0.0.1:{}".format(self._socket.getsockname()[1])
        self.count = 0
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while not self._ends.is_set():
            with contextlib.suppress(OSError):  # nobody sends at present; or who did has gone
                datagram, sender = self._socket.recvfrom(70_000)
                self.count += 1
                for answer in self._answers(datagram, self.count):
                    self._socket.sendto(answer, sender)

    def stop(self):
        self._ends.set()
        self._thread.join(PATIENCE_SECONDS)
        check(not self._thread.is_alive(), "the server does not end")
        self._socket.close()


@contextlib.contextmanager
def rude_datagrams(answers):
    server = RudeDatagrams(answers)
    try:
        yield server
    finally:
        server.stop()


def flip(datagram, offset, mask=0x01):
    return datagram[:offset] + bytes([datagram[offset] ^ mask]) + datagram[offset + 1:]


def fail(context, url, *arguments):
    result = run(context, "bench", url, "--json", *arguments)
    check(result.returncode == FAILURE, f"{result}, expected exit {FAILURE}")
    return json.loads(result.stdout), result.stderr


# --- All is well -------------------------------------------------------------------------------------------


def test_bench_measures_an_echo_of_datagrams_of_every_size(context):
    with echo(context, "udp://127.0.0.1:0", "--quiet") as server:
        for size_bytes, pipeline in ((1, 1), (1, 100), (2, 64), (7, 10), (8, 64), (512, 64), (65_507, 2)):
            report = measure(context, server.urls[0], "--duration", "0.3", "--size", str(size_bytes),
                             "--pipeline", str(pipeline))
            check_echo(report, connections=1, size_bytes=size_bytes, pipeline=pipeline)
            check_equal(report["bytes"], report["messages"] * size_bytes, "bytes")
            check(report["datagrams_lost"] >= 0 and report["datagrams_late"] >= 0, f"{report}")
        server.stop()


def test_bench_sends_datagrams_from_many_sockets_to_a_host_by_its_name(context):
    with echo(context, "udp://127.0.0.1:0", "--quiet") as server:
        url = server.urls[0].replace("127.0.0.1", "localhost")
        for backend in ("epoll", "io_uring"):
            report = measure(context, url, "--duration", "0.3", "--connections", "20", "--pipeline", "4", "--backend",
                             backend)
            check_echo(report, connections=20, size_bytes=64, pipeline=4)
        server.stop()


def test_bench_prints_what_was_lost(context):
    with echo(context, "udp://127.0.0.1:0", "--quiet") as server:
        result = run(context, "bench", server.urls[0], "--duration", "0.3", "--pipeline", "2")
        server.stop()
    check(result.returncode == 0 and result.stderr == "", f"{result}")
    _, task, _, *lines = result.stdout.splitlines()
    check(re.fullmatch(r"1 socket, 2 messages of 64 bytes under way on each; measured for 0\.\d\d s", task), task)
    words = [re.split(r" {2,}", line)[0] for line in lines]
    check_equal(words, ["messages", "messages/s", "MB/s", "latency p50", "latency p99", "latency p99.9",
                        "latency max", "lost", "lost %", "late", "errors"], "lines")


# --- Some do not come back ---------------------------------------------------------------------------------


def test_bench_counts_datagrams_that_are_lost_and_goes_on(context):
    # Every tenth: so its place is empty for 200 ms, and the others are not.
    with rude_datagrams(lambda datagram, count: [] if count % 10 == 0 else [datagram]) as server:
        report = measure(context, server.url, "--duration", "1.5", "--pipeline", "8")
        sent = report["datagrams_lost"] + report["messages"]
        check(report["datagrams_lost"] >= 5, f"{report}")
        check(0.02 < report["datagrams_lost"] / sent < 0.3, f"not a tenth: {report}")


def test_bench_knows_what_comes_late_or_twice(context):
    with rude_datagrams(lambda datagram, _: [datagram, datagram]) as server:
        report = measure(context, server.url, "--duration", "0.5", "--size", "100", "--pipeline", "3")
        check(report["datagrams_late"] > 0, f"{report}")
    kept = []

    def hold_back(datagram, count):
        """Every second one, for longer than anybody waits."""
        if count % 2 == 0:
            return [datagram]
        now = time.monotonic()
        due = [old for when, old in kept if now - when > 0.25]
        kept[:] = [(when, old) for when, old in kept if now - when <= 0.25] + [(now, datagram)]
        return due

    with rude_datagrams(hold_back) as server:
        report = measure(context, server.url, "--duration", "1.5", "--pipeline", "4")
        check(report["datagrams_lost"] > 0 and report["datagrams_late"] > 0, f"{report}")


def test_bench_of_datagrams_of_which_none_comes_back_ends_in_time(context):
    with rude_datagrams(lambda datagram, count: []) as server:
        begin = time.monotonic()
        report, said = fail(context, server.url, "--duration", "1", "--pipeline", "10")
        check(time.monotonic() - begin < 5, "it did not end")
        check_equal(said, "tidegate: nothing moved while it was measured\n", "standard error")
        check(report["datagrams_lost"] >= 20 and report["latency_microseconds"] is None, f"{report}")
        check(server.count >= 30, f"{server.count} datagrams arrived")


# --- Something is wrong ------------------------------------------------------------------------------------


def test_bench_names_the_place_of_a_wrong_byte_of_a_datagram(context):
    for offset in (8, 63, 999):
        with rude_datagrams(lambda datagram, count: [flip(datagram, offset) if count == 50 else datagram]) as server:
            report, said = fail(context, server.url, "--size", "1000", "--duration", "20")
            problem = rf"connection 1: wrong byte at offset {offset} of datagram 49: received 0x.., expected 0x.."
            check(len(report["problems"]) == 1 and re.fullmatch(problem, report["problems"][0]), f"{report}")
            check_equal(said, f"tidegate: {report['problems'][0]}\n", "standard error")


def test_bench_notices_datagrams_that_were_cut_or_never_sent(context):
    with rude_datagrams(lambda datagram, _: [datagram[:-1]]) as server:
        report, _ = fail(context, server.url, "--duration", "20")
        check_equal(report["problems"], ["connection 1: a datagram of 63 bytes came back, of 64 expected"], "problems")
    with rude_datagrams(lambda datagram, _: [flip(datagram, 7, 0x80)]) as server:
        report, _ = fail(context, server.url, "--duration", "20")
        check("which was never sent" in report["problems"][0], f"{report}")


def test_bench_is_told_where_nobody_receives(context):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    begin = time.monotonic()
    report, said = fail(context, f"udp://127.0.0.1:{port}", "--duration", "20", "--connections", "3")
    check(time.monotonic() - begin < 10, "the run went on")
    check_equal(report["errors"], 3, "errors")
    check("refused" in said, said)


def test_bench_refuses_loads_that_make_no_sense_with_datagrams(context):
    url = "udp://127.0.0.1:9"
    for mode in ("source", "sink", "storm", "idle"):
        result = run(context, "bench", url, "--mode", mode)
        check_error(result, 2, f"--mode {mode} needs a stream", url, "expected --mode echo")
    check_error(run(context, "bench", url, "--size", "64K"), 2, '--size "64K"', "at most 65507")
    check_error(run(context, "bench", url, "--size", "1", "--pipeline", "129"), 2, "--pipeline 129", "at most 128")
    check_error(run(context, "bench", "udp://127.0.0.1:0"), 2, "port 0")
    check_error(run(context, "bench", "udp://:9"), 2, "no host")
