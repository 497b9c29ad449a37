"""`tidegate bench` against servers that misbehave: it notices, says what and where, and comes to an end."""

import contextlib
import errno
import json
import os
import re
import socket
import threading
import time

from rude_server import echo_then, echo_with, flip_byte_at, half_close, reset, rude_server, swallow
from support import FAILURE, PATIENCE_SECONDS, check, check_equal, check_error, run


def fail(context, url, *arguments):
    """Runs to a failure; returns the JSON object and what was said on standard error."""
    result = run(context, "bench", url, "--json", *arguments)
    check(result.returncode == FAILURE, f"{result}, expected exit {FAILURE}")
    return json.loads(result.stdout), result.stderr


def check_problem(report, said, pattern):
    """The only problem; standard error and report say the same."""
    check(report["errors"] == 1 and len(report["problems"]) == 1, f"{report}")
    problem = report["problems"][0]
    match = re.fullmatch(pattern, problem)
    check(match, f"{problem!r}, expected {pattern!r}")
    check_equal(said, f"tidegate: {problem}\n", "standard error")
    return match


# --- Wrong bytes -------------------------------------------------------------------------------------------


def test_bench_names_the_place_of_a_wrong_byte(context):
    for offset, mask in ((0, 0x01), (63, 0x80), (100_000, 0xff), (1_048_573, 0x10)):
        with rude_server(flip_byte_at(offset, mask)) as server:
            begin = time.monotonic()
            report, said = fail(context, server.url, "--size", "1000", "--pipeline", "20", "--duration", "20")
            match = check_problem(report, said, rf"connection 1: wrong byte at stream offset {offset}: "
                                                r"received 0x([0-9a-f]{2}), expected 0x([0-9a-f]{2})")
            check_equal(int(match[1], 16) ^ int(match[2], 16), mask, "the bits that were flipped")
            check(time.monotonic() - begin < 10, "the run went on")


def test_bench_notices_a_byte_that_is_missing(context):
    def drop_one(piece, offset):
        return piece[1:] if offset == 0 else piece

    with rude_server(echo_with(drop_one)) as server:
        report, said = fail(context, server.url, "--pipeline", "2", "--duration", "5")
        check_problem(report, said, r"connection 1: wrong byte at stream offset \d: .*")


def test_bench_notices_more_than_it_has_sent(context):
    with rude_server(echo_with(lambda piece, _: piece + b"!")) as server:
        report, said = fail(context, server.url, "--duration", "5")
        check_problem(report, said, "connection 1: more came back than was sent: 1 bytes after stream offset 64")


def test_bench_notices_what_a_server_says_without_being_asked(context):
    def greet(sock, _):
        sock.sendall(b"hello")
        swallow(sock)

    with rude_server(greet) as server:
        # Before or after the first message went out.
        expected = r"connection 1: (more came back than was sent: 5 bytes after|wrong byte at) stream offset 0.*"
        report, said = fail(context, server.url, "--duration", "20")
        check_problem(report, said, expected)
        report, said = fail(context, server.url, "--mode", "idle", "--duration", "0.2")
        check_problem(report, said, "connection 1: more came back than was sent: 5 bytes after stream offset 0")


def test_bench_storm_names_the_place_of_a_wrong_byte(context):
    with rude_server(flip_byte_at(50, 0x40)) as server:
        report, said = fail(context, server.url, "--mode", "storm", "--duration", "5")
        check_problem(report, said, "connection 1: wrong byte at stream offset 50: .*")


def test_bench_sink_compares_only_when_asked(context):
    def send_zeros(sock, _):
        sock.sendall(bytes(1_000_000))
        half_close(sock)

    with rude_server(send_zeros) as server:
        report, said = fail(context, server.url, "--mode", "sink", "--check", "--duration", "5")
        check_problem(report, said, r"connection 1: wrong byte at stream offset \d+: received 0x00, .*")
        report, said = fail(context, server.url, "--mode", "sink", "--duration", "5")
        check("the run ended before its warm-up did" in said, f"standard error: {said!r}")
        check_equal(report["problems"], [], "problems")


# --- Connections that end ----------------------------------------------------------------------------------


def test_bench_says_that_a_server_closed_early(context):
    with rude_server(echo_then(half_close, 6400)) as server:
        begin = time.monotonic()
        report, said = fail(context, server.url, "--duration", "20")
        check_problem(report, said, "connection 1: closed by the other end after 6,400 bytes")
        check(time.monotonic() - begin < 10, "the run went on although nobody was left")


def test_bench_says_that_a_server_reset_the_connection(context):
    with rude_server(echo_then(reset, 6400)) as server:
        report, said = fail(context, server.url, "--duration", "20")
        check_problem(report, said, rf"connection 1: .*{os.strerror(errno.ECONNRESET)} after 6,400 bytes")


