"""The family of `bench/run-python`: event loops of Python, all of them under the same programs."""

import pathlib

from runner.family import Family, Windows

from . import contestants, picture, report, rows, targets
from .interpreter import Interpreter
from .measure import PythonBench


def add_options(parser):
    parser.add_argument("--python", default="python3", metavar="PROGRAM",
                        help="the interpreter that is measured; default: python3")
    parser.add_argument("--module", type=pathlib.Path, metavar="FOLDER",
                        help="where Tidegate's package for it was built; default: where it is installed")


def make_bench(arguments, cores, windows, folder):
    return PythonBench(Interpreter(arguments.python, arguments.module), arguments.programs, cores,
                       windows.window_seconds, windows.warmup_seconds, folder)


PYTHON = Family(
    name="python-performance",
    make_target="make bench-python-quick",
    contestants=contestants.CONTESTANTS,
    chosen=contestants.chosen,
    full_rows=rows.full_rows,
    quick_rows=rows.quick_rows,
    targets=targets.TARGETS,
    full=Windows(7, 0.4, 0.1),
    quick=Windows(1, 0.25, 0.05),
    add_options=add_options,
    make_bench=make_bench,
    write_page=report.write,
    write_picture=picture.write,
)
