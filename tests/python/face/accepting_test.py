"""Servers: connections that come in, factories that fail, a system that runs out of something, and the end."""

import asyncio
import contextvars
import errno
import os
import socket
import tempfile
import unittest
import warnings

from support import IS_SANITIZED, LoopTest, Notes, better_than_asyncio, on_loop, run_python

MANY = 150  # more than are accepted at a time


class AcceptingTest(LoopTest):
    def setUp(self):
        noted = self.enterContext(warnings.catch_warnings(record=True))
        warnings.simplefilter("always", ResourceWarning)
        super().setUp()
        self.addCleanup(self.require_closed_writers, noted)
        self.addCleanup(self.turn, 2)  # behind the clients' aborts: they end

    def require_closed_writers(self, noted):
        self.assertEqual([text for text in (str(each.message) for each in noted) if "StreamWriter" in text], [])

    async def connect(self, server):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        self.addCleanup(lambda: writer.transport.abort())  # it keeps the writer, of which asyncio warns otherwise
        return reader, writer

    @on_loop
    async def test_every_connection_has_a_protocol_of_its_own_and_knows_its_peer(self):
        made = []

        def factory():
            made.append(Notes())
            return made[-1]

        server = await self.loop.create_server(factory, "127.0.0.1", 0)
        async with server:
            clients = await asyncio.gather(*(self.connect(server) for _ in range(MANY)))
            for _, writer in clients:
                writer.write(b"%d" % writer.get_extra_info("sockname")[1])
            for notes in list(made):
                await notes.until(lambda notes=notes: notes.received)
            self.assertEqual(len(made), MANY)
            for notes in made:
                peer = notes.transport.get_extra_info("peername")
                self.assertEqual(notes.received, b"%d" % peer[1])
                self.assertEqual(notes.transport.get_extra_info("sockname"), server.sockets[0].getsockname())
                shown = notes.transport.get_extra_info("socket")
                self.assertEqual((shown.family, shown.type), (socket.AF_INET, socket.SOCK_STREAM))
                self.assertFalse(os.get_inheritable(shown.fileno()))
                notes.transport.abort()
            for notes in made:
                await notes.until(lambda notes=notes: notes.is_lost)

    @on_loop
    async def test_a_unix_peer_has_no_name(self):
        notes = Notes()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "server")
            async with await self.loop.create_unix_server(lambda: notes, path):
                _, writer = await asyncio.open_unix_connection(path)
                await notes.until(lambda: notes.transport)
                self.assertEqual(notes.transport.get_extra_info("peername"), "")
                self.assertEqual(notes.transport.get_extra_info("sockname"), path)
                writer.transport.abort()
                await notes.until(lambda: notes.is_lost)

    @on_loop
    async def test_the_protocol_hears_of_the_connection_from_the_loop_and_not_within_the_factory(self):
        notes, events = Notes(), []

        def factory():
            self.loop.call_soon(lambda: events.append(list(notes.events)))
            return notes

        async with await self.loop.create_server(factory, "127.0.0.1", 0) as server:
            await self.connect(server)
            await notes.until(lambda: notes.transport)
            self.assertEqual(events[0], [])
            notes.transport.abort()
            await notes.until(lambda: notes.is_lost)

    @on_loop
    async def test_what_a_factory_sets_is_seen_by_its_own_connection_only(self):
        number = contextvars.ContextVar("number", default=0)
        made = []

        class Counting(Notes):
            def connection_made(self, transport):
                self.seen = number.get()
                super().connection_made(transport)

        def factory():
            number.set(number.get() + 1)
            made.append(Counting())
            return made[-1]

        async with await self.loop.create_server(factory, "127.0.0.1", 0) as server:
            await asyncio.gather(*(self.connect(server) for _ in range(3)))
            while len(made) < 3:
                await asyncio.sleep(0)
            for notes in made:
                await notes.until(lambda notes=notes: notes.transport)
            self.assertEqual([notes.seen for notes in made], [1, 1, 1])
            for notes in made:
                notes.transport.abort()
                await notes.until(lambda notes=notes: notes.is_lost)

    @better_than_asyncio((3, 0), "leaves that connection to the garbage collector")
    @on_loop
    async def test_a_factory_that_fails_closes_the_connection_and_is_told_of_in_debug_mode_only(self):
        async with await self.loop.create_server(lambda: 1 / 0, "127.0.0.1", 0) as server:
            for debug in (False, True):
                self.loop.set_debug(debug)
                reader, _ = await self.connect(server)
                self.assertEqual(await reader.read(), b"")
                self.assertEqual(len(self.told), int(debug))
            self.loop.set_debug(False)
        self.assertEqual(self.told[0]["message"], "Error on transport creation for incoming connection")
        self.assertIsInstance(self.told[0]["exception"], ZeroDivisionError)

    @better_than_asyncio((3, 0), "leaves that connection to the garbage collector")
    @on_loop
    async def test_a_factory_may_close_the_server_and_its_connection_with_it(self):
        def factory():
            server.close()
            return Notes()

        server = await self.loop.create_server(factory, "127.0.0.1", 0)
        reader, _ = await self.connect(server)
        self.assertEqual(await reader.read(), b"")
        self.assertEqual((server.is_serving(), self.told), (False, []))

    @on_loop
    async def test_the_port_is_free_as_soon_as_the_server_is_closed(self):
        server = await self.loop.create_server(Notes, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        server.close()
        with socket.socket() as another:
            another.bind(address)
        with self.assertRaises(ConnectionRefusedError):
            await asyncio.open_connection(*address)

    def test_keyboard_interrupt_in_a_factory_ends_the_run(self):
        def factory():
            raise KeyboardInterrupt

        server = self.complete(self.loop.create_server(factory, "127.0.0.1", 0))
        with socket.create_connection(server.sockets[0].getsockname()):
            with self.assertRaises(KeyboardInterrupt):
                self.loop.run_forever()
        server.close()

    @unittest.skipIf(IS_SANITIZED, "the sanitizer needs descriptors, to look at an object's type")
    @better_than_asyncio((3, 0), "tells it again and again")
    def test_a_process_without_descriptors_says_so_once_and_goes_on_when_it_has_some(self):
        printed = run_python(f"""
import asyncio, os, resource, socket
from asyncio import constants
constants.ACCEPT_RETRY_DELAY = 0.05
loop = new_loop()
told = loop.create_future()
made = loop.create_future()
class Server(asyncio.Protocol):
    def connection_made(self, transport):
        made.set_result(None)
        transport.abort()
messages = []
def handler(loop, context):
    messages.append((context["message"], context["exception"].errno == {errno.EMFILE}))
    loop.call_soon(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
loop.set_exception_handler(handler)
server = loop.run_until_complete(loop.create_server(Server, "127.0.0.1", 0))
client = socket.socket()
limits = resource.getrlimit(resource.RLIMIT_NOFILE)
free = os.dup(0)
os.close(free)
client.connect(server.sockets[0].getsockname())
resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
loop.run_until_complete(made)
print(messages)
server.close()
client.close()
loop.close()
""")
        self.assertEqual(printed, "[('socket.accept() out of system resource', True)]\n")
