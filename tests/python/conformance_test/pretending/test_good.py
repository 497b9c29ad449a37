"""Nothing to complain about."""

import asyncio
import unittest


class Good(unittest.TestCase):
    def test_makes_a_loop(self):
        asyncio.new_event_loop().close()

    def test_runs(self):
        asyncio.run(asyncio.sleep(0))
