"""What an outcome is worth beside the own loop's."""

import pathlib
import tempfile
import unittest

from judge.baseline import Baseline
from judge.interpreters import Interpreter
from judge.verdict import Verdict, kind_of
from judge.watch import ModuleRecord, Record


CANNOT, PASSES = ["why", False], ["why", True]


def record(outcome, loops=1, listed=None, test="test_m.C.test_t"):
    return Record(test, outcome, "its detail", loops, 0.1, listed, [])


def module(*records, trouble=None, absent=None):
    return ModuleRecord("test_m", list(records), absent, trouble)


def verdict(ours, stock):
    return Verdict({"test_m": ours}, {"test_m": stock} if stock else None, {"test_m.C.test_t": "the hook"})


class KindTest(unittest.TestCase):
    def test_a_pass_without_a_loop_is_vacuous(self):
        self.assertEqual(kind_of(record("passed", loops=0)), "vacuous")
        self.assertEqual(kind_of(record("passed", loops=1)), "passed")

    def test_a_failure_without_a_loop_is_a_failure(self):
        self.assertEqual(kind_of(record("failed", loops=0)), "failed")

    def test_a_listed_test_that_passes_is_unexpected_unless_the_list_says_so(self):
        self.assertEqual(kind_of(record("passed", listed=CANNOT)), "unexpected")
        self.assertEqual(kind_of(record("passed", listed=PASSES)), "tied")

    def test_a_listed_test_that_fails_is_unexpected_where_the_list_says_that_it_passes(self):
        for outcome in ("failed", "hung", "crashed"):
            self.assertEqual(kind_of(record(outcome, listed=PASSES)), "unexpected")
        self.assertEqual(kind_of(record("skipped", listed=PASSES)), "tied")
        self.assertEqual(kind_of(record("left out", listed=PASSES)), "tied")

    def test_a_listed_test_that_does_not_pass_is_tied(self):
        for outcome in ("failed", "hung", "crashed", "skipped", "left out"):
            self.assertEqual(kind_of(record(outcome, listed=CANNOT)), "tied")
        self.assertEqual(kind_of(record("passed", loops=0, listed=CANNOT)), "tied")


class HeldAgainstTest(unittest.TestCase):
    def complaints(self, ours, stock):
        return [(complaint.test, complaint.kind) for complaint in verdict(ours, stock).complaints]

    def test_what_the_own_loop_passes_must_be_passed(self):
        stock = module(record("passed"))
        for outcome in ("failed", "hung", "crashed", "skipped"):
            self.assertEqual(self.complaints(module(record(outcome)), stock), [("test_m.C.test_t", outcome)])
        self.assertEqual(self.complaints(module(record("passed", loops=0)), stock), [("test_m.C.test_t", "vacuous")])
        self.assertEqual(self.complaints(module(), stock), [("test_m.C.test_t", "missing")])
        self.assertEqual(self.complaints(module(record("passed")), stock), [])

    def test_what_the_own_loop_fails_is_not_held_against_another(self):
        judged = verdict(module(record("failed")), module(record("hung")))
        self.assertTrue(judged.is_good)
        self.assertEqual(judged.forgiven, ["test_m.C.test_t"])

    def test_what_the_own_loop_skips_is_no_excuse(self):
        self.assertEqual(self.complaints(module(record("crashed")), module(record("skipped"))),
                         [("test_m.C.test_t", "crashed")])

    def test_an_unexpected_pass_is_held_against_it(self):
        stock = module(record("left out", listed=CANNOT))
        self.assertEqual(self.complaints(module(record("passed", listed=CANNOT)), stock),
                         [("test_m.C.test_t", "unexpected")])

    def test_trouble_is_held_against_it(self):
        self.assertEqual(self.complaints(module(record("passed"), trouble="crashed outside"), module(record("passed"))),
                         [("test_m", "trouble")])

    def test_a_module_that_the_version_lacks_is_none_of_its_faults(self):
        self.assertEqual(self.complaints(module(absent="no module"), module(absent="no module")), [])

    def test_without_another_to_compare_with_every_failure_counts(self):
        self.assertEqual(self.complaints(module(record("failed")), None), [("test_m.C.test_t", "failed")])
        self.assertEqual(self.complaints(module(record("skipped")), None), [])

    def test_a_complaint_knows_the_hook_that_its_test_looks_for(self):
        self.assertEqual(verdict(module(record("failed")), None).complaints[0].hint, "the hook")

    def test_the_counts_are_those_of_the_kinds(self):
        judged = verdict(module(record("passed"), record("passed", loops=0, test="b"), record("failed", test="c")),
                         module(record("passed"), record("passed", loops=0, test="b"), record("passed", test="c")))
        row = judged.rows[0]
        self.assertEqual((row.counts["passed"], row.counts["vacuous"], row.counts["failed"]), (1, 1, 1))
        self.assertEqual((row.matched, row.stock), (1, 2))


class BaselineTest(unittest.TestCase):
    INTERPRETER = Interpreter("/somewhere/python3.12", "3.12.1", "3.12")

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name) / "kept"

    def open(self, interpreter=INTERPRETER):
        return Baseline(self.folder, interpreter, "package")

    def test_what_went_well_is_kept(self):
        self.open().keep({"test_m": module(record("passed"), record("skipped", test="b"))})
        self.assertEqual(self.open().modules["test_m"], module(record("passed"), record("skipped", test="b")))

    def test_what_went_wrong_is_not_forgiven_for_ever(self):
        self.open().keep({"test_m": module(record("failed"))})
        self.assertEqual(self.open().modules, {})
        self.open().keep({"test_m": module(record("passed"), trouble="crashed outside")})
        self.assertEqual(self.open().modules, {})

    def test_another_interpreter_has_its_own(self):
        self.open().keep({"test_m": module(record("passed"))})
        self.assertEqual(self.open(Interpreter("/somewhere/python3.13", "3.13.0", "3.13")).modules, {})
        self.assertEqual(self.open(Interpreter("/elsewhere/python3.12", "3.12.1", "3.12")).modules, {})

    def test_a_file_that_was_cut_short_is_as_good_as_none(self):
        kept = self.open()
        kept.keep({"test_m": module(record("passed"))})
        kept.path.write_text(kept.path.read_text()[:20])
        self.assertEqual(self.open().modules, {})
