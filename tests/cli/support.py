"""What the tests of the command share: starting it, talking to it, and saying what is wrong."""

import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import re
import signal
import socket
import struct
import subprocess
import termios
import threading
import time

PATIENCE_SECONDS = 30
MEBIBYTE = 1024 * 1024
SIOCOUTQ = termios.TIOCOUTQ  # bytes that the peer of a Unix socket has not read yet

USAGE_ERROR = 2
FAILURE = 1


class TestFailure(Exception):
    """What was expected, and what was there instead."""


class TestSkipped(Exception):
    """What is missing here, without which there is nothing to test."""


def check(condition, text):
    if not condition:
        raise TestFailure(text)


def check_equal(actual, expected, what):
    check(actual == expected, f"{what}: {actual!r}, expected {expected!r}")


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        check(time.monotonic() < deadline, f"waited {PATIENCE_SECONDS} s in vain: {what}")
        time.sleep(0.002)


def pattern(size_bytes, seed=1):
    """Bytes in which every position is recognisable: a run of numbers, never aligned with any buffer."""
    count = size_bytes // 8 + 1
    first = seed * 1_000_003
    return struct.pack(f">{count}Q", *range(first, first + count))[:size_bytes]


# --- The command -------------------------------------------------------------------------------------------


class Listening:
    """A running command that prints the URLs at which it listens, and what it has said so far."""

    def __init__(self, program, command, *arguments, sockets=1, preexec_fn=None):
        self.process = subprocess.Popen([program, command, *arguments], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, preexec_fn=preexec_fn)
        self.output, self.log = [], []
        self.readers = [self._read_in_background(self.process.stdout, self.output),
                        self._read_in_background(self.process.stderr, self.log)]
        wait_until(lambda: len(self.output) >= sockets or self.process.poll() is not None, "the list of URLs")
        matches = [re.fullmatch(r"listening on (\S+)", line) for line in self.output]
        check(len(matches) == sockets and all(matches),
              f"output {self.output}, expected {sockets} times 'listening on URL'; the log: {self.log}")
        self.urls = [match[1] for match in matches]

    @staticmethod
    def _read_in_background(stream, lines):
        def read():
            for line in stream:
                lines.append(line.rstrip("\n"))

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        return reader

    def _join_readers(self):
        for reader in self.readers:
            reader.join(PATIENCE_SECONDS)

    def connect(self, url=None, receive_buffer_bytes=None):
        scheme, place = (url or self.urls[0]).split("://", 1)
        if scheme == "unix":
            sock = socket.socket(socket.AF_UNIX)
            address = "\0" + place[1:] if place.startswith("@") else place
        else:
            host, port = place.rsplit(":", 1)
            host = host.strip("[]")
            sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
            address = (host, int(port))
        if receive_buffer_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        sock.settimeout(PATIENCE_SECONDS)
        sock.connect(address)
        return sock

    def send_signal(self, number):
        self.process.send_signal(number)

    def exit_code(self):
        try:
            code = self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            raise TestFailure(f"still running after {PATIENCE_SECONDS} s; the log: {self.log}") from None
        self._join_readers()
        return code

    def stop(self, number=signal.SIGTERM):
        self.send_signal(number)
        check_equal(self.exit_code(), 0, "exit code")
        check_equal(len(self.output), len(self.urls), "number of lines on standard output")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._join_readers()
        self.process.stdout.close()
        self.process.stderr.close()


@contextlib.contextmanager
def listening(context, command, *arguments, sockets=1, preexec_fn=None):
    server = Listening(context.program, command, *arguments, sockets=sockets, preexec_fn=preexec_fn)
    try:
        yield server
    finally:
        server.kill()


def echo(context, *arguments, **how):
    return listening(context, "echo", *arguments, **how)


def run(context, *arguments, environment=None, preexec_fn=None):
    return subprocess.run([context.program, *arguments], capture_output=True, text=True,
                          timeout=2 * PATIENCE_SECONDS, env={**os.environ, **(environment or {})},
                          preexec_fn=preexec_fn)


# --- Backends ----------------------------------------------------------------------------------------------

KERNEL_REFUSES = "io_uring was asked for, and the kernel refuses it"


