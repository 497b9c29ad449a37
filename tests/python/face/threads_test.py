"""Threads, each with a loop of its own; calls from other threads; children by fork."""

import asyncio
import os
import socket
import sys
import threading
import time

from support import SECONDS, LoopTest, Notes, new_loop, on_loop, run_python

THREADS, CALLS = 4, 2000


class ThreadsTest(LoopTest):
    def in_threads(self, work, count=THREADS):
        """Runs `work(number)` in so many threads at once; the results, or the first exception."""
        results, errors = {}, []

        def run(number):
            try:
                results[number] = work(number)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
            self.assertFalse(thread.is_alive())
        if errors:
            raise errors[0]
        return results

    def test_each_thread_has_a_loop_of_its_own(self):
        async def echo(number):
            class Echo(asyncio.Protocol):
                def connection_made(self, transport):
                    self.transport = transport

                def data_received(self, data):
                    self.transport.write(data)

            loop = asyncio.get_running_loop()
            server = await loop.create_server(Echo, "127.0.0.1", 0)
            ours = Notes()
            await loop.create_connection(lambda: ours, *server.sockets[0].getsockname())
            for count in range(200):
                ours.transport.write(b"%d" % number)
                await ours.until(lambda count=count: len(ours.received) == count + 1)
            ours.transport.close()
            await ours.until(lambda: ours.is_lost)
            server.close()
            return bytes(ours.received)

        def work(number):
            with asyncio.Runner(loop_factory=new_loop) as runner:
                return runner.run(echo(number))

        self.assertEqual(self.in_threads(work), {number: b"%d" % number * 200 for number in range(THREADS)})

    @on_loop
    async def test_calls_from_many_threads_all_arrive_and_each_threads_in_order(self):
        seen, done = [], self.loop.create_future()

        def note(number, count):
            seen.append((number, count))
            if len(seen) == THREADS * CALLS:
                done.set_result(None)

        def work(number):
            for count in range(CALLS):
                self.loop.call_soon_threadsafe(note, number, count)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        await done
        for thread in threads:
            thread.join()
        for number in range(THREADS):
            self.assertEqual([count for of, count in seen if of == number], list(range(CALLS)))

    @on_loop
    async def test_a_call_from_a_thread_wakes_a_loop_that_waits(self):
        woken = self.loop.create_future()
        is_waiting = threading.Event()

        def wake():
            is_waiting.wait(SECONDS)
            self.loop.call_soon_threadsafe(woken.set_result, threading.get_ident())

        thread = threading.Thread(target=wake)
        thread.start()
        self.loop.call_later(0.01, is_waiting.set)
        self.assertEqual(await woken, thread.ident)
        thread.join()

    @on_loop
    async def test_a_call_from_a_thread_can_be_cancelled(self):
        seen = []
        handle = await asyncio.to_thread(self.loop.call_soon_threadsafe, seen.append, 1)
        self.assertIsInstance(handle, asyncio.Handle)
        await asyncio.sleep(0)
        late = self.loop.call_soon_threadsafe(seen.append, 2)
        late.cancel()
        await asyncio.sleep(0)
        self.assertNotIn(2, seen)

    def test_a_closed_loop_takes_no_call_from_a_thread(self):
        self.loop.close()

        def call(_):
            with self.assertRaisesRegex(RuntimeError, "Event loop is closed"):
                self.loop.call_soon_threadsafe(print)

        self.in_threads(call, 1)

    def test_a_running_loop_is_not_run_from_another_thread(self):
        async def main():
            with self.assertRaisesRegex(RuntimeError, "already running"):
                await asyncio.to_thread(self.loop.run_until_complete, self.loop.create_future())

        self.complete(main())

    @on_loop
    async def test_other_threads_run_while_the_loop_waits(self):
        """The interpreter is let go of for as long as nothing is ready."""
        counted = 0
        is_over = threading.Event()

        def count():
            nonlocal counted
            while not is_over.is_set():
                counted += 1

        thread = threading.Thread(target=count)
        thread.start()
        before, begin = counted, time.monotonic()
        await asyncio.sleep(0.2)
        self.assertLess(time.monotonic() - begin, SECONDS)
        self.assertGreater(counted, before)
        is_over.set()
        thread.join()

    @on_loop
    async def test_connections_are_made_while_threads_resolve_names(self):
        found = await asyncio.gather(*(self.loop.getaddrinfo("localhost", port, type=socket.SOCK_STREAM)
                                       for port in range(1, 20)))
        self.assertTrue(all(found))


class ForkTest(LoopTest):
    def test_a_forked_child_can_have_a_loop_of_its_own(self):
        printed = run_python("""
import asyncio, os, sys

async def main():
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    assert await reader.read() == b""
    writer.close()
    server.close()
    child = os.fork()
    if child == 0:
        asyncio._set_running_loop(None)
        code = 1
        try:
            with asyncio.Runner(loop_factory=new_loop) as runner:
                runner.run(talk("child"))
            code = 0
        finally:
            os._exit(code)
    await talk("parent")
    _, status = os.waitpid(child, 0)
    print("ended with", os.waitstatus_to_exitcode(status))

async def talk(who):
    async def answer(reader, writer):
        writer.write(await reader.readline())
        writer.close()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(who.encode() + b" talks\\n")
    os.write(1, await reader.readline())
    writer.close()
    server.close()

with asyncio.Runner(loop_factory=new_loop) as runner:
    runner.run(main())
""")
        self.assertEqual(sorted(printed.splitlines()), ["child talks", "ended with 0", "parent talks"])

    def test_a_child_that_only_ends_disturbs_nobody(self):
        printed = run_python("""
import asyncio, gc, os

async def main():
    loop = asyncio.get_running_loop()
    reader, writer = os.pipe()
    seen = []
    loop.add_reader(reader, lambda: seen.append(os.read(reader, 10)))
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    child = os.fork()
    if child == 0:
        gc.collect()
        os._exit(0)
    await asyncio.to_thread(os.waitpid, child, 0)
    stream, w = await asyncio.open_connection(*server.sockets[0].getsockname())
    assert await stream.read() == b""
    w.close()
    os.write(writer, b"still here")
    while not seen:
        await asyncio.sleep(0)
    print(seen[0].decode())

with asyncio.Runner(loop_factory=new_loop) as runner:
    runner.run(main())
""")
        self.assertEqual(printed, "still here\n")

    @on_loop
    async def test_children_are_not_given_our_descriptors(self):
        async with self.tcp_pair():
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-c", "import os; print(sorted(map(int, os.listdir('/proc/self/fd')))[:4])",
                stdout=asyncio.subprocess.PIPE, close_fds=False)
            output, _ = await child.communicate()
        # Those three, and the one that lists them.
        self.assertEqual(output, b"[0, 1, 2, 3]\n")
