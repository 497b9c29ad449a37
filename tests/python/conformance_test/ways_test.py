"""A loop gets into the tests by every way, and those that look inside it are left out."""

import unittest

import samples


class WaysTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.module = samples.run("test_ways")
        cls.outcomes = samples.outcomes(cls.module)

    def test_every_way_brings_the_loop_that_was_asked_for(self):
        for name in ("test_create_event_loop", "test_new_loop", "test_set_up", "test_run", "test_isolated",
                     "test_run_after_the_default_policy_was_set_again", "test_shutdown_is_observed"):
            self.assertEqual(self.outcomes[name], "passed", self.module)

    def test_each_of_them_counts_what_it_made(self):
        for record in self.module.records:
            if record.outcome == "passed":
                self.assertEqual(record.loops, 1, record)

    def test_what_looks_inside_is_left_out_where_the_suite_is_screened(self):
        details = {record.test: record.detail for record in self.module.records if record.outcome == "left out"}
        self.assertEqual(details, {
            "test_ways.FixedLoop.test_looks_inside_the_loop": "its source says self.loop._default_executor",
            "test_ways.FixedLoop.test_looks_inside_asyncio": "its source says mock.patch",
        })

    def test_names_are_those_of_the_first_class_upstream(self):
        self.assertIn("test_ways.Mixin.test_create_event_loop", [record.test for record in self.module.records])

    def test_a_class_that_this_version_lacks_is_no_trouble(self):
        self.assertIsNone(self.module.trouble)
        self.assertIsNone(self.module.absent)
