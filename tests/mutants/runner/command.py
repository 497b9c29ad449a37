"""The command: which mutants, one after the other, and what became of them."""

import argparse
import collections
import os
import pathlib
import signal
import sys
import time

from . import names, patches, tree
from .building import BuildError, Builds, find_python
from .patches import Mutant, PatchError
from .trials import Trials

HERE = pathlib.Path(__file__).resolve().parent.parent
PROJECT = HERE.parent.parent
FOLDER = PROJECT / "build" / "mutants"
INTERRUPTED = 130
# 57 of 60 must be caught.
CAUGHT_OF_60 = 57

CAUGHT, SURVIVED, UNTRIED, BROKEN = "caught", "SURVIVED", "untried", "BROKEN"


def main(description: str) -> int:
    options = parse_options(description)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    try:
        mutants = patches.read_all(HERE)
        if options.check:
            return check(mutants)
        mutants = chosen(mutants, options.wishes)
        if options.list:
            for mutant in mutants:
                print(f"{mutant.title:45} {mutant.fault}")
            return 0
        return run(mutants, options)
    except (PatchError, BuildError) as error:
        print(f"mutants: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nmutants: interrupted", file=sys.stderr)
        return INTERRUPTED


def parse_options(description: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tests/mutants/run", description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wishes", nargs="*", metavar="NUMBER|NAME", help="only these; a part of a name is enough")
    parser.add_argument("--list", action="store_true", help="say which there are")
    parser.add_argument("--check", action="store_true", help="see that every patch applies, and build nothing")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many compilers at once")
    parser.add_argument("--python", default="", help="the interpreter for the Python face; none: without it")
    return parser.parse_args()


def chosen(mutants: list[Mutant], wishes: list[str]) -> list[Mutant]:
    for wish in wishes:
        if not any(is_meant(mutant, wish) for mutant in mutants):
            raise PatchError(f"there is no mutant {wish!r}; --list says which there are")
    return [mutant for mutant in mutants if not wishes or any(is_meant(mutant, wish) for wish in wishes)]


def is_meant(mutant: Mutant, wish: str) -> bool:
    return mutant.number == int(wish) if wish.isdigit() else wish in mutant.title.replace(" ", "-")


# --- without building --------------------------------------------------------------------------------------


def check(mutants: list[Mutant]) -> int:
    complaints = [f"{mutant.title}: {complaint}" for mutant in mutants for complaint in complaints_of(mutant)]
    if [mutant.number for mutant in mutants] != list(range(1, len(mutants) + 1)):
        complaints.append("the numbers of the patches are not 01, 02, 03 ...")
    for complaint in complaints:
        print(f"mutants: {complaint}", file=sys.stderr)
    if not complaints:
        print(f"mutants: {len(mutants)} patches apply and name tests that exist")
    return 1 if complaints else 0


def complaints_of(mutant: Mutant) -> list[str]:
    complaints = [f"there is no test {red.test} for {red.program}" for red in mutant.reds
                  if not names.exists(red, PROJECT)]
    try:
        patches.apply(mutant, PROJECT)
    except PatchError as error:
        complaints.append(str(error))
    return complaints


# --- with building -----------------------------------------------------------------------------------------


class Workshop:
    """Builds and tries mutants in the copy."""

    def __init__(self, options: argparse.Namespace):
        python = find_python(PROJECT, options.python)
        self.tree = FOLDER / "tree"
        self.builds = Builds(self.tree, FOLDER, options.jobs, python)
        self.trials = Trials(PROJECT, python)

    def begin(self, mutants: list[Mutant]) -> None:
        """Builds what is tested, without any fault, and sees that all the tests that are to fail pass."""
        tree.synchronize(PROJECT, self.tree)
        programs = collections.defaultdict(set)
        tests = collections.defaultdict(set)
        for mutant in mutants:
            for red in mutant.reds:
                programs[mutant.sanitizer].add(red.program)
                tests[mutant.sanitizer, red.program, tuple(mutant.environment.items())].add(red.test)
        for sanitizer, needed in programs.items():
            print(f"building {', '.join(sorted(needed))} {f'with the {sanitizer} sanitizer ' if sanitizer else ''}"
                  "without any fault", flush=True)
            self.builds.build(sanitizer, sorted(needed))
        for (sanitizer, program, environment), wanted in tests.items():
            verdict = self.trials.run(self.builds.place_of(sanitizer), program, sorted(wanted), dict(environment),
                                      sanitizer)
            if verdict.failed:
                raise BuildError(f"{verdict.failed} fails without any fault: there is nothing to be learnt from it")

    def try_out(self, mutant: Mutant) -> tuple[str, str]:
        """What became of it, and more of that in words."""
        try:
            contents = patches.apply(mutant, self.tree)
        except PatchError as error:
            return BROKEN, f"does not apply: {error}"
        with tree.changed(self.tree, contents):
            try:
                self.builds.build(mutant.sanitizer, sorted({red.program for red in mutant.reds}))
            except BuildError as error:
                return BROKEN, f"does not build:\n{error}"
            return self.run_tests(mutant)

    def run_tests(self, mutant: Mutant) -> tuple[str, str]:
        tests = collections.defaultdict(list)
        for red in mutant.reds:
            tests[red.program].append(red.test)
        passed = 0
        # The named ones first; then whatever else there is.
        for wanted in (tests, {program: [] for program in tests}):
            for program, named in wanted.items():
                verdict = self.trials.run(self.builds.place_of(mutant.sanitizer), program, named,
                                          mutant.environment, mutant.sanitizer)
                if verdict.failed:
                    also = "" if named else ", and not by the tests that it names"
                    return CAUGHT, f"by {verdict.failed}{f', which {verdict.how}' if verdict.how else ''}{also}"
                passed += verdict.passed if named else 0
            if passed == 0:
                return UNTRIED, ": its tests are skipped here"
        return SURVIVED, ""


def run(mutants: list[Mutant], options: argparse.Namespace) -> int:
    workshop = Workshop(options)
    if options.python == "none":
        mutants = [mutant for mutant in mutants if all(red.program != names.PYTHON for red in mutant.reds)]
    workshop.begin(mutants)
    counts: collections.Counter[str] = collections.Counter()
    begin = time.monotonic()
    for place, mutant in enumerate(mutants, 1):
        began = time.monotonic()
        outcome, words = workshop.try_out(mutant)
        counts[outcome] += 1
        left = (time.monotonic() - begin) / place * (len(mutants) - place)
        print(f"{place:3}/{len(mutants)}  {mutant.title}: {outcome} {words} ({time.monotonic() - began:.0f} s)"
              f"{f', {left / 60:.0f} min left' if place < len(mutants) else ''}", flush=True)
    tried = len(mutants) - counts[UNTRIED]
    print(f"{counts[CAUGHT]} of {tried} mutants are caught"
          + "".join(f", {counts[outcome]} {outcome}" for outcome in (SURVIVED, BROKEN, UNTRIED) if counts[outcome])
          + f", in {(time.monotonic() - begin) / 60:.0f} min")
    return 0 if counts[BROKEN] == 0 and counts[CAUGHT] * 60 >= tried * CAUGHT_OF_60 else 1
