"""What the rooms share: whether a framework is here, and a server of it as a process of its own."""

import contextlib
import http.client
import importlib.metadata
import importlib.util
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

import tidegate

SECONDS = 60  # what takes longer hangs
PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"
PACKAGE_FOLDER = pathlib.Path(tidegate.__file__).resolve().parent.parent


def needs(*modules):
    """A class of tests that is skipped where one of `modules` is not installed; not where CI=true."""
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    is_here = not missing or os.environ.get("CI") == "true"
    reason = (f"{' and '.join(missing)} not installed for {sys.executable}; "
              "scripts/install-deps --peers installs what Debian has")
    return unittest.skipUnless(is_here, reason)


def version_of(distribution):
    try:
        return tuple(int(part) for part in importlib.metadata.version(distribution).split(".")[:2])
    except importlib.metadata.PackageNotFoundError:
        return (0, 0)


@contextlib.contextmanager
def serving(*command):
    """Runs `python command` with a listening socket, whose number takes the place of "{fd}". Yields the socket's
    address. Afterwards the server is told to end, and has to do so in order and without complaint."""
    with socket.create_server(("127.0.0.1", 0)) as listener, tempfile.TemporaryFile("w+") as told:
        command = [argument.format(fd=listener.fileno()) for argument in command]
        server = subprocess.Popen([sys.executable, "-X", "dev", "-B", *command], pass_fds=[listener.fileno()],
                                  cwd=PROGRAMS, env={**os.environ, "PYTHONPATH": str(PACKAGE_FOLDER)},
                                  stdin=subprocess.DEVNULL, stdout=told, stderr=told)
        address = listener.getsockname()
        listener.close()  # so that nobody waits for a server that could not start
        try:
            yield address
            server.send_signal(signal.SIGINT)
            server.wait(SECONDS)
        finally:
            if server.poll() is None:
                server.kill()
                server.wait()
            told.seek(0)
            words = told.read()
        if server.returncode not in (0, -signal.SIGINT) or "Traceback" in words or "ResourceWarning" in words:
            raise AssertionError(f"the server ended with {server.returncode}:\n{words}")


class Client(http.client.HTTPConnection):
    """One connection, kept over several requests."""

    def __init__(self, address):
        super().__init__(*address[:2], timeout=SECONDS)
        self.ports = set()

    def ask(self, method, path, body=None):
        """The status and the body of the answer."""
        self.request(method, path, body)
        self.ports.add(self.sock.getsockname())
        with self.getresponse() as answer:
            return answer.status, answer.read()


class ServesAsItShould:
    """What is asked of every server, whoever wrote it. A test class says what `self.server()` is."""

    def test_it_answers_on_our_loop_and_ends_when_it_is_told(self):
        with self.server() as address, contextlib.closing(Client(address)) as client:
            self.assertEqual(client.ask("GET", "/loop"), (200, b"tidegate"))

    def test_many_requests_share_a_connection(self):
        with self.server() as address, contextlib.closing(Client(address)) as client:
            for number in range(50):
                sent = b"%d" % number
                self.assertEqual(client.ask("POST", "/echo", sent), (200, sent))
            self.assertEqual(len(client.ports), 1)

    def test_a_large_body_comes_back_as_it_was_sent(self):
        sent = os.urandom(4 << 20)
        with self.server() as address, contextlib.closing(Client(address)) as client:
            self.assertEqual(client.ask("POST", "/echo", sent), (200, sent))

    def test_what_is_produced_bit_by_bit_arrives_whole(self):
        with self.server() as address, contextlib.closing(Client(address)) as client:
            expected = b"".join(b"%d\n" % number for number in range(1000))
            self.assertEqual(client.ask("GET", "/count"), (200, expected))
