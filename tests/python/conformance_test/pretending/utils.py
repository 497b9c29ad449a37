"""The base that CPython's tests share, as far as the runner touches it."""

import asyncio
import unittest


class TestCase(unittest.TestCase):
    @staticmethod
    def close_loop(loop):
        if loop._default_executor is not None:
            raise AssertionError("these tests use no executor")
        loop.close()

    def set_event_loop(self, loop):
        asyncio.set_event_loop(None)
        self.addCleanup(self.close_loop, loop)
