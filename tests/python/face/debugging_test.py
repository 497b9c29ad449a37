"""Debug mode: what takes long is logged, what is called from the wrong thread is refused."""

import asyncio
import os
import threading
import time

from support import LoopTest, Notes, new_loop, on_loop, run_python


class DebugTest(LoopTest):
    def setUp(self):
        super().setUp()
        self.loop.set_debug(True)

    def test_it_can_be_switched(self):
        self.assertTrue(self.loop.get_debug())
        self.loop.set_debug(False)
        self.assertFalse(self.loop.get_debug())
        self.loop.call_soon(time.monotonic)
        self.turn()

    def test_a_slow_callback_is_logged(self):
        self.loop.slow_callback_duration = 0.01
        self.loop.call_soon(time.sleep, 0.02)
        with self.assertLogs("asyncio", "WARNING") as logs:
            self.turn()
        self.assertRegex(logs.output[0], r"Executing <Handle .*sleep.*> took 0\.\d+ seconds")

    def test_a_slow_timer_is_logged(self):
        self.loop.slow_callback_duration = 0.01
        self.loop.call_later(0, time.sleep, 0.02)
        with self.assertLogs("asyncio", "WARNING") as logs:
            self.turn(2)
        self.assertRegex(logs.output[0], r"Executing <TimerHandle .*> took 0\.\d+ seconds")

    def test_a_slow_step_of_a_task_is_logged_with_the_task(self):
        async def sluggard():
            time.sleep(0.02)

        self.loop.slow_callback_duration = 0.01
        with self.assertLogs("asyncio", "WARNING") as logs:
            self.loop.run_until_complete(sluggard())
        self.assertTrue(any("sluggard" in line and "took" in line for line in logs.output), logs.output)

    def test_what_is_not_slow_is_not_logged(self):
        self.loop.slow_callback_duration = 60
        self.loop.call_soon(time.sleep, 0.001)
        with self.assertNoLogs("asyncio", "WARNING"):
            self.turn()

    def test_calls_from_another_thread_are_refused(self):
        errors = []

        async def main():
            def call():
                calls = (self.loop.call_soon, ()), (self.loop.call_later, (1,)), (self.loop.call_at, (1,))
                for method, arguments in calls:
                    try:
                        method(*arguments, print)
                    except RuntimeError as error:
                        errors.append(str(error))

            await asyncio.to_thread(call)

        self.complete(main())
        self.assertEqual(len(errors), 3)
        self.assertIn("Non-thread-safe operation", errors[0])

    def test_calls_from_anywhere_are_fine_while_the_loop_does_not_run(self):
        thread = threading.Thread(target=self.loop.call_soon, args=(time.monotonic,))
        thread.start()
        thread.join()
        self.turn()

    def test_an_error_knows_where_its_callback_came_from(self):
        self.loop.call_soon(lambda: 1 / 0)
        self.turn()
        self.assertTrue(any(frame.filename == __file__ for frame in self.told[0]["source_traceback"]))

    @on_loop
    async def test_transports_work_as_ever(self):
        async with self.tcp_pair() as (ours, theirs):
            ours.transport.write(b"x" * 100_000)
            await theirs.until(lambda: len(theirs.received) == 100_000)
            ours.transport.close()
            await theirs.until(lambda: theirs.is_lost)
        self.assertEqual(self.told, [])

    def test_the_environment_switches_it_on(self):
        printed = run_python("""
import os
os.environ["PYTHONASYNCIODEBUG"] = "1"
loop = new_loop()
print(loop.get_debug())
loop.close()
""")
        self.assertEqual(printed, "True\n")


class ReprTest(LoopTest):
    def test_a_loop_says_what_it_is_and_how_it_is(self):
        self.assertRegex(repr(self.loop), r"^<\S*Loop running=False closed=False debug=False>$")
        self.loop.call_soon(lambda: seen.append(repr(self.loop)))
        seen = []
        self.turn()
        self.assertIn("running=True", seen[0])
        self.loop.close()
        self.assertIn("closed=True", repr(self.loop))
