"""The catalogue of the modules that pretend, and a run of one of them."""

import pathlib
import sys

from judge import watch
from judge.catalogue import CREATE_EVENT_LOOP, NEW_LOOP, POLICY, RUNNERS, SET_UP, Catalogue, Suite
from judge.tied import Listed

HERE = str(pathlib.Path(__file__).resolve().parent)

MODULES = {
    "test_ways": [
        Suite.of(CREATE_EVENT_LOOP, "Mixin"), Suite.of(NEW_LOOP, "PlainMixin"),
        Suite.of(SET_UP, "FixedLoop", screened=True), Suite.of(POLICY, "Policy"),
        Suite.of(POLICY, "Isolated"), Suite.of(RUNNERS, "Runners"), Suite.of(POLICY, "NotInThisVersion"),
    ],
    "test_ends": [Suite.of(POLICY)],
    "test_good": [Suite.of(POLICY)],
    "test_worth": [Suite.of(POLICY)],
    "test_broken": [Suite.of(POLICY)],
    "test_elsewhere": [Suite.of(POLICY)],
    "test_of_a_later_version": [Suite.of(POLICY)],
}
LISTED = {
    **{f"test_worth.Worth.test_is_listed_and_{what}": Listed("for a reason", passes=False)
       for what in ("passes", "fails", "asks_for_no_loop")},
    **{f"test_worth.Worth.test_{what}": Listed("for another reason", passes=True)
       for what in ("passes_as_listed", "fails_though_it_is_listed_as_passing")},
}
HOOKS = {"test_worth.Worth.test_sleeps": "a hook"}

CATALOGUE = Catalogue(package="pretending", modules=MODULES, listed=LISTED, hooks=HOOKS, io_modules=("test_ways",),
                      folder=HERE)

# Long for a test that does next to nothing, on a busy machine too; and every hang here costs so much.
PATIENCE = watch.Patience(test=4, listed=4, module=120)


def job(module, loop="pretending.loops:make_able", only=""):
    return {"package": "pretending", "module": module, "suites": MODULES[module], "listed": LISTED, "run_listed": True,
            "loop": loop, "only": only}


def run(module, **changes):
    return watch.run_module(sys.executable, job(module, **changes), [HERE], PATIENCE)


def outcomes(module):
    return {record.test.rpartition(".")[2]: record.outcome for record in module.records}
