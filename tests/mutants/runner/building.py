"""The builds of the copy: plain, quick to compile, with assertions; and one for each sanitizer that is asked for."""

import os
import pathlib
import subprocess

from . import processes
from .names import PYTHON

# The flags of the `asan` preset; otherwise what compiles and links fastest.
PLAIN_FLAGS = "-O0"
SANITIZED_FLAGS = "-O1 -g1"


class BuildError(Exception):
    """What the compiler says."""


class Builds:
    def __init__(self, tree: pathlib.Path, folder: pathlib.Path, jobs: int, python: str | None):
        self.tree, self.folder, self.jobs, self.python = tree, folder, jobs, python

    def place_of(self, sanitizer: str) -> pathlib.Path:
        return self.folder / f"build{sanitizer and '-' + sanitizer}"

    def configure(self, sanitizer: str) -> None:
        place = self.place_of(sanitizer)
        if (place / "build.ninja").is_file():
            return  # it sees by itself what has changed
        flags = SANITIZED_FLAGS if sanitizer else PLAIN_FLAGS
        self.run([
            "cmake", "-S", str(self.tree), "-B", str(place), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
            f"-DCMAKE_CXX_FLAGS_DEBUG={flags}", f"-DTIDEGATE_SANITIZE={f'{sanitizer},undefined' if sanitizer else ''}",
            f"-DTIDEGATE_BUILD_PYTHON={'ON' if self.python else 'OFF'}", f"-DTIDEGATE_PYTHON={self.python or ''}",
            "-DTIDEGATE_WERROR=OFF", "-DTIDEGATE_BUILD_CLI=OFF", "-DTIDEGATE_BUILD_EXAMPLES=OFF",
            "-DTIDEGATE_INSTALL=OFF"])

    def build(self, sanitizer: str, programs: list[str]) -> None:
        """Throws BuildError."""
        self.configure(sanitizer)
        targets = ["tidegate_python_package" if program == PYTHON else program for program in programs]
        self.run(["cmake", "--build", str(self.place_of(sanitizer)), f"-j{self.jobs}", "--target", *targets])

    @staticmethod
    def run(command: list[str]) -> None:
        ended = processes.run(command, environment=dict(os.environ), silence_seconds=None)
        if ended.returncode != 0:
            raise BuildError("\n".join(ended.lines[-30:]))


def find_python(project: pathlib.Path, wish: str) -> str | None:
    """The interpreter for the module; none where it is not wanted. Throws BuildError."""
    if wish == "none":
        return None
    found = subprocess.run([project / "scripts" / "find-python", wish], capture_output=True, text=True, check=False)
    if found.returncode != 0:
        raise BuildError(found.stderr.strip())
    return found.stdout.strip()
