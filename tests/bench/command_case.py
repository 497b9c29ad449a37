"""What a test of a whole command stands on: a folder of programs that only pretend, and what the command wrote."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BENCH = HERE.parent.parent / "bench"
PATIENCE_SECONDS = 60


class CommandCase(unittest.TestCase):
    """`command`, `written` and `pretended` are for a test to say."""

    command = BENCH / "run"
    written = "performance"  # the name of its three files
    pretended = ()  # the names of programs

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tidegate-bench-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.programs = self.folder / "programs"
        self.output = self.folder / "output"
        self.pids = self.folder / "pids"
        self.programs.mkdir()
        self.pids.mkdir()
        # Without what Python usually loads when it starts: there are hundreds of these.
        source = f"#!{sys.executable} -IS\n" + (HERE / "pretending_program.py").read_text(encoding="utf-8")
        for name in self.pretended:
            (self.programs / name).write_text(source, encoding="utf-8")
            (self.programs / name).chmod(0o755)

    def arguments(self, *more):
        return [sys.executable, str(self.command), "--quick", "--rounds", "1", "--seed", "1",
                "--programs", str(self.programs), "--output", str(self.output), *more]

    def environment(self, more):
        return {**os.environ, "PRETEND_PIDS": str(self.pids), **more}

    def run_command(self, *more, **environment):
        return subprocess.run(self.arguments(*more), capture_output=True, text=True, timeout=PATIENCE_SECONDS,
                              env=self.environment(environment), check=False)

    def results(self):
        return json.loads((self.output / f"{self.written}.json").read_text(encoding="utf-8"))

    def page(self):
        return (self.output / f"{self.written}.md").read_text(encoding="utf-8")

    def assert_no_child_is_left(self):
        left = [path.name for path in self.pids.iterdir() if pathlib.Path("/proc", path.name).exists()]
        self.assertEqual(left, [])
