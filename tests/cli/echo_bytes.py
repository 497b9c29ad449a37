"""`tidegate echo`: every byte comes back, however it was sent."""

import errno
import os
import pathlib
import re
import socket
import struct
import time

from support import (
    MEBIBYTE, PATIENCE_SECONDS, can_bind_ipv6, check, check_equal, check_round_trip, echo, pattern,
    receive_all, receive_exactly, send_until_stuck, wait_until)


def test_tcp_port_0_is_resolved_and_echoes(context):
    with echo(context, "tcp://127.0.0.1:0") as server:
        check(re.fullmatch(r"tcp://127\.0\.0\.1:[1-9]\d*", server.urls[0]), f"URL {server.urls[0]}")
        with server.connect() as sock:
            for size_bytes in (1, 64, 1000, 65536):
                data = pattern(size_bytes, seed=size_bytes)
                sock.sendall(data)
                check(receive_exactly(sock, size_bytes) == data, f"{size_bytes} bytes: wrong ones")
        server.stop()


def test_eight_mebibytes_with_half_close_come_back_over_tcp(context):
    with echo(context, "tcp://127.0.0.1:0") as server:
        check_round_trip(server.connect(), pattern(8 * MEBIBYTE))
        server.stop()


def test_eight_mebibytes_with_half_close_come_back_over_unix(context):
    with echo(context, f"unix://{context.path()}") as server:
        check_round_trip(server.connect(), pattern(8 * MEBIBYTE))
        server.stop()


def test_a_slow_reader_gets_every_byte(context):
    with echo(context, "tcp://127.0.0.1:0") as server:
        sock = server.connect(receive_buffer_bytes=4096)
        # Some rest every 256 KiB, while the sender does not wait.
        rests = iter(range(0, 8 * MEBIBYTE, 256 * 1024))
        next_rest = next(rests)

        def rest(received_bytes):
            nonlocal next_rest
            if received_bytes > next_rest:
                next_rest = next(rests, 8 * MEBIBYTE)
                time.sleep(0.005)

        check_round_trip(sock, pattern(8 * MEBIBYTE), piece_bytes=20_000, after_each=rest)
        server.stop()


def test_nobody_reading_makes_the_server_wait_and_costs_it_no_memory(context):
    with echo(context, "tcp://127.0.0.1:0") as server:
        check_round_trip(server.connect(), pattern(MEBIBYTE))
        before = resident_bytes(server)
        with server.connect() as sock:
            data = memoryview(pattern(64 * MEBIBYTE))
            sent = send_until_stuck(sock, data)
            check(sent < len(data), f"{sent} bytes were taken although nobody reads")
            grown = resident_bytes(server) - before
            check(grown < 8 * MEBIBYTE, f"the server grew by {grown} bytes")
            # And everything that was taken comes.
            sock.settimeout(PATIENCE_SECONDS)
            sock.shutdown(socket.SHUT_WR)
            check(receive_all(sock) == data[:sent], "wrong bytes came back")
        server.stop()


def resident_bytes(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


def test_an_abstract_name_echoes(context):
    with echo(context, f"unix://@tidegate-test-{os.getpid()}") as server:
        check_equal(server.urls[0], f"unix://@tidegate-test-{os.getpid()}", "URL")
        check_round_trip(server.connect(), pattern(100_000))
        server.stop()


def test_datagrams_come_back_whole_over_udp(context):
    with echo(context, "udp://127.0.0.1:0") as server:
        port = int(re.fullmatch(r"udp://127\.0\.0\.1:([1-9]\d*)", server.urls[0])[1])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(PATIENCE_SECONDS)
            sock.connect(("127.0.0.1", port))
            for size_bytes in (1, 0, 512, 65_507, 3):
                data = pattern(size_bytes, seed=size_bytes)
                sock.send(data)
                check(sock.recv(70_000) == data, f"a datagram of {size_bytes} bytes came back as another")
        server.stop()


def test_many_urls_are_served_at_once(context):
    path = context.path()
    with echo(context, "tcp://127.0.0.1:0", "tcp://127.0.0.1:0", f"unix://{path}", sockets=3) as server:
        check_equal(server.urls[2], f"unix://{path}", "URL")
        check(server.urls[0] != server.urls[1], "two ports 0 became the same port")
        for url in server.urls:
            check_round_trip(server.connect(url), pattern(50_000))
        server.stop()


def test_every_interface_has_a_line_of_its_own_with_one_port(context):
    with echo(context, "tcp://:0", sockets=2 if can_bind_ipv6("::") else 1) as server:
        ports = {url.rsplit(":", 1)[1] for url in server.urls}
        check_equal(len(ports), 1, f"number of ports in {server.urls}")
        port = ports.pop()
        check_round_trip(server.connect(f"tcp://127.0.0.1:{port}"), pattern(1000))
        if can_bind_ipv6():
            check(any(url.startswith("tcp://[::]") for url in server.urls), f"no IPv6 in {server.urls}")
            check_round_trip(server.connect(f"tcp://[::1]:{port}"), pattern(1000))
        server.stop()


def test_many_clients_at_once_get_their_own_bytes(context):
    with echo(context, "tcp://127.0.0.1:0", "--quiet") as server:
        clients = [(server.connect(), pattern(40_000, seed)) for seed in range(50)]
        for sock, data in clients:
            sock.sendall(data)
        for sock, data in clients:
            with sock:
                check(receive_exactly(sock, len(data)) == data, "a client got other bytes")
        server.stop()


def test_a_client_that_resets_disturbs_nobody(context):
    with echo(context, "tcp://127.0.0.1:0") as server:
        patient = server.connect()
        rude = server.connect()
        rude.sendall(b"x")
        check_equal(rude.recv(1), b"x", "echo")
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        rude.close()
        wait_until(lambda: any("closed" in line for line in server.log), "the reset in the log")
        check(any("after 1 bytes: " in line and os.strerror(errno.ECONNRESET) in line for line in server.log),
              f"the reason is not in the log: {server.log}")
        check_round_trip(patient, pattern(1000))
        server.stop()


def test_the_log_names_peer_bytes_and_place(context):
    with echo(context, "tcp://127.0.0.1:0") as server:
        sock = server.connect()
        peer = "{}:{}".format(*sock.getsockname())
        check_round_trip(sock, pattern(1234))
        wait_until(lambda: len(server.log) >= 3, "three lines of log")
        expected = [f"#1 opened  {peer} at {server.urls[0]}", f"#1 closed  {peer} after 1234 bytes"]
        check_equal(server.log[1:], expected, "the log after its heading")
        server.stop()


def test_a_spinning_server_echoes_and_ends_like_any_other(context):
    with echo(context, "tcp://127.0.0.1:0", "--spin", "200") as server:
        with server.connect() as sock:
            for number in range(200):
                sock.sendall(b"%d" % number)
                check_equal(receive_exactly(sock, len(b"%d" % number)), b"%d" % number, "echo")
        server.stop()


def test_quiet_logs_nothing(context):
    with echo(context, "tcp://127.0.0.1:0", "--quiet") as server:
        check_round_trip(server.connect(), pattern(1000))
        server.stop()
        check_equal(server.log, [], "the log")
