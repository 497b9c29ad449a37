"""What the rooms share: the loop under test, connected pairs, and protocols that note what they are told."""

import asyncio
import atexit
import contextlib
import functools
import importlib
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

SPEC = os.environ.get("TIDEGATE_LOOP", "tidegate:new_event_loop")
IS_TIDEGATE = SPEC.startswith("tidegate")
IS_SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")
SECONDS = 60  # what takes longer hangs


def better_than_asyncio(since, reason):
    """A test of what we promise, and asyncio's own loop did only before version `since`."""
    return unittest.skipIf(not IS_TIDEGATE and sys.version_info >= since, f"asyncio's own loop {reason}")


def new_loop():
    module, _, attribute = SPEC.partition(":")
    return getattr(importlib.import_module(module), attribute)()


def on_loop(test):
    """Makes a test of a coroutine function: it runs on the loop of its LoopTest."""

    @functools.wraps(test)
    def run(self):
        return self.complete(test(self))

    return run


class LoopTest(unittest.TestCase):
    """A loop for each test, and what its exception handler was told."""

    def setUp(self):
        self.loop = new_loop()
        self.addCleanup(self.loop.close)
        self.told = []
        self.loop.set_exception_handler(lambda loop, context: self.told.append(context))
        asyncio.set_event_loop(None)

    def complete(self, awaitable):
        return self.loop.run_until_complete(asyncio.wait_for(awaitable, SECONDS))

    def turn(self, times=1):
        """So many iterations of the loop, at least."""
        for _ in range(times):
            self.loop.call_soon(self.loop.stop)
            self.loop.run_forever()

    def assert_nagles_algorithm_is_off(self, *sides):
        for side in sides:
            found = side.transport.get_extra_info("socket")
            self.assertNotEqual(found.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), 0)

    @contextlib.asynccontextmanager
    async def tcp_pair(self, ours=None, theirs=None, *, serving=None, **connecting):
        """A connected pair over TCP: the protocols of both sides, `ours` being the client's. Closed in the end.
        `serving` and `connecting`: more arguments for either side."""
        ours, theirs = ours or Notes(), theirs or Notes()
        server = await self.loop.create_server(lambda: theirs, "127.0.0.1", 0, **(serving or {}))
        await self.loop.create_connection(lambda: ours, *server.sockets[0].getsockname(), **connecting)
        await theirs.until(lambda: theirs.transport)
        server.close()
        try:
            yield ours, theirs
        finally:
            for side in (ours, theirs):
                if not side.is_lost:
                    side.transport.abort()
                await side.until(lambda side=side: side.is_lost)

    @contextlib.asynccontextmanager
    async def socket_pair(self, ours):
        """A protocol over one end of a socket pair; the other end, as it is."""
        near, far = socket.socketpair()
        with far:
            far.setblocking(False)
            await self.loop.create_connection(lambda: ours, sock=near)
            try:
                yield far
            finally:
                if not ours.is_lost:
                    ours.transport.abort()
                await ours.until(lambda: ours.is_lost)


class Watched:
    """Somebody may wait for something to have happened: `changed` is called after each event."""

    def __init__(self):
        self._waiters = []

    def changed(self):
        for condition, waiter in list(self._waiters):
            if condition() and not waiter.done():
                waiter.set_result(None)

    async def until(self, condition):
        if condition():
            return
        entry = (condition, asyncio.get_running_loop().create_future())
        self._waiters.append(entry)
        try:
            await entry[1]
        finally:
            self._waiters.remove(entry)


class Notes(Watched, asyncio.Protocol):
    """Notes the events of a stream."""

    def __init__(self):
        super().__init__()
        self.transport = None
        self.received = bytearray()
        self.events = []
        self.is_lost = False
        self.reason = None

    def note(self, event):
        self.events.append(event)
        self.changed()

    def connection_made(self, transport):
        self.transport = transport
        self.note("made")

    def data_received(self, data):
        self.received += data
        self.note("data")

    def eof_received(self):
        self.note("eof")

    def pause_writing(self):
        self.note("pause")

    def resume_writing(self):
        self.note("resume")

    def connection_lost(self, exc):
        self.is_lost, self.reason = True, exc
        self.note("lost")


class BufferedNotes(Watched, asyncio.BufferedProtocol):
    """Has its bytes put into a buffer of its own."""

    def __init__(self, size=1 << 16):
        super().__init__()
        self.transport = None
        self.buffer = bytearray(size)
        self.counts = []
        self.received = bytearray()
        self.is_lost = False

    def connection_made(self, transport):
        self.transport = transport
        self.changed()

    def get_buffer(self, sizehint):
        return self.buffer

    def buffer_updated(self, nbytes):
        self.counts.append(nbytes)
        self.received += self.buffer[:nbytes]
        self.changed()

    def connection_lost(self, exc):
        self.is_lost = True
        self.changed()


class DatagramNotes(Watched, asyncio.DatagramProtocol):
    """Notes the events of a datagram endpoint."""

    def __init__(self):
        super().__init__()
        self.transport = None
        self.received = []
        self.errors = []
        self.is_lost = False

    def connection_made(self, transport):
        self.transport = transport
        self.changed()

    def datagram_received(self, data, addr):
        self.received.append((data, addr))
        self.changed()

    def error_received(self, exc):
        self.errors.append(exc)
        self.changed()

    def connection_lost(self, exc):
        self.is_lost = True
        self.changed()


class ChildNotes(Watched, asyncio.SubprocessProtocol):
    """Notes the events of a child process."""

    def __init__(self):
        super().__init__()
        self.transport = None
        self.output = bytearray()
        self.has_exited = False
        self.is_lost = False

    def connection_made(self, transport):
        self.transport = transport
        self.changed()

    def pipe_data_received(self, fd, data):
        self.output += data
        self.changed()

    def process_exited(self):
        self.has_exited = True
        self.changed()

    def connection_lost(self, exc):
        self.is_lost = True
        self.changed()


@functools.cache
def certificate():
    """A file with a certificate that vouches for itself, and its key."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    both = os.path.join(folder, "both.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", both, "-out", both + ".crt"], check=True, capture_output=True)
    with open(both, "a") as file, open(both + ".crt") as crt:
        file.write(crt.read())
    return both


def server_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate())
    return context


def client_context(kind=ssl.SSLContext):
    context = kind(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificate())
    return context


def run_python(code, *, expected=0):
    """A program of its own, with `new_loop` at hand: what it prints. For what would end or fork the tests' process."""
    folder = os.path.dirname(os.path.abspath(__file__))
    path = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
    ended = subprocess.run([sys.executable, "-X", "faulthandler", "-c", "from support import new_loop\n" + code],
                           env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)
    if ended.returncode != expected:
        raise AssertionError(f"exit code {ended.returncode}, expected {expected}:\n{ended.stdout}{ended.stderr}")
    return ended.stdout
