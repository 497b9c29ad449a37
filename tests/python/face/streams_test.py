"""asyncio's StreamReader on our transports: what arrives goes to it without its methods being called where nobody could
tell, and by its methods wherever a program has put something of its own."""

import asyncio
import contextlib
import socket
import sys
import types
import unittest
from unittest import mock

from support import IS_TIDEGATE, LoopTest, client_context, on_loop, run_python, server_context

SIZES = (1, 64, 1024, 5000, 16 * 1024, 70_000, 300_000)


class Reader(asyncio.StreamReader):
    """As asyncio's own, and not the same class."""


class StreamsTest(LoopTest):
    @contextlib.asynccontextmanager
    async def connection(self, reader=None, protocol_class=asyncio.StreamReaderProtocol):
        """(reader, protocol, the other end as a socket)"""
        reader = reader or asyncio.StreamReader(loop=self.loop)
        protocol = protocol_class(reader, loop=self.loop)
        near, far = socket.socketpair()
        far.setblocking(False)
        transport, _ = await self.loop.create_connection(lambda: protocol, sock=near)
        try:
            yield reader, protocol, far
        finally:
            far.close()
            transport.abort()
            await asyncio.sleep(0)

    async def until(self, condition):
        while not condition():
            await asyncio.sleep(0)

    async def require_calls(self, calls, reader, far):
        """Whoever stands in is called once for each of two messages, which are read; `calls` has their bytes."""
        for message in (b"first", b"second"):
            far.send(message)
            self.assertEqual(await reader.read(100), message)
        self.assertEqual(calls, [b"first", b"second"])


class DeliveryTest(StreamsTest):
    async def exchange(self, tls, limit):
        async def echo(reader, writer):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
            writer.close()

        server = await asyncio.start_server(echo, "localhost", 0, ssl=server_context() if tls else None, limit=limit)
        async with server:
            reader, writer = await asyncio.open_connection(
                "localhost", server.sockets[0].getsockname()[1], ssl=client_context() if tls else None, limit=limit)
            for number, size in enumerate(SIZES):
                message = bytes([number]) * size
                writer.write(message)
                self.assertEqual(await reader.readexactly(size), message)
            writer.write(b"a line\nand more")
            self.assertEqual(await reader.readline(), b"a line\n")
            self.assertEqual(await reader.readexactly(8), b"and more")
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    @on_loop
    async def test_what_is_sent_is_read_whatever_its_size(self):
        await self.exchange(tls=False, limit=1 << 16)

    @on_loop
    async def test_what_is_sent_is_read_over_tls(self):
        await self.exchange(tls=True, limit=1 << 16)

    @on_loop
    async def test_a_reader_with_a_small_limit_pauses_and_gets_everything(self):
        await self.exchange(tls=False, limit=10)

    def test_debug_mode_changes_nothing_of_it(self):
        self.loop.set_debug(True)
        self.loop.slow_callback_duration = 60
        self.complete(self.exchange(tls=False, limit=1 << 16))

    @on_loop
    async def test_beyond_twice_the_limit_the_transport_is_paused(self):
        async with self.connection(asyncio.StreamReader(limit=4, loop=self.loop)) as (reader, protocol, far):
            far.send(b"12345678")
            await self.until(lambda: len(reader._buffer) == 8)
            self.assertTrue(protocol._transport.is_reading())
            far.send(b"9")
            await self.until(lambda: len(reader._buffer) == 9)
            self.assertFalse(protocol._transport.is_reading())
            self.assertEqual(await reader.read(5), b"12345")
            self.assertTrue(protocol._transport.is_reading())

    @on_loop
    async def test_who_waits_is_woken_in_the_next_iteration(self):
        async with self.connection() as (reader, _, far):
            reading = self.loop.create_task(reader.read(100))
            await asyncio.sleep(0)
            waiter = reader._waiter
            far.send(b"x")
            await self.until(waiter.done)
            self.assertIsNone(waiter.result())
            self.assertIsNone(reader._waiter)
            self.assertFalse(reading.done())
            self.assertEqual(await reading, b"x")

    @on_loop
    async def test_a_waiter_that_was_cancelled_is_left_alone(self):
        async with self.connection() as (reader, _, far):
            waiter = reader._waiter = self.loop.create_future()
            waiter.cancel()
            far.send(b"x")
            await self.until(lambda: reader._buffer)
            self.assertIsNone(reader._waiter)
            self.assertTrue(waiter.cancelled())
            self.assertEqual(self.told, [])

    @on_loop
    async def test_what_arrives_for_a_reader_that_has_gone_is_dropped(self):
        reader = asyncio.StreamReader(loop=self.loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=self.loop)
        near, far = socket.socketpair()
        with far:
            transport, _ = await self.loop.create_connection(lambda: protocol, sock=near)
            del reader
            far.send(b"x")
            far.shutdown(socket.SHUT_WR)
            with mock.patch.object(protocol, "eof_received") as ended:
                await self.until(lambda: ended.called)
            transport.abort()
            await asyncio.sleep(0)
        self.assertEqual(self.told, [])


