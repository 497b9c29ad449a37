"""`tidegate relay`: every byte gets to the other end, whatever the two are."""

import contextlib
import os
import re
import signal
import socket
import threading

from relay_peers import check_received, connect, make_end, relay
from support import (
    MEBIBYTE, PATIENCE_SECONDS, check, check_equal, echo, has_io_uring, wait_until)

FROM_KINDS = ["listen+tcp", "listen+unix", "tcp", "unix", "exec", "fifo", "-"]
TO_KINDS = ["tcp", "unix", "exec", "fifo", "-"]


def check_exchange(context, from_kind, to_kind, backend):
    what = f"{from_kind} to {to_kind} on {backend}"
    ends = make_end(context, from_kind, True), make_end(context, to_kind, False)
    out, back = os.urandom(3 * MEBIBYTE), os.urandom(2 * MEBIBYTE + 1)
    with relay(context, ends[0].url, ends[1].url, "--backend", backend) as running:
        try:
            for end, data in zip(ends, (out, back)):
                end.meet(running)
                end.exchange(data)
            if ends[1].receives:
                check_received(ends[1], out if ends[0].sends else b"", f"{what}: out")
            if ends[0].receives:
                check_received(ends[0], back if ends[1].sends else b"", f"{what}: back")
            if from_kind.startswith("listen+"):
                running.process.send_signal(signal.SIGTERM)
            running.check_exit(0)
        finally:
            for end in ends:
                end.close()


def exchange_with_every_to(from_kind, backend):
    def test(context):
        if backend == "io_uring" and not has_io_uring(context):
            return
        for to_kind in TO_KINDS:
            if to_kind == "-" and (from_kind == "-" or from_kind.startswith("listen+")):
                continue
            check_exchange(context, from_kind, to_kind, backend)

    return test


# One test for each, so that a failure names it.
for kind in FROM_KINDS:
    for backend in ("epoll", "io_uring"):
        name = "standard_streams" if kind == "-" else kind.replace("+", "_")
        globals()[f"test_relay_from_{name}_exchanges_every_byte_with_every_end_on_{backend}"] = (
            exchange_with_every_to(kind, backend))


def test_many_connections_each_get_their_own_bytes(context):
    with echo(context, "tcp://127.0.0.1:0") as server, relay(context, "listen+tcp://127.0.0.1:0",
                                                             server.urls[0]) as running:
        url = running.listens_at()
        right = set()

        def exchange(number):
            data = os.urandom(100_000 + number)
            with connect(url) as sock:
                threading.Thread(target=lambda: (sock.sendall(data), sock.shutdown(socket.SHUT_WR))).start()
                received = bytearray()
                while piece := sock.recv(65536):
                    received += piece
            if received == data:
                right.add(number)

        threads = [threading.Thread(target=exchange, args=(number,)) for number in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        check_equal(right, set(range(40)), "connections with the right bytes")
        wait_until(lambda: sum("closed" in line for line in running.log) == 40, "40 ends in the log")
        running.process.send_signal(signal.SIGINT)
        running.check_exit(0)


# --- UDP ---------------------------------------------------------------------------------------------------


def udp_peer():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(PATIENCE_SECONDS)
    sock.bind(("127.0.0.1", 0))
    return sock, "udp://127.0.0.1:%d" % sock.getsockname()[1]


def test_pieces_of_a_stream_become_datagrams_and_answers_become_bytes(context):
    peer, url = udp_peer()
    with peer, relay(context, "-", url, "--udp-timeout", "0.3") as running:
        for number in range(5):
            question = b"question %d" % number
            running.process.stdin.write(question)
            running.process.stdin.flush()
            datagram, address = peer.recvfrom(65536)
            check_equal(datagram, question, "datagram")
            peer.sendto(b"", address)  # nothing, as bytes go
            peer.sendto(b"answer %d" % number, address)
            check_equal(os.read(running.process.stdout.fileno(), 100), b"answer %d" % number, "answer")
        running.process.stdin.close()
        peer.sendto(b"late", address)
        check_equal(running.process.stdout.read(), b"late", "what came before it was silent")
        running.check_exit(0)


def test_a_piece_too_large_for_a_datagram_becomes_several(context):
    peer, url = udp_peer()
    data = os.urandom(200_000)
    path = context.path()
    with open(path, "wb") as file:
        file.write(data)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * MEBIBYTE)
    with peer, open(path, "rb") as file, relay(context, "-", url, "--udp-timeout", "0.1", stdin=file) as running:
        received, sizes = bytearray(), []
        while len(received) < len(data):
            datagram = peer.recv(65536)
            received += datagram
            sizes.append(len(datagram))
        running.check_exit(0)
    check(received == data, "other bytes, or in another order")
    check(max(sizes) <= 65507, f"datagrams of {sizes} bytes")


