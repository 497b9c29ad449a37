"""Nothing to complain about."""

import asyncio
import signal
import unittest


class Interrupted(unittest.TestCase):
    def test_interrupts_itself(self):
        asyncio.new_event_loop().close()
        with self.assertRaises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


class Good(unittest.TestCase):
    def test_makes_a_loop(self):
        asyncio.new_event_loop().close()

    def test_runs(self):
        asyncio.run(asyncio.sleep(0))
