"""Where it was measured: what is said of the machine, and what is not."""

import os
import pathlib
import tempfile
import unittest
from unittest import mock

from runner import machine


class MachineTest(unittest.TestCase):
    def test_a_kernel_is_a_version_without_what_its_builder_added(self):
        for release, said in (("6.1.0-18-amd64", "Linux 6.1.0-18"), ("6.8.12", "Linux 6.8.12"),
                              ("6.6.0-somebody-v7", "Linux 6.6.0")):
            with mock.patch("platform.release", return_value=release):
                self.assertEqual(machine.kernel(), said)

    def test_compiler_and_flags_are_those_of_the_build(self):
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder, "compiler")
            program.write_text("#!/bin/sh\necho that compiler 7\necho and its licence\n", encoding="utf-8")
            program.chmod(0o755)
            pathlib.Path(folder, "CMakeCache.txt").write_text(
                f"CMAKE_CXX_COMPILER:FILEPATH={program}\nCMAKE_BUILD_TYPE:STRING=Release\n"
                "CMAKE_CXX_FLAGS_RELEASE:STRING=-O2 -DNDEBUG\n", encoding="utf-8")
            self.assertEqual(machine.compiler(pathlib.Path(folder)),
                             {"version": "that compiler 7", "flags": "-O2 -DNDEBUG"})

    def test_what_is_not_there_is_unknown_and_no_error(self):
        nowhere = pathlib.Path("/nowhere")
        self.assertEqual(machine.compiler(nowhere)["flags"], "unknown")
        self.assertEqual(machine.said_by("no-such-program"), "")

    def test_our_own_work_does_not_count_as_that_of_others(self):
        seconds = [(1.0, 10.0, 0.0, 100.0), (9.0, 20.0, 4.0 * os.cpu_count(), 110.0)]
        with mock.patch.object(machine.Quiet, "_seconds", side_effect=seconds):
            # Within 10 s, all programs used 10 s of processor time, 8 of which were ours.
            self.assertEqual(machine.Quiet().seen(), {"others_fraction": 0.2, "stolen_fraction": 0.4})
