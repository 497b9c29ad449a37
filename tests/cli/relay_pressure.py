"""`tidegate relay`: nobody is overrun. Stopped readers, the number of connections, and what of that is shown."""

import errno
import fcntl
import os
import pty
import re
import resource
import signal
import socket
import struct
import termios
import time

from relay_peers import SocketEnd, connect, in_background, relay
from support import (
    CLEARED, MEBIBYTE, PATIENCE_SECONDS, allowance, check, check_equal, echo, has_io_uring, is_sanitized,
    read_terminal, receive_exactly, send_until_stuck, wait_until)

PLAIN_LINE = re.compile(r"#1 out \d+ bytes, [\d.]+ [kMG]?B/s, buffer \d+ of \d+(, paused)?; "
                        r"back \d+ bytes, [\d.]+ [kMG]?B/s, buffer \d+ of \d+(, paused)?")


# --- A reader that has stopped -----------------------------------------------------------------------------


def check_stopped_reader(context, backend):
    """Offers hundreds of megabytes to a reader that takes none, then has it take everything that went in."""
    source, sink = (SocketEnd(context, "unix", listens=False) for _ in range(2))
    with relay(context, source.url, sink.url, "--backend", backend) as running:
        source.meet(running)
        sink.meet(running)
        source._sock.sendall(b"x" * 1000)
        check_equal(len(receive_exactly(sink._sock, 1000)), 1000, "bytes")  # all its code is in memory now
        before = running.resident_bytes()
        taken = send_until_stuck(source._sock, bytes(300 * MEBIBYTE))
        check(taken < 8 * MEBIBYTE, f"{taken} bytes were taken for somebody who reads nothing")
        grown = running.resident_bytes() - before
        check(grown < allowance(context, 8 * MEBIBYTE), f"memory has grown by {grown} bytes")
        received = receive_exactly(sink._sock, taken)
        check_equal(len(received), taken, "bytes, after all")
        # The tide turns: it goes on.
        source._sock.setblocking(True)
        source._sock.sendall(b"more")
        check_equal(receive_exactly(sink._sock, 4), b"more", "bytes later")
    for end in (source, sink):
        end.close()


def test_a_stopped_reader_stops_the_writer_and_memory_stays_flat_on_epoll(context):
    check_stopped_reader(context, "epoll")


def test_a_stopped_reader_stops_the_writer_and_memory_stays_flat_on_io_uring(context):
    if has_io_uring(context):
        check_stopped_reader(context, "io_uring")


def test_a_command_that_reads_nothing_stops_the_writer(context):
    source = SocketEnd(context, "unix", listens=False)
    with relay(context, source.url, "exec:sleep 1000") as running:
        source.meet(running)
        taken = send_until_stuck(source._sock, bytes(300 * MEBIBYTE))
        check(taken < 8 * MEBIBYTE, f"{taken} bytes were taken for a command that reads nothing")
        running.process.send_signal(signal.SIGTERM)
        running.check_exit(130)
    source.close()


def test_a_long_transfer_leaves_no_memory_behind(context):
    source, sink = (SocketEnd(context, "unix", listens=False) for _ in range(2))
    with relay(context, source.url, sink.url) as running:
        source.meet(running)
        sink.meet(running)
        piece = os.urandom(MEBIBYTE)

        def send():
            for _ in range(256):
                source._sock.sendall(piece)
            source._sock.shutdown(socket.SHUT_WR)

        in_background(send)
        check_equal(receive_exactly(sink._sock, 16 * MEBIBYTE), piece * 16, "the first bytes")
        before = running.resident_bytes()
        for _ in range(240):
            check(receive_exactly(sink._sock, MEBIBYTE) == piece, "other bytes")
        grown = running.resident_bytes() - before
        check(grown < allowance(context, 4 * MEBIBYTE), f"memory has grown by {grown} bytes")
        check_equal(sink._sock.recv(1), b"", "the end")
        sink._sock.close()
        running.check_exit(0)
    source.close()


# --- No more connections than there may be -----------------------------------------------------------------


def check_max_connections(context, backend):
    with echo(context, "tcp://127.0.0.1:0") as server, relay(
            context, "listen+tcp://127.0.0.1:0", server.urls[0], "--max-connections", "2", "--backend",
            backend) as running:
        url = running.listens_at()
        first, second, third = (connect(url) for _ in range(3))
        for client in (first, second):
            client.sendall(b"hello")
            check_equal(receive_exactly(client, 5), b"hello", "echo")
        third.sendall(b"hello")
        third.settimeout(0.5)
        try:
            third.recv(5)
            check(False, "the third client was served beside two others")
        except TimeoutError:
            pass
        check(not any("#3" in line for line in running.log), f"the third was accepted: {running.log}")
        third.settimeout(PATIENCE_SECONDS)
        first.close()
        check_equal(receive_exactly(third, 5), b"hello", "echo, when there is room")
        running.wait_for_log("#1 closed")
        running.wait_for_log("#3 opened")
        for client in (second, third):
            client.close()


def test_a_third_client_waits_until_one_of_two_has_left_on_epoll(context):
    check_max_connections(context, "epoll")


