"""Context variables: every callback sees those of the place where it was asked for."""

import asyncio
import contextvars
import os
import signal
import socket

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
