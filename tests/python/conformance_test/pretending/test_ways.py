"""Each way by which a loop gets into a test."""

import asyncio
import unittest
from unittest import mock

from pretending import loops, utils


class Mixin:
    def setUp(self):
        super().setUp()
        self.loop = self.create_event_loop()
        self.set_event_loop(self.loop)

    def test_create_event_loop(self):
        self.assertIsInstance(self.loop, loops.Able)


class PlainMixin:
    def test_new_loop(self):
        loop = self.new_loop()
        self.assertIsInstance(loop, loops.Able)
        loop.close()


class FixedLoop(utils.TestCase):
    def setUp(self):
        raise AssertionError("the runner replaces this")

    def test_set_up(self):
        self.assertIsInstance(self.loop, loops.Able)

    def test_looks_inside_the_loop(self):
        self.assertIsNone(self.loop._default_executor)

    @mock.patch("asyncio.sleep")
    def test_looks_inside_asyncio(self, _):
        pass


class Policy(unittest.TestCase):
    def test_run(self):
        async def main():
            return asyncio.get_running_loop()
        self.assertIsInstance(asyncio.run(main()), loops.Able)

    def test_run_after_the_default_policy_was_set_again(self):
        asyncio.set_event_loop_policy(None)
        self.test_run()


class Isolated(unittest.IsolatedAsyncioTestCase):
    async def test_isolated(self):
        self.assertIsInstance(asyncio.get_running_loop(), loops.Able)


class Runners(unittest.TestCase):
    def test_shutdown_is_observed(self):
        loop = self.new_loop()
        self.assertIsInstance(loop, loops.Able)
        self.assertFalse(loop.shutdown_ag_run)
        loop.run_until_complete(loop.shutdown_asyncgens())
        self.assertTrue(loop.shutdown_ag_run)
        loop.close()
