"""What the person who waits is shown, on a terminal and elsewhere."""

import io
import unittest

from runner import contestants, rounds, rows
from runner.progress import Progress, duration_text


class Stream(io.StringIO):
    def __init__(self, is_terminal):
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self):
        return self._is_terminal


class ProgressTest(unittest.TestCase):
    def shown(self, is_terminal):
        takers = tuple(contestants.BY_NAME[name] for name in ("epoll", "tidegate"))
        plans = [rounds.Plan(row, takers, 2) for row in rows.full_rows()[:2]]
        stream = Stream(is_terminal)
        progress = Progress(plans, 0.4, stream)
        progress.begin("begun")
        for plan in plans:
            for number in (1, 2):
                for contestant in takers:
                    progress.step(plan, number, contestant)
        progress.end()
        return stream.getvalue()

    def test_elsewhere_there_is_a_plain_line_for_each_row(self):
        lines = self.shown(is_terminal=False).splitlines()
        self.assertEqual(lines[0], "bench: begun: 2 rows, about 4 s")
        self.assertRegex(lines[1], r"^bench: \[1/2\] echo-tcp-1x64x1, 4 s left$")
        self.assertRegex(lines[2], r"^bench: \[2/2\] echo-tcp-1x1024x1, 2 s left$")
        self.assertEqual(len(lines), 4)

    def test_on_a_terminal_one_line_changes_and_is_cleared(self):
        shown = self.shown(is_terminal=True)
        self.assertEqual(shown.count("\n"), 2)  # begin and end
        self.assertIn("\r\x1b[K[2/2] echo-tcp-1x1024x1  round 2/2  tidegate", shown)
        self.assertRegex(shown, r"\r\x1b\[Kbench: measured in 0 s\n$")

    def test_durations_are_minutes_from_the_first_one_on(self):
        self.assertEqual([duration_text(seconds) for seconds in (0.4, 59.4, 59.6, 125)],
                         ["0 s", "59 s", "1 min 00 s", "2 min 05 s"])
