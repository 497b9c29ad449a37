"""What transports are, and what they say of themselves."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import weakref
import unittest
from asyncio import trsock

from support import (IS_SANITIZED, IS_TIDEGATE, BufferedNotes, ChildNotes, DatagramNotes, LoopTest, Notes, on_loop,
                     run_python)


class StreamTest(LoopTest):
    @on_loop
    async def test_a_tcp_transport_is_asyncios_transport(self):
        async with self.tcp_pair() as (ours, theirs):
            for side in (ours, theirs):
                self.assertIsInstance(side.transport, asyncio.Transport)
                self.assertIsInstance(side.transport, asyncio.ReadTransport)
                self.assertIsInstance(side.transport, asyncio.WriteTransport)

    @on_loop
    async def test_its_socket_is_asyncios_transport_socket(self):
        async with self.tcp_pair() as (ours, theirs):
            found = ours.transport.get_extra_info("socket")
            self.assertIsInstance(found, trsock.TransportSocket)
            self.assertEqual((found.family, found.type), (socket.AF_INET, socket.SOCK_STREAM))
            self.assertEqual(found.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE), socket.SOCK_STREAM)
            self.assertGreaterEqual(found.fileno(), 0)

    @on_loop
    async def test_nagles_algorithm_is_off(self):
        async with self.tcp_pair() as (ours, theirs):
            self.assert_nagles_algorithm_is_off(ours, theirs)

    @on_loop
    async def test_names_are_tuples_and_those_of_the_other_side(self):
        async with self.tcp_pair() as (ours, theirs):
            self.assertEqual(ours.transport.get_extra_info("sockname"), theirs.transport.get_extra_info("peername"))
            self.assertEqual(ours.transport.get_extra_info("peername"), theirs.transport.get_extra_info("sockname"))
            self.assertIsInstance(ours.transport.get_extra_info("peername"), tuple)

    @on_loop
    async def test_what_it_does_not_know_is_the_default(self):
        async with self.tcp_pair() as (ours, _):
            self.assertIsNone(ours.transport.get_extra_info("sslcontext"))
            self.assertEqual(ours.transport.get_extra_info("no such thing", 5), 5)

    @on_loop
    async def test_its_protocol_can_be_another(self):
        async with self.tcp_pair() as (ours, theirs):
            self.assertIs(ours.transport.get_protocol(), ours)
            other = Notes()
            ours.transport.set_protocol(other)
            self.assertIs(ours.transport.get_protocol(), other)
            theirs.transport.write(b"for the other")
            await other.until(lambda: other.received == b"for the other")
            self.assertEqual(ours.received, b"")
            buffered = BufferedNotes()
            ours.transport.set_protocol(buffered)
            theirs.transport.write(b"into a buffer")
            await buffered.until(lambda: buffered.received == b"into a buffer")
            ours.transport.set_protocol(ours)

    @on_loop
    async def test_reading_can_be_paused_and_resumed_any_number_of_times(self):
        async with self.tcp_pair() as (ours, theirs):
            self.assertTrue(ours.transport.is_reading())
            for _ in range(2):
                ours.transport.pause_reading()
                self.assertFalse(ours.transport.is_reading())
            theirs.transport.write(b"later")
            await asyncio.sleep(0.01)
            self.assertEqual(ours.received, b"")
            for _ in range(2):
                ours.transport.resume_reading()
                self.assertTrue(ours.transport.is_reading())
            await ours.until(lambda: ours.received == b"later")

    @on_loop
    async def test_limits_are_asyncios(self):
        async with self.tcp_pair() as (ours, _):
            self.assertEqual(ours.transport.get_write_buffer_limits(), (16 * 1024, 64 * 1024))
            ours.transport.set_write_buffer_limits(high=100)
            self.assertEqual(ours.transport.get_write_buffer_limits(), (25, 100))
            ours.transport.set_write_buffer_limits(low=10)
            self.assertEqual(ours.transport.get_write_buffer_limits(), (10, 40))
            with self.assertRaises(ValueError):
                ours.transport.set_write_buffer_limits(high=1, low=2)

    @on_loop
    async def test_it_says_what_it_is_and_that_it_is_closed(self):
        async with self.tcp_pair() as (ours, _):
            self.assertFalse(ours.transport.is_closing())
            self.assertRegex(repr(ours.transport), r"^<[\w.]*Transport .*fd=\d+.*read=polling.*>$")
            ours.transport.close()
            self.assertTrue(ours.transport.is_closing())
            self.assertRegex(repr(ours.transport), r"clos")
            await ours.until(lambda: ours.is_lost)
            self.assertRegex(repr(ours.transport), r"^<[\w.]*Transport closed.*>$")

    @on_loop
    async def test_a_transport_can_be_the_key_of_a_dictionary_and_have_weak_references(self):
        async with self.tcp_pair() as (ours, theirs):
            self.assertEqual({ours.transport: 1, theirs.transport: 2}[theirs.transport], 2)
            self.assertIs(weakref.ref(ours.transport)(), ours.transport)

    @on_loop
    async def test_a_unix_transport_has_the_path_of_its_peer(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "socket")
            ours, theirs = Notes(), Notes()
            async with await self.loop.create_unix_server(lambda: theirs, path):
                await self.loop.create_unix_connection(lambda: ours, path)
                await theirs.until(lambda: theirs.transport)
                self.assertIsInstance(ours.transport, asyncio.Transport)
                self.assertEqual(ours.transport.get_extra_info("peername"), path)
                self.assertEqual(ours.transport.get_extra_info("socket").family, socket.AF_UNIX)
                ours.transport.close()
                await theirs.until(lambda: theirs.is_lost)
                await ours.until(lambda: ours.is_lost)


class OtherTransportsTest(LoopTest):
    @on_loop
    async def test_a_datagram_transport_is_asyncios(self):
        transport, notes = await self.loop.create_datagram_endpoint(DatagramNotes, local_addr=("127.0.0.1", 0))
        if IS_TIDEGATE or sys.version_info >= (3, 12):  # asyncio's own was none before
            self.assertIsInstance(transport, asyncio.DatagramTransport)
        self.assertIsInstance(transport.get_extra_info("socket"), trsock.TransportSocket)
        transport.sendto(b"to itself", transport.get_extra_info("sockname"))
        await notes.until(lambda: notes.received)
        self.assertEqual(notes.received, [(b"to itself", transport.get_extra_info("sockname"))])
        self.assertIs(type(notes.received[0][0]), bytes)
        transport.close()
        await notes.until(lambda: notes.is_lost)

    @on_loop
    async def test_the_ends_of_a_pipe_are_asyncios_read_and_write_transports(self):
        reading, writing = os.pipe()
        ours, theirs = Notes(), Notes()
        reader, _ = await self.loop.connect_read_pipe(lambda: ours, os.fdopen(reading, "rb", 0))
        writer, _ = await self.loop.connect_write_pipe(lambda: theirs, os.fdopen(writing, "wb", 0))
        self.assertIsInstance(reader, asyncio.ReadTransport)
        self.assertIsInstance(writer, asyncio.WriteTransport)
        self.assertEqual(reader.get_extra_info("pipe").fileno(), reading)
        writer.write(b"through the pipe")
        writer.write_eof()
        await ours.until(lambda: ours.is_lost)
        self.assertEqual(ours.received, b"through the pipe")
        self.assertEqual(ours.events[-2:], ["eof", "lost"])
        await theirs.until(lambda: theirs.is_lost)

    @on_loop
    async def test_a_socket_that_the_program_closes_under_its_transport_is_closed_once(self):
        async def datagrams(sock):
            return (await self.loop.create_datagram_endpoint(DatagramNotes, sock=sock))[1]

        async def stream(sock):
            return (await self.loop.create_connection(Notes, sock=sock))[1]

        for make, kind in ((stream, socket.SOCK_STREAM), (datagrams, socket.SOCK_DGRAM)):
            near, far = socket.socketpair(type=kind)
            with far:
                notes = await make(near)
                number = near.fileno()
                near.close()
                os.dup2(far.fileno(), number)  # the number is somebody else's now
                notes.transport.abort()
                await notes.until(lambda: notes.is_lost)
                await asyncio.sleep(0)
                os.close(number)  # an OSError, if it was closed with the transport

    @on_loop
    async def test_a_childs_transport_is_asyncios_and_so_are_those_of_its_pipes(self):
        transport, notes = await self.loop.subprocess_exec(ChildNotes, sys.executable, "-c", "print(input())")
        self.assertIsInstance(transport, asyncio.SubprocessTransport)
        self.assertIsInstance(transport.get_pipe_transport(0), asyncio.WriteTransport)
        self.assertIsInstance(transport.get_pipe_transport(1), asyncio.ReadTransport)
        self.assertIsInstance(transport.get_extra_info("subprocess"), subprocess.Popen)
        self.assertEqual(transport.get_extra_info("subprocess").pid, transport.get_pid())
        self.assertIsNone(transport.get_returncode())
        transport.get_pipe_transport(0).write(b"said twice\n")
        await notes.until(lambda: notes.is_lost)
        self.assertEqual(notes.output, b"said twice\n")
        self.assertEqual(transport.get_returncode(), 0)
        transport.close()

    @on_loop
    async def test_a_server_says_what_it_listens_on(self):
        server = await self.loop.create_server(Notes, "127.0.0.1", 0)
        self.assertIsInstance(server, asyncio.AbstractServer)
        self.assertTrue(server.is_serving())
        self.assertIs(server.get_loop(), self.loop)
        self.assertIsInstance(server.sockets[0], trsock.TransportSocket)
        self.assertNotEqual(server.sockets[0].getsockname()[1], 0)
        server.close()
        self.assertFalse(server.is_serving())
        await server.wait_closed()


class ShortageTest(unittest.TestCase):
    @unittest.skipUnless(IS_TIDEGATE, "it is about what our own loop keeps for each descriptor")
    @unittest.skipIf(IS_SANITIZED, "a sanitizer needs all the addresses there are")
    def test_a_socket_for_which_there_is_no_memory_is_closed_and_knows_it(self):
        # Of a loop's table so much is made as the number of a descriptor is large.
        self.assertEqual(run_python("""
import asyncio, fcntl, os, resource, socket

loop = new_loop()
first = loop.create_connection(asyncio.Protocol, sock=socket.socketpair()[0])  # whatever is made once is made
loop.run_until_complete(first)
near, far = socket.socketpair()
most, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
high = socket.socket(fileno=fcntl.fcntl(near, fcntl.F_DUPFD, min(hard, 1 << 20) - 1))
near.close()
number = high.fileno()
pages = int(open("/proc/self/statm").read().split()[0])
limits = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize(), limits[1]))
held = []
try:
    while True:
        held.append(bytearray(4000))
except MemoryError:
    del held[-60:]
connecting = loop.create_connection(asyncio.Protocol, sock=high)
try:
    loop.run_until_complete(connecting)
except MemoryError:
    print("no memory")
resource.setrlimit(resource.RLIMIT_AS, limits)
print(high.fileno())
try:
    os.fstat(number)
except OSError:
    print("closed")
high.close()
loop.run_until_complete(asyncio.sleep(0))
"""), "no memory\n-1\nclosed\n")