def test_a_third_client_waits_until_one_of_two_has_left_on_io_uring(context):
    if has_io_uring(context):
        check_max_connections(context, "io_uring")


def busy_ticks(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13]))


def test_a_relay_short_of_descriptors_says_so_without_spinning_and_accepts_who_waited_later(context):
    if is_sanitized(context):
        return
    path = context.path()
    os.mkfifo(path)  # which nobody reads: each connection waits there, and needs one descriptor

    def few_descriptors():
        resource.setrlimit(resource.RLIMIT_NOFILE, (24, 100))

    with relay(context, "listen+tcp://127.0.0.1:0", f"fifo://{path}", preexec_fn=few_descriptors) as running:
        url = running.listens_at()
        clients = [connect(url) for _ in range(30)]
        running.wait_for_log("tidegate: cannot accept connections, trying again", os.strerror(errno.EMFILE))
        before = busy_ticks(running.process.pid)
        time.sleep(1.5)  # one more try, and otherwise nothing to do
        busy = busy_ticks(running.process.pid) - before
        check(busy < 0.7 * os.sysconf("SC_CLK_TCK"), f"{busy} ticks in one and a half seconds of waiting")
        resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (100, 100))
        running.wait_for_log("#30 opened")
        # One each time that a connection could be accepted again, because another had no descriptor for its TO.
        said = sum("cannot accept" in line for line in running.log)
        check(said <= 4, f"{said} lines about it within two and a half seconds")
        running.process.send_signal(signal.SIGTERM)
        running.check_exit(0)
        for client in clients:
            client.close()


# --- What is shown -----------------------------------------------------------------------------------------


def test_stats_are_plain_lines_where_nobody_watches(context):
    source, sink = (SocketEnd(context, "tcp", listens=False) for _ in range(2))
    with relay(context, source.url, sink.url, "--stats", "--buffer", "128K") as running:
        source.meet(running)
        sink.meet(running)
        taken = send_until_stuck(source._sock, bytes(300 * MEBIBYTE))
        wait_until(lambda: any(", paused;" in line for line in running.log), "a line about a paused end")
        paused = next(line for line in running.log if ", paused;" in line)
        check(PLAIN_LINE.fullmatch(paused), f"{paused!r}")
        check("of 131072, paused; back 0 bytes" in paused, f"{paused!r}")
        source._sock.shutdown(socket.SHUT_WR)
        check_equal(len(receive_exactly(sink._sock, taken)), taken, "bytes")
        sink._sock.shutdown(socket.SHUT_WR)
        running.check_exit(0)
        check(re.fullmatch(rf"#1 ended after {taken} bytes out, 0 back, in \d+\.\d s", running.log[-1]), f"{running.log[-1]!r}")
        check(not any("\x1b" in line for line in running.log), "escapes in a log")
    for end in (source, sink):
        end.close()


def test_without_stats_a_single_relay_says_nothing(context):
    with relay(context, "-", "exec:cat") as running:
        running.process.stdin.write(b"meow")
        running.process.stdin.close()
        check_equal(running.process.stdout.read(), b"meow", "standard output")
        running.check_exit(0)
        check_equal(running.log, [], "the log")


def shown_on_a_terminal(context, columns):
    """What `--stats` shows of a connection that is paused for a while."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    source, sink = (SocketEnd(context, "tcp", listens=False) for _ in range(2))
    with os.fdopen(master, "rb", buffering=0) as screen, relay(context, source.url, sink.url, "--stats",
                                                               stderr=slave) as running:
        os.close(slave)
        shown = []
        reader = in_background(lambda: shown.append(read_terminal(screen)))
        source.meet(running)
        sink.meet(running)
        taken = send_until_stuck(source._sock, bytes(300 * MEBIBYTE))
        time.sleep(0.6)  # two redraws
        source._sock.shutdown(socket.SHUT_WR)
        receive_exactly(sink._sock, taken)
        sink._sock.shutdown(socket.SHUT_WR)
        running.check_exit(0)
        reader.join(PATIENCE_SECONDS)
    for end in (source, sink):
        end.close()
    return shown[0].decode()


def drawn_lines(text):
    return [line for line in re.split(r"\r\x1b\[J|\r\n", text) if line.startswith("#1  →")]


def test_stats_are_redrawn_in_place_on_a_terminal(context):
    text = shown_on_a_terminal(context, columns=80)
    drawn = drawn_lines(text)
    check(len(drawn) >= 2, f"{text!r}")
    check(all(len(line) <= 80 for line in drawn), f"lines of {[len(line) for line in drawn]} columns")
    check(any("▏ paused" in line and "█" in line for line in drawn), f"{drawn}")
    check("\r\x1b[J#1 ended after" in text, f"{text!r}")


def test_stats_are_cut_to_a_narrow_terminal(context):
    drawn = drawn_lines(shown_on_a_terminal(context, columns=60))
    check(len(drawn) >= 2 and all(len(line) == 60 for line in drawn), f"{drawn}")
    check(any("▏ paused ←" in line for line in drawn), f"{drawn}")
