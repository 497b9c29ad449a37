"""The command line: chooses interpreters, modules and the loop; its exit code says whether all is as it must be."""

import argparse
import json
import os
import pathlib
import sys

from judge import interpreters, report, watch
from judge.baseline import OWN_LOOP
from judge.catalogue import CPYTHON
from judge.course import Course

GOOD, BAD, USAGE_ERROR, NOTHING_TO_DO = 0, 1, 2, 77  # ctest takes 77 for "skipped"

SOURCE = pathlib.Path(__file__).resolve().parents[4]
PYTHONS = "TIDEGATE_PYTHONS"

DESCRIPTION = f"""\
Runs CPython's own tests of asyncio on an event loop, beside the interpreter's own loop, and fails if the loop does not
pass what that one passes.

Without --python it takes those that the environment variable {PYTHONS} names (like PATH, with colons), or else each
python3.11 and later on PATH that ships test.test_asyncio.
"""


def parse(arguments, catalogue):
    parser = argparse.ArgumentParser(prog="tests/python/conformance/run", description=DESCRIPTION,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", metavar="PYTHON", default=[],
                        help="an interpreter; may be repeated")
    parser.add_argument("--loop", default="tidegate:new_event_loop", metavar="MODULE:ATTR",
                        help=f"makes the loop when called; default: %(default)s; {OWN_LOOP} is the interpreter's own")
    parser.add_argument("--modules", default="all", metavar="all|io|NAMES",
                        help="all, those that move bytes, or some: test_events,test_ssl")
    parser.add_argument("--only", default="", metavar="PART",
                        help="tests whose name has this part; shows whole tracebacks")
    parser.add_argument("--package-folder", metavar="PATTERN",
                        help="where the loop's package is, as in build/release/python-{version}; "
                             "{version} is 3.12 and such")
    parser.add_argument("--jobs", type=int, default=2, metavar="N",
                        help="modules at the same time; default: %(default)s")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="all of it, for another program")
    parser.add_argument("--keep", default=str(SOURCE / "build" / "conformance"), metavar="FOLDER",
                        help="where the results of the own loop are kept; default: build/conformance")
    parser.add_argument("--fresh", action="store_true", help="run the own loop again, whatever is kept")
    parser.add_argument("--or-skip", action="store_true",
                        help=f"with no interpreter left, exit with {NOTHING_TO_DO} even if one was asked for; "
                             "not where CI=true")
    parser.add_argument("--list-interpreters", action="store_true",
                        help="write path and version of each, one a line, and run nothing")
    parser.add_argument("--seconds", type=float, default=watch.Patience().test, metavar="S",
                        help="a test that takes longer hangs; default: %(default)s")
    chosen = parser.parse_args(arguments)
    chosen.names = {"all": list(catalogue.modules), "io": list(catalogue.io_modules)}.get(chosen.modules)
    if chosen.names is None:
        chosen.names = chosen.modules.split(",")
        unknown = [name for name in chosen.names if name not in catalogue.modules]
        if unknown:
            parser.error(f"no such module: {', '.join(unknown)} (known: {', '.join(catalogue.modules)})")
    # A whole name begins with its module.
    if chosen.only.partition(".")[0] in chosen.names:
        chosen.names = [chosen.only.partition(".")[0]]
    if chosen.jobs < 1:
        parser.error("--jobs must be at least 1")
    return chosen


def choose_interpreters(chosen):
    """Those to be run, and whether one that was asked for by name is missing."""
    asked_for = chosen.python or [path for path in os.environ.get(PYTHONS, "").split(os.pathsep) if path]
    if not asked_for:
        usable, left_out = interpreters.on_path()
        for path, why in left_out:
            tell(f"left out: {path}: {why}")
        return usable, False
    usable, is_missing = [], False
    for path in asked_for:
        try:
            usable.append(interpreters.ask(path))
        except interpreters.Unusable as error:
            tell(f"cannot be taken: {path}: {error}")
            is_missing = True
    return usable, is_missing


def tell(line):
    print(line, file=sys.stderr, flush=True)


def main(arguments=None, catalogue=CPYTHON):
    chosen = parse(arguments, catalogue)
    usable, is_missing = choose_interpreters(chosen)
    if chosen.list_interpreters:
        for interpreter in usable:
            print(interpreter.path, interpreter.series)
        return BAD if is_missing else GOOD
    if chosen.or_skip and os.environ.get("CI") != "true":
        is_missing = False
    if not usable and not is_missing:
        tell("conformance: no CPython here ships test.test_asyncio, so NOTHING was run")
        return NOTHING_TO_DO

    pages, all_good = [], not is_missing
    for interpreter in usable:
        folder = package_folder(chosen.package_folder, interpreter)
        why_not = watch.try_import(interpreter.path, chosen.loop, [folder] if folder else [])
        if why_not:
            where = f" from {folder}" if folder else ""
            tell(f"conformance: {interpreter.name} makes no {chosen.loop}{where}: {why_not}")
            all_good = False
            continue
        course = Course(catalogue, chosen.loop, chosen.names, chosen.only, chosen.jobs, patience(chosen),
                        None if chosen.fresh else chosen.keep,
                        lambda loop, module: tell(report.progress(interpreter, loop, module)))
        modules, verdict = course.run(interpreter, folder)
        print(report.page(interpreter, chosen.loop, verdict, again(chosen, interpreter), bool(chosen.only)), flush=True)
        pages.append(report.as_json(interpreter, chosen.loop, modules, verdict))
        if chosen.only and not any(module.records for module in modules.values()):
            tell(f"conformance: {interpreter.name} has no test with {chosen.only!r} in its name")
            all_good = False
        all_good = all_good and verdict.is_good
    if chosen.json:
        chosen.json.write_text(json.dumps(pages, indent=1) + "\n", encoding="utf-8")
    return GOOD if all_good else BAD


def patience(chosen):
    return watch.Patience(test=chosen.seconds, listed=min(chosen.seconds, watch.Patience().listed))


def package_folder(pattern, interpreter):
    return os.path.abspath(pattern.replace("{version}", interpreter.series)) if pattern else None


def again(chosen, interpreter):
    """The words of a command that does the same with this interpreter."""
    words = ["tests/python/conformance/run", "--python", interpreter.path]
    if chosen.loop != "tidegate:new_event_loop":
        words += ["--loop", chosen.loop]
    if chosen.package_folder:
        words += ["--package-folder", chosen.package_folder]
    return words
