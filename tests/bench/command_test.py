"""bench/run as a whole, over programs that only pretend."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from command_case import PATIENCE_SECONDS, CommandCase
from runner.contestants import CONTESTANTS


class CommandTest(CommandCase):
    pretended = sorted({"load"} | {name for each in CONTESTANTS for name in each.programs})

    def test_writes_all_three_files_and_leaves_no_process(self):
        said = self.run_command("--rounds", "2", "--rows", "echo-tcp-50x64x1,storm-tcp,idle,timers,spin")
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertEqual(sorted(path.name for path in self.output.iterdir()),
                         ["performance.json", "performance.md", "performance.svg"])
        rows = {row["name"]: row for row in self.results()["rows"]}
        self.assertEqual(list(rows), ["echo-tcp-50x64x1", "storm-tcp", "spin", "idle", "timers"])
        self.assertTrue(all(not row["failures"] for row in rows.values()), said.stderr)
        everybody = [each for each in CONTESTANTS if each.server and not each.only_in]
        self.assertEqual(len(rows["echo-tcp-50x64x1"]["runs"]), 2 * len(everybody))
        self.assertEqual(rows["echo-tcp-50x64x1"]["runs"][0]["figures"]["cpu_ns"], 1000.0)
        self.assert_no_child_is_left()

    def test_names_no_place_of_this_machine(self):
        self.run_command("--rows", "echo-unix-*,in-tcp", PRETEND_CRASH="echo_libuv")
        for path in self.output.iterdir():
            text = path.read_text(encoding="utf-8")
            self.assertNotIn(tempfile.gettempdir() + "/", text, path.name)
            # As a word: there are machines with very short names.
            self.assertNotRegex(text.replace("localhost", ""), rf"\b{re.escape(os.uname().nodename)}\b",
                                path.name)

    def test_a_contestant_that_crashes_is_named_and_the_others_go_on(self):
        said = self.run_command("--rows", "echo-unix-*", PRETEND_CRASH="echo_libuv")
        self.assertEqual(said.returncode, 0, said.stderr)
        expected = "echo_libuv was ended by SIGABRT instead of getting ready: echo_libuv: no memory left"
        self.assertIn(expected, said.stderr)
        self.assertIn(expected, self.page())
        row = self.results()["rows"][0]
        self.assertNotIn("libuv", row["summary"]["contestants"])
        self.assertIn("libevent", row["summary"]["contestants"])

    def test_each_of_ours_is_told_its_backend_as_a_server_and_as_a_loop(self):
        said = self.run_command("--rows", "echo-unix-*,call_soon")
        self.assertEqual(said.returncode, 0, said.stderr)
        called = [path.read_text(encoding="ascii").split() for path in self.pids.iterdir()]
        for program in ("echo_tidegate", "loop_tidegate"):
            backends = sorted(words[-2:] for words in called if words[0] == program)
            self.assertEqual(backends, [["--backend", "epoll"], ["--backend", "io_uring"]])

    def test_a_program_that_was_not_built_is_left_out_and_said_to_be(self):
        for name in ("echo_asio", "relay_socat"):
            (self.programs / name).unlink()
        said = self.run_command("--rows", "echo-unix-*,relay-tcp")
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertIn("left out, as a whole or in part: socat (`relay_socat`), socat again (`relay_socat`), "
                      "socat, 128 KiB (`relay_socat`) and Asio (`echo_asio`).", self.page())
        self.assertEqual(set(self.results()["rows"][1]["summary"]["contestants"]), {"tidegate", "tidegate_uring"})
        self.assertRegex(self.page(), r"\| Relay, TCP to TCP: CPU per byte, against socat.*\*\*not measured\*\*")

    def test_datagrams_children_and_relays_take_part_with_a_reference_of_their_own(self):
        said = self.run_command("--rows", "udp-*,train-*,spawn,output-*,relay-tcp")
        self.assertEqual(said.returncode, 0, said.stderr)
        rows = {row["name"]: row for row in self.results()["rows"]}
        self.assertTrue(all(not row["failures"] for row in rows.values()), said.stderr)
        for name, takers in (("udp-1x512x64", {"mmsg", "sendto", "trains", "libuv", "libuv_try", "asio"}),
                             ("train-512x64x4", {"mmsg", "sendto", "trains", "libuv", "libuv_try", "asio"}),
                             ("spawn", {"posix", "libuv", "asyncio", "tidegate_thread"}),
                             ("output-same-core", {"posix", "libuv", "asyncio"}),
                             ("relay-tcp", {"socat", "socat_best"})):
            summary = rows[name]["summary"]
            reference = takers & {"mmsg", "posix", "socat"}
            twin = {f"{each}_again" for each in reference}
            self.assertEqual(set(summary["contestants"]), takers | twin | {"tidegate", "tidegate_uring"}, name)
            self.assertEqual(set(summary["noise"].values()), {0.0}, name)
        self.assertIn("No datagram was lost.", self.page())
        self.assert_no_child_is_left()

    @unittest.skipUnless(shutil.which("openssl"), "the openssl program is not installed")
    def test_with_tls_every_server_is_told_one_certificate_and_every_load_whom_to_trust(self):
        said = self.run_command("--rows", "tls-echo-*,tls-in,handshake-*,tls-idle")
        self.assertEqual(said.returncode, 0, said.stderr)
        for row in self.results()["rows"]:
            self.assertEqual(row["failures"], [], row["name"])
            self.assertEqual(set(row["summary"]["contestants"]),
                             {"openssl", "openssl_again", "openssl_socket", "openssl_keeps", "asio", "tidegate",
                              "tidegate_uring"}, row["name"])
        called = [path.read_text(encoding="ascii").split() for path in self.pids.iterdir()]
        told = {words[words.index("--tls" if words[0] == "load" else "--certificate") + 1] for words in called}
        self.assertEqual(sorted(pathlib.Path(path).name for path in told),
                         ["certificate-and-key.pem", "certificate.pem"])
        sessions = {words[words.index("--sessions") + 1] for words in called if "--sessions" in words}
        self.assertEqual(sessions, {"new", "resumed"})
        self.assertNotIn("certificate", "".join(str(row) for row in self.results()["rows"]))

    def test_every_server_of_files_is_told_one_file_and_streams_take_part_beside_callbacks(self):
        said = self.run_command("--rows", "file-*,streams-*")
        self.assertEqual(said.returncode, 0, said.stderr)
        rows = {row["name"]: row for row in self.results()["rows"]}
        self.assertTrue(all(not row["failures"] for row in rows.values()), said.stderr)
        self.assertEqual(set(rows["file-64MiB"]["summary"]["contestants"]),
                         {"sendfile", "sendfile_again", "tidegate", "tidegate_uring"})
        self.assertEqual(set(rows["streams-50x1024"]["summary"]["contestants"]),
                         {"epoll", "epoll_again", "asio", "asio_coroutines", "tidegate", "tidegate_uring",
                          "tidegate_streams", "tidegate_streams_uring"})
        called = [path.read_text(encoding="ascii").split() for path in self.pids.iterdir()]
        files = [words[words.index("--file") + 1] for words in called if words[0].startswith("file_")]
        self.assertEqual((len(files), len(set(files))), (4, 1))

    def test_a_relay_is_told_where_to_and_asked_by_the_kernel_where_from(self):
        self.run_command("--rows", "relay-tcp")
        called = [path.read_text(encoding="ascii").split() for path in self.pids.iterdir()]
        ours = [words for words in called if words[0] == "relay_tidegate"]
        self.assertEqual(sorted(words[1:] for words in ours),
                         [["relay", "listen+tcp://127.0.0.1:0", "tcp://127.0.0.1:4711", "--backend", backend]
                          for backend in ("epoll", "io_uring")])
        loads = [words[2] for words in called if words[0] == "load"]
        self.assertEqual(len(loads), 5)
        self.assertNotIn("tcp:4711", loads)  # that is where relays go to, and not where they listen

    def test_a_relay_that_does_not_know_its_arguments_is_named(self):
        said = self.run_command("--rows", "relay-tcp", PRETEND_CRASH="relay_tidegate")
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertIn("relay_tidegate was ended by SIGABRT before it was asked to", self.page())

    def test_without_any_program_it_says_what_to_do(self):
        for path in self.programs.iterdir():
            path.unlink()
        said = self.run_command()
        self.assertEqual(said.returncode, 1)
        self.assertIn("nothing to measure", said.stderr)

    def test_interrupted_it_ends_its_children_and_writes_nothing(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            command = subprocess.Popen(self.arguments("--rows", "echo-*"), stderr=subprocess.PIPE, text=True,
                                       env=self.environment({"PRETEND_HANG": "load"}))
            with command:
                deadline = time.monotonic() + PATIENCE_SECONDS
                while len(list(self.pids.iterdir())) < 2:  # a server and its load
                    self.assertLess(time.monotonic(), deadline, "no child came")
                    time.sleep(0.01)
                command.send_signal(number)
                _, said = command.communicate(timeout=PATIENCE_SECONDS)
            self.assertEqual(command.returncode, 130, said)
            self.assertIn("interrupted; nothing was written", said)
            self.assertFalse(self.output.exists())
            self.assert_no_child_is_left()
            for path in self.pids.iterdir():
                path.unlink()

    def test_again_writes_the_same_pages_from_the_json_alone(self):
        self.run_command("--rows", "echo-unix-*,timers")
        before = {path.name: path.read_bytes() for path in self.output.iterdir()}
        for name in ("performance.md", "performance.svg"):
            (self.output / name).unlink()
        said = subprocess.run([sys.executable, str(self.command), "--again", "--output", str(self.output)],
                              capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertEqual({path.name: path.read_bytes() for path in self.output.iterdir()}, before)

    def test_the_order_within_rounds_follows_from_the_seed(self):
        orders = []
        for seed in ("1", "1", "2"):
            self.run_command("--rows", "echo-unix-*", "--seed", seed)
            orders.append([run["contestant"] for run in self.results()["rows"][0]["runs"]])
        self.assertEqual(orders[0], orders[1])
        self.assertNotEqual(orders[0], orders[2])

    def test_wrong_arguments_are_refused_with_what_there_is(self):
        for more, said in ((["--rows", "nonsense"], "no row matches nonsense"),
                           (["--contestants", "nobody"], "unknown contestant nobody"),
                           (["--rounds", "0"], "--rounds must be at least 1")):
            refused = self.run_command(*more)
            self.assertEqual(refused.returncode, 2)
            self.assertIn(said, refused.stderr)
