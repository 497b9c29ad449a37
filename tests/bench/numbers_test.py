"""Medians, ratios and verdicts, boundaries included."""

import unittest

from runner import numbers
from runner.numbers import AT_LEAST, AT_MOST, BELOW, MET, MISSED, NOT_MEASURED, WITHIN_NOISE, verdict


class SpreadTest(unittest.TestCase):
    def test_one_value_is_its_own_median_and_quartiles(self):
        self.assertEqual(numbers.spread([3.0]), numbers.Spread(3.0, 3.0, 3.0, 3.0, 3.0))

    def test_values_need_not_come_in_order(self):
        self.assertEqual(numbers.spread([5.0, 1.0, 4.0, 2.0, 3.0]), numbers.Spread(3.0, 1.0, 5.0, 2.0, 4.0))

    def test_the_median_of_an_even_number_lies_between_the_middle_two(self):
        self.assertEqual(numbers.spread([1.0, 2.0, 4.0, 9.0]).median, 3.0)

    def test_best_is_least_of_costs_and_most_of_gains(self):
        self.assertEqual(numbers.best([2.0, 1.0, 3.0], lower_is_better=True), 1.0)
        self.assertEqual(numbers.best([2.0, 1.0, 3.0], lower_is_better=False), 3.0)


class PairedRatiosTest(unittest.TestCase):
    def test_divides_within_each_round(self):
        self.assertEqual(numbers.paired_ratios({1: 2.0, 2: 9.0}, {1: 4.0, 2: 3.0}), [0.5, 3.0])

    def test_a_round_that_only_one_side_has_says_nothing(self):
        self.assertEqual(numbers.paired_ratios({1: 2.0, 3: 5.0}, {1: 4.0, 2: 3.0}), [0.5])

    def test_nothing_to_compare_with_says_nothing(self):
        self.assertEqual(numbers.paired_ratios({1: 2.0}, {1: 0.0}), [])

    def test_noise_counts_both_directions(self):
        self.assertAlmostEqual(numbers.noise_of([0.9, 1.02, 1.05]), 0.05)


class VerdictTest(unittest.TestCase):
    def test_at_most_includes_the_limit(self):
        self.assertEqual(verdict(1.0, 1.0, AT_MOST), MET)
        self.assertEqual(verdict(1.001, 1.0, AT_MOST), MISSED)

    def test_at_least_includes_the_limit(self):
        self.assertEqual(verdict(2.0, 2.0, AT_LEAST), MET)
        self.assertEqual(verdict(1.999, 2.0, AT_LEAST), MISSED)

    def test_below_does_not_include_the_limit(self):
        self.assertEqual(verdict(0.999, 1.0, BELOW), MET)
        self.assertEqual(verdict(1.0, 1.0, BELOW), MISSED)

    def test_noise_excuses_what_is_beyond_by_no_more_than_itself(self):
        self.assertEqual(verdict(1.25, 1.0, AT_MOST, noise=0.25), WITHIN_NOISE)
        self.assertEqual(verdict(1.26, 1.0, AT_MOST, noise=0.25), MISSED)
        self.assertEqual(verdict(0.75, 1.0, AT_LEAST, noise=0.25), WITHIN_NOISE)
        self.assertEqual(verdict(0.74, 1.0, AT_LEAST, noise=0.25), MISSED)

    def test_noise_takes_nothing_from_what_is_met(self):
        self.assertEqual(verdict(0.99, 1.0, AT_MOST, noise=0.25), MET)

    def test_the_worst_verdict_counts(self):
        self.assertEqual(numbers.worst([MET, MISSED, WITHIN_NOISE]), MISSED)
        self.assertEqual(numbers.worst([WITHIN_NOISE, MET]), WITHIN_NOISE)
        self.assertEqual(numbers.worst([]), NOT_MEASURED)
