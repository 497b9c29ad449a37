"""Who can be the judge, and why others are left out."""

import pathlib
import tempfile
import unittest

from judge import interpreters


class InterpretersTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def pretend(self, name, *, says="", complains="", code=0):
        """A program that says so, whatever it is asked."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / f"{path.name}.says").write_text(says)
        (path.parent / f"{path.name}.complains").write_text(complains)
        path.write_text(f"#!/bin/sh\ncat '{path}.says'\ncat '{path}.complains' >&2\nexit {code}\n")
        path.chmod(0o755)
        return str(path)

    def why_not(self, path):
        with self.assertRaises(interpreters.Unusable) as raised:
            interpreters.ask(path)
        return str(raised.exception)

    def test_its_own_word_counts_for_version_and_place(self):
        path = self.pretend("python3.12", says="cpython\n3.12.1\n3\n12\n/real/python3.12\n")
        self.assertEqual(interpreters.ask(path), interpreters.Interpreter("/real/python3.12", "3.12.1", "3.12"))

    def test_one_without_the_package_of_tests_is_left_out(self):
        for module in ("test", "test.support", "test.test_asyncio"):
            complaint = f"Traceback:\nModuleNotFoundError: No module named '{module}'\n"
            path = self.pretend("python3.12", complains=complaint, code=1)
            self.assertIn("lacks the package of CPython's tests", self.why_not(path))

    def test_a_shim_that_leads_nowhere_is_left_out(self):
        path = self.pretend("python3.12", complains="shim: python3.12: command not found\n", code=127)
        self.assertEqual(self.why_not(path), "it cannot be run: shim: python3.12: command not found")
        self.assertIn("it cannot be run", self.why_not(str(self.folder / "no-such-file")))

    def test_one_that_is_too_old_or_no_cpython_is_left_out(self):
        self.assertIn("3.10.2", self.why_not(self.pretend("python3", says="cpython\n3.10.2\n3\n10\n/p\n")))
        self.assertIn("pypy", self.why_not(self.pretend("python3", says="pypy\n3.11.2\n3\n11\n/p\n")))

    def test_the_first_usable_one_of_each_series_is_taken(self):
        self.pretend("a/python3.12", complains="shim: no\n", code=127)
        self.pretend("b/python3.12", says="cpython\n3.12.9\n3\n12\n/first\n")
        self.pretend("c/python3.12", says="cpython\n3.12.1\n3\n12\n/second\n")
        self.pretend("c/python3.9", says="cpython\n3.9.1\n3\n9\n/old\n")
        self.pretend("c/python3.13", says="cpython\n3.13.0\n3\n13\n/other\n")
        (self.folder / "d").mkdir()
        (self.folder / "d" / "python3.14").write_text("not a program")
        found, left_out = interpreters.on_path([str(self.folder / name) for name in ("a", "b", "c", "d", "missing")])
        self.assertEqual([one.path for one in found], ["/first", "/other"])
        self.assertEqual([path for path, _ in left_out], [str(self.folder / "a" / "python3.12")])
