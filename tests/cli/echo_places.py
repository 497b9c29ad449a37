"""`tidegate echo`: where it listens, where it can not, and how it leaves."""

import errno
import fcntl
import os
import signal
import socket
import struct
import termios
import time

from support import (
    FAILURE, MEBIBYTE, TestFailure, check, check_equal, check_error, check_round_trip, echo, pattern,
    receive_all, receive_exactly, run, send_until_stuck, unread_by_peer, wait_until)


def check_stop_sends_what_is_buffered(context, number):
    path = context.path()
    with echo(context, f"unix://{path}") as server, server.connect() as sock:
        data = fill_the_way_back(sock)
        server.send_signal(number)
        # It has heard the signal when it no longer listens.
        wait_until(lambda: not os.path.exists(path), "the server to stop listening")
        check(server.process.poll() is None, "the server ended before it had sent what was buffered")
        check(receive_all(sock) == data, "what was buffered did not come")
        check_equal(server.exit_code(), 0, "exit code")


def fill_the_way_back(sock):
    """Sends without reading, until the server has read everything but holds a part of it in its own memory,
    because the kernel has no room for more. Returns what was sent."""
    data = pattern(8 * MEBIBYTE)
    sent = 0
    while sent < len(data):
        sock.sendall(data[sent:sent + 16_384])
        sent += 16_384
        wait_until(lambda: unread_by_peer(sock) == 0, "the server to read everything")
        deadline = time.monotonic() + 0.1
        while available(sock) < sent and time.monotonic() < deadline:
            time.sleep(0.002)
        if available(sock) < sent:
            return data[:sent]
    raise TestFailure("the kernel has room for 8 MiB on the way back")


def available(sock):
    return struct.unpack("i", fcntl.ioctl(sock, termios.FIONREAD, b"\0\0\0\0"))[0]


def test_sigterm_sends_what_is_buffered_then_exits_0(context):
    check_stop_sends_what_is_buffered(context, signal.SIGTERM)


def test_sigint_sends_what_is_buffered_then_exits_0(context):
    check_stop_sends_what_is_buffered(context, signal.SIGINT)


def test_stop_ends_idle_connections_at_once(context):
    with echo(context, "tcp://127.0.0.1:0") as server, server.connect() as sock:
        sock.sendall(b"hello")
        check_equal(receive_exactly(sock, 5), b"hello", "echo")
        begin = time.monotonic()
        server.stop()
        check(time.monotonic() - begin < 4, "an idle connection kept the server alive")
        check_equal(sock.recv(1), b"", "what the client receives at the end")


def stuck_connection(server):
    """A client that sends and never reads, until the server can not go on."""
    sock = server.connect()
    data = memoryview(bytes(64 * MEBIBYTE))
    check(send_until_stuck(sock, data) < len(data), "64 MiB were taken although nobody reads")
    return sock


def test_a_second_signal_cuts_what_is_left(context):
    path = context.path()
    with echo(context, f"unix://{path}") as server, stuck_connection(server):
        server.send_signal(signal.SIGTERM)
        wait_until(lambda: not os.path.exists(path), "the server to stop listening")
        check(server.process.poll() is None, "the server did not wait for its connection")
        begin = time.monotonic()
        server.send_signal(signal.SIGTERM)
        check_equal(server.exit_code(), 0, "exit code")
        check(time.monotonic() - begin < 4, "the second signal did not end it at once")


def test_a_client_that_never_reads_can_not_keep_the_server_alive(context):
    with echo(context, f"unix://{context.path()}") as server, stuck_connection(server):
        server.stop()


def test_the_socket_file_is_removed(context):
    path = context.path()
    with echo(context, f"unix://{path}") as server:
        check(os.path.exists(path), "there is no socket file")
        server.stop()
        check(not os.path.exists(path), "the socket file is still there")


def test_a_stale_socket_file_is_replaced(context):
    path = context.path()
    with echo(context, f"unix://{path}") as server:
        server.kill()
    check(os.path.exists(path), "killing it removed the file")
    with echo(context, f"unix://{path}") as server:
        check_round_trip(server.connect(), pattern(1000))
        server.stop()


def test_a_busy_port_is_named(context):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        result = run(context, "echo", f"tcp://127.0.0.1:{port}")
        check_error(result, FAILURE, f"tcp://127.0.0.1:{port}", os.strerror(errno.EADDRINUSE))


def test_a_busy_port_ends_the_others_too(context):
    path = context.path()
    with echo(context, "tcp://127.0.0.1:0") as server:
        result = run(context, "echo", f"unix://{path}", server.urls[0])
        check_error(result, FAILURE, server.urls[0], os.strerror(errno.EADDRINUSE))
        check(not os.path.exists(path), "the socket file of the other place is still there")
        server.stop()


def test_a_busy_socket_file_is_named_and_left_alone(context):
    with echo(context, f"unix://{context.path()}") as server:
        result = run(context, "echo", server.urls[0])
        check_error(result, FAILURE, server.urls[0], os.strerror(errno.EADDRINUSE))
        check_round_trip(server.connect(), pattern(1000))
        server.stop()


def test_a_missing_folder_is_named(context):
    url = f"unix://{context.folder}/missing/x.sock"
    check_error(run(context, "echo", url), FAILURE, url, os.strerror(errno.ENOENT))