def test_datagrams_keep_their_boundaries_between_two_udp_ends(context):
    left, left_url = udp_peer()
    right, right_url = udp_peer()
    with left, right, relay(context, left_url, right_url) as running:
        # Where the relay's own ends are, only the system knows.
        from_address = the_one_that_listens_to(left, right, running.process.pid)
        for size_bytes in (0, 1, 1000, 65507):
            data = os.urandom(size_bytes)
            left.sendto(data, from_address)
            check(right.recv(65536) == data, f"a datagram of {size_bytes} bytes became another one")
        running.process.send_signal(signal.SIGINT)
        running.check_exit(130)


def send_and_have_it_read(peer, running, data, times):
    """To the relay's only UDP socket, one datagram after the other: the kernel is not to drop any."""
    wait_until(lambda: len(local_udp_ports(running.process.pid)) == 1, "the UDP socket")
    port = local_udp_ports(running.process.pid)[0]
    for _ in range(times):
        peer.sendto(data, ("127.0.0.1", port))
        wait_until(lambda: unread_udp_bytes(port) == 0, "the datagram to be read")


def test_datagrams_that_nobody_had_room_for_are_named_in_the_end(context):
    peer, url = udp_peer()
    with peer, relay(context, url, "exec:exec sleep 1000", "--buffer", "1K") as running:
        send_and_have_it_read(peer, running, bytes(30_000), 10)  # the pipe takes two or three
        running.process.send_signal(signal.SIGTERM)
        running.check_exit(130)
        check_equal(len(running.log), 1, f"lines in {running.log}")
        check(re.fullmatch(rf"tidegate: {url}: [1-9]\d*0000 bytes dropped, which came while the other end was full",
                           running.log[0]), f"{running.log}")


def test_datagrams_that_nobody_had_room_for_are_named_even_where_connections_are_not_logged(context):
    peer, url = udp_peer()
    with peer, relay(context, f"listen+unix://{context.path()}", url, "--buffer", "1K", "--quiet") as running:
        with connect(running.listens_at()) as client:
            client.sendall(b"hello")
            check_equal(peer.recv(100), b"hello", "datagram")
            send_and_have_it_read(peer, running, bytes(60_000), 30)
        running.wait_for_log(f"tidegate: #1 {url}: ", "0000 bytes dropped, which came while the other end was full")
        check_equal(len(running.log), 1, f"lines in {running.log}")


def local_udp_ports(pid):
    inodes = set()
    for number in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            inodes.add(os.readlink(f"/proc/{pid}/fd/{number}").removeprefix("socket:[").removesuffix("]"))
    with open("/proc/net/udp") as table:
        rows = [line.split() for line in table][1:]
    return [int(row[1].split(":")[1], 16) for row in rows if row[9] in inodes]


def unread_udp_bytes(port):
    with open("/proc/net/udp") as table:
        rows = [line.split() for line in table][1:]
    return next(int(row[4].split(":")[1], 16) for row in rows if int(row[1].split(":")[1], 16) == port)


def the_one_that_listens_to(sender, receiver, pid):
    """Asked again and again: what a process looks names up with is a UDP socket as well, for a moment."""
    receiver.settimeout(0.2)
    found = []

    def answers():
        for port in local_udp_ports(pid):
            sender.sendto(b"who", ("127.0.0.1", port))
            with contextlib.suppress(TimeoutError):
                check_equal(receiver.recv(100), b"who", "datagram")
                found.append(("127.0.0.1", port))
                return True
        return False

    wait_until(answers, "something to come through")
    # Answers that were late.
    with contextlib.suppress(TimeoutError):
        while True:
            check_equal(receiver.recv(100), b"who", "datagram")
    receiver.settimeout(PATIENCE_SECONDS)
    return found[0]