class FailureTest(StreamsTest):
    """What asyncio's own code would raise is raised, and told in the same words."""

    async def require_fatal(self, kind, far, transport):
        far.send(b"x")
        await self.until(lambda: self.told)
        (context,) = self.told
        self.assertEqual(context["message"], "Fatal error: protocol.data_received() call failed.")
        self.assertIsInstance(context["exception"], kind)
        self.assertTrue(transport.is_closing())

    @on_loop
    async def test_a_waiter_that_has_its_result_already(self):
        async with self.connection() as (reader, protocol, far):
            waiter = reader._waiter = self.loop.create_future()
            waiter.set_result(None)
            await self.require_fatal(asyncio.InvalidStateError, far, protocol._transport)

    @unittest.skipIf(sys.flags.optimize, "without assertions nobody objects")
    @on_loop
    async def test_a_reader_that_was_told_of_the_end(self):
        async with self.connection() as (reader, protocol, far):
            reader.feed_eof()
            await self.require_fatal(AssertionError, far, protocol._transport)

    @on_loop
    async def test_a_buffer_that_cannot_grow(self):
        async with self.connection() as (reader, protocol, far):
            with memoryview(reader._buffer):
                await self.require_fatal(BufferError, far, protocol._transport)

    @on_loop
    async def test_a_buffer_that_was_taken_away(self):
        async with self.connection() as (reader, protocol, far):
            del reader._buffer
            await self.require_fatal(AttributeError, far, protocol._transport)

    @on_loop
    async def test_a_waiter_of_the_programs_own(self):
        class Waiter:
            def cancelled(self):
                return False

            def set_result(self, result):
                raise ZeroDivisionError(result)

        async with self.connection() as (reader, protocol, far):
            reader._waiter = Waiter()
            await self.require_fatal(ZeroDivisionError, far, protocol._transport)
            self.assertIsNone(reader._waiter)
            self.assertEqual(reader._buffer, b"x")

    def test_an_interruption_out_of_a_waiter_ends_the_run(self):
        class Waiter:
            def cancelled(self):
                raise KeyboardInterrupt

        async def provoke():
            async with self.connection() as (reader, _, far):
                reader._waiter = Waiter()
                far.send(b"x")
                await self.until(lambda: False)

        task = self.loop.create_task(provoke())
        with self.assertRaises(KeyboardInterrupt):
            self.loop.run_until_complete(task)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            self.loop.run_until_complete(task)


