"""Context variables: every callback sees those of the place where it was asked for."""

import asyncio
import contextvars
import os
import signal
import socket
import threading
import weakref

from support import LoopTest, Notes, on_loop

PLACE = contextvars.ContextVar("place", default="nowhere")


class ContextTest(LoopTest):
    def test_call_soon_copies_the_context(self):
        seen = []
        PLACE.set("asking")
        self.loop.call_soon(lambda: (seen.append(PLACE.get()), PLACE.set("inside")))
        PLACE.set("later")
        self.turn(2)
        self.assertEqual(seen, ["asking"])
        self.assertEqual(PLACE.get(), "later")

    def test_a_context_can_be_given(self):
        seen = []
        context = contextvars.copy_context()
        context.run(PLACE.set, "given")
        see = lambda: seen.append(PLACE.get())
        self.loop.call_soon(see, context=context)
        self.loop.call_later(0, see, context=context)
        self.loop.call_at(self.loop.time(), see, context=context)
        self.loop.call_soon_threadsafe(see, context=context)
        future = self.loop.create_future()
        future.add_done_callback(lambda _: see(), context=context)
        future.set_result(None)
        self.loop.call_later(0, self.loop.call_soon, self.loop.stop)
        self.loop.run_forever()
        self.assertEqual(seen, ["given"] * 5)

    def test_one_context_serves_many_callbacks(self):
        seen = []
        context = contextvars.copy_context()
        for value in range(3):
            self.loop.call_soon(lambda value=value: (seen.append(PLACE.get()), PLACE.set(value)), context=context)
        self.turn(2)
        self.assertEqual(seen[1:], [0, 1])

    @on_loop
    async def test_a_protocols_callbacks_see_the_context_of_who_connected(self):
        class Seeing(Notes):
            def note(self, event):
                super().note((event, PLACE.get()))

        PLACE.set("connecting")
        seeing = Seeing()
        async with self.socket_pair(seeing) as far:
            PLACE.set("later")
            far.send(b"one")
            await seeing.until(lambda: seeing.received == b"one")
            far.send(b"two")
            await seeing.until(lambda: seeing.received == b"onetwo")
            self.assertEqual(seeing.events[:3],
                             [("made", "connecting"), ("data", "connecting"), ("data", "connecting")])

    @on_loop
    async def test_readers_and_signal_handlers_see_the_context_of_who_added_them(self):
        near, far = socket.socketpair()
        with near, far:
            seen, done = [], self.loop.create_future()
            PLACE.set("adding")
            self.loop.add_reader(near, lambda: (near.recv(10), seen.append(PLACE.get()), PLACE.set("inside"),
                                                done.done() or done.set_result(None)))
            PLACE.set("later")
            far.send(b"x")
            await done
            self.loop.remove_reader(near)
            PLACE.set("adding")
            done = self.loop.create_future()
            self.loop.add_signal_handler(signal.SIGUSR1, lambda: (seen.append(PLACE.get()), done.set_result(None)))
            PLACE.set("later")
            os.kill(os.getpid(), signal.SIGUSR1)
            await done
            self.loop.remove_signal_handler(signal.SIGUSR1)
            self.assertEqual(seen, ["adding", "adding"])

    @on_loop
    async def test_tasks_keep_their_own(self):
        async def task(value):
            PLACE.set(value)
            await asyncio.sleep(0)
            return PLACE.get()

        before = PLACE.get()
        self.assertEqual(await asyncio.gather(*map(task, range(5))), list(range(5)))
        self.assertEqual(PLACE.get(), before)


class EmptyContextTest(LoopTest):
    """A callback that was scheduled where no variable is set has a context of its own all the same."""

    def in_empty(self, function, *arguments):
        return contextvars.Context().run(function, *arguments)

    def schedule_each(self, callback):
        """On every way there is; from an empty context."""
        soon = self.in_empty(self.loop.call_soon, callback)
        later = self.in_empty(self.loop.call_later, 0, callback)
        thread = threading.Thread(target=self.loop.call_soon_threadsafe, args=(callback,))
        thread.start()
        thread.join()
        return soon, later

    def run_all(self):
        self.loop.call_later(0.001, self.loop.stop)
        self.loop.run_forever()

    def test_none_sees_what_another_has_set(self):
        seen = []
        for _ in range(3):
            self.schedule_each(lambda: (seen.append(PLACE.get()), PLACE.set("inside")))
        self.run_all()
        self.assertEqual(seen, ["nowhere"] * 9)

    def test_a_handle_shows_the_context_of_its_callback(self):
        contexts = []
        handles = self.schedule_each(lambda: PLACE.set("inside"))
        contexts = [handle._context for handle in handles]
        self.assertEqual([len(context) for context in contexts], [0, 0])
        self.assertIsNot(*contexts)
        self.run_all()
        for handle, context in zip(handles, contexts):
            self.assertIs(handle._context, context)
            self.assertEqual(context[PLACE], "inside")

    def test_the_context_is_seen_from_inside(self):
        seen = []

        def look():
            PLACE.set("inside")
            seen.append(handle._context)

        handle = self.in_empty(self.loop.call_soon, look)
        self.turn(2)
        self.assertEqual(seen[0][PLACE], "inside")
        self.assertIs(seen[0], handle._context)

    def test_what_was_seen_is_nobody_elses_later(self):
        seen = []
        handle = self.in_empty(self.loop.call_soon, lambda: seen.append(weakref.ref(handle._context)))
        self.turn(2)
        del handle
        self.assertIsNone(seen[0]())

    def test_a_token_is_of_one_callback_only(self):
        tokens = []

        def set_and_reset():
            tokens.append(PLACE.set("inside"))
            PLACE.reset(PLACE.set("again"))
            PLACE.reset(tokens[0])

        def reset_elsewhere():
            with self.assertRaises(ValueError):
                PLACE.reset(tokens[1])
            tokens.append("refused")

        self.in_empty(self.loop.call_soon, set_and_reset)
        self.in_empty(self.loop.call_soon, lambda: tokens.append(PLACE.set("inside")))
        self.in_empty(self.loop.call_soon, reset_elsewhere)
        self.turn(2)
        self.assertEqual(tokens[2:], ["refused"])
        self.assertEqual(self.told, [])

    def test_what_a_callback_schedules_sees_what_it_has_set(self):
        seen = []

        def first():
            self.loop.call_soon(lambda: seen.append(PLACE.get()))
            PLACE.set("inside")
            self.loop.call_soon(lambda: seen.append(PLACE.get()))

        self.in_empty(self.loop.call_soon, first)
        self.turn(3)
        self.assertEqual(seen, ["nowhere", "inside"])

    def test_a_readers_variables_last_from_call_to_call(self):
        near, far = socket.socketpair()
        seen = []

        def read():
            near.recv(1)
            seen.append(PLACE.get())
            PLACE.set(f"call {len(seen)}")

        with near, far:
            self.in_empty(self.loop.add_reader, near, read)
            for _ in range(3):
                far.send(b"x")
                self.turn(2)
            self.loop.remove_reader(near)
        self.assertEqual(seen, ["nowhere", "call 1", "call 2"])

    def test_one_that_is_run_by_another_has_its_own(self):
        seen = []
        inner = self.in_empty(self.loop.call_soon, lambda: (seen.append(PLACE.get()), PLACE.set("inner")))
        outer = self.in_empty(self.loop.call_soon,
                              lambda: (PLACE.set("outer"), inner._run(), seen.append(PLACE.get())))
        outer._run()
        outer.cancel()
        inner.cancel()
        self.turn(2)
        self.assertEqual(seen, ["nowhere", "outer"])
