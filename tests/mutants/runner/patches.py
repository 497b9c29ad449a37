"""A mutant as it lies in its file: a header that says what is wrong, then a unified diff. No tests, no building.

    fault: what is wrong                                     model: the hazard or clause that it is modelled on
    red: PROGRAM Suite.name_of_a_test                        one line for each test that must turn red; Suite.* is all of it
    red: python module.name_of_a_test                        the same for the Python face
    environment: NAME=value                                  for the tests; may be missing
    sanitizer: address                                       built with it; may be missing

A hunk is put where its lines are, nearest to where the diff says: what moved meanwhile is found, and git is not needed.
"""

import dataclasses
import pathlib
import re


class PatchError(Exception):
    """What is wrong with a patch, or why it does not fit."""


@dataclasses.dataclass(frozen=True)
class Red:
    """A test that is expected to fail."""

    program: str
    test: str


@dataclasses.dataclass(frozen=True)
class Hunk:
    path: str
    line: int  # where the old lines are said to begin, from 0
    old: list[str]
    new: list[str]


@dataclasses.dataclass(frozen=True)
class Mutant:
    number: int
    name: str
    fault: str
    model: str
    reds: list[Red]
    environment: dict[str, str]
    sanitizer: str
    hunks: list[Hunk]

    @property
    def title(self) -> str:
        return f"{self.number:02d} {self.name}"


FILE_NAME = re.compile(r"(\d\d)-([a-z0-9-]+)\.patch")
HEADER_LINE = re.compile(r"(fault|model|red|environment|sanitizer): (.+)")
HUNK_HEAD = re.compile(r"@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@")


def read_all(folder: pathlib.Path) -> list[Mutant]:
    return [read(path) for path in sorted(folder.glob("*.patch"))]


def read(path: pathlib.Path) -> Mutant:
    name = FILE_NAME.fullmatch(path.name)
    if name is None:
        raise PatchError(f"{path.name}: expected a name like 07-what-is-wrong.patch")
    try:
        return parse(int(name[1]), name[2], path.read_text())
    except PatchError as error:
        raise PatchError(f"{path.name}: {error}") from None


def parse(number: int, name: str, text: str) -> Mutant:
    header, separator, diff = text.partition("\n\n")
    if not separator:
        raise PatchError("no empty line behind the header")
    fields: dict[str, list[str]] = {}
    for line in re.sub(r"\n +", " ", header).splitlines():  # an indented line goes on with the one before
        field = HEADER_LINE.fullmatch(line)
        if field is None:
            raise PatchError(f"not a line of a header: {line!r}")
        fields.setdefault(field[1], []).append(field[2])
    for required in ("fault", "model", "red"):
        if required not in fields:
            raise PatchError(f"the header does not say `{required}:`")
    for single in ("fault", "model", "sanitizer"):
        if len(fields.get(single, [])) > 1:
            raise PatchError(f"the header says `{single}:` twice")
    return Mutant(
        number, name, fields["fault"][0], fields["model"][0],
        [parse_red(value) for value in fields["red"]],
        dict(parse_setting(value) for value in fields.get("environment", [])),
        fields.get("sanitizer", [""])[0], parse_hunks(diff))


def parse_red(value: str) -> Red:
    words = value.split()
    if len(words) != 2 or "." not in words[1]:
        raise PatchError(f"expected `red: PROGRAM Suite.name`, not {value!r}")
    return Red(*words)


def parse_setting(value: str) -> tuple[str, str]:
    name, separator, setting = value.partition("=")
    if not separator:
        raise PatchError(f"expected `environment: NAME=value`, not {value!r}")
    return name, setting


def parse_hunks(diff: str) -> list[Hunk]:
    hunks: list[Hunk] = []
    path = ""
    for line in diff.splitlines():
        if line.startswith("--- "):
            continue
        if line.startswith("+++ b/"):
            path = line.removeprefix("+++ b/")
        elif head := HUNK_HEAD.match(line):
            if not path:
                raise PatchError("a hunk without a file")
            hunks.append(Hunk(path, int(head[1]) - 1, [], []))
        elif hunks and line[:1] in (" ", "-", "+"):
            if line[0] != "+":
                hunks[-1].old.append(line[1:])
            if line[0] != "-":
                hunks[-1].new.append(line[1:])
        else:
            raise PatchError(f"not a line of a unified diff: {line!r}")
    if not hunks:
        raise PatchError("there is no hunk")
    return hunks


def apply(mutant: Mutant, tree: pathlib.Path) -> dict[str, str]:
    """The files of `tree` that the mutant changes, as they become; nothing is written. Throws PatchError."""
    changed: dict[str, list[str]] = {}
    for hunk in mutant.hunks:
        if hunk.path not in changed:
            if not (tree / hunk.path).is_file():
                raise PatchError(f"there is no {hunk.path}")
            changed[hunk.path] = (tree / hunk.path).read_text().splitlines()
        lines = changed[hunk.path]
        size = len(hunk.old)
        places = [at for at in range(len(lines) - size + 1) if lines[at : at + size] == hunk.old]
        if not places:
            raise PatchError(f"{hunk.path} does not hold the lines of the hunk at line {hunk.line + 1} (any more)")
        at = min(places, key=lambda place: abs(place - hunk.line))
        lines[at : at + size] = hunk.new
    return {path: "\n".join(lines) + "\n" for path, lines in changed.items()}
