"""What stands at the two ends of a `tidegate relay` in its tests: something that sends, receives, and names itself.

Each end has `url`, what the command is told; `meet(relay)`, which waits for the relay to be there; and afterwards
`exchange(data)`: sends `data` and then its end, in the background. `received()` waits for the other's end.
"""

import contextlib
import os
import re
import shlex
import socket
import subprocess
import threading

from support import PATIENCE_SECONDS, TestFailure, check, receive_all, wait_until


def in_background(function):
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


def connect(url):
    scheme, place = url.split("://", 1)
    if scheme == "unix":
        sock = socket.socket(socket.AF_UNIX)
        address = "\0" + place[1:] if place.startswith("@") else place
    else:
        sock = socket.socket(socket.AF_INET)
        host, port = place.rsplit(":", 1)
        address = (host, int(port))
    sock.settimeout(PATIENCE_SECONDS)
    sock.connect(address)
    return sock


class Relay:
    """A running `tidegate relay` with pipes at its standard streams, unless told otherwise, and without a terminal that
    commands might ask."""

    def __init__(self, context, *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how):
        self.process = subprocess.Popen([context.program, "relay", *arguments], stdin=stdin, stdout=stdout,
                                        stderr=stderr, start_new_session=True, **how)
        self.log = []
        self._log_reader = in_background(self._read_log) if self.process.stderr else None

    def _read_log(self):
        with self.process.stderr as log:
            for line in log:
                self.log.append(line.decode().rstrip("\n"))

    def listens_at(self):
        line = self.process.stdout.readline().decode()
        match = re.fullmatch(r"listening on (\S+)\n", line)
        check(match, f"{line!r} on standard output, expected 'listening on URL'; the log: {self.log}")
        return match[1]

    def exit_code(self):
        try:
            code = self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            raise TestFailure(f"still running after {PATIENCE_SECONDS} s; the log: {self.log}") from None
        if self._log_reader:
            self._log_reader.join(PATIENCE_SECONDS)
        return code

    def check_exit(self, expected):
        code = self.exit_code()
        check(code == expected, f"exit {code}, expected {expected}; the log: {self.log}")

    def check_said(self, *parts):
        """Of one that has ended; whoever still runs may be about to say it: `wait_for_log`."""
        if self.process.poll() is not None and self._log_reader:
            self._log_reader.join(PATIENCE_SECONDS)
        check(any(all(part in line for part in parts) for line in self.log),
              f"the log: {self.log}, expected a line with {parts}")

    def wait_for_log(self, *parts):
        wait_until(lambda: any(all(part in line for part in parts) for line in self.log) or
                   self.process.poll() is not None, f"{parts} in the log")
        self.check_said(*parts)

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        # The log is closed by whoever reads it: a command that has outlived its relay would hold us up here.


@contextlib.contextmanager
def relay(context, *arguments, **how):
    running = Relay(context, *arguments, **how)
    try:
        yield running
    finally:
        running.end()


# --- Ends --------------------------------------------------------------------------------------------------


class SocketEnd:
    """A connection that the relay makes to us, or that we make to a relay that listens."""

    sends = receives = True

    def __init__(self, context, scheme, listens):
        self._relay_listens = listens
        self._sock = self._server = None
        if listens:
            self.url = f"listen+{scheme}://" + ("127.0.0.1:0" if scheme == "tcp" else context.path())
            return
        if scheme == "tcp":
            self._server = socket.create_server(("127.0.0.1", 0))
            self.url = "tcp://127.0.0.1:%d" % self._server.getsockname()[1]
        else:
            path = context.path()
            self._server = socket.socket(socket.AF_UNIX)
            self._server.bind(path)
            self._server.listen()
            self.url = f"unix://{path}"

    def meet(self, running):
        if self._relay_listens:
            self._sock = connect(running.listens_at())
        else:
            self._server.settimeout(PATIENCE_SECONDS)
            self._sock, _ = self._server.accept()
            self._sock.settimeout(PATIENCE_SECONDS)

    def exchange(self, data):
        def send():
            with contextlib.suppress(ConnectionError):  # then what is received is too short
                self._sock.sendall(data)
                self._sock.shutdown(socket.SHUT_WR)

        in_background(send)
        self._result = []
        self._reader = in_background(lambda: self._result.append(receive_all(self._sock)))

    def received(self):
        self._reader.join(PATIENCE_SECONDS)
        return self._result[0] if self._result else None

    def close(self):
        for sock in (self._sock, self._server):
            if sock:
                sock.close()


