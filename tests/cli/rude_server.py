"""Servers that do what they should not, for clients that have to notice."""

import contextlib
import socket
import struct
import threading
import time

from support import PATIENCE_SECONDS, check


class RudeServer:
    """Listens on the loopback interface and leaves each connection, and its number, to `behave`."""

    def __init__(self, behave):
        self._behave = behave
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = "tcp://127.0.0.1:{}".format(self._listener.getsockname()[1])
        self.connections = 0
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return  # closed: nobody is expected any more
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(sock, self.connections), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock, number):
        sock.settimeout(PATIENCE_SECONDS)
        with sock, contextlib.suppress(OSError):  # the client may go first
            self._behave(sock, number)

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
            check(not thread.is_alive(), "a connection of the server does not end")


@contextlib.contextmanager
def rude_server(behave):
    server = RudeServer(behave)
    try:
        yield server
    finally:
        server.stop()


# --- Behaviours --------------------------------------------------------------------------------------------


def echo_with(change):
    """An echo that sends back what `change(piece, offset)` makes of each piece."""

    def behave(sock, _):
        offset = 0
        while piece := sock.recv(65536):
            sock.sendall(change(piece, offset))
            offset += len(piece)

    return behave


def flip_byte_at(offset, mask):
    def change(piece, piece_offset):
        changed = bytearray(piece)
        if piece_offset <= offset < piece_offset + len(piece):
            changed[offset - piece_offset] ^= mask
        return changed

    return echo_with(change)


def echo_slowly(delay_seconds):
    def change(piece, _):
        time.sleep(delay_seconds)
        return piece

    return echo_with(change)


def echo_then(end, size_bytes):
    """An echo of the first bytes; then `end(sock)`."""

    def behave(sock, _):
        left = size_bytes
        while left > 0 and (piece := sock.recv(left)):
            sock.sendall(piece)
            left -= len(piece)
        end(sock)

    return behave


def half_close(sock):
    """Closes in the orderly way: what the client still sends is taken, so that it causes no reset."""
    sock.shutdown(socket.SHUT_WR)
    swallow(sock)


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def swallow(sock, _=None):
    """Never answers."""
    while sock.recv(65536):
        pass
