"""The copy of the sources that is mutated. Only what differs is written, so that only that is built again."""

import contextlib
import pathlib
import shutil
from collections.abc import Iterator

LEFT_OUT = {"build", ".git", "__pycache__"}


def files_of(root: pathlib.Path) -> Iterator[pathlib.Path]:
    """Every file below `root`, by its path from there."""
    for path in sorted(root.iterdir()):
        if path.name in LEFT_OUT:
            continue
        if path.is_dir():
            for inner in files_of(path):
                yield path.name / inner
        else:
            yield pathlib.Path(path.name)


def synchronize(project: pathlib.Path, tree: pathlib.Path) -> None:
    """Makes `tree` what `project` is now, whatever an earlier run has left there."""
    tree.mkdir(parents=True, exist_ok=True)
    wanted = set(files_of(project))
    for path in set(files_of(tree)) - wanted:
        (tree / path).unlink()
    for path in wanted:
        source, copy = project / path, tree / path
        if copy.is_file() and copy.read_bytes() == source.read_bytes():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
        shutil.copymode(source, copy)


@contextlib.contextmanager
def changed(tree: pathlib.Path, contents: dict[str, str]) -> Iterator[None]:
    """While this lasts, these files of `tree` are others."""
    before = {path: (tree / path).read_text() for path in contents}
    try:
        for path, text in contents.items():
            (tree / path).write_text(text)
        yield
    finally:
        for path, text in before.items():
            (tree / path).write_text(text)