class ReplacedTest(StreamsTest):
    """What a program has put in the place of asyncio's own is called."""

    @on_loop
    async def test_a_method_of_the_class(self):
        calls = []
        own = asyncio.StreamReader.feed_data
        async with self.connection() as (reader, _, far):
            with mock.patch.object(asyncio.StreamReader, "feed_data",
                                   lambda self, data: (calls.append(data), own(self, data))):
                await self.require_calls(calls, reader, far)
            far.send(b"afterwards")
            self.assertEqual(await reader.read(100), b"afterwards")
            self.assertEqual(len(calls), 2)

    @on_loop
    async def test_a_method_that_it_calls(self):
        calls = []
        own = asyncio.StreamReader._wakeup_waiter
        async with self.connection() as (reader, _, far):
            with mock.patch.object(asyncio.StreamReader, "_wakeup_waiter",
                                   lambda self: (calls.append(bytes(self._buffer)), own(self))):
                await self.require_calls(calls, reader, far)

    @on_loop
    async def test_a_method_of_one_reader(self):
        calls = []
        async with self.connection() as (reader, _, far):
            own = reader.feed_data
            reader.feed_data = lambda data: (calls.append(data), own(data))
            await self.require_calls(calls, reader, far)

    @on_loop
    async def test_a_method_that_it_calls_of_one_reader(self):
        calls = []
        async with self.connection() as (reader, _, far):
            own = reader._wakeup_waiter
            reader._wakeup_waiter = lambda: (calls.append(bytes(reader._buffer)), own())
            await self.require_calls(calls, reader, far)

    @on_loop
    async def test_the_property_that_finds_the_reader(self):
        calls = []
        async with self.connection() as (reader, _, far):
            shadow = types.SimpleNamespace(feed_data=lambda data: (calls.append(data), reader.feed_data(data)),
                                           set_exception=reader.set_exception, feed_eof=reader.feed_eof)
            with mock.patch.object(asyncio.StreamReaderProtocol, "_stream_reader",
                                   property(lambda self: shadow)):
                await self.require_calls(calls, reader, far)

    @on_loop
    async def test_the_code_of_a_function(self):
        calls = []
        own = asyncio.StreamReader.feed_data.__code__
        copy = types.FunctionType(own, asyncio.StreamReader.feed_data.__globals__)

        def feed_data(self, data, calls=calls, copy=copy):
            calls.append(data)
            copy(self, data)

        async with self.connection() as (reader, _, far):
            function = asyncio.StreamReader.feed_data
            try:
                function.__code__, function.__defaults__ = feed_data.__code__, feed_data.__defaults__
                await self.require_calls(calls, reader, far)
            finally:
                function.__code__, function.__defaults__ = own, None

    @on_loop
    async def test_a_class_of_the_programs_own(self):
        calls = []

        class Feeding(Reader):
            def feed_data(self, data):
                calls.append(data)
                super().feed_data(data)

        async with self.connection(Feeding(loop=self.loop)) as (reader, _, far):
            await self.require_calls(calls, reader, far)

    @on_loop
    async def test_the_class_of_one_reader(self):
        calls = []

        class Feeding(Reader):
            def feed_data(self, data):
                calls.append(data)
                super().feed_data(data)

        async with self.connection() as (reader, _, far):
            reader.__class__ = Feeding
            await self.require_calls(calls, reader, far)

    @on_loop
    async def test_a_protocol_of_the_programs_own(self):
        calls = []

        class Protocol(asyncio.StreamReaderProtocol):
            def data_received(self, data):
                calls.append(data)
                super().data_received(data)

        async with self.connection(protocol_class=Protocol) as (reader, _, far):
            await self.require_calls(calls, reader, far)

    @on_loop
    async def test_a_profiler_sees_the_calls(self):
        seen = []
        async with self.connection() as (reader, _, far):
            sys.setprofile(lambda frame, event, argument: seen.append(frame.f_code.co_name))
            try:
                far.send(b"x")
                await reader.read(100)
            finally:
                sys.setprofile(None)
        self.assertLessEqual({"data_received", "feed_data", "_wakeup_waiter"}, set(seen))

    @unittest.skipUnless(IS_TIDEGATE, "it is about what is imported first")
    def test_what_was_replaced_before_we_were_imported(self):
        # support.py imports the loop's module when a loop is made.
        printed = run_python("""
import asyncio, socket
own = asyncio.StreamReader.feed_data
def feed_data(self, data):
    print(data)
    own(self, data)
asyncio.StreamReader.feed_data = feed_data

async def main():
    near, far = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=near)
    far.send(b"x")
    await reader.read(1)
    writer.close()
    far.close()

with asyncio.Runner(loop_factory=new_loop) as runner:
    runner.run(main())
""")
        self.assertEqual(printed, "b'x'\n")

    @unittest.skipUnless(IS_TIDEGATE, "it is about our shortcut")
    @unittest.skipUnless(sys.version_info < (3, 14), "nobody has looked yet")
    def test_this_version_of_asyncio_is_known(self):
        self.assertIn("is known", run_python("""
new_loop().close()
from tidegate._reader import known_reader
print("is known" if known_reader() else "is not known")
"""))


class FuturesTest(LoopTest):
    def test_a_future_is_of_the_class_that_asyncio_has_for_it(self):
        class Future(asyncio.Future):
            pass

        future = self.loop.create_future()
        self.assertIs(type(future), asyncio.Future)
        self.assertIs(future.get_loop(), self.loop)
        with mock.patch.object(asyncio.futures, "Future", Future):
            self.assertIs(type(self.loop.create_future()), Future)

    def test_a_loop_that_is_closed_still_makes_futures(self):
        self.loop.close()
        self.assertIs(self.loop.create_future().get_loop(), self.loop)

    def test_debug_mode_is_what_was_set(self):
        self.assertIs(self.loop.get_debug(), False)
        self.loop.set_debug(True)
        self.assertIs(self.loop.get_debug(), True)

    @unittest.skipUnless(IS_TIDEGATE, "asyncio's own loop is closed by its own")
    def test_a_class_that_derives_from_ours_says_what_debug_mode_is(self):
        import tidegate

        class Loop(tidegate.Loop):
            asked = 0

            def get_debug(self):
                self.asked += 1
                return super().get_debug()

        loop = Loop()
        self.addCleanup(loop.close)
        loop.create_future()
        self.assertGreater(loop.asked, 0)
