"""The programs of bench/run-python do what their row asks, on the loop that every Python has."""

import importlib.util
import json
import os
import pathlib
import shutil
import socket
import ssl
import sys
import tempfile
import unittest
import urllib.request

from command_case import BENCH
from python.measure import SCRIPTS
from python.rows import full_rows
from runner import pattern
from runner.certificate import Certificate
from runner.measure import listening_place
from runner.processes import Child, Failure

CORES = os.sched_getaffinity(0)
PATIENCE_SECONDS = 30
BUILT = (BENCH / "CMakeLists.txt").read_text(encoding="utf-8")
MESSAGE = pattern.period() * 30


def program(script, *arguments):
    return Child(sys.executable, "-B", SCRIPTS / script, *arguments, "--loop", "asyncio", cores=CORES, name=script)


def connected(server):
    return socket.create_connection(("127.0.0.1", int(listening_place(server))), timeout=PATIENCE_SECONDS)


def received(connection, size):
    data = bytearray()
    while len(data) < size:
        piece = connection.recv(65536)
        if not piece:
            break
        data += piece
    return bytes(data)


class ServersTest(unittest.TestCase):
    def test_echo_gives_back_what_it_was_given_and_ends_in_order(self):
        for script in ("echo_protocol.py", "echo_buffered.py", "echo_streams.py"):
            with self.subTest(script), program(script, "echo", "tcp:0") as server:
                with connected(server) as connection:
                    connection.sendall(MESSAGE)
                    self.assertEqual(received(connection, len(MESSAGE)), MESSAGE)
                server.stop()

    def test_generate_writes_the_pattern_without_a_gap(self):
        for script in ("echo_protocol.py", "echo_streams.py"):
            with self.subTest(script), program(script, "generate", "tcp:0") as server:
                with connected(server) as connection:
                    size = 200 * pattern.PERIOD_BYTES
                    self.assertEqual(received(connection, size)[:size], pattern.period() * 200)
                server.stop()

    def test_discard_reads_until_the_end_and_then_ends_the_connection(self):
        for script in ("echo_protocol.py", "echo_streams.py"):
            with self.subTest(script), program(script, "discard", "tcp:0") as server:
                with connected(server) as connection:
                    connection.sendall(MESSAGE)
                    connection.shutdown(socket.SHUT_WR)
                    self.assertEqual(connection.recv(1), b"")
                server.stop()

    @unittest.skipUnless(shutil.which("openssl"), "the openssl program is not installed")
    def test_with_a_certificate_they_speak_tls_1_3(self):
        with tempfile.TemporaryDirectory(prefix="tidegate-bench-test-") as folder:
            certificate = Certificate(folder)
            trusting = ssl.create_default_context(cafile=certificate.trusted)
            for script in ("echo_protocol.py", "echo_streams.py"):
                with self.subTest(script), program(script, "echo", "tcp:0", "--certificate",
                                                   certificate.chain) as server:
                    with trusting.wrap_socket(connected(server), server_hostname="localhost") as connection:
                        connection.sendall(MESSAGE)
                        self.assertEqual(received(connection, len(MESSAGE)), MESSAGE)
                        self.assertEqual(connection.version(), "TLSv1.3")
                    server.stop()

    def test_a_datagram_comes_back_to_who_sent_it(self):
        with program("echo_datagrams.py", "echo", "udp:0") as server:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
                peer.settimeout(PATIENCE_SECONDS)
                peer.connect(("127.0.0.1", int(listening_place(server))))
                peer.send(MESSAGE[:1400])
                self.assertEqual(peer.recv(2000), MESSAGE[:1400])
            server.stop()

    def test_a_framework_greets_and_ends_in_order(self):
        for framework in ("aiohttp", "uvicorn"):
            with self.subTest(framework):
                if not importlib.util.find_spec(framework):
                    self.skipTest(f"{framework} is not there for this Python")
                with program(f"http_{framework}.py", "echo", "tcp:0") as server:
                    url = f"http://127.0.0.1:{listening_place(server)}/"
                    with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
                        self.assertEqual(answer.read(), b"Hello, world")
                    server.stop()


class LoopsTest(unittest.TestCase):
    """Over a tidegate that only pretends."""

    pretending = ("import asyncio\n"
                  "class Loop(asyncio.SelectorEventLoop):\n"
                  "    backend_name = 'epoll'\n"
                  "def new_event_loop(backend=None):\n"
                  "    return Loop()\n")

    def work_on(self, loop):
        with tempfile.TemporaryDirectory(prefix="tidegate-bench-test-") as folder:
            pathlib.Path(folder, "tidegate.py").write_text(self.pretending, encoding="utf-8")
            with Child(sys.executable, "-B", SCRIPTS / "loop_work.py", "sleep", "100", "--loop", loop, cores=CORES,
                       environment={"PYTHONPATH": folder}, name="work") as work:
                return json.loads(work.output(PATIENCE_SECONDS))

    def test_a_backend_that_the_kernel_refuses_is_not_measured_under_its_name(self):
        self.assertIn("ns", self.work_on("tidegate"))
        with self.assertRaisesRegex(Failure, "ended with exit code 1: asked for io_uring, got epoll"):
            self.work_on("tidegate_uring")


class WorksTest(unittest.TestCase):
    def figures(self, *arguments):
        with program(*arguments) as work:
            return json.loads(work.output(PATIENCE_SECONDS))

    def test_every_work_of_a_loop_is_done_and_says_what_it_took(self):
        works = [row.loop_arguments for row in full_rows() if row.script == "loop_work.py"]
        self.assertEqual(len(works), 6)
        for work, _, *options in works:
            with self.subTest(work):
                figures = self.figures("loop_work.py", work, "2000", *options)
                self.assertEqual(set(figures), {"ns", "cpu_ns"})
                self.assertGreater(min(figures.values()), 0)

    @unittest.skipUnless(shutil.which("true"), "there is no program named true")
    def test_children_are_started_and_their_output_is_read(self):
        self.assertGreater(self.figures("children.py", "spawn", "3", shutil.which("true"), "--at-a-time", "2")["ns"], 0)
        with tempfile.NamedTemporaryFile("w", prefix="tidegate-bench-test-", suffix=".py", delete=False) as writer:
            self.addCleanup(os.unlink, writer.name)
            writer.write(f"#!{sys.executable} -IS\nimport sys\nsys.stdout.write('x' * int(sys.argv[1]))\n")
        os.chmod(writer.name, 0o755)
        self.assertGreater(self.figures("children.py", "output", "1", writer.name)["cpu_ns"], 0)

    def test_every_row_has_its_program(self):
        for row in full_rows():
            self.assertTrue((SCRIPTS / row.script).exists(), row.name)
            self.assertIn(row.bare_program, BUILT, row.name)
