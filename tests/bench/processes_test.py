"""Children: what they say, and that none stays behind."""

import os
import sys
import time
import unittest

from runner.processes import Child, Failure, choose_cores

CORES = os.sched_getaffinity(0)


def python(code):
    return Child(sys.executable, "-c", code, cores=CORES)


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class ChildTest(unittest.TestCase):
    def test_its_first_line_is_read_and_no_more(self):
        with python("print('ready'); print('more')") as child:
            self.assertEqual(child.first_line(), "ready")
            self.assertEqual(child.output(10), "more\n")

    def test_it_runs_on_the_cores_that_were_asked_for(self):
        core = min(CORES)
        with Child(sys.executable, "-c", "import os; print(os.sched_getaffinity(0))", cores={core}) as child:
            self.assertEqual(child.output(10), f"{{{core}}}\n")

    def test_an_exit_code_is_a_failure_with_its_last_words(self):
        with python("import sys; sys.exit('no such mode')") as child:
            with self.assertRaisesRegex(Failure, "ended with exit code 1: no such mode"):
                child.output(10)

    def test_a_signal_is_a_failure_by_its_name(self):
        with python("import os; os.abort()") as child:
            with self.assertRaisesRegex(Failure, "was ended by SIGABRT instead of getting ready"):
                child.first_line()

    def test_one_that_never_ends_is_a_failure_and_is_ended(self):
        with python("import time; time.sleep(60)") as child:
            with self.assertRaisesRegex(Failure, "had not ended after 0 s"):
                child.output(0.1)
        self.assertFalse(is_running(child.pid))

    def test_one_that_died_before_it_was_stopped_is_a_failure(self):
        with python("print('ready')") as child:
            child.first_line()
            child.process.wait(10)
            with self.assertRaisesRegex(Failure, "ended with exit code 0 before it was asked to"):
                child.stop()

    def test_it_takes_its_own_children_along(self):
        forking = "import os, time\npid = os.fork()\nif pid: print(pid, flush=True)\ntime.sleep(60)"
        with python(forking) as child:
            grandchild = int(child.first_line())
            self.assertTrue(is_running(grandchild))
        deadline = time.monotonic() + 10
        while not is_zombie_or_gone(grandchild) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertTrue(is_zombie_or_gone(grandchild))

    def test_two_cores_are_two_places(self):
        cores = choose_cores()
        self.assertEqual(cores.are_shared, len(CORES) == 1)
        self.assertLessEqual({cores.server, cores.load}, CORES)


def is_zombie_or_gone(pid):
    """Whoever adopts a grandchild may take its time to bury it."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
