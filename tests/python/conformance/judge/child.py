"""Runs one module's tests and says how each one ended. A process of its own, which may hang or crash: see watch.py.

    python -m judge.child JOB DESCRIPTOR

JOB is a JSON text, as watch.py writes it. To the descriptor goes one line of JSON for each event:

    begin    a test begins, with its number; whether it is listed
    end      it has ended: outcome, the last of its traceback, loops made, seconds
    absent   this interpreter lacks the module
    finished all that was to be done is done
"""

import faulthandler
import importlib
import json
import os
import signal
import sys
import time
import traceback
import unittest
import warnings

from judge import binding, catalogue

DETAIL_LENGTH = 6000

PASSED, SKIPPED, FAILED, LEFT_OUT = "passed", "skipped", "failed", "left out"


class Witness(unittest.TestResult):
    """Remembers the worst that it was told about one test."""

    ORDER = (PASSED, SKIPPED, FAILED)

    def begin(self):
        self.outcome, self.details = PASSED, []

    def note(self, outcome, detail):
        if self.ORDER.index(outcome) >= self.ORDER.index(self.outcome):
            if outcome != self.outcome:
                self.details = []
            self.outcome = outcome
            self.details.append(detail)

    def addError(self, test, error):
        self.note(FAILED, self._exc_info_to_string(error, test))

    addFailure = addError

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.note(FAILED, f"{subtest}\n{self._exc_info_to_string(error, test)}")

    def addSkip(self, test, reason):
        self.note(SKIPPED, reason)

    def addUnexpectedSuccess(self, test):
        self.note(FAILED, "the test says of itself that it fails, and it does not")

    # What passes or fails as the test itself expects is a pass: nothing to note.
    def addSuccess(self, test):
        pass

    def addExpectedFailure(self, test, error):
        pass


class Course:
    """The tests of one module, one after the other."""

    def __init__(self, job, events):
        self.job = job
        self.events = events
        self.loops = binding.LoopSource(job["loop"])
        self.witness = Witness()
        self.class_in_use = None
        self.number = 0  # of the last test

    def say(self, event, **facts):
        self.events.write(json.dumps({"event": event, **facts}) + "\n")
        self.events.flush()

    def run(self):
        package, name = self.job["package"], self.job["module"]
        self.loops.install()
        utils = importlib.import_module(f"{package}.utils")
        binding.forgive_missing_executor(utils)
        try:
            module = importlib.import_module(f"{package}.{name}")
        except (ImportError, unittest.SkipTest) as error:
            self.say("absent", why=f"{type(error).__name__}: {error}")
            return
        warnings.simplefilter("default")
        getattr(module, "setUpModule", lambda: None)()
        suites = [catalogue.Suite(way, tuple(classes), screened) for way, classes, screened in self.job["suites"]]
        tests = binding.tests_of(module, suites, self.job["listed"], self.loops, utils)
        for number, test in enumerate(tests):
            if number >= self.job["first"] and self.job["only"] in test.name:
                self.run_test(number, test)
                self.number = number
        self.leave_class()
        getattr(module, "tearDownModule", lambda: None)()
        self.say("finished")

    def run_test(self, number, test):
        facts = {"number": number, "test": test.name, "listed": test.listed}
        if test.left_out or (test.listed and not self.job["run_listed"]):
            self.say("end", **facts, outcome=LEFT_OUT, detail=test.left_out or test.listed[0], loops=0, seconds=0,
                     private_parts=[])
            return
        self.say("begin", **facts)
        self.witness.begin()
        self.loops.made = 0
        begin = time.monotonic()
        try:
            self.enter_class(test.case)
            test.case(test.method).run(self.witness)
        except unittest.SkipTest as error:
            self.witness.note(SKIPPED, str(error))
        except BaseException:  # whatever a test lets out, KeyboardInterrupt too, is the end of that test only
            self.witness.note(FAILED, traceback.format_exc())
        self.say("end", **facts, outcome=self.witness.outcome, detail="\n".join(self.witness.details)[-DETAIL_LENGTH:],
                 loops=self.loops.made, seconds=round(time.monotonic() - begin, 3),
                 private_parts=test.private_parts)

    def enter_class(self, case):
        if case is not self.class_in_use:
            self.leave_class()
            if not getattr(case, "__unittest_skip__", False):
                case.setUpClass()
                self.class_in_use = case

    def leave_class(self):
        """A class that cannot be left is a failure of its own; nobody hears of one that can."""
        case, self.class_in_use = self.class_in_use, None
        if case is None:
            return
        try:
            case.tearDownClass()
            case.doClassCleanups()
        except BaseException:
            name = f"{self.job['module']}.{case.__name__}.tearDownClass"
            self.say("end", number=self.number, test=name, listed=None, outcome=FAILED,
                     detail=traceback.format_exc()[-DETAIL_LENGTH:], loops=self.loops.made, seconds=0, private_parts=[])


def take_default_signals():
    """A shell's background job is started with SIGINT ignored, and some tests interrupt themselves."""
    for number in (signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def main():
    take_default_signals()
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True, chain=False)
    descriptor = int(sys.argv[2])
    os.set_inheritable(descriptor, False)  # what the tests start must not keep it open
    with open(descriptor, "w", encoding="utf-8") as events:
        Course(json.loads(sys.argv[1]), events).run()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # a thread that a test has left behind must not hold us


if __name__ == "__main__":
    main()
