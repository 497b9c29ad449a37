"""What passes, and is worth something or not."""

import asyncio
import time
import unittest


async def nothing():
    pass


class Worth(unittest.TestCase):
    def test_asks_for_no_loop(self):
        self.assertEqual(1 + 1, 2)

    def test_fails_without_a_loop(self):
        self.assertEqual(1 + 1, 3)

    def test_is_listed_and_passes(self):
        asyncio.run(nothing())

    def test_is_listed_and_fails(self):
        asyncio.run(nothing())
        self.fail("as listed")

    def test_passes_as_listed(self):
        asyncio.run(nothing())

    def test_fails_though_it_is_listed_as_passing(self):
        asyncio.run(nothing())
        self.fail("not as listed")

    def test_is_listed_and_asks_for_no_loop(self):
        pass

    def test_sleeps(self):
        asyncio.run(asyncio.sleep(0.001))

    def test_sleeps_unless_it_has_no_timers(self):
        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)
        try:
            loop.call_later(0, time.monotonic)
        except NotImplementedError:
            self.skipTest("no timers")