class CommandEnd:
    """A command that sends the contents of one file, and writes what it gets to another."""

    sends = receives = True

    def __init__(self, context):
        self._source, self._sink = context.path(), context.path()
        os.mkfifo(self._source)
        # The second redirection leaves standard output to the first cat alone, so that its end is seen.
        self.url = f"exec:cat {shlex.quote(self._source)} & exec >&-; cat > {shlex.quote(self._sink)}; wait"

    def meet(self, running):
        self._relay = running

    def exchange(self, data):
        def send():
            with contextlib.suppress(BrokenPipeError), open(self._source, "wb") as source:
                source.write(data)

        in_background(send)

    def received(self):
        """REQUIRES: the relay has ended the command's input, or itself."""
        size_before = -1

        def is_complete():  # the command ends when it has written all, and takes its folder entry along
            nonlocal size_before
            size = os.path.getsize(self._sink) if os.path.exists(self._sink) else -1
            steady, size_before = size == size_before and size >= self.expected_bytes, size
            return steady

        wait_until(is_complete, f"the command to write {self.expected_bytes} bytes")
        with open(self._sink, "rb") as sink:
            return sink.read()

    def close(self):
        pass


class FifoEnd:
    """A FIFO that we write as FROM, and read as TO."""

    def __init__(self, context, is_from):
        self.sends, self.receives = is_from, not is_from
        self._path = context.path()
        os.mkfifo(self._path)
        self.url = f"fifo://{self._path}"
        self._result = []

    def meet(self, running):
        pass

    def exchange(self, data):
        if self.sends:
            in_background(lambda: self._write(data))
        else:
            self._reader = in_background(self._read)

    def _write(self, data):
        with contextlib.suppress(BrokenPipeError), open(self._path, "wb") as fifo:
            fifo.write(data)

    def _read(self):
        with open(self._path, "rb") as fifo:
            self._result.append(fifo.read())

    def received(self):
        self._reader.join(PATIENCE_SECONDS)
        return self._result[0] if self._result else None

    def close(self):
        pass


class StandardEnd:
    """The standard streams of the relay itself."""

    sends = receives = True
    url = "-"

    def meet(self, running):
        self._process = running.process

    def exchange(self, data):
        def send():
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(data)
                self._process.stdin.close()

        in_background(send)
        self._result = []
        self._reader = in_background(lambda: self._result.append(self._process.stdout.read()))

    def received(self):
        self._reader.join(PATIENCE_SECONDS)
        return self._result[0] if self._result else None

    def close(self):
        pass


def make_end(context, kind, is_from):
    if kind in ("tcp", "unix"):
        return SocketEnd(context, kind, listens=False)
    if kind in ("listen+tcp", "listen+unix"):
        return SocketEnd(context, kind.removeprefix("listen+"), listens=True)
    if kind == "exec":
        return CommandEnd(context)
    if kind == "fifo":
        return FifoEnd(context, is_from)
    return StandardEnd()


def check_received(end, expected, what):
    end.expected_bytes = len(expected)
    received = end.received()
    check(received is not None, f"{what}: no end came")
    check(received == expected, f"{what}: {len(received)} of {len(expected)} bytes, "
                                f"{'a beginning' if expected.startswith(received) else 'and not the same ones'}")
