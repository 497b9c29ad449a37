"""What the person who waits is shown: one line that changes on a terminal, plain lines elsewhere."""

import sys
import time

from .rounds import seconds_of

CLEAR_LINE = "\r\x1b[K"


def duration_text(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"


class Progress:
    """Corrects its estimate by what has passed."""

    def __init__(self, plans, window_seconds, stream=sys.stderr):
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._window_seconds = window_seconds
        self._estimated_seconds = sum(seconds_of(plan, window_seconds) for plan in plans)
        self._done_seconds = 0.0  # of the estimate
        self._begin = time.monotonic()
        self._rows = len(plans)
        self._row_number = 0
        self._row_name = None

    def begin(self, what):
        self._say(f"{what}: {self._rows} rows, about {duration_text(self._estimated_seconds)}")

    def left_out(self, what, lacking):
        self._say(f"left out: {what}, for want of {', '.join(lacking)}")

    def step(self, plan, number, contestant):
        """Before each run."""
        if plan.row.name != self._row_name:
            self._row_name = plan.row.name
            self._row_number += 1
            if not self._is_terminal:
                self._say(f"{self._place(plan)}, {self._left()} left")
        if self._is_terminal:
            self._stream.write(f"{CLEAR_LINE}{self._place(plan)}  round {number}/{plan.rounds}  "
                               f"{contestant.name}  {self._left()} left")
            self._stream.flush()
        self._done_seconds += seconds_of(plan, self._window_seconds) / plan.runs

    def failed(self, plan, contestant, failure):
        self._say(f"{contestant.name} failed in {plan.row.name}: {failure}")

    def end(self):
        self._say(f"measured in {duration_text(time.monotonic() - self._begin)}")

    def clear(self):
        if self._is_terminal:
            self._stream.write(CLEAR_LINE)
            self._stream.flush()

    def _place(self, plan):
        return f"[{self._row_number}/{self._rows}] {plan.row.name}"

    def _left(self):
        passed = time.monotonic() - self._begin
        # Too early for a pace of its own: the estimate's.
        pace = passed / self._done_seconds if self._done_seconds > 5 else 1.0
        return duration_text(max(0.0, self._estimated_seconds - self._done_seconds) * pace)

    def _say(self, text):
        self.clear()
        print(f"bench: {text}", file=self._stream, flush=True)