def has_io_uring(context):
    """Whether this machine lets programs use io_uring: it is the program that finds out."""
    with echo(context, "tcp://127.0.0.1:0", "--backend", "io_uring") as server:
        server.stop()
    return server.log[0].endswith("backend io_uring")


def refuse_io_uring():
    """For preexec_fn: from now on io_uring_setup(2) fails with EPERM, as it does in many containers."""
    load_call, if_equal, give_back = 0x20, 0x15, 0x06  # BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET
    allow, refuse = 0x7FFF0000, 0x00050000 | errno.EPERM  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO
    io_uring_setup = 425  # on every architecture that came after it
    steps = [(load_call, 0, 0, 0), (if_equal, 0, 1, io_uring_setup), (give_back, 0, 0, refuse), (give_back, 0, 0, allow)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = struct.pack("@HP", len(steps), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    set_no_new_privileges, set_seccomp, filter_mode = 38, 22, 2
    for call in ((set_no_new_privileges, 1, 0, 0, 0), (set_seccomp, filter_mode, program, 0, 0)):
        if libc.prctl(*call) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


def is_sanitized(context):
    """Whether the program was built with a sanitizer; some of their checks need descriptors of their own."""
    with open(context.program, "rb") as program, mmap.mmap(program.fileno(), 0, access=mmap.ACCESS_READ) as text:
        return any(text.find(name) != -1 for name in (b"__asan_init", b"__tsan_init"))


def allowance(context, size):
    """A sanitizer keeps what was let go of for a while, to notice who uses it still; of many MiB that is little."""
    return size + (32 * MEBIBYTE if is_sanitized(context) else 0)


CLEARED = b"\r\x1b[K"  # back to the first column, and clear the line


def read_terminal(screen):
    """All that a program shows until it ends."""
    shown = bytearray()
    try:
        while piece := screen.read(4096):
            shown += piece
    except OSError as error:
        check_equal(error.errno, errno.EIO, "error")  # the way in which a terminal without a program ends
    return bytes(shown)


def check_error(result, code, *parts):
    said = f"exit {result.returncode}, standard error: {result.stderr!r}"
    check(result.returncode == code, f"{said}; expected exit {code}")
    check(result.stdout == "", f"standard output: {result.stdout!r}, expected nothing")
    for part in parts:
        check(part in result.stderr, f"{said}; expected {part!r} in it")


# --- Clients -----------------------------------------------------------------------------------------------


def receive_all(sock, piece_bytes=65536, after_each=lambda received_bytes: None):
    received = bytearray()
    while piece := sock.recv(piece_bytes):
        received += piece
        after_each(len(received))
    return bytes(received)


def receive_exactly(sock, size_bytes):
    """What MSG_WAITALL promises, on a socket with a deadline too: the kernel never waits there, so the flag
    returns what happens to have arrived."""
    received = bytearray()
    while len(received) < size_bytes and (piece := sock.recv(size_bytes - len(received))):
        received += piece
    return bytes(received)


def send_in_background(sock, data):
    """Sends, then half-closes; returns the thread."""

    def send():
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    return sender


def check_round_trip(sock, data, **receiving):
    with sock:
        sender = send_in_background(sock, data)
        received = receive_all(sock, **receiving)
        sender.join(PATIENCE_SECONDS)
    check(received == data, f"{len(received)} of {len(data)} bytes came back, "
                            f"{'a beginning' if data.startswith(received) else 'and not the same ones'}")


def unread_by_peer(sock):
    return struct.unpack("i", fcntl.ioctl(sock, SIOCOUTQ, b"\0\0\0\0"))[0]


def send_until_stuck(sock, data):
    """Sends until the peer has taken nothing for a while, or `data` ends; returns how much was taken."""
    sock.setblocking(False)
    sent, stuck_since = 0, time.monotonic()

    def is_stuck():
        nonlocal sent, stuck_since
        try:
            while sent < len(data):
                sent += sock.send(data[sent:sent + 65536])
                stuck_since = time.monotonic()
        except BlockingIOError:
            pass
        return sent == len(data) or time.monotonic() - stuck_since > 0.25

    wait_until(is_stuck, "the peer to take no more")
    return sent


def can_bind_ipv6(host="::1"):
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind((host, 0))
        return True
    except OSError:
        return False
