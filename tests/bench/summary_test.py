"""What all runs of a row say together."""

import random
import unittest

import samples
from runner import contestants, rounds, rows, summary


class SummaryTest(unittest.TestCase):
    def test_ratios_are_those_of_the_same_round(self):
        # The machine is twice as fast in the second round: no ratio moves.
        row = samples.row("storm-tcp", {"epoll": (100, 50, 100), "tidegate": (110, 55, 110)})
        ratio = summary.summarise(row)["contestants"]["tidegate"]["metrics"]["cpu_ns"]["ratio"]
        self.assertEqual({ratio[name] for name in ("median", "low", "high", "best")}, {1.1})

    def test_noise_is_the_reference_against_itself(self):
        row = samples.echo(again=(97, 101, 102))
        self.assertAlmostEqual(summary.summarise(row)["noise"]["cpu_ns"], 0.02)

    def test_each_kind_of_row_has_its_own_reference_and_its_noise(self):
        figures = {"mmsg": (100, 100, 100), "mmsg_again": (98, 100, 104), "tidegate": (90, 90, 90),
                   "sendto": (120, 120, 120)}
        summarised = summary.summarise(samples.row("udp-1x512x64", figures))
        self.assertAlmostEqual(summarised["noise"]["cpu_ns"], 0.02)
        self.assertEqual(summarised["contestants"]["tidegate"]["metrics"]["cpu_ns"]["ratio"]["median"], 0.9)
        for row in rows.full_rows():
            reference = contestants.reference_of(row.kind)
            if row.kind not in ("timers", "calls", "threads"):  # bare epoll has no timers
                self.assertTrue(row.takes(contestants.BY_NAME[reference]), row.name)

    def test_no_twin_no_noise(self):
        row = samples.row("echo-tcp-50x64x1", {"epoll": (1, 1), "tidegate": (1, 1)})
        self.assertEqual(summary.summarise(row)["noise"], {})

    def test_best_of_a_rate_is_its_most(self):
        row = samples.row("storm-tcp", {"epoll": (10, 20), "tidegate": (30, 15)}, metric="rate")
        figure = summary.summarise(row)["contestants"]["tidegate"]["metrics"]["rate"]
        self.assertEqual((figure["best"], figure["ratio"]["best"]), (30, 1.5))

    def test_without_the_reference_there_are_figures_and_no_ratios(self):
        row = samples.row("timers", {"tidegate": (5,)}, metric="insert_ns")
        figure = summary.summarise(row)["contestants"]["tidegate"]["metrics"]["insert_ns"]
        self.assertEqual(figure, {"median": 5, "best": 5})

    def test_load_bound_is_what_most_runs_were(self):
        row = samples.row("echo-tcp-50x64x1", {"epoll": (1, 1), "tidegate": (1, 1)}, load_bound=["tidegate"])
        self.assertTrue(summary.is_load_bound(row, "tidegate"))
        self.assertFalse(summary.is_load_bound(row, "epoll"))


class PlanTest(unittest.TestCase):
    def takers(self, name, built=lambda row, contestant: True):
        chosen = [row for row in rows.full_rows() if row.name == name]
        return [[each.name for each in plan.contestants]
                for plan in rounds.plan(chosen, contestants.CONTESTANTS, 5, built)]

    def test_who_spins_does_so_in_its_own_row_only(self):
        self.assertIn(["epoll", "epoll_again", "tidegate", "tidegate_spin"], self.takers("spin"))
        self.assertNotIn("tidegate_spin", self.takers("echo-tcp-1x64x1")[0])

    def test_loops_are_for_those_who_have_one(self):
        self.assertEqual(self.takers("timers"), [["libuv", "asio", "libevent", "tidegate"]])

    def test_datagrams_children_and_relays_are_for_those_who_have_them(self):
        self.assertEqual(self.takers("udp-1x512x64"),
                         [["mmsg", "mmsg_again", "sendto", "trains", "libuv", "libuv_try", "asio", "tidegate",
                           "tidegate_uring"]])
        self.assertIn("tidegate_thread", self.takers("spawn")[0])
        self.assertNotIn("tidegate_thread", self.takers("output-same-core")[0])
        self.assertEqual(self.takers("relay-tcp"),
                         [["socat", "socat_again", "socat_best", "tidegate", "tidegate_uring"]])

    def test_what_is_counted_has_no_noise_and_needs_no_twin(self):
        for name in ("instructions", "instructions-udp"):
            self.assertFalse(set(contestants.TWINS) & set(self.takers(name)[0]))

    def test_a_row_that_nobody_is_built_for_is_left_out(self):
        self.assertEqual(self.takers("timers", built=lambda row, contestant: False), [])

    def test_the_reference_and_its_twin_are_always_chosen(self):
        names = {each.name for each in contestants.chosen(["libuv"])}
        self.assertLessEqual({*contestants.EVERY_REFERENCE, *contestants.TWINS, "libuv"}, names)
        self.assertFalse(names & {"asio", "tidegate"})

    def test_who_spins_comes_along_with_its_server(self):
        self.assertIn("tidegate_spin", [each.name for each in contestants.chosen(["tidegate"])])

    def test_an_unknown_contestant_is_an_error_that_lists_them(self):
        with self.assertRaisesRegex(ValueError, "unknown contestant nobody; there are epoll, "):
            contestants.chosen(["nobody"])


class RoundsTest(unittest.TestCase):
    def test_every_contestant_runs_once_in_each_round(self):
        runs = self.measured(failing="")["runs"]
        seen = [(run["round"], run["contestant"]) for run in runs]
        self.assertEqual(sorted(seen), sorted((number, name) for number in (1, 2, 3) for name in self.names))

    def test_who_fails_is_named_and_left_out_of_the_rest_of_the_row(self):
        row = self.measured(failing="libuv")
        expected = {"contestant": "libuv", "round": 1, "what": "echo_libuv fell over"}
        self.assertEqual(row["failures"], [expected])
        self.assertEqual({run["contestant"] for run in row["runs"]}, {"epoll", "epoll_again"})

    def test_figures_that_make_no_sense_are_a_failure(self):
        row = self.measured(failing="", raw={"messages": 0})
        self.assertEqual(len(row["failures"]), 3)
        self.assertIn("number of messages is 0", row["failures"][0]["what"])

    names = ("epoll", "epoll_again", "libuv")

    def measured(self, failing, raw=None):
        class Bench:
            def run(self, _, contestant):
                if contestant.name == failing:
                    raise rounds.Failure(f"{contestant.server} fell over")
                return {"seconds": 1.0, "messages": 10, "bytes": 1, "server_cpu_ns": 5, "load_cpu_ns": 5,
                        **(raw or {})}

        class Silence:
            def step(self, *_):
                pass

            def failed(self, *_):
                pass

        row = rows.full_rows()[0]
        takers = tuple(contestants.BY_NAME[name] for name in self.names)
        return rounds.measure_row(rounds.Plan(row, takers, 3), Bench(), random.Random(1), Silence())
