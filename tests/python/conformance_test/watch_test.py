"""What hangs, crashes or fails is charged to its test, and what comes behind it still runs."""

import os
import signal
import sys
import time
import unittest

import samples

from judge import watch


class EndsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.module = samples.run("test_ends")
        cls.records = {record.test.rpartition(".")[2]: record for record in cls.module.records}

    def test_every_test_has_ended_once_and_as_it_should(self):
        self.assertEqual(samples.outcomes(self.module), {
            "test_a_passes": "passed",
            "test_b_hangs": "hung",
            "test_c_passes_after_a_hang": "passed",
            "test_d_crashes": "crashed",
            "test_e_passes_after_a_crash": "passed",
            "test_f_leaves_the_process": "crashed",
            "test_g_fails": "failed",
            "test_h_interrupts": "failed",
            "test_i_skips": "skipped",
            "test_j_fails_in_a_part": "failed",
            "test_k_fails_as_it_expects": "passed",
            "test_l_passes_though_it_expects_to_fail": "failed",
            "test_m_leaves_a_child_with_all_that_was_open": "passed",
            "test_n_leaves_a_thread": "passed",
            "test_is_skipped_with_its_class": "skipped",
            "test_passes": "passed",
            "tearDownClass": "failed",
        })
        self.assertEqual(len(self.module.records), len(self.records))
        self.assertIsNone(self.module.trouble)

    def test_a_hang_says_where_it_is(self):
        detail = self.records["test_b_hangs"].detail
        self.assertIn("nothing happened any more", detail)
        self.assertIn("in test_b_hangs", detail)

    def test_a_crash_says_how_it_ended_and_where(self):
        detail = self.records["test_d_crashes"].detail
        self.assertIn("ended by SIGABRT", detail)
        self.assertIn("in test_d_crashes", detail)
        self.assertIn("ended with exit code 3", self.records["test_f_leaves_the_process"].detail)

    def test_a_failure_has_its_traceback(self):
        self.assertIn("'what was got' != 'what was expected'", self.records["test_g_fails"].detail)
        self.assertIn("part=2", self.records["test_j_fails_in_a_part"].detail)
        self.assertIn("KeyboardInterrupt", self.records["test_h_interrupts"].detail)
        self.assertIn("never done", self.records["tearDownClass"].detail)

    def test_a_skip_has_its_reason(self):
        self.assertEqual(self.records["test_i_skips"].detail, "not today")


class ModuleTest(unittest.TestCase):
    def test_one_test_can_be_run_alone(self):
        module = samples.run("test_ends", only="test_ends.Ends.test_e")
        self.assertEqual(samples.outcomes(module), {"test_e_passes_after_a_crash": "passed"})

    def test_a_crash_outside_of_any_test_is_trouble(self):
        module = samples.run("test_broken")
        self.assertEqual(module.records, [])
        self.assertIn("crashed outside of any test: ended by SIGABRT", module.trouble)

    def test_a_module_that_is_not_there_or_not_for_this_system_is_absent(self):
        self.assertIn("No module named", samples.run("test_of_a_later_version").absent)
        self.assertIn("for another system", samples.run("test_elsewhere").absent)

    def test_a_test_can_interrupt_itself_though_interrupts_are_ignored_here(self):
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.addCleanup(signal.signal, signal.SIGINT, before)
        module = samples.run("test_good", only="interrupts")
        self.assertEqual(samples.outcomes(module), {"test_interrupts_itself": "passed"})

    def test_a_module_that_takes_too_long_in_all_is_given_up(self):
        patience = watch.Patience(test=60, listed=60, module=1)
        job = samples.job("test_ends", only="test_b_hangs")
        module = watch.run_module(sys.executable, job, [samples.HERE], patience)
        self.assertEqual(samples.outcomes(module), {"test_b_hangs": "hung"})
        self.assertIn("gave up after 1 s", module.trouble)

    def test_what_a_test_has_started_does_not_stay_behind(self):
        child = watch.Child(sys.executable, {**samples.job("test_ends", only="test_m"), "first": 0}, [samples.HERE])
        module = watch.ModuleRecord("test_ends")
        with child:
            child.listen(module, samples.PATIENCE, float("inf"))
            child.broke_off(module)
        self.assertEqual(module.records[0].outcome, "passed")
        deadline = time.monotonic() + 10  # it was killed; that it is gone may take a moment
        while alive_in_session(child.process.pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(alive_in_session(child.process.pid), [])

    def test_its_folder_is_gone_afterwards(self):
        with watch.Child(sys.executable, {**samples.job("test_worth"), "first": 0}, [samples.HERE]) as child:
            self.assertTrue(os.path.isdir(child.folder.name))
        self.assertFalse(os.path.exists(child.folder.name))
        self.assertEqual(child.process.returncode, -signal.SIGKILL)


def alive_in_session(session):
    """Processes of a session that are neither gone nor waiting to be buried."""
    alive = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                state, _, _, its_session = file.read().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        if int(its_session) == session and state != "Z":
            alive.append(int(pid))
    return alive
