"""What one run is about as a whole: who is compared, by what, and how it is told. `bench/run` has one family, and
`bench/run-python` another."""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Windows:
    """How often and how long is measured."""

    rounds: int
    window_seconds: float
    warmup_seconds: float


@dataclasses.dataclass(frozen=True)
class Family:
    name: str  # of the three files
    make_target: str  # what builds what is missing, and measures quickly
    contestants: tuple
    chosen: Callable  # the contestants of some names, with those that they need; raises ValueError
    full_rows: Callable
    quick_rows: Callable
    targets: tuple
    full: Windows
    quick: Windows
    add_options: Callable  # to the parser of the command line
    make_bench: Callable  # of the command line, Cores, Windows and a folder: the Bench; raises Failure
    write_page: Callable  # of the results: the text of .md
    write_picture: Callable  # of the results: the text of .svg
