"""`tidegate bench`: what it measures where all is well, and what it prints."""

import contextlib
import json
import os
import pty
import re
import resource
import select
import signal
import subprocess
import threading
import time

from rude_server import echo_slowly, rude_server, swallow
from support import (
    CLEARED, FAILURE, MEBIBYTE, PATIENCE_SECONDS, check, check_equal, check_error, echo, read_terminal, run)

INTERRUPTED = 130
KEYS = [
    "version", "backend", "refusal", "mode", "url", "listening", "connections", "message_bytes", "messages_under_way",
    "measured_seconds", "messages", "messages_per_second", "connections_made", "connections_per_second",
    "bytes", "megabytes_per_second", "datagrams_lost", "datagrams_late", "latency_microseconds", "connections_open", "connections_lost",
    "opening_seconds", "memory_per_connection_bytes", "errors", "problems", "interrupted"]


def measure(context, url, *arguments, **running):
    """Runs to its regular end; returns the JSON object."""
    result = run(context, "bench", url, "--json", *arguments, **running)
    check(result.returncode == 0 and result.stderr == "", f"{result}")
    report = json.loads(result.stdout)
    check_equal(list(report), KEYS, "keys")
    check(report["errors"] == 0 and report["problems"] == [] and not report["interrupted"], f"{report}")
    return report


def check_latencies(report):
    latencies = report["latency_microseconds"]
    check_equal(list(latencies), ["p50", "p99", "p99.9", "max"], "percentiles")
    check(0 < latencies["p50"] <= latencies["p99"] <= latencies["p99.9"] <= latencies["max"], f"{latencies}")


def check_echo(report, connections, size_bytes, pipeline):
    shape = (report["connections"], report["message_bytes"], report["messages_under_way"])
    check_equal(shape, (connections, size_bytes, pipeline), "connections, bytes, messages under way")
    check(report["messages"] > 0, f"{report}")
    # A message may begin before what is measured, and end in it.
    under_way = connections * size_bytes * pipeline
    difference = report["bytes"] - report["messages"] * size_bytes
    check(abs(difference) <= under_way, f"{difference} bytes more than messages: {report}")
    check_latencies(report)


# --- Echo --------------------------------------------------------------------------------------------------


def test_bench_measures_an_echo_server(context):
    with echo(context, "tcp://127.0.0.1:0", "--quiet") as server:
        report = measure(context, server.urls[0], "--duration", "0.5", "--backend", "epoll")
        check_echo(report, connections=1, size_bytes=64, pipeline=1)
        check_equal((report["mode"], report["backend"], report["url"]), ("echo", "epoll", server.urls[0]), "run")
        # Half a second without its first tenth; timers may be late, never early.
        check(0.3 < report["measured_seconds"] < 2, f"measured for {report['measured_seconds']} s")
        rate = report["messages"] / report["measured_seconds"]
        check(abs(report["messages_per_second"] / rate - 1) < 0.01, f"{report}")
        check(abs(report["megabytes_per_second"] * 1e6 / 64 / rate - 1) < 0.01, f"{report}")
        server.stop()


def test_bench_echoes_over_unix_sockets(context):
    for url in (f"unix://{context.path()}", f"unix://@tidegate-bench-{os.getpid()}"):
        with echo(context, url, "--quiet") as server:
            report = measure(context, url, "--duration", "0.2", "--connections", "10", "--size", "1K")
            check_echo(report, connections=10, size_bytes=1024, pipeline=1)
            server.stop()


def test_bench_resolves_the_name_of_a_host(context):
    with echo(context, "tcp://127.0.0.1:0", "--quiet") as server:
        url = server.urls[0].replace("127.0.0.1", "localhost")
        check_echo(measure(context, url, "--duration", "0.1", "--connections", "3"), 3, 64, 1)
        server.stop()


def test_bench_with_sixteen_mebibytes_under_way_does_not_block_itself(context):
    with echo(context, "tcp://127.0.0.1:0", "--quiet") as server:
        report = measure(context, server.urls[0], "--duration", "2", "--size", "1M", "--pipeline", "16")
        check_echo(report, connections=1, size_bytes=MEBIBYTE, pipeline=16)
        server.stop()


