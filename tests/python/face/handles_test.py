"""Handles and time: what call_soon() and its like return, and the clock that they go by."""

import asyncio
import re
import time

from support import LoopTest


def callback(*arguments):
    """Somebody's."""


def without_place(text):
    """What a handle says of itself, without where it was made."""
    return re.sub(r" created at .*", "", text)


class HandleTest(LoopTest):
    def test_they_are_asyncios(self):
        for handle in (self.loop.call_soon(callback), self.loop.call_soon_threadsafe(callback)):
            self.assertIsInstance(handle, asyncio.Handle)
            self.assertNotIsInstance(handle, asyncio.TimerHandle)
        for handle in (self.loop.call_later(1, callback), self.loop.call_at(self.loop.time(), callback)):
            self.assertIsInstance(handle, asyncio.TimerHandle)
            self.assertIsInstance(handle, asyncio.Handle)

    def test_a_handle_says_what_it_calls_in_asyncios_words(self):
        """Which are not the same in every version."""
        for debug in (False, True):
            with self.subTest(debug=debug):
                self.loop.set_debug(debug)
                handle, timer = self.loop.call_soon(callback, 1, "two"), self.loop.call_at(10.0, callback, 1, "two")
                self.assertRegex(repr(handle), r"^<Handle callback\(.*\) at .*handles_test\.py:\d+")
                self.assertEqual(without_place(repr(handle)), without_place(repr(
                    asyncio.Handle(callback, (1, "two"), self.loop))))
                self.assertEqual(without_place(repr(timer)), without_place(repr(
                    asyncio.TimerHandle(10.0, callback, (1, "two"), self.loop))))

    def test_a_cancelled_one_says_so_and_no_longer_what_it_would_have_called(self):
        for handle in (self.loop.call_soon(callback, "argument"), self.loop.call_later(5, callback, "argument")):
            self.assertFalse(handle.cancelled())
            handle.cancel()
            handle.cancel()
            self.assertTrue(handle.cancelled())
            self.assertRegex(repr(handle), r"^<(Timer)?Handle cancelled.*>$")
            self.assertNotIn("argument", repr(handle))

    def test_in_debug_mode_a_handle_says_where_it_was_made(self):
        self.loop.set_debug(True)
        for handle in (self.loop.call_soon(callback), self.loop.call_later(5, callback)):
            self.assertRegex(repr(handle), r"created at .*handles_test\.py:\d+>$")
            handle.cancel()
            self.assertRegex(repr(handle), r"cancelled .*callback\(\).*created at")

    def test_what_was_cancelled_is_not_called(self):
        seen = []
        handles = [self.loop.call_soon(seen.append, 1), self.loop.call_later(0, seen.append, 2),
                   self.loop.call_soon_threadsafe(seen.append, 3)]
        self.loop.call_soon(seen.append, "called")
        for handle in handles:
            handle.cancel()
        self.turn(3)
        self.assertEqual(seen, ["called"])

    def test_one_callback_can_cancel_the_next(self):
        seen = []
        self.loop.call_soon(lambda: handle.cancel())
        handle = self.loop.call_soon(seen.append, 1)
        self.turn(2)
        self.assertEqual(seen, [])

    def test_cancelling_what_has_run_is_nothing(self):
        handle = self.loop.call_soon(callback)
        timer = self.loop.call_later(0, callback)
        self.turn(3)
        handle.cancel()
        timer.cancel()

    def test_timers_are_ordered_by_their_time(self):
        early, late = self.loop.call_at(10.0, callback), self.loop.call_at(20.0, callback)
        self.assertLess(early, late)
        self.assertGreaterEqual(late, early)
        self.assertEqual(sorted([late, early]), [early, late])
        self.assertEqual((early.when(), late.when()), (10.0, 20.0))
        self.assertNotEqual(early, late)
        self.assertEqual(len({early, late}), 2)

    def test_what_cannot_be_called_is_refused_in_debug_mode(self):
        self.loop.set_debug(True)
        for call in (self.loop.call_soon, self.loop.call_soon_threadsafe, lambda it: self.loop.call_later(1, it)):
            with self.assertRaises(TypeError):
                call("no callable")

        async def coroutine_function():
            pass

        with self.assertRaisesRegex(TypeError, "coroutines cannot be used with"):
            self.loop.call_soon(coroutine_function)

    def test_a_closed_loop_takes_no_callback(self):
        self.loop.close()
        for call in (lambda: self.loop.call_soon(callback), lambda: self.loop.call_later(1, callback),
                     lambda: self.loop.call_at(1, callback)):
            with self.assertRaisesRegex(RuntimeError, "Event loop is closed"):
                call()

    def test_callbacks_run_in_the_order_of_their_calls_and_new_ones_in_the_next_iteration(self):
        seen = []

        def call(number):
            seen.append(number)
            self.loop.call_soon(seen.append, number + 10)

        for number in range(3):
            self.loop.call_soon(call, number)
        self.turn()
        self.assertEqual(seen, [0, 1, 2])
        self.turn()
        self.assertEqual(seen, [0, 1, 2, 10, 11, 12])

    def test_callbacks_take_any_number_of_arguments(self):
        seen = []
        for count in range(12):
            self.loop.call_soon(lambda *arguments: seen.append(arguments), *range(count))
        self.turn()
        self.assertEqual(seen, [tuple(range(count)) for count in range(12)])


