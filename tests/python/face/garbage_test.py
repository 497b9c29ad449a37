"""What is no longer needed goes: cycles through transports, closed loops, memory that was lent, whatever many
connections have left behind."""

import asyncio
import contextvars
import gc
import os
import socket
import sys
import unittest
import warnings
import weakref

from support import SECONDS, BufferedNotes, DatagramNotes, LoopTest, Notes, better_than_asyncio, new_loop, on_loop

CONNECTIONS = int(os.environ.get("TIDEGATE_CONNECTIONS", "10000"))
AT_ONCE = 50


class CyclesTest(LoopTest):
    def collected_after(self, make):
        """`make` connects, closes, and returns weak references: all of them are dead after a collection."""
        references = self.complete(make())
        self.turn(3)
        gc.collect()
        self.assertEqual([reference() for reference in references], [None] * len(references))

    def test_a_closed_connection_and_its_protocol_are_freed(self):
        async def make():
            ours, theirs = Notes(), Notes()
            async with self.tcp_pair(ours, theirs):
                pass
            return [weakref.ref(found) for found in (ours, ours.transport, theirs, theirs.transport)]

        self.collected_after(make)

    def test_a_cycle_through_protocol_and_transport_is_no_leak(self):
        async def make():
            ours = Notes()
            async with self.tcp_pair(ours):
                ours.myself = [ours, ours.transport, ours.transport.write, ours.data_received]
            return [weakref.ref(ours), weakref.ref(ours.transport)]

        self.collected_after(make)

    def test_an_endpoint_for_datagrams_is_freed(self):
        async def make():
            transport, notes = await self.loop.create_datagram_endpoint(DatagramNotes, local_addr=("127.0.0.1", 0))
            notes.myself = notes
            transport.close()
            await notes.until(lambda: notes.is_lost)
            return [weakref.ref(transport), weakref.ref(notes)]

        self.collected_after(make)

    def test_a_server_is_freed_with_its_factory(self):
        async def make():
            class Factory:
                def __call__(self):
                    return Notes()

            factory = Factory()
            server = await self.loop.create_server(factory, "127.0.0.1", 0)
            server.close()
            await server.wait_closed()
            return [weakref.ref(server), weakref.ref(factory)]

        self.collected_after(make)

    def test_a_loop_that_was_left_with_all_that_is_open_on_it_is_collected_and_told_of(self):
        near, far = socket.socketpair()
        self.addCleanup(far.close)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")

            def leave():
                loop = new_loop()
                notes = Notes()
                loop.run_until_complete(loop.create_connection(lambda: notes, sock=near))
                loop.call_later(3600, notes.data_received, b"never")
                loop.call_soon(notes.data_received, b"never")
                return [weakref.ref(loop), weakref.ref(notes)]

            references = leave()
            gc.collect()
            self.assertEqual([reference() for reference in references], [None, None])
        texts = " ".join(str(warning.message) for warning in warned)
        self.assertIn("unclosed event loop", texts)
        self.assertIn("unclosed transport", texts)
        self.assertEqual(far.recv(1), b"")  # it was closed

    def test_a_protocol_that_was_replaced_is_freed(self):
        async def connect():
            near, far = socket.socketpair()
            transport, first = await self.loop.create_connection(Notes, sock=near)
            other = Notes()
            transport.set_protocol(other)
            first.transport = None
            gone = weakref.ref(first)
            del first
            await asyncio.sleep(0)
            gc.collect()
            self.assertIsNone(gone())
            transport.abort()
            await other.until(lambda: other.is_lost)
            far.close()

        self.complete(connect())

    def test_callbacks_are_freed_once_they_have_run_or_were_cancelled(self):
        class Argument:
            pass

        arguments = [Argument() for _ in range(4)]
        references = list(map(weakref.ref, arguments))
        handles = [self.loop.call_soon(id, arguments[0]), self.loop.call_later(0, id, arguments[1]),
                   self.loop.call_soon(id, arguments[2]), self.loop.call_later(1000, id, arguments[3])]
        arguments.clear()
        handles[2].cancel()
        handles[3].cancel()
        gc.collect()
        self.assertEqual([reference() is None for reference in references], [False, False, True, True])
        handles.clear()
        self.turn(2)
        gc.collect()
        self.assertEqual([reference() for reference in references], [None] * 4)

    def test_a_closed_loop_is_freed_with_what_waited_in_it(self):
        class Argument:
            pass

        loop, argument = new_loop(), Argument()
        loop.myself = loop
        loop.call_soon(id, argument)
        loop.call_later(1000, id, argument)
        references = [weakref.ref(loop), weakref.ref(argument)]
        loop.close()
        del loop, argument
        gc.collect()
        self.assertEqual([reference() for reference in references], [None, None])

    def test_a_loop_that_is_left_with_calls_from_threads_is_collected_with_their_contexts(self):
        kept = []

        class Value:
            pass

        def leave():
            variable, value, loop = contextvars.ContextVar("variable"), Value(), new_loop()
            value.loop = loop
            context = contextvars.copy_context()
            context.run(variable.set, value)
            for _ in range(1000):
                kept.append(context.run(loop.call_soon_threadsafe, id, value))
            gc.collect()
            del kept[1:]
            return [weakref.ref(loop), weakref.ref(value)]

        with self.assertWarnsRegex(ResourceWarning, "unclosed event loop"):
            references = leave()
            gc.collect()  # all of it hangs on the one handle
            self.assertIsNotNone(references[0]())
            kept.clear()
            gc.collect()
        self.assertEqual([reference() for reference in references], [None, None])

    def test_the_context_of_a_call_from_a_thread_can_be_kept(self):
        handle = self.loop.call_soon_threadsafe(id, 1)
        context = handle._context
        self.turn()
        self.assertTrue(gc.is_tracked(context))
        del handle
        self.assertEqual(context.run(len, "ab"), 2)

    def test_a_loop_in_the_middle_of_its_life_is_collected_with_a_warning(self):
        with self.assertWarnsRegex(ResourceWarning, "unclosed event loop"):
            loop = new_loop()
            loop.myself = loop
            del loop
            gc.collect()