def test_bench_with_five_hundred_connections(context):
    with echo(context, "tcp://127.0.0.1:0", "--quiet") as server:
        report = measure(context, server.urls[0], "--duration", "1", "--connections", "500", "--pipeline", "3",
                         "--size", "100")
        check_echo(report, connections=500, size_bytes=100, pipeline=3)
        server.stop()


def test_bench_leaves_an_echo_server_in_the_orderly_way(context):
    with echo(context, "tcp://127.0.0.1:0") as server:
        measure(context, server.urls[0], "--duration", "0.1", "--connections", "5", "--pipeline", "10")
        server.stop()
        ends = [line for line in server.log if "closed" in line]
        check_equal(len(ends), 5, f"connections in {server.log}")
        check(all(re.search(r"after \d+ bytes$", line) for line in ends), f"not all without a reason: {ends}")


def test_bench_reports_the_latency_of_a_slow_server(context):
    with rude_server(echo_slowly(delay_seconds=0.02)) as server:
        report = measure(context, server.url, "--duration", "0.5")
        check_latencies(report)
        check(20_000 <= report["latency_microseconds"]["p50"] < 1_000_000, f"{report}")
        check(report["messages_per_second"] <= 55, f"{report}")


# --- One way -----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def listening_bench(context, url, *arguments):
    """A bench that listens; gives it, with the URL that it says it listens at."""
    command = [context.program, "bench", url, "--listen", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stderr.readline()
            match = re.fullmatch(r"listening on (\S+)\n", line)
            check(match, f"standard error: {line!r}")
            yield process, match[1]
        finally:
            process.kill()


def check_face_to_face(context, url, listening_mode, connecting_mode):
    extra = {"sink": ["--check"], "source": ["--size", "1000"]}
    with listening_bench(context, url, "--mode", listening_mode, "--json", "--duration", "1",
                         *extra[listening_mode]) as (listener, place):
        connecting = measure(context, place, "--mode", connecting_mode, "--duration", "1", "--connections", "3",
                             *extra[connecting_mode])
        output, errors = listener.communicate(timeout=PATIENCE_SECONDS)
        check(listener.returncode == 0 and errors == "", f"exit {listener.returncode}, {errors!r}, {output}")
    listening = json.loads(output)
    check_equal((listening["listening"], connecting["listening"]), (True, False), "who listens")
    check_equal((listening["connections"], connecting["connections"]), (None, 3), "connections")
    for report in (listening, connecting):
        check_equal(list(report), KEYS, "keys")
        check(report["bytes"] > 0 and report["megabytes_per_second"] > 0, f"{report}")
        check(report["messages"] is None and report["latency_microseconds"] is None, f"{report}")


def test_bench_source_sends_to_a_listening_sink(context):
    check_face_to_face(context, "tcp://127.0.0.1:0", "sink", "source")


def test_bench_sink_reads_from_a_listening_source(context):
    path = context.path()
    check_face_to_face(context, f"unix://{path}", "source", "sink")
    check(not os.path.exists(path), "the socket file is still there")


def send_for_a_while(sock, piece, reached):
    """Sends `piece` over and over until `reached`."""
    with contextlib.suppress(OSError):
        while not reached.is_set():
            sock.sendall(piece)


def test_bench_sink_takes_bytes_from_anybody_and_ends_with_them(context):
    finish = threading.Event()
    with rude_server(lambda sock, _: send_for_a_while(sock, b"x" * 1000, finish)) as server:
        timer = threading.Timer(0.5, finish.set)
        timer.start()
        # Long before its time: every sender has gone.
        report = measure(context, server.url, "--mode", "sink", "--connections", "2", "--duration", "2")
        timer.join()
        check(0 < report["measured_seconds"] < 1.8 and report["bytes"] > 0, f"{report}")


# --- Storm and idle ----------------------------------------------------------------------------------------


def test_bench_storm_counts_whole_connections(context):
    for place in ("tcp://127.0.0.1:0", f"unix://{context.path()}"):
        with echo(context, place, "--quiet") as server:
            report = measure(context, server.urls[0], "--mode", "storm", "--connections", "8", "--size", "100",
                             "--duration", "0.5")
            check(report["connections_made"] > 8 and report["connections_per_second"] > 0, f"{report}")
            check_equal(report["bytes"], 100 * report["connections_made"], "bytes")
            check_latencies(report)
            server.stop()


def test_bench_storm_with_large_messages(context):
    with echo(context, "tcp://127.0.0.1:0", "--quiet") as server:
        report = measure(context, server.urls[0], "--mode", "storm", "--size", "2M", "--duration", "0.5")
        check(report["connections_made"] > 0, f"{report}")
        server.stop()


def test_bench_idle_holds_every_connection(context):
    with echo(context, "tcp://127.0.0.1:0", "--quiet") as server:
        report = measure(context, server.urls[0], "--mode", "idle", "--connections", "300", "--duration", "0.2")
        check_equal((report["connections_open"], report["connections_lost"]), (300, 0), "open, lost")
        check(report["opening_seconds"] > 0, f"{report}")
        check(0 <= report["memory_per_connection_bytes"] < 65_536, f"{report}")
        server.stop()


def limit_files(soft, hard):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_bench_raises_the_soft_limit_of_open_files(context):
    with echo(context, "tcp://127.0.0.1:0", "--quiet") as server:
        report = measure(context, server.urls[0], "--mode", "idle", "--connections", "200", "--duration", "0.1",
                         preexec_fn=limit_files(64, 1024))
        check_equal(report["connections_open"], 200, "open connections")
        server.stop()


def test_bench_names_the_hard_limit_of_open_files_before_it_opens_any(context):
    with rude_server(swallow) as server:
        result = run(context, "bench", server.url, "--mode", "idle", "--connections", "2000",
                     preexec_fn=limit_files(64, 128))
        check_error(result, FAILURE, "2,000 connections need 2,024 open files", "only 128 are allowed")
        check_equal(server.connections, 0, "connections that were opened")


# --- What people see ---------------------------------------------------------------------------------------


def test_bench_prints_aligned_lines_with_grouped_numbers(context):
    with echo(context, "tcp://127.0.0.1:0", "--quiet") as server:
        result = run(context, "bench", server.urls[0], "--duration", "0.5", "--connections", "2")
        server.stop()
    check(result.returncode == 0 and result.stderr == "", f"{result}")
    heading, task, empty, *lines = result.stdout.splitlines()
    check(re.fullmatch(rf"tidegate \S+ bench, backend \w+: echo to {server.urls[0]}", heading), heading)
    check(re.fullmatch(r"2 connections, 1 message of 64 bytes under way on each; measured for 0\.\d\d s", task), task)
    check_equal(empty, "", "third line")
    words = [re.split(r" {2,}", line)[0] for line in lines]
    check_equal(words, ["messages", "messages/s", "MB/s", "latency p50", "latency p99", "latency p99.9",
                        "latency max", "errors"], "lines")
    check_equal(len({len(line) for line in lines}), 1, f"widths of {lines}")
    check(re.search(r" \d{1,3}(,\d{3})+$", lines[0]), f"not grouped: {lines[0]!r}")
    check(all(re.search(r" \d+\.\d+ (µs|ms|s)$", line) for line in lines[3:7]), f"{lines}")


class WatchedBench:
    """A bench whose standard error is a terminal."""

    def __init__(self, context, *arguments):
        master, terminal = pty.openpty()
        self.screen = open(master, "rb", buffering=0)
        self.process = subprocess.Popen([context.program, "bench", *arguments], stdout=subprocess.PIPE,
                                        stderr=terminal, text=True)
        os.close(terminal)
        self.shown = bytearray()

    def wait_for_line(self, is_expected):
        """Waits until it has shown a whole line that is as expected."""
        while not any(is_expected(line.decode()) for line in self.shown.split(CLEARED)[:-1]):
            ready = select.select([self.screen], [], [], PATIENCE_SECONDS)[0]
            check(ready, f"not the expected line in {bytes(self.shown)!r}")
            self.shown += self.screen.read(4096)

    def finish(self):
        """Returns the exit code and the output; then all that was shown is in `shown`."""
        self.shown += read_terminal(self.screen)
        output, _ = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode, output


@contextlib.contextmanager
def watched_bench(context, *arguments):
    bench = WatchedBench(context, *arguments)
    try:
        yield bench
    finally:
        bench.process.kill()
        bench.process.wait()
        bench.process.stdout.close()
        bench.screen.close()


def test_bench_shows_live_numbers_on_a_terminal_and_clears_them(context):
    with echo(context, "tcp://127.0.0.1:0", "--quiet") as server:
        with watched_bench(context, server.urls[0], "--duration", "1") as bench:
            code, output = bench.finish()
            check(code == 0 and "messages/s" in output, f"exit {code}, {output!r}")
        server.stop()
    shown = bytes(bench.shown)
    draws = [draw.decode() for draw in shown.split(CLEARED) if draw]
    # One each quarter of a second, and on a busy machine the end takes some as well.
    check(1 <= len(draws) <= 8, f"{len(draws)} draws: {draws}")
    for draw in draws:
        check(re.match(r" *\d+\.\d of 1\.0 s   [\d,]+ messages/s   \d+\.\d MB/s   p99 \S+ \S+", draw), f"{draw!r}")
        check(len(draw) < 80, f"too long: {draw!r}")
    check(b"\n" not in shown, f"more than one line in {shown!r}")
    check(shown.endswith(CLEARED), f"the line was not cleared: {shown[-50:]!r}")


def test_bench_interrupted_prints_what_was_measured_until_then(context):
    with echo(context, "tcp://127.0.0.1:0", "--quiet") as server:
        with watched_bench(context, server.urls[0], "--duration", "2", "--json") as bench:
            bench.wait_for_line(lambda line: "p99" in line and "warming up" not in line)
            bench.process.send_signal(signal.SIGINT)
            code, output = bench.finish()
            check_equal(code, INTERRUPTED, "exit code")
            report = json.loads(output)
            check(report["interrupted"] and report["messages"] > 0 and report["errors"] == 0, f"{report}")
            check(0 < report["measured_seconds"] < 1.8, f"{report}")
            check(bench.shown.endswith(b"tidegate: interrupted\r\n"), f"{bytes(bench.shown)!r}")
        server.stop()


def test_bench_interrupted_while_it_waits_for_a_connection_ends_at_once(context):
    with listening_bench(context, "tcp://127.0.0.1:0", "--mode", "sink") as (process, _):
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=PATIENCE_SECONDS)
        result = (process.returncode, output, errors)
        check_equal(result, (INTERRUPTED, "", "tidegate: interrupted\n"), "exit code, output, errors")


def test_bench_interrupted_twice_does_not_wait_for_anybody(context):
    asked = threading.Event()

    def take_without_answering(sock, _):
        sock.recv(1)
        asked.set()
        swallow(sock)

    with rude_server(take_without_answering) as server:
        with watched_bench(context, server.url, "--mode", "idle", "--duration", "60") as bench:
            bench.wait_for_line(lambda line: "1 open" in line)
            bench.process.send_signal(signal.SIGINT)
            # Now it has one message echoed, and would wait for that.
            check(asked.wait(PATIENCE_SECONDS), "the first signal did not end the holding")
            bench.process.send_signal(signal.SIGINT)
            begin = time.monotonic()
            check_equal(bench.finish(), (INTERRUPTED, ""), "exit code, output")
            check(time.monotonic() - begin < 5, "the second signal did not end it at once")
            check(bench.shown.endswith(CLEARED + b"tidegate: interrupted\r\n"), f"{bytes(bench.shown)!r}")
