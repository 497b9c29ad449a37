"""Which CPythons can be the judge: 3.11 or later, with the package of tests."""

import os
import re
import subprocess
from dataclasses import dataclass

OLDEST = (3, 11)
ASKING = ("import platform, sys, test.support, test.test_asyncio\n"
          "print(sys.implementation.name, platform.python_version(), *sys.version_info[:2], sys.executable, sep='\\n')")
SECONDS_TO_ANSWER = 30


@dataclass(frozen=True)
class Interpreter:
    path: str
    version: str  # 3.12.1
    series: str   # 3.12

    @property
    def name(self):
        return f"CPython {self.version}"


class Unusable(Exception):
    """The text says why."""


def ask(path):
    """What the interpreter at `path` says of itself."""
    try:
        answer = subprocess.run([path, "-P", "-c", ASKING], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                timeout=SECONDS_TO_ANSWER, cwd="/")
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unusable(f"it cannot be run: {error}") from None
    if "No module named 'test" in answer.stderr:
        raise Unusable("it lacks the package of CPython's tests (Debian: libpython3.N-testsuite)")
    if answer.returncode != 0:
        raise Unusable("it cannot be run: " + (answer.stderr.strip().splitlines() or ["it says nothing"])[0])
    name, version, major, minor, executable = answer.stdout.splitlines()
    if name != "cpython":
        raise Unusable(f"it is {name}, not CPython")
    if (int(major), int(minor)) < OLDEST:
        raise Unusable(f"it is {version}; asked for is {OLDEST[0]}.{OLDEST[1]} or later")
    # Its own word for where it is: `path` may be a script that chooses one.
    return Interpreter(executable or path, version, f"{major}.{minor}")


def on_path(folders=None):
    """The first usable python3.N for each N, and what was left out: pairs of a path and the reason."""
    usable, left_out = {}, []
    for path in candidates(os.environ.get("PATH", "").split(os.pathsep) if folders is None else folders):
        series = os.path.basename(path).removeprefix("python")
        if series in usable:
            continue
        try:
            found = ask(path)
        except Unusable as error:
            left_out.append((path, str(error)))
        else:
            usable[found.series] = found
    return sorted(usable.values(), key=lambda found: int(found.series.partition(".")[2])), left_out


def candidates(folders):
    """Each python3.N with N from 11 on, once, in the order of the path."""
    seen = set()
    for folder in folders:
        try:
            names = sorted(os.listdir(folder or "."))
        except OSError:
            continue  # a folder of PATH that is not there is nothing unusual
        for name in names:
            match = re.fullmatch(r"python3\.(\d+)", name)
            path = os.path.join(folder, name)
            if match and int(match[1]) >= OLDEST[1] and os.access(path, os.X_OK) and os.path.realpath(path) not in seen:
                seen.add(os.path.realpath(path))
                yield path
