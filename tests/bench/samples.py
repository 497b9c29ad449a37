"""Results as a run would give them, with figures that a test chooses."""

from runner import results, rounds, rows
from runner.contestants import OURS, REFERENCE, REFERENCE_AGAIN

SETTINGS = {"quick": False, "rounds": 3, "window_seconds": 0.4, "warmup_seconds": 0.1, "seed": 7,
            "date": "2026-01-31", "minutes": 2.0, "cores_are_shared": False, "cores_are_siblings": False}
MACHINE = {"processor": {"model": "Example 3000", "cores": 2, "is_virtual": True}, "kernel": "Linux 6.1.0",
           "compiler": {"version": "g++ 12.2.0", "flags": "-O2 -DNDEBUG"}, "libraries": {"libuv": "1.44.2"},
           "commit": "0123456789ab"}
QUIET = {"others_fraction": 0.01, "stolen_fraction": 0.0}


def run(number, contestant, load_bound=False, **figures):
    return {"round": number, "contestant": contestant, "figures": figures, "load_bound": load_bound,
            "raw": {}}


def row(name, figures, metric="cpu_ns", failures=(), load_bound=()):
    """`figures` maps contestants to a value for each round."""
    template = next(each for each in rows.full_rows() if each.name == name)
    runs = [run(number, contestant, contestant in load_bound, **{metric: value})
            for contestant, values in figures.items() for number, value in enumerate(values, start=1)]
    return {**rounds.identity_of(template), "rounds": 3, "runs": runs, "failures": list(failures)}


def echo(name="echo-tcp-50x1024x1", ours=(100, 100, 100), again=(100, 100, 100), **others):
    return row(name, {REFERENCE: (100, 100, 100), REFERENCE_AGAIN: again, OURS: ours, **others})


def outcome(*measured, settings=None, quiet=None, missing=None):
    return results.assemble(MACHINE, {**SETTINGS, **(settings or {})}, {**QUIET, **(quiet or {})},
                            missing or {}, measured)
