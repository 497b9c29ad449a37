"""The command line: measures what a family has, and writes its three files."""

import argparse
import dataclasses
import datetime
import pathlib
import random
import signal
import sys
import tempfile
import time

from . import machine, results, rounds, rows
from .processes import Failure, choose_cores
from .progress import Progress

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = SOURCE / "build" / "bench"

INTERRUPTED = 130


def parse_arguments(family, description):
    parser = argparse.ArgumentParser(description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few rows, few rounds, short windows")
    parser.add_argument("--rows", metavar="PATTERNS",
                        help="only rows with these names, as in 'echo-tcp-*,storm-*'")
    parser.add_argument("--rounds", type=int, metavar="N",
                        help="how often every contestant runs in a row; "
                             f"default: {family.full.rounds}, with --quick {family.quick.rounds}")
    parser.add_argument("--contestants", default="", metavar="NAMES",
                        help="only these, and what they are compared with")
    parser.add_argument("--seed", type=int, help="of the order within rounds; default: another one each time")
    parser.add_argument("--output", type=pathlib.Path, default=BUILD, metavar="FOLDER",
                        help="where the three files go; default: build/bench")
    parser.add_argument("--programs", type=pathlib.Path, default=BUILD / "bench", metavar="FOLDER",
                        help="where the servers and the load generator are; default: build/bench/bench")
    parser.add_argument("--list", action="store_true", help="list rows and contestants, measure nothing")
    parser.add_argument("--again", action="store_true",
                        help="measure nothing; write .md and .svg again from the .json in FOLDER")
    family.add_options(parser)
    arguments = parser.parse_args()
    if arguments.rounds is not None and arguments.rounds < 1:
        parser.error("--rounds must be at least 1")
    try:
        names = [name for name in arguments.contestants.split(",") if name]
        arguments.chosen = family.chosen(names)
        arguments.row_list = rows.matching(family.quick_rows() if arguments.quick else family.full_rows(),
                                           arguments.rows)
    except ValueError as error:
        parser.error(str(error))
    return arguments


def list_all(arguments):
    for row in arguments.row_list:
        print(f"{row.name:24} {row.label}")
    print()
    for contestant in arguments.chosen:
        print(f"{contestant.name:24} {contestant.title}")


def measure(family, arguments, folder):
    windows = family.quick if arguments.quick else family.full
    windows = dataclasses.replace(windows, rounds=arguments.rounds or windows.rounds)
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1_000_000)
    cores = choose_cores()
    bench = family.make_bench(arguments, cores, windows, folder)
    plans = rounds.plan(arguments.row_list, arguments.chosen, windows.rounds, bench.has)
    if not plans:
        raise SystemExit(f"bench: nothing to measure: none of the programs is in {arguments.programs}; "
                         f"build them first ({family.make_target} does)")

    progress = Progress(plans, windows.window_seconds)
    progress.begin(f"seed {seed}, {windows.rounds} rounds")
    missing, rows_left_out = bench.missing(arguments.chosen), bench.rows_left_out(arguments.row_list)
    for name, lacking in {**missing, **rows_left_out}.items():
        progress.left_out(name, lacking)
    begin, quiet, shuffling = time.monotonic(), machine.Quiet(), random.Random(seed)
    try:
        measured = [rounds.measure_row(plan, bench, shuffling, progress) for plan in plans]
    finally:
        progress.clear()
    progress.end()

    settings = {
        "quick": arguments.quick, **dataclasses.asdict(windows), "seed": seed,
        "date": datetime.date.today().isoformat(), "minutes": (time.monotonic() - begin) / 60,
        "cores_are_shared": cores.are_shared, "cores_are_siblings": cores.are_siblings,
        **({"rows_left_out": rows_left_out} if rows_left_out else {}),
    }
    return results.assemble(machine.describe(SOURCE, BUILD, bench.versions()), settings, quiet.seen(), missing,
                            measured, family.contestants, family.targets)


def write_pages(family, outcome, folder):
    (folder / f"{family.name}.md").write_text(family.write_page(outcome), encoding="utf-8")
    (folder / f"{family.name}.svg").write_text(family.write_picture(outcome), encoding="utf-8")


def main(family, description):
    """What the process shall end with."""
    arguments = parse_arguments(family, description)
    if arguments.list:
        list_all(arguments)
        return 0
    json_path = arguments.output / f"{family.name}.json"
    if arguments.again:
        write_pages(family, results.read(json_path), arguments.output)
        return 0
    # Ended politely, we end as on Ctrl-C: with all children.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
            outcome = measure(family, arguments, pathlib.Path(folder))
    except Failure as failure:  # before anything was measured
        raise SystemExit(f"bench: {failure}") from None
    except KeyboardInterrupt:
        print("bench: interrupted; nothing was written", file=sys.stderr)
        return INTERRUPTED
    arguments.output.mkdir(parents=True, exist_ok=True)
    results.write(outcome, json_path)
    write_pages(family, outcome, arguments.output)
    print(f"bench: wrote {json_path.with_suffix('')}.json, .md and .svg", file=sys.stderr)
    return 0
