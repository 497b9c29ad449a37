"""Every program of asyncio's page on transports and protocols prints the same by asyncio.run and by tidegate.run."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = HERE / "programs"
SECONDS = 60

IS_TIDEGATE = os.environ.get("TIDEGATE_LOOP", "tidegate").startswith("tidegate")


class Programs:
    """What they print, whoever runs them."""

    by = None
    backend = None

    def start(self, name, *arguments):
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        if self.backend:
            environment["TIDEGATE_BACKEND"] = self.backend
        # With -X dev, what is left unclosed is a line on standard error, which must stay empty.
        process = subprocess.Popen(
            [sys.executable, "-X", "dev", str(HERE / "launch.py"), self.by, str(PROGRAMS / f"{name}.py"), *arguments],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        process.kill()
        process.communicate(timeout=SECONDS)

    def start_server(self, name, *first_lines):
        """The process, and the port that it says it serves on."""
        server = self.start(name, "0")
        for line in first_lines:
            self.assertEqual(server.stdout.readline(), f"{line}\n")
        said = re.fullmatch(r"Serving on \('127\.0\.0\.1', (\d+)\)\n", server.stdout.readline())
        return server, said[1]

    def interrupt(self, server):
        """Ends it as Ctrl-C does; what it has said meanwhile."""
        server.send_signal(signal.SIGINT)
        output, complaints = server.communicate(timeout=SECONDS)
        self.assertEqual(server.returncode, -signal.SIGINT, complaints)
        self.assertEqual(complaints.splitlines()[-1], "KeyboardInterrupt")
        self.assertNotIn("Warning", complaints)
        return output.splitlines()

    def lines_of(self, name, *arguments):
        process = self.start(name, *arguments)
        output, complaints = process.communicate(timeout=SECONDS)
        self.assertEqual((process.returncode, complaints), (0, ""))
        return output.splitlines()

    def test_tcp_echo_server_and_client(self):
        server, port = self.start_server("tcp_echo_server")
        for _ in range(2):
            self.assertEqual(self.lines_of("tcp_echo_client", port), [
                "Data sent: 'Hello World!'",
                "Data received: 'Hello World!'",
                "The server closed the connection",
            ])
        said = self.interrupt(server)
        for connection in (said[:4], said[4:]):
            self.assertRegex(connection[0], r"^Connection from \('127\.0\.0\.1', \d+\)$")
            self.assertEqual(connection[1:], ["Data received: 'Hello World!'", "Send: 'Hello World!'",
                                              "Close the client socket"])

    def test_udp_echo_server_and_client(self):
        server, port = self.start_server("udp_echo_server", "Starting UDP server")
        for _ in range(2):
            self.assertEqual(self.lines_of("udp_echo_client", port), [
                "Send: Hello World!",
                "Received: Hello World!",
                "Close the socket",
                "Connection closed",
            ])
        said = self.interrupt(server)
        self.assertEqual(len(said), 4)
        for received, sent in (said[:2], said[2:]):
            who = re.fullmatch(r"Received 'Hello World!' from (\('127\.0\.0\.1', \d+\))", received)[1]
            self.assertEqual(sent, f"Send 'Hello World!' to {who}")

    def test_udp_echo_client_without_a_server_is_told_so(self):
        self.assertEqual(self.lines_of("udp_echo_client", "1"), [
            "Send: Hello World!",
            "Error received: [Errno 111] Connection refused",
            "Connection closed",
        ])

    def test_existing_socket(self):
        self.assertEqual(self.lines_of("existing_socket"), ["Received: abc"])

    def test_the_date_of_another_process(self):
        (line,) = self.lines_of("subprocess_date")
        self.assertRegex(line, r"^Current date: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+$")

    def test_underlying_socket(self):
        self.assertEqual(self.lines_of("underlying_socket"), ["TCP_NODELAY: True"])

    def test_every_program_is_run_by_one_of_these(self):
        text = pathlib.Path(__file__).read_text(encoding="utf-8")
        names = sorted(path.stem for path in PROGRAMS.glob("*.py"))
        self.assertEqual(len(names), 7)
        for name in names:
            self.assertIn(f'"{name}"', text)


class AsyncioRun(Programs, unittest.TestCase):
    """Proves these tests."""

    by = "asyncio:run"


@unittest.skipUnless(IS_TIDEGATE, "asyncio's own loop is under test")
class TidegateRunOnEpoll(Programs, unittest.TestCase):
    by = "tidegate:run"
    backend = "epoll"


@unittest.skipUnless(IS_TIDEGATE, "asyncio's own loop is under test")
class TidegateRunOnIoUring(Programs, unittest.TestCase):
    by = "tidegate:run"
    backend = "io_uring"