class UnclosedTest(LoopTest):
    """A transport that nobody closed says so when it goes, and closes what it has."""

    def setUp(self):
        gc.collect()  # what other tests have left is none of ours
        super().setUp()

    def abandon_loop(self):
        """Closes the loop, and holds it no longer."""
        self.loop.close()
        self.doCleanups()
        self.loop = None

    def test_an_unclosed_connection(self):
        near, far = socket.socketpair()
        with far:
            far.settimeout(SECONDS)
            self.complete(self.loop.create_connection(Notes, sock=near))
            with self.assertWarnsRegex(ResourceWarning, "unclosed transport"):
                self.abandon_loop()
                del near
                gc.collect()
            self.assertEqual(far.recv(1), b"")

    def test_an_unclosed_endpoint(self):
        self.complete(self.loop.create_datagram_endpoint(DatagramNotes, local_addr=("127.0.0.1", 0)))
        with self.assertWarnsRegex(ResourceWarning, "unclosed transport"):
            self.abandon_loop()
            gc.collect()

    def test_an_unclosed_pipe(self):
        reading, writing = os.pipe()
        self.complete(self.loop.connect_read_pipe(Notes, os.fdopen(reading, "rb", 0)))
        with self.assertWarnsRegex(ResourceWarning, "unclosed transport"):
            self.abandon_loop()
            gc.collect()
        os.close(writing)

    def test_one_that_was_closed_is_silent(self):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")

            async def connect():
                async with self.tcp_pair():
                    pass

            self.complete(connect())
            self.loop.close()
            gc.collect()
        self.assertEqual([str(warning.message) for warning in caught], [])


