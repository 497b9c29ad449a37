"""Targets held against runs: the right rows, the right ratio, the right verdict."""

import unittest

import samples
from runner import numbers, rounds, rows, targets
from runner.numbers import MET, MISSED, NOT_MEASURED, WITHIN_NOISE


def outcome_of(title_part, *measured):
    found = [each for each in targets.TARGETS if title_part in each.title]
    assert len(found) == 1, f"{title_part}: {len(found)} targets"
    return targets.evaluate(found[0], samples.outcome(*measured))


class TargetsTest(unittest.TestCase):
    bare = "Echo: CPU per message, against bare epoll"
    libraries = "Echo: CPU per message, against every library"

    def test_echo_within_three_percent_of_bare_epoll_is_met(self):
        self.assertEqual(outcome_of(self.bare, samples.echo(ours=(103, 103, 103))).verdict, MET)

    def test_echo_beyond_three_percent_is_missed(self):
        self.assertEqual(outcome_of(self.bare, samples.echo(ours=(104, 104, 104))).verdict, MISSED)

    def test_echo_beyond_by_less_than_the_noise_says_so(self):
        row = samples.echo(ours=(104, 104, 104), again=(98, 98, 102))
        self.assertEqual(outcome_of(self.bare, row).verdict, WITHIN_NOISE)

    def test_great_noise_does_not_excuse_everything(self):
        row = samples.echo(ours=(115, 115, 115), again=(80, 80, 120))
        self.assertEqual(outcome_of(self.bare, row).verdict, MISSED)

    def test_one_row_of_many_decides_and_is_named(self):
        outcome = outcome_of(self.bare, samples.echo("echo-tcp-1x64x1"),
                             samples.echo("echo-unix-1x64x1", ours=(150, 150, 150)))
        self.assertEqual((outcome.verdict, outcome.worst.row), (MISSED, "echo-unix-1x64x1"))
        self.assertEqual(len(outcome.checks), 2)

    def test_each_library_is_held_against_by_itself(self):
        outcome = outcome_of(self.libraries, samples.echo(libuv=(200, 200, 200), asio=(90, 90, 90)))
        self.assertEqual((outcome.verdict, outcome.worst.against), (MISSED, "asio"))
        self.assertEqual(set(outcome.unmeasured), {"libuv_try", "libevent"})

    def test_a_row_in_which_ours_failed_is_missed(self):
        failure = {"contestant": "tidegate", "round": 1, "what": "fell over"}
        row = samples.row("echo-tcp-50x1024x1", {"epoll": (1, 1, 1)}, failures=[failure])
        outcome = outcome_of(self.bare, samples.echo("echo-tcp-1x64x1"), row)
        self.assertEqual((outcome.verdict, outcome.failed_rows), (MISSED, ("echo-tcp-50x1024x1",)))

    def test_what_no_row_is_about_was_not_measured(self):
        self.assertEqual(outcome_of("Spinning", samples.echo()).verdict, NOT_MEASURED)

    def test_128_kib_has_a_limit_of_its_own(self):
        for ours, verdict in ((88, MET), (89, MISSED)):
            row = samples.echo("echo-tcp-50x131072x1", ours=(ours,) * 3)
            self.assertEqual(outcome_of("Echo of 128 KiB", row, samples.echo()).verdict, verdict)

    def test_spinning_is_against_blocking_and_more_is_better(self):
        row = samples.row("spin", {"tidegate": (10, 10), "tidegate_spin": (20, 21)}, metric="rate")
        self.assertEqual(outcome_of("Spinning", row).verdict, MET)
        row = samples.row("spin", {"tidegate": (10, 10), "tidegate_spin": (20, 19)}, metric="rate")
        self.assertEqual(outcome_of("Spinning", row).verdict, MISSED)

    def test_timers_have_to_be_ahead_and_not_level(self):
        row = samples.row("timers", {"libuv": (10,), "asio": (30,), "tidegate": (10,)}, metric="insert_ns")
        self.assertEqual(outcome_of("Timers", row).verdict, MISSED)

    def test_idle_memory_is_absolute(self):
        for measured, verdict in ((300, MET), (301, MISSED)):
            row = samples.row("idle", {"tidegate": (measured,)}, metric="rss_bytes")
            self.assertEqual(outcome_of("Idle", row).verdict, verdict)

    def test_a_storm_may_be_behind_by_its_noise(self):
        row = samples.row("storm-tcp", {"epoll": (100, 100, 100), "epoll_again": (95, 100, 105),
                                        "tidegate": (96, 96, 96)}, metric="rate")
        self.assertEqual(outcome_of("Connect storm", row).verdict, WITHIN_NOISE)

    best_of_bare = "against the better of the bare io_uring servers"

    def uring(self, name, ours, **others):
        return samples.row(name, {"tidegate_uring": (ours,) * 3,
                                  **{other: (value,) * 3 for other, value in others.items()}})

    def test_against_the_best_each_row_counts_once_with_the_better_rival_of_that_row(self):
        outcome = outcome_of(self.best_of_bare,
                             self.uring("echo-tcp-50x64x1", 100, uring=100, uring_best=200),
                             self.uring("echo-tcp-50x131072x1", 104, uring=200, uring_best=100))
        self.assertEqual([(check.against, check.measured, check.verdict) for check in outcome.checks],
                         [("uring", 1.0, MET), ("uring_best", 1.04, MET)])
        self.assertEqual((outcome.verdict, outcome.worst.against), (MET, "uring_best"))

    def test_to_be_ahead_of_one_is_not_enough_against_the_best(self):
        outcome = outcome_of(self.best_of_bare, self.uring("framed-tcp", 106, uring=200, uring_best=100))
        self.assertEqual((outcome.verdict, len(outcome.checks)), (MISSED, 1))

    def test_the_best_of_one_is_that_one_and_who_is_missing_is_said(self):
        outcome = outcome_of(self.best_of_bare, self.uring("framed-tcp", 100, uring=100))
        self.assertEqual((outcome.verdict, outcome.unmeasured), (MET, ("uring_best",)))
        # Whoever was measured and never the best is not missing.
        outcome = outcome_of(self.best_of_bare, self.uring("framed-tcp", 100, uring=100, uring_best=150))
        self.assertEqual(outcome.unmeasured, ())
        self.assertEqual(outcome_of(self.best_of_bare, self.uring("framed-tcp", 100)).verdict, NOT_MEASURED)

    def test_where_more_is_better_the_best_is_the_one_with_the_most(self):
        target = targets.Target("more", targets.kind("storm"), targets.RATE, ("uring", "uring_best"), 1.0,
                                numbers.AT_LEAST, contestant="tidegate_uring", against_best=True)
        row = samples.row("storm-tcp", {"tidegate_uring": (90,), "uring": (80,), "uring_best": (100,)},
                          metric="rate")
        outcome = targets.evaluate(target, samples.outcome(row))
        self.assertEqual((outcome.verdict, outcome.worst.against), (MISSED, "uring_best"))

    def test_io_uring_may_cost_as_much_as_bare_epoll_and_less_with_many_small_messages(self):
        some = "On io_uring, echo of 64 B and 1 KiB"
        for name, ours, verdict in (("echo-tcp-500x1024x16", 93, MET), ("echo-unix-500x64x1", 94, MISSED),
                                    ("echo-tcp-500x16384x1", 94, NOT_MEASURED),
                                    ("echo-tcp-50x64x1", 94, NOT_MEASURED)):
            self.assertEqual(outcome_of(some, self.uring(name, ours, epoll=100)).verdict, verdict, name)
        for ours, verdict in ((100, MET), (101, MISSED)):
            row = self.uring("echo-tcp-1x64x1", ours, epoll=100)
            self.assertEqual(outcome_of("On io_uring, echo: CPU", row).verdict, verdict)

    datagrams = "Datagrams, echo: CPU for each, against bare"

    def test_datagrams_may_cost_as_much_as_the_bare_program_and_its_own_noise_more(self):
        for ours, again, verdict in ((100, 100, MET), (102, 100, MISSED), (102, 103, WITHIN_NOISE)):
            row = samples.row("udp-1x512x64", {"mmsg": (100,) * 3, "mmsg_again": (again,) * 3,
                                               "tidegate": (ours,) * 3, "epoll_again": (150,) * 3})
            self.assertEqual(outcome_of(self.datagrams, row).verdict, verdict)

    def test_a_train_is_held_against_who_takes_it_in_one_piece_and_who_does_not(self):
        row = samples.row("train-512x64x4", {"mmsg": (900,) * 3, "sendto": (1000,) * 3, "trains": (100,) * 3,
                                           "tidegate": (130,) * 3})
        self.assertEqual(outcome_of("Datagrams, trains: CPU for each, against bare GRO", row).verdict, MISSED)
        self.assertEqual(outcome_of("Datagrams, trains: CPU for each, against bare recv", row).verdict, MET)

    def test_children_are_held_against_libuv_in_time_and_in_cpu(self):
        for metric, ours, verdict in (("ns", 100, MET), ("ns", 101, MISSED), ("loop_cpu_ns", 101, MISSED)):
            row = samples.row("spawn-500MiB", {"libuv": (100,) * 3, "tidegate": (ours,) * 3}, metric=metric)
            self.assertEqual(outcome_of("Children: time and CPU", row).verdict, verdict)

    def test_output_may_cost_a_tenth_more_than_a_bare_loop_of_reads(self):
        for ours, verdict in ((110, MET), (111, MISSED)):
            row = samples.row("output-same-core", {"posix": (100,) * 3, "tidegate": (ours,) * 3}, metric="loop_cpu_ns")
            self.assertEqual(outcome_of("Output of a child: CPU", row).verdict, verdict)

    def test_what_one_backend_does_says_nothing_of_the_other(self):
        row = self.uring("storm-tcp", 50, epoll=100)
        self.assertEqual(outcome_of("Connect storm", row).verdict, NOT_MEASURED)

    def test_every_target_is_about_a_row_that_exists(self):
        identities = [rounds.identity_of(row) for row in rows.full_rows()]
        for target in targets.TARGETS:
            self.assertTrue(any(target.rows(row) for row in identities), target.title)
