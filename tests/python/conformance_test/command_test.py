"""The command over the modules that pretend: what it says, and what its exit code is."""

import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

import samples

from judge import command, interpreters

THIS = interpreters.Interpreter(sys.executable, "3.99.1", "3.99")


class CommandTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_command(self, *arguments, loop="pretending.loops:make_able", found=(THIS,), left_out=()):
        """Exit code, standard output, standard error."""
        output, complaints = io.StringIO(), io.StringIO()
        # The interpreter that runs us need not have CPython's tests.
        with (mock.patch.object(interpreters, "on_path", lambda: (list(found), list(left_out))),
              mock.patch.dict("os.environ"),
              contextlib.redirect_stdout(output), contextlib.redirect_stderr(complaints)):
            command.os.environ.pop(command.PYTHONS, None)
            code = command.main(["--loop", loop, "--package-folder", samples.HERE, "--keep", str(self.folder / "kept"),
                                 *arguments], samples.CATALOGUE)
        return code, output.getvalue(), complaints.getvalue()

    def test_a_loop_that_does_what_the_own_loop_does_is_good(self):
        code, output, _ = self.run_command("--modules", "test_good")
        self.assertEqual(code, 0, output)
        self.assertIn("GOOD  pretending.loops:make_able passes 3 of the 3 tests", output)

    def test_a_listed_test_that_does_otherwise_fails_the_run(self):
        code, output, _ = self.run_command("--modules", "test_worth")
        self.assertEqual(code, 1)
        said = "tied.py has it among those of which each"
        self.assertIn("UNEXPECTED  test_worth.Worth.test_is_listed_and_passes\n"
                      f"    it passed; {said} cannot pass (for a reason)\n", output)
        self.assertIn("UNEXPECTED  test_worth.Worth.test_fails_though_it_is_listed_as_passing\n"
                      f"    it failed; {said} passes nevertheless (for another reason)\n", output)
        self.assertIn("passes 2 of the 2 tests that the own loop of CPython 3.99.1 passes; complaints: 2.", output)

    def test_a_listed_test_that_does_as_the_list_says_is_as_it_should_be(self):
        for part in ("listed_and_fails", "passes_as_listed", "listed_and_asks_for_no_loop"):
            code, output, _ = self.run_command("--modules", "test_worth", "--only", part)
            self.assertEqual(code, 0, output)

    def test_what_the_own_loop_can_and_this_one_cannot_fails_the_run(self):
        code, output, _ = self.run_command("--modules", "test_worth", loop="pretending.loops:Lame")
        self.assertEqual(code, 1)
        failed = output.partition("FAILED  test_worth.Worth.test_sleeps\n")[2]
        self.assertIn("| NotImplementedError: no timers here\n    it looks for a hook\n    again: ", failed)
        self.assertIn("SKIPPED  test_worth.Worth.test_sleeps_unless_it_has_no_timers\n", output)
        self.assertIn("passes 0 of the 2 tests", output)
        # It fails with the own loop too.
        self.assertNotIn("FAILED  test_worth.Worth.test_fails_without_a_loop", output)
        self.assertIn("Not held against pretending.loops:Lame, for the interpreter's own loop does not pass them here "
                      "either:\n  test_worth.Worth.test_fails_without_a_loop\n", output)

    def test_the_command_that_it_names_runs_that_test_alone(self):
        _, output, _ = self.run_command("--modules", "test_worth", loop="pretending.loops:Lame")
        line = next(line for line in output.splitlines()
                    if line.startswith("    again: ") and line.endswith("test_sleeps"))
        self.assertEqual(line.split()[1:], [
            "tests/python/conformance/run", "--python", sys.executable, "--loop", "pretending.loops:Lame",
            "--package-folder", samples.HERE, "--only", "test_worth.Worth.test_sleeps"])
        code, output, said = self.run_command("--only", "test_worth.Worth.test_sleeps", loop="pretending.loops:Lame")
        self.assertEqual(code, 1)
        self.assertNotIn("| ...", output)  # whole tracebacks
        self.assertIn("Traceback", output)
        self.assertNotIn("test_ends", said)  # its module only

    def test_what_is_in_a_part_of_no_name_is_no_success(self):
        code, _, said = self.run_command("--modules", "test_worth", "--only", "no_such_test")
        self.assertEqual(code, 1)
        self.assertIn("no test with 'no_such_test' in its name", said)

    def test_the_own_loop_is_run_once_and_then_known(self):
        own = "asyncio:SelectorEventLoop  test_good:"
        first, second, fresh = (self.run_command("--modules", "test_good", *more) for more in ((), (), ("--fresh",)))
        self.assertEqual([own in said for _, _, said in (first, second, fresh)], [True, False, True])
        for code, output, _ in (first, second, fresh):
            self.assertEqual(code, 0)
            self.assertIn("passes 3 of the 3 tests", output)

    def test_what_is_known_is_narrowed_to_the_tests_that_are_asked_for(self):
        self.run_command("--modules", "test_good")
        code, output, said = self.run_command("--only", "test_good.Good.test_runs")
        self.assertEqual(code, 0)
        self.assertIn("passes 1 of the 1 tests", output)
        self.assertNotIn("asyncio:SelectorEventLoop", said)

    def test_tests_that_were_run_alone_are_not_taken_for_the_whole(self):
        self.run_command("--only", "test_good.Good.test_runs")
        self.assertIn("passes 3 of the 3 tests", self.run_command("--modules", "test_good")[1])

    def test_a_module_in_which_the_own_loop_fails_is_run_again(self):
        for _ in range(2):
            self.assertIn("asyncio:SelectorEventLoop  test_worth:", self.run_command("--modules", "test_worth")[2])

    def test_the_own_loop_has_nothing_to_be_compared_with(self):
        code, output, _ = self.run_command("--modules", "test_worth", loop="asyncio:SelectorEventLoop")
        self.assertEqual(code, 1)
        self.assertIn("FAILED  test_worth.Worth.test_fails_without_a_loop", output)
        self.assertNotIn("UNEXPECTED", output)  # the lists are about others
        self.assertIn("passes 2 tests of CPython 3.99.1; complaints: 1.", output)

    def test_a_loop_that_cannot_be_made_fails_the_run_at_once(self):
        code, output, said = self.run_command(loop="pretending.loops:make_none")
        self.assertEqual((code, output), (1, ""))
        self.assertIn("CPython 3.99.1 makes no pretending.loops:make_none "
                      f"from {samples.HERE}: OSError: no loop today", said)

    def test_without_an_interpreter_the_run_is_skipped_and_says_so(self):
        code, _, said = self.run_command(found=(), left_out=[("/bin/python3.12", "it lacks the package")])
        self.assertEqual(code, 77)
        self.assertIn("left out: /bin/python3.12: it lacks the package", said)

    def test_an_interpreter_that_was_asked_for_and_is_not_there_fails_the_run(self):
        code, _, said = self.run_command("--python", str(self.folder / "python3.12"))
        self.assertEqual(code, 1)
        self.assertIn("cannot be taken", said)

    def test_the_same_is_skipped_where_that_is_wanted_except_where_everything_must_run(self):
        missing = str(self.folder / "python3.12")
        for must_run, expected in (("false", 77), ("true", 1)):
            with mock.patch.dict("os.environ", CI=must_run):
                self.assertEqual(self.run_command("--python", missing, "--or-skip")[0], expected)

    def test_the_file_holds_every_test(self):
        file = self.folder / "all.json"
        self.run_command("--modules", "test_worth", "--json", str(file))
        (page,) = json.loads(file.read_text())
        self.assertEqual((page["python"], page["is_good"], page["matched"]), ("3.99.1", False, 2))
        self.assertEqual(page["tests"]["test_worth.Worth.test_asks_for_no_loop"]["kind"], "vacuous")
        self.assertEqual(len(page["tests"]), 9)

    def test_a_module_that_nobody_knows_is_a_mistake_in_the_command(self):
        with self.assertRaises(SystemExit) as raised:
            self.run_command("--modules", "test_typo")
        self.assertEqual(raised.exception.code, 2)
