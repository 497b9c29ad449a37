"""bench/run-python as a whole, over an interpreter and programs that only pretend."""

import os
import pathlib
import shutil
import tempfile

from command_case import BENCH, CommandCase
from python import contestants

LOOPS = {each.name for each in contestants.CONTESTANTS if each.loop} - {"asyncio_again"}
BARE = {"bare", "bare_again"}


class PythonCommandTest(CommandCase):
    command = BENCH / "run-python"
    written = "python-performance"
    pretended = ("load", "python3", "wrk", "echo_epoll", "datagrams_bare", "tls_memory", "child_writer")

    def arguments(self, *more):
        return super().arguments("--python", str(self.programs / "python3"), *more)

    def environment(self, more):
        # So that wrk is the one that pretends, whatever is installed.
        path = os.pathsep.join([str(self.programs), os.environ["PATH"]])
        return super().environment({"PATH": path, **more})

    def rows(self):
        return {row["name"]: row for row in self.results()["rows"]}

    def called(self):
        return [path.read_text(encoding="utf-8").split() for path in self.pids.iterdir()]

    def test_every_row_is_run_by_every_loop_and_by_bare_c_where_there_is_such(self):
        without = () if shutil.which("openssl") else ("tls-",)
        said = self.run_command("--rows", "echo-*,in-*,storm,udp-*,http-*,call_soon*,threads,spawn-*,pipe"
                                          + ("" if without else ",tls-*"))
        self.assertEqual(said.returncode, 0, said.stderr)
        for name, row in self.rows().items():
            self.assertEqual(row["failures"], [], name)
            is_server = name.startswith(("echo", "in-", "storm", "udp", "tls"))
            expected = LOOPS | (BARE if is_server else {"asyncio_again"})
            self.assertEqual(set(row["summary"]["contestants"]), expected, name)
            self.assertEqual(row["reference"], "bare" if is_server else "asyncio", name)
        self.assertEqual(sorted(path.name for path in self.output.iterdir()),
                         [f"python-performance.{ending}" for ending in ("json", "md", "svg")])
        self.assert_no_child_is_left()

    def test_the_same_program_is_told_its_loop_and_nothing_else_that_differs(self):
        self.run_command("--rows", "echo-protocol-64,call_soon-3")
        for script, words in (("echo_protocol.py", ["echo", "tcp:0"]),
                              ("loop_work.py", ["call_soon", "100000", "--arguments", "3"])):
            told = [call[1:] for call in self.called() if call[0] == script]
            self.assertEqual({tuple(words_told[:-1]) for words_told in told}, {(*words, "--loop")})
            self.assertEqual({words_told[-1] for words_told in told}, LOOPS)

    def test_a_loop_that_cannot_be_imported_is_left_out_aloud_and_targets_against_it_are_not_measured(self):
        said = self.run_command("--rows", "echo-protocol-64,call_soon", PRETEND_WITHOUT="uvloop")
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertIn("left out: uvloop, for want of uvloop (ImportError: none)", said.stderr)
        self.assertIn("uvloop: uvloop (ImportError: none)", self.page())
        self.assertEqual(set(self.rows()["call_soon"]["summary"]["contestants"]), LOOPS - {"uvloop"} | {"asyncio_again"})
        self.assertEqual({target["verdict"] for target in self.results()["targets"]}, {"not measured"})
        self.assertIn("relative to asyncio", (self.output / "python-performance.svg").read_text(encoding="utf-8"))

    def test_without_the_module_the_others_are_measured_and_none_of_ours(self):
        said = self.run_command("--rows", "echo-protocol-64", PRETEND_WITHOUT="tidegate")
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertEqual(set(self.rows()["echo-protocol-64"]["summary"]["contestants"]), BARE | {"asyncio", "uvloop"})

    def test_a_framework_that_cannot_be_imported_takes_its_row_along_aloud(self):
        said = self.run_command("--rows", "http-*", PRETEND_WITHOUT="aiohttp")
        self.assertIn("left out: http-aiohttp, for want of aiohttp (ImportError: none)", said.stderr)
        self.assertIn("row http-aiohttp: aiohttp (ImportError: none)", self.page())
        self.assertEqual(list(self.rows()), ["http-uvicorn"])

    def test_a_loop_that_falls_over_is_named_with_its_last_words_and_the_others_go_on(self):
        said = self.run_command("--rows", "echo-protocol-64", PRETEND_CRASH="uvloop")
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertIn("echo_protocol.py on uvloop was ended by SIGABRT", self.page())
        self.assertIn("tidegate", self.rows()["echo-protocol-64"]["summary"]["contestants"])

    def test_only_some_contestants_are_run_beside_those_they_are_compared_with(self):
        self.run_command("--rows", "echo-protocol-64", "--contestants", "uvloop")
        self.assertEqual(set(self.rows()["echo-protocol-64"]["summary"]["contestants"]), BARE | {"asyncio", "uvloop"})
        refused = self.run_command("--contestants", "libuv")
        self.assertEqual(refused.returncode, 2)
        self.assertIn("unknown contestant libuv", refused.stderr)

    def test_an_interpreter_that_is_too_old_or_is_none_is_refused_with_the_reason(self):
        refused = self.run_command(PRETEND_VERSION="3.10.4")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("is Python 3.10.4; asyncio.Runner came with 3.11", refused.stderr)
        refused = self.run_command("--python", "no-such-python")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("there is no program no-such-python", refused.stderr)
        self.assertFalse(self.output.exists())

    def test_names_no_place_of_this_machine(self):
        self.run_command("--rows", "echo-protocol-64,http-*", PRETEND_CRASH="uvloop", PRETEND_WITHOUT="aiohttp")
        for path in self.output.iterdir():
            text = path.read_text(encoding="utf-8")
            self.assertNotIn(tempfile.gettempdir() + "/", text, path.name)
            self.assertNotIn(str(pathlib.Path(__file__).resolve().parent.parent.parent), text, path.name)

    def test_again_writes_the_same_pages_from_the_json_alone(self):
        self.run_command("--rows", "echo-protocol-64,call_soon")
        before = {path.name: path.read_bytes() for path in self.output.iterdir()}
        for ending in ("md", "svg"):
            (self.output / f"python-performance.{ending}").unlink()
        said = self.run_command("--again")
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertEqual({path.name: path.read_bytes() for path in self.output.iterdir()}, before)