class TimeTest(LoopTest):
    def test_the_time_is_that_of_the_monotonic_clock(self):
        for _ in range(100):
            before, between, after = time.monotonic(), self.loop.time(), time.monotonic()
            self.assertTrue(before <= between <= after, (before, between, after))

    def test_a_timer_is_never_early(self):
        seen = []
        for delay in (0.0, 0.0001, 0.001, 0.0015, 0.01):
            due = self.loop.time() + delay
            self.loop.call_at(due, lambda due=due: seen.append(self.loop.time() - due))
        self.loop.call_later(0.02, self.loop.stop)
        self.loop.run_forever()
        self.assertEqual(len(seen), 5)
        resolution = time.get_clock_info("monotonic").resolution
        self.assertGreaterEqual(min(seen), -resolution)

    def test_timers_run_in_the_order_of_their_time(self):
        seen, now = [], self.loop.time()
        for delay in (0.003, 0.001, 0.002, 0.0):
            self.loop.call_at(now + delay, seen.append, delay)
        self.loop.call_at(now + 0.01, self.loop.stop)
        self.loop.run_forever()
        self.assertEqual(seen, [0.0, 0.001, 0.002, 0.003])

    def test_a_timer_is_behind_what_was_ready_before(self):
        seen = []

        def callback():
            self.loop.call_later(0, seen.append, "later")
            self.loop.call_soon(seen.append, "soon")

        self.loop.call_soon(callback)
        self.turn(3)
        self.assertEqual(seen, ["soon", "later"])

    def test_who_was_answered_in_time_is_not_told_that_time_is_over(self):
        async def ask():
            answers = asyncio.Queue()

            async def wait():
                async with asyncio.timeout(0.02):
                    return await answers.get()

            asked = asyncio.create_task(wait())
            await asyncio.sleep(0)
            time.sleep(0.03)  # the loop is late
            answers.put_nowait("answer")
            return await asked

        self.assertEqual(self.complete(ask()), "answer")

    def test_a_time_in_the_past_is_now(self):
        seen = []
        self.loop.call_later(-10, seen.append, 1)
        self.loop.call_at(0, seen.append, 2)
        self.turn(3)
        self.assertEqual(sorted(seen), [1, 2])

    def test_what_is_called_and_when_can_be_given_by_name(self):
        seen = []
        self.loop.call_soon(callback=lambda: seen.append("soon"))
        self.loop.call_soon_threadsafe(context=None, callback=lambda: seen.append("from any thread"))
        self.loop.call_later(delay=0.001, callback=lambda: seen.append("later"))
        self.loop.call_at(callback=self.loop.stop, when=self.loop.time() + 0.002)
        self.loop.run_forever()
        self.assertEqual(seen, ["soon", "from any thread", "later"])
        for call in (lambda: self.loop.call_soon(callback, callback=callback), lambda: self.loop.call_soon(),
                     lambda: self.loop.call_later(1, delay=1), lambda: self.loop.call_at(when=1)):
            with self.assertRaises(TypeError):
                call()

    def test_a_timer_needs_a_time(self):
        with self.assertRaises(TypeError):
            self.loop.call_at(None, callback)
        with self.assertRaises(TypeError):
            self.loop.call_later("soon", callback)

    def test_thousands_of_timers_run_or_are_cancelled(self):
        seen = []
        handles = [self.loop.call_later(number % 7 / 1000, seen.append, number) for number in range(5000)]
        for handle in handles[::2]:
            handle.cancel()
        self.loop.call_later(0.05, self.loop.stop)
        self.loop.run_forever()
        self.assertEqual(sorted(seen), list(range(1, 5000, 2)))
