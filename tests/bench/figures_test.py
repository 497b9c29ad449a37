"""From what a program printed to figures per message."""

import unittest

from runner import figures, rows
from runner.figures import Nonsense, figures_of, is_load_bound

RAW = {"seconds": 0.5, "messages": 1000, "bytes": 1000 * 64, "server_cpu_ns": 2_000_000,
       "load_cpu_ns": 400_000_000, "lost": 0, "server_rss_bytes": 5_000_000,
       "server_rss_before_bytes": 2_000_000}


def row_named(name):
    return next(row for row in rows.full_rows() if row.name == name)


class FiguresTest(unittest.TestCase):
    def test_an_echo_is_counted_in_messages(self):
        self.assertEqual(figures_of(row_named("echo-tcp-50x64x1"), RAW), {"cpu_ns": 2000.0, "rate": 2000.0})

    def test_one_way_is_counted_in_pieces_of_64_kib_whatever_the_messages(self):
        raw = {**RAW, "messages": 1, "bytes": 10 * 65536}
        self.assertEqual(figures_of(row_named("out-tcp"), raw), {"cpu_ns": 200_000.0, "rate": 20.0})

    def test_one_way_in_is_also_what_it_costs_both_ends(self):
        raw = {**RAW, "bytes": 10 * 65536}
        self.assertEqual(figures_of(row_named("in-tcp"), raw),
                         {"cpu_ns": 200_000.0, "both_cpu_ns": 40_200_000.0, "rate": 20.0})

    def test_idle_memory_is_what_each_connection_added(self):
        raw = {"server_rss_bytes": 5_000_000, "server_rss_before_bytes": 2_000_000}
        self.assertEqual(figures_of(row_named("idle"), raw), {"rss_bytes": 300.0})

    def test_a_datagram_that_is_lost_was_not_answered_and_is_a_share_of_all(self):
        figures_said = figures_of(row_named("udp-1x512x64"), {**RAW, "lost": 250})
        self.assertEqual(figures_said, {"cpu_ns": 2000.0, "rate": 2000.0, "lost": 0.2})

    def test_a_relay_is_counted_in_pieces_of_64_kib_and_its_memory_with_them(self):
        raw = {**RAW, "bytes": 10 * 65536}
        self.assertEqual(figures_of(row_named("relay-tcp"), raw),
                         {"cpu_ns": 200_000.0, "rate": 20.0, "grown_bytes": 3_000_000})

    def test_children_and_their_output_are_counted_by_their_program(self):
        for name in ("spawn", "spawn-500MiB", "output-same-core", "output-other-core"):
            self.assertEqual(figures_of(row_named(name), {"ns": 7, "cpu_ns": 5}), {"ns": 7, "loop_cpu_ns": 5})
        with self.assertRaises(Nonsense):
            figures_of(row_named("spawn"), {"ns": 7, "cpu_ns": 0})

    def test_a_window_without_messages_is_nonsense_and_not_a_ratio(self):
        for broken in ({"messages": 0}, {"server_cpu_ns": 0}, {"server_cpu_ns": None}):
            with self.assertRaises((Nonsense, TypeError)):
                figures_of(row_named("echo-tcp-1x64x1"), {**RAW, **broken})

    def test_load_bound_is_a_busy_load_beside_a_server_that_is_not(self):
        busy, lazy = 0.96 * 0.5e9, 0.94 * 0.5e9
        self.assertTrue(is_load_bound({**RAW, "load_cpu_ns": busy, "server_cpu_ns": lazy}))
        self.assertFalse(is_load_bound({**RAW, "load_cpu_ns": busy, "server_cpu_ns": busy}))
        self.assertFalse(is_load_bound({**RAW, "load_cpu_ns": lazy, "server_cpu_ns": lazy}))

    def test_every_kind_of_row_has_a_unit(self):
        self.assertEqual(figures.unit_name("storm"), "connection")
        self.assertEqual(figures.unit_name("echo"), "message")


class RowsTest(unittest.TestCase):
    def test_names_are_unique(self):
        for listed in (rows.full_rows(), rows.quick_rows()):
            names = [row.name for row in listed]
            self.assertEqual(len(names), len(set(names)))

    def test_the_full_list_has_every_echo(self):
        self.assertEqual(sum(row.kind == "echo" for row in rows.full_rows()), 3 * 4 * 2 * 2)

    def test_a_size_that_is_no_whole_kibibyte_is_said_in_bytes(self):
        self.assertEqual([rows.size_text(size) for size in (64, 1024, 1400, 16384)],
                         ["64 B", "1 KiB", "1,400 B", "16 KiB"])

    def test_a_train_is_what_the_kernel_takes_as_one(self):
        for row in rows.full_rows():
            if row.kind == "train":
                length = int(row.load_arguments[1])
                self.assertLessEqual(length, 64)
                self.assertLessEqual(length * row.size, 65507)
                self.assertEqual(row.pipeline % length, 0)

    def test_patterns_choose_by_name(self):
        found = [row.name for row in rows.matching(rows.full_rows(), "in-*,storm-tcp")]
        self.assertEqual(found, ["in-tcp", "in-unix", "storm-tcp"])

    def test_a_pattern_that_matches_nothing_is_an_error_that_lists_the_rows(self):
        with self.assertRaisesRegex(ValueError, "no row matches nonsense; there are echo-tcp-1x64x1, "):
            rows.matching(rows.full_rows(), "nonsense")
