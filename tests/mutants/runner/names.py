"""Which tests there are, read from their sources, and how a test program is asked for some."""

import functools
import pathlib
import re

from .patches import Red

TEST = re.compile(r"^(?:TYPED_)?TEST(?:_[PF])?\(\s*(\w+),\s*(\w+)\s*\)", re.MULTILINE)
PYTHON = "python"
PYTHON_TESTS = "tests/python/face"


def exists(red: Red, project: pathlib.Path) -> bool:
    if red.program == PYTHON:
        module, _, name = red.test.partition(".")
        source = project / PYTHON_TESTS / f"{module}.py"
        return source.is_file() and f"def {name}(" in source.read_text()
    suite, _, name = red.test.partition(".")
    tests = tests_of(project / "tests" / red.program.removesuffix("_tests"))
    return (suite, name) in tests or (name == "*" and any(suite == other for other, _ in tests))


@functools.cache
def tests_of(folder: pathlib.Path) -> frozenset[tuple[str, str]]:
    """Suite and name of every test in the sources of a test program."""
    return frozenset(found for source in folder.glob("**/*.cpp") for found in TEST.findall(source.read_text()))


def filter_of(tests: list[str]) -> str:
    """GoogleTest's filter for tests, also for those that run once for each parameter."""
    return ":".join(f"{test}:*/{test}/*" if not test.endswith("*") else f"{test}:*/{test}" for test in tests)