class GrowthTest(LoopTest):
    @unittest.skipIf(CONNECTIONS < 4 * AT_ONCE, "TIDEGATE_CONNECTIONS asks for too few")
    def test_nothing_grows_with_the_number_of_connections(self):
        """Objects, descriptors and memory blocks after a first quarter of the connections, and after all of them."""
        self.complete_many(CONNECTIONS // 4)
        before = self.inventory()
        self.complete_many(CONNECTIONS - CONNECTIONS // 4)
        after = self.inventory()
        # One object for each connection would be thousands; what the interpreter itself keeps comes and goes by dozens.
        slack = max(50, CONNECTIONS // 20)
        self.assertLess(after["objects"] - before["objects"], slack)
        self.assertLess(after["blocks"] - before["blocks"], slack)
        self.assertEqual(after["descriptors"], before["descriptors"])
        self.assertEqual(self.told, [])

    def complete_many(self, count):
        self.loop.run_until_complete(self.echo_many(count))
        self.turn(3)

    async def echo_many(self, count):
        class Echo(asyncio.Protocol):
            def connection_made(self, transport):
                self.transport = transport

            def data_received(self, data):
                self.transport.write(data)

        async def one(address):
            ours = Notes()
            await self.loop.create_connection(lambda: ours, *address)
            ours.transport.write(b"once")
            await ours.until(lambda: ours.received == b"once")
            # Reset, so that the many of them leave no port in TIME_WAIT.
            ours.transport.abort()
            await ours.until(lambda: ours.is_lost)

        server = await self.loop.create_server(Echo, "127.0.0.1", 0, backlog=AT_ONCE)
        address = server.sockets[0].getsockname()
        for _ in range(count // AT_ONCE):
            await asyncio.gather(*(one(address) for _ in range(AT_ONCE)))
        server.close()
        await server.wait_closed()

    @staticmethod
    def inventory():
        for _ in range(3):
            gc.collect()
        return {"objects": len(gc.get_objects()), "blocks": sys.getallocatedblocks(),
                "descriptors": len(os.listdir("/proc/self/fd"))}


class LentMemoryTest(LoopTest):
    """Memory of the program's is given back, and what it gave to be written is as it was."""

    @on_loop
    async def test_bytes_that_were_written_are_let_go_of(self):
        async with self.tcp_pair() as (ours, theirs):
            for size in (10, 8 << 20):
                data = bytes(size)
                before = sys.getrefcount(data)
                ours.transport.write(data)
                ours.transport.writelines([data, data])
                await theirs.until(lambda size=size: len(theirs.received) == 3 * size)
                await asyncio.sleep(0)
                self.assertEqual(sys.getrefcount(data), before)
                theirs.received.clear()

    @on_loop
    async def test_bytes_that_were_never_sent_are_let_go_of(self):
        data = bytes(8 << 20)
        before = sys.getrefcount(data)
        async with self.tcp_pair() as (ours, theirs):
            theirs.transport.pause_reading()
            ours.transport.write(data)
            ours.transport.write(data)
            self.assertGreater(ours.transport.get_write_buffer_size(), 0)
        await asyncio.sleep(0)
        gc.collect()
        self.assertEqual(sys.getrefcount(data), before)

    @better_than_asyncio((3, 12), "keeps looking at what it could not send at once")
    @on_loop
    async def test_a_buffer_that_was_written_from_can_be_resized_at_once(self):
        async with self.tcp_pair() as (ours, theirs):
            data = bytearray(b"x" * (4 << 20))
            ours.transport.write(data)
            ours.transport.write(memoryview(data)[:5])
            data += b"grown"  # a BufferError, if somebody still looked at it
            await theirs.until(lambda: len(theirs.received) == (4 << 20) + 5)

    @on_loop
    async def test_a_buffer_that_was_received_into_can_be_resized(self):
        buffered = BufferedNotes()
        async with self.socket_pair(buffered) as far:
            far.send(b"some")
            await buffered.until(lambda: buffered.received == b"some")
            buffered.buffer += b"grown"
            far.send(b"more")
            await buffered.until(lambda: buffered.received == b"somemore")
        buffered.buffer.clear()

    @on_loop
    async def test_a_buffer_can_be_resized_within_buffer_updated(self):
        class Growing(BufferedNotes):
            def buffer_updated(self, nbytes):
                super().buffer_updated(nbytes)
                self.buffer.extend(b"grown")

        growing = Growing()
        async with self.socket_pair(growing) as far:
            for count in range(1, 4):
                far.send(b"x")
                await growing.until(lambda count=count: len(growing.received) == count)
        self.assertEqual(self.told, [])

    @on_loop
    async def test_memory_of_a_protocol_that_was_replaced_is_not_filled(self):
        other = BufferedNotes()

        class Leaving(BufferedNotes):
            def get_buffer(self, sizehint):
                self.transport.set_protocol(other)
                return self.buffer

        leaving = Leaving(16)
        async with self.socket_pair(leaving) as far:
            other.transport = leaving.transport
            far.send(b"some")
            await other.until(lambda: other.received == b"some")
            self.assertEqual(leaving.buffer, bytes(16))
            leaving.buffer.clear()  # a BufferError, if somebody still had it
            other.transport.abort()
            await other.until(lambda: other.is_lost)
            leaving.is_lost = True

    @on_loop
    async def test_a_received_buffer_is_asked_for_anew_and_let_go_of_when_the_connection_is_lost(self):
        buffered = BufferedNotes()
        before = sys.getrefcount(buffered.buffer)
        async with self.socket_pair(buffered) as far:
            far.send(b"x")
            await buffered.until(lambda: buffered.counts)
        await asyncio.sleep(0)
        self.assertEqual(sys.getrefcount(buffered.buffer), before)

    @on_loop
    async def test_received_bytes_belong_to_the_protocol_alone(self):
        class Keeping(Notes):
            kept = ()

            def data_received(self, data):
                self.kept += (data,)
                super().data_received(data)

        keeping = Keeping()
        async with self.socket_pair(keeping) as far:
            for number in range(3):
                far.send(b"%d" % number * 100)
                await keeping.until(lambda number=number: len(keeping.received) == 100 * (number + 1))
            self.assertEqual(keeping.kept, (b"0" * 100, b"1" * 100, b"2" * 100))
            self.assertEqual({type(data) for data in keeping.kept}, {bytes})
