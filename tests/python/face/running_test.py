"""How a loop is run: asyncio.Runner, the policy, tidegate.run and tidegate.install, one loop after another."""

import asyncio
import functools
import os
import unittest
import warnings

from support import IS_TIDEGATE, LoopTest, better_than_asyncio, new_loop, run_python


class RunnerTest(unittest.TestCase):
    def test_asyncios_runner_takes_it_as_a_factory(self):
        async def main():
            return asyncio.get_running_loop()

        with asyncio.Runner(loop_factory=new_loop) as runner:
            loop = runner.run(main())
            self.assertIs(loop, runner.get_loop())
            self.assertIs(runner.run(main()), loop)
            self.assertIs(type(loop), type(new_loop_closed()))
        self.assertTrue(loop.is_closed())

    def test_a_runner_cancels_what_is_left_and_closes_its_generators(self):
        seen = []

        async def generator():
            try:
                yield 1
                yield 2
            finally:
                seen.append("generator")

        async def waiting():
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                seen.append("task")

        async def main():
            global kept
            kept = generator()
            await kept.__anext__()
            kept_task = asyncio.create_task(waiting())
            await asyncio.sleep(0)
            return kept_task

        with asyncio.Runner(loop_factory=new_loop) as runner:
            task = runner.run(main())
        self.assertEqual(seen, ["task", "generator"])
        self.assertTrue(task.cancelled())

    def test_a_runner_hands_on_debug(self):
        async def main():
            return asyncio.get_running_loop().get_debug()

        for debug in (True, False):
            with asyncio.Runner(debug=debug, loop_factory=new_loop) as runner:
                self.assertIs(runner.run(main()), debug)

    def test_many_loops_one_after_another(self):
        before = len(os.listdir("/proc/self/fd"))
        for number in range(200):
            with asyncio.Runner(loop_factory=new_loop) as runner:
                self.assertEqual(runner.run(asyncio.sleep(0, number)), number)
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)


def new_loop_closed():
    loop = new_loop()
    loop.close()
    return loop


class LifeTest(LoopTest):
    @better_than_asyncio((3, 13), "forgets that it runs (CPython 3.13.0)")
    def test_a_running_loop_cannot_be_run_or_closed(self):
        errors = []

        def nest():
            for call in (self.loop.run_forever, self.loop.close, lambda: new_loop_closed_by(self).run_forever()):
                try:
                    call()
                except RuntimeError as error:
                    errors.append(str(error))

        self.loop.call_soon(nest)
        self.turn()
        self.assertEqual(errors, ["This event loop is already running", "Cannot close a running event loop",
                                  "Cannot run the event loop while another loop is running"])

    def test_a_closed_loop_stays_closed(self):
        self.loop.close()
        self.loop.close()
        self.assertTrue(self.loop.is_closed())
        with self.assertRaisesRegex(RuntimeError, "Event loop is closed"):
            self.loop.run_forever()

    def test_a_closed_loop_still_tells_the_time(self):
        before = self.loop.time()
        self.loop.close()
        self.assertGreaterEqual(self.loop.time(), before)

    def test_stopped_before_it_runs_it_runs_once(self):
        seen = []
        self.loop.call_soon(seen.append, 1)
        self.loop.stop()
        self.loop.run_forever()
        self.assertEqual(seen, [1])

    def test_a_loop_that_is_stopped_does_not_complete_its_future(self):
        with self.assertRaisesRegex(RuntimeError, "Event loop stopped before Future completed"):
            self.loop.call_soon(self.loop.stop)
            self.loop.run_until_complete(self.loop.create_future())

    def test_the_running_loop_is_known_only_while_it_runs(self):
        seen = []
        self.loop.call_soon(lambda: seen.append(asyncio.get_running_loop()))
        self.turn()
        self.assertEqual(seen, [self.loop])
        with self.assertRaises(RuntimeError):
            asyncio.get_running_loop()

    def test_it_is_one_of_asyncios(self):
        self.assertIsInstance(self.loop, asyncio.AbstractEventLoop)
        self.assertIsInstance(self.loop, asyncio.BaseEventLoop)

    def test_a_task_factory_is_asked(self):
        made = []

        def factory(loop, coroutine, **options):
            made.append(asyncio.Task(coroutine, loop=loop, **options))
            return made[-1]

        async def main():
            return 5

        self.loop.set_task_factory(factory)
        self.assertEqual(self.loop.run_until_complete(main()), 5)
        self.assertEqual(len(made), 1)


def new_loop_closed_by(test):
    loop = new_loop()
    test.addCleanup(loop.close)
    return loop


@unittest.skipUnless(IS_TIDEGATE, "asyncio's own loop is under test")
class TidegateTest(unittest.TestCase):
    def test_run_runs_on_our_loop_and_returns_what_is_returned(self):
        import tidegate

        async def main():
            loop = asyncio.get_running_loop()
            return isinstance(loop, tidegate.Loop), loop.get_debug()

        self.assertEqual(tidegate.run(main()), (True, False))
        self.assertEqual(tidegate.run(main(), debug=True), (True, True))

    def test_run_raises_what_is_raised(self):
        import tidegate

        async def main():
            raise LookupError("nothing there")

        with self.assertRaisesRegex(LookupError, "nothing there"):
            tidegate.run(main())

    def test_run_is_refused_from_a_running_loop(self):
        import tidegate

        async def main():
            inner = asyncio.sleep(0)
            try:
                tidegate.run(inner)
            finally:
                inner.close()

        with self.assertRaisesRegex(RuntimeError, "running event loop"):
            tidegate.run(main())

    def test_run_wants_a_coroutine(self):
        import tidegate
        with self.assertRaises((ValueError, TypeError)):
            tidegate.run(5)

    def test_each_backend_can_be_asked_for_by_name(self):
        import tidegate
        for backend in ("epoll", "io_uring"):
            with asyncio.Runner(loop_factory=functools.partial(tidegate.new_event_loop, backend=backend)) as runner:
                self.assertEqual(runner.run(asyncio.sleep(0, backend)), backend)
        with self.assertRaises(ValueError):
            tidegate.new_event_loop(backend="kqueue")

    def test_the_policy_makes_our_loops(self):
        import tidegate
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            policy = tidegate.EventLoopPolicy()
            self.assertIsInstance(policy, asyncio.AbstractEventLoopPolicy)
            loop = policy.new_event_loop()
        self.assertIsInstance(loop, tidegate.Loop)
        loop.close()

    def test_once_installed_asyncio_run_makes_our_loops(self):
        printed = run_python("""
import asyncio, tidegate

async def main():
    print(type(asyncio.get_running_loop()) is tidegate.Loop)

tidegate.install()
asyncio.run(main())
loop = asyncio.new_event_loop()
print(type(loop) is tidegate.Loop)
loop.close()
""")
        self.assertEqual(printed, "True\nTrue\n")