def test_bench_source_says_that_the_sink_reset_the_connection(context):
    def take_a_little(sock, _):
        sock.recv(100_000)
        reset(sock)

    with rude_server(take_a_little) as server:
        report, said = fail(context, server.url, "--mode", "source", "--duration", "20")
        reasons = "|".join(os.strerror(code) for code in (errno.ECONNRESET, errno.EPIPE))
        check_problem(report, said, rf"connection 1: .*({reasons}) after [\d,]+ bytes")


def test_bench_goes_on_with_the_connections_that_are_left(context):
    def be_rude_to_some(sock, number):
        if number <= 3:
            echo_then(half_close, 64)(sock, number)
        else:
            echo_with(lambda piece, _: piece)(sock, number)

    with rude_server(be_rude_to_some) as server:
        report, said = fail(context, server.url, "--connections", "5", "--duration", "0.5")
        check_equal(report["errors"], 3, "errors")
        check(report["messages"] > 0 and report["measured_seconds"] > 0.4, f"{report}")
        check_equal(len(said.splitlines()), 3, f"lines of {said!r}")


def test_bench_says_the_first_of_many_problems_and_counts_the_rest(context):
    with rude_server(echo_then(half_close, 64)) as server:
        report, said = fail(context, server.url, "--connections", "20", "--duration", "20")
        check_equal((report["errors"], len(report["problems"])), (20, 8), "errors, and those in words")
        check(said.endswith("tidegate: and 12 more\n") and len(said.splitlines()) == 9, f"{said!r}")


def test_bench_storm_stops_asking_a_server_that_does_not_answer_properly(context):
    with rude_server(echo_then(half_close, 10)) as server:
        report, _ = fail(context, server.url, "--mode", "storm", "--connections", "4", "--duration", "20")
        check_equal((report["errors"], report["connections_made"]), (4, 0), "errors, connections")
        check(all(re.fullmatch(r"connection \d: closed by the other end after 10 bytes", problem)
                  for problem in report["problems"]), f"{report}")
        check_equal(server.connections, 5, "connections: one to see whether anybody is there, and one each")


def test_bench_idle_counts_the_connections_that_were_lost(context):
    def keep_some(sock, number):
        if number > 3:
            echo_with(lambda piece, _: piece)(sock, number)
        # The others are closed as soon as they are there.

    with rude_server(keep_some) as server:
        report, _ = fail(context, server.url, "--mode", "idle", "--connections", "10", "--duration", "0.3")
        check_equal((report["connections_open"], report["connections_lost"]), (7, 3), "open, lost")
        check_equal(report["errors"], 3, "errors")


# --- Servers that do nothing -------------------------------------------------------------------------------


def test_bench_ends_in_time_where_nobody_answers(context):
    for arguments in (["--connections", "3"], ["--mode", "storm", "--connections", "3"], ["--mode", "sink"]):
        with rude_server(swallow) as server:
            begin = time.monotonic()
            report, said = fail(context, server.url, "--duration", "0.3", *arguments)
            check(time.monotonic() - begin < 10, "it went on")
            check_equal(report["bytes"], 0, "bytes")
            check_equal(report["messages"] or 0, 0, "messages")
            check_equal(report["latency_microseconds"], None, "latencies")
            check_equal(said, "tidegate: nothing moved while it was measured\n", "standard error")


def test_bench_says_that_nobody_listens(context):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port meanwhile
        url = "tcp://127.0.0.1:{}".format(sock.getsockname()[1])
        for arguments in ([], ["--mode", "storm"], ["--mode", "idle", "--connections", "100"], ["--mode", "sink"]):
            result = run(context, "bench", url, *arguments)
            check_error(result, FAILURE, "tidegate: cannot connect to", url, os.strerror(errno.ECONNREFUSED))


def test_bench_names_the_connection_that_could_not_be_opened(context):
    listener = socket.create_server(("127.0.0.1", 0), backlog=16)
    url = "tcp://127.0.0.1:{}".format(listener.getsockname()[1])

    def stop_listening_at_the_first_connection():
        sock, _ = listener.accept()
        listener.close()
        with sock, contextlib.suppress(OSError):  # the client leaves without a word
            swallow(sock)

    server = threading.Thread(target=stop_listening_at_the_first_connection)
    server.start()
    # Far more than fit into the listener's queue: some come when it is gone.
    result = run(context, "bench", url, "--mode", "idle", "--connections", "1000")
    server.join(PATIENCE_SECONDS)
    check_error(result, FAILURE, "tidegate: cannot connect to", url)
    # The kernel refuses who comes later, and resets who was in the queue.
    reasons = "|".join(os.strerror(code) for code in (errno.ECONNREFUSED, errno.ECONNRESET))
    check(re.search(rf": ({reasons}) \(connection [\d,]+ of 1,000\)\n$", result.stderr), f"{result}")


def test_bench_says_that_there_is_no_socket_file(context):
    url = f"unix://{context.folder}/nobody.sock"
    check_error(run(context, "bench", url), FAILURE, url, os.strerror(errno.ENOENT))
    url = f"unix://{context.folder}/missing/x.sock"
    result = run(context, "bench", url, "--mode", "sink", "--listen")
    check_error(result, FAILURE, "cannot listen on", url, os.strerror(errno.ENOENT))
