"""Running tests, and what they say of a mutant."""

import dataclasses
import os
import pathlib
import re

from . import processes
from .names import PYTHON, PYTHON_TESTS, filter_of

# A test that is silent for so long hangs.
SILENCE_SECONDS = 60.0
MEMORY_BYTES = 16 * 1024**3
# As the test presets set them.
SANITIZER_OPTIONS = {"ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1",
                     "UBSAN_OPTIONS": "print_stacktrace=1"}

GTEST_LINE = re.compile(r"\[ +(RUN|OK|FAILED|SKIPPED) +\] (\w\S*\.\S+?),?(?: \(\d+ ms\)| where .*)?$")
UNITTEST_LINE = re.compile(r"(?:FAIL|ERROR): (test_\w+) ")


@dataclasses.dataclass
class Verdict:
    """What a program said of the tests that it was asked for."""

    failed: str = ""  # the first that did; empty: none
    how: str = ""     # "" for an ordinary failure, or: "hangs", "crashes"
    passed: int = 0


class Trials:
    def __init__(self, project: pathlib.Path, python: str | None, silence_seconds: float = SILENCE_SECONDS):
        self.project, self.python, self.silence_seconds = project, python, silence_seconds

    def run(self, build: pathlib.Path, program: str, tests: list[str], settings: dict[str, str],
            sanitizer: str = "") -> Verdict:
        """Runs these tests of a program, or all where none is named, up to the first failure."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
        environment |= settings | (SANITIZER_OPTIONS if sanitizer else {})
        if program == PYTHON:
            return self.run_python(build, tests, environment)
        command = [str(build / program), "--gtest_fail_fast", "--gtest_color=no"]
        if tests:
            command.append(f"--gtest_filter={filter_of(tests)}")
        ended = processes.run(command, environment=environment, silence_seconds=self.silence_seconds,
                              memory_bytes=None if sanitizer else MEMORY_BYTES)
        return verdict_of_googletest(ended)

    def run_python(self, build: pathlib.Path, tests: list[str], environment: dict[str, str]) -> Verdict:
        environment = environment | {"PYTHONPATH": str(build / "python")}
        modules = sorted({test.partition(".")[0] for test in tests})
        patterns = [word for test in tests for word in ("-k", test.partition(".")[2])]
        assert self.python is not None
        command = [self.python, str(self.project / PYTHON_TESTS / "run"), "-v", "-f", *modules, *patterns]
        ended = processes.run(command, environment=environment, silence_seconds=self.silence_seconds)
        return verdict_of_unittest(ended)


def verdict_of_googletest(ended: processes.Ended) -> Verdict:
    verdict = Verdict()
    running = ""
    for line in ended.lines:
        found = GTEST_LINE.match(line)
        if found is None:
            continue
        word, test = found[1], found[2]
        running = test if word == "RUN" else ""
        verdict.passed += word == "OK"
        if word == "FAILED" and not verdict.failed:
            verdict.failed = test
    return finished(verdict, ended, running)


def verdict_of_unittest(ended: processes.Ended) -> Verdict:
    verdict = Verdict()
    running = ""
    for line in ended.lines:
        if line.startswith("test_"):
            running = line.partition(" ")[0]
        verdict.passed += line.endswith("... ok")
        if (found := UNITTEST_LINE.match(line)) and not verdict.failed:
            verdict.failed = found[1]
    return finished(verdict, ended, running)


def finished(verdict: Verdict, ended: processes.Ended, running: str) -> Verdict:
    if ended.returncode is None:
        verdict.failed, verdict.how = running or "its end", "hangs"
    elif ended.returncode != 0 and not verdict.failed:
        verdict.failed, verdict.how = running or "its end", "crashes"
    return verdict
