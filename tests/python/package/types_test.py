"""The types: that the stub tells the truth about the native half, and that mypy is content with a program."""

import ast
import asyncio
import importlib.util
import os
import pathlib
import subprocess
import sys
import unittest

import tidegate
from tidegate import _native

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = pathlib.Path(tidegate.__file__).resolve().parent
SECONDS = 300


def public(names):
    return {name for name in names if not name.startswith("_")}


class StubTest(unittest.TestCase):
    def setUp(self):
        tree = ast.parse((PACKAGE / "_native.pyi").read_text(encoding="utf-8"))
        self.classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}

    def test_the_package_says_that_it_is_typed(self):
        self.assertTrue((PACKAGE / "py.typed").exists())

    def test_the_stub_names_what_the_module_has(self):
        self.assertEqual(set(self.classes), public(vars(_native)))

    def test_the_stub_names_the_methods_of_the_loop(self):
        said = {node.name for node in self.classes["NativeLoop"].body if isinstance(node, ast.FunctionDef)}
        self.assertEqual(said, public(vars(_native.NativeLoop)))

    def test_each_class_of_the_stub_derives_from_what_it_says(self):
        for name, node in self.classes.items():
            for base in node.bases:
                with self.subTest(name=name):
                    self.assertTrue(issubclass(getattr(_native, name), getattr(asyncio, base.attr)))


@unittest.skipUnless(importlib.util.find_spec("mypy"), f"mypy not installed for {sys.executable}")
class CheckerTest(unittest.TestCase):
    def check(self, program):
        """What mypy says of a program that uses the package. What it says of the package's own inside is nobody's
        business who uses it."""
        ended = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent",
                                "--cache-dir=/dev/null", "--no-error-summary", f"programs/{program}"], cwd=HERE,
                               env={**os.environ, "MYPYPATH": str(PACKAGE.parent)}, stdin=subprocess.DEVNULL,
                               capture_output=True, text=True, timeout=SECONDS)
        return ended.stdout + ended.stderr

    def test_a_program_with_types_passes_the_strictest_check(self):
        self.assertEqual(self.check("typed.py"), "")

    def test_wrong_arguments_are_found(self):
        said = self.check("mistyped.py").splitlines()
        lines = (HERE / "programs" / "mistyped.py").read_text(encoding="utf-8").splitlines()
        expected = [number for number, line in enumerate(lines, start=1) if line.endswith("# wrong")]
        self.assertEqual([int(line.split(":")[1]) for line in said if ": error:" in line], expected, said)
