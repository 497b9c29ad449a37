"""Datagram transports: what is sent, to whom, and what the protocol hears of it."""

import asyncio
import contextvars
import os
import socket
import sys
import tempfile
import unittest
import weakref

from support import IS_TIDEGATE, DatagramNotes, LoopTest, on_loop

DATAGRAM_BYTES = 8192


class Paused(DatagramNotes):
    """Notes what flow control says as well."""

    def __init__(self):
        super().__init__()
        self.flow = []

    def pause_writing(self):
        self.flow.append("pause")
        self.changed()

    def resume_writing(self):
        self.flow.append("resume")
        self.changed()


class DatagramTest(LoopTest):
    async def endpoint(self, notes=None, **options):
        notes = notes or DatagramNotes()
        transport, _ = await self.loop.create_datagram_endpoint(lambda: notes, **options)
        self.addCleanup(transport.abort)
        return notes

    async def bound(self, host="127.0.0.1", notes=None):
        notes = await self.endpoint(notes, local_addr=(host, 0))
        return notes, notes.transport.get_extra_info("sockname")


class SendingTest(DatagramTest):
    @on_loop
    async def test_an_answer_goes_to_where_a_datagram_came_from(self):
        for host in ("127.0.0.1", "::1"):
            there, address = await self.bound(host)
            here, own_address = await self.bound(host)
            here.transport.sendto(b"question", address)
            await there.until(lambda there=there: there.received)
            self.assertEqual(there.received, [(b"question", own_address)])
            there.transport.sendto(b"answer", there.received[0][1])
            await here.until(lambda here=here: here.received)
            self.assertEqual(here.received, [(b"answer", address)])

    @on_loop
    async def test_each_of_many_peers_has_its_own_address(self):
        there, address = await self.bound()
        peers = [await self.bound() for _ in range(5)]
        for number in range(3):
            for notes, _ in peers:
                notes.transport.sendto(b"%d" % number, address)
        await there.until(lambda: len(there.received) == 15)
        for data, sender in there.received:
            there.transport.sendto(data, sender)
        for notes, own_address in peers:
            await notes.until(lambda notes=notes: len(notes.received) == 3)
            self.assertEqual(notes.received, [(b"%d" % number, address) for number in range(3)])
            self.assertEqual(sum(sender == own_address for _, sender in there.received), 3)

    @on_loop
    async def test_a_name_is_resolved(self):
        there, address = await self.bound()
        here, _ = await self.bound()
        here.transport.sendto(b"to a name", ("localhost", address[1]))
        await there.until(lambda: there.received)
        self.assertEqual(there.received[0][0], b"to a name")

    @on_loop
    async def test_a_name_that_nobody_has_is_an_error_and_the_transport_lives_on(self):
        there, address = await self.bound()
        here, _ = await self.bound()
        here.transport.sendto(b"x", ("nobody.invalid", address[1]))
        self.assertIsInstance(here.errors[0], socket.gaierror)
        here.transport.sendto(b"x", address)
        await there.until(lambda: there.received)

    @on_loop
    async def test_what_is_no_address_ends_the_transport(self):
        for wrong, expected in ((None, TypeError), ("text", TypeError), (("127.0.0.1",), TypeError),
                                (("127.0.0.1", "1"), TypeError), (("127.0.0.1", 1 << 20), OverflowError)):
            here, _ = await self.bound()
            self.told.clear()
            here.transport.sendto(b"x", wrong)
            await here.until(lambda here=here: here.is_lost)
            self.assertEqual(self.told[0]["message"], "Fatal write error on datagram transport")
            self.assertIsInstance(self.told[0]["exception"], expected)

    @on_loop
    async def test_a_connected_transport_sends_to_its_peer_only(self):
        there, address = await self.bound()
        here = await self.endpoint(remote_addr=address)
        here.transport.sendto(b"1")
        here.transport.sendto(b"2", None)
        here.transport.sendto(b"3", address)
        here.transport.sendto(data=b"4", addr=(address[0], address[1]))
        with self.assertRaisesRegex(ValueError, "Invalid address: must be None or "):
            here.transport.sendto(b"5", (address[0], 9))
        await there.until(lambda: len(there.received) == 4)
        self.assertEqual([data for data, _ in there.received], [b"1", b"2", b"3", b"4"])
        self.assertEqual(here.transport.get_extra_info("peername"), address)

    @on_loop
    async def test_what_has_no_bytes_is_refused(self):
        here, address = await self.bound()
        for wrong in ("text", 5, None, [b"x"]):
            with self.assertRaisesRegex(TypeError, "data argument must be a bytes-like object, not '"):
                here.transport.sendto(wrong, address)

    @on_loop
    async def test_whatever_has_bytes_can_be_sent(self):
        here, address = await self.bound()
        for data in (b"bytes", bytearray(b"array"), memoryview(b"a view of some")[2:6]):
            here.transport.sendto(data, address)
        await here.until(lambda: len(here.received) == 3)
        self.assertEqual([data for data, _ in here.received], [b"bytes", b"array", b"view"])

    @on_loop
    async def test_empty_datagrams_are_sent_since_3_13(self):
        here, address = await self.bound()
        here.transport.sendto(b"", address)
        here.transport.sendto(b"behind it", address)
        await here.until(lambda: (b"behind it", address) in here.received)
        empty = 1 if sys.version_info >= (3, 13) else 0
        self.assertEqual([data for data, _ in here.received], [b""] * empty + [b"behind it"])

    @on_loop
    async def test_nobody_at_the_other_end_is_an_error_and_the_transport_lives_on(self):
        there, address = await self.bound()
        there.transport.abort()
        await there.until(lambda: there.is_lost)
        here = await self.endpoint(remote_addr=address)
        here.transport.sendto(b"x")
        await here.until(lambda: here.errors)
        self.assertIsInstance(here.errors[0], ConnectionRefusedError)
        self.assertFalse(here.transport.is_closing())

    @on_loop
    async def test_a_datagram_that_is_too_large_is_an_error_within_the_call(self):
        here, address = await self.bound()
        here.transport.sendto(bytes(1 << 17), address)
        self.assertIsInstance(here.errors[0], OSError)

    @on_loop
    async def test_the_protocol_is_paused_over_the_high_mark_and_resumed_when_there_is_room(self):
        far = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with tempfile.TemporaryDirectory() as folder, far:
            far.bind(os.path.join(folder, "far"))
            own = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            own.connect(far.getsockname())
            here = await self.endpoint(Paused(), sock=own)
            while not here.flow:
                here.transport.sendto(bytes(DATAGRAM_BYTES))
            self.assertGreater(here.transport.get_write_buffer_size(), here.transport.get_write_buffer_limits()[1])
            far.setblocking(False)
            while "resume" not in here.flow:
                self.assertEqual(len(await self.loop.sock_recv(far, 2 * DATAGRAM_BYTES)), DATAGRAM_BYTES)
            self.assertEqual(here.flow, ["pause", "resume"])

    @on_loop
    async def test_the_protocol_is_paused_in_the_context_of_who_sends(self):
        marked = contextvars.ContextVar("marked", default="elsewhere")
        far = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with tempfile.TemporaryDirectory() as folder, far:
            far.bind(os.path.join(folder, "far"))
            own = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            own.connect(far.getsockname())
            here = await self.endpoint(Paused(), sock=own)
            seen = []
            here.pause_writing = lambda: seen.append(marked.get())
            marked.set("here")
            while not seen:
                here.transport.sendto(bytes(DATAGRAM_BYTES))
            self.assertEqual((seen, self.told), (["here"], []))


class UnixTest(DatagramTest):
    @on_loop
    async def test_paths_abstract_names_and_no_name_at_all(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "one")
            one = await self.endpoint(local_addr=path, family=socket.AF_UNIX)
            name = b"\0tidegate datagrams test %d" % os.getpid()
            two = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            two.bind(name)
            two = await self.endpoint(sock=two)
            three = await self.endpoint(family=socket.AF_UNIX, local_addr=None, remote_addr=path)
            two.transport.sendto(b"from a name", path)
            await one.until(lambda: one.received)
            one.transport.sendto(b"from a path", name)
            three.transport.sendto(b"from nobody")
            await two.until(lambda: two.received)
            await one.until(lambda: len(one.received) == 2)
            self.assertEqual(two.received, [(b"from a path", path)])
            self.assertEqual(one.received, [(b"from a name", name), (b"from nobody", None)])


class LifeTest(DatagramTest):
    @on_loop
    async def test_it_is_a_datagram_transport_with_a_socket(self):
        here, address = await self.bound()
        transport = here.transport
        self.assertIsInstance(transport, asyncio.DatagramTransport)
        shown = transport.get_extra_info("socket")
        self.assertIsInstance(shown, asyncio.trsock.TransportSocket)
        self.assertEqual(shown.getsockname(), address)
        self.assertIsNone(transport.get_extra_info("peername"))
        self.assertIs(transport.get_protocol(), here)
        self.assertIn(f"fd={shown.fileno()}", repr(transport))
        self.assertRegex(repr(transport), r"^<\w*DatagramTransport ")  # without its module
        transport.note = "kept"
        self.assertEqual(transport.note, "kept")

    @on_loop
    async def test_close_tells_the_protocol_once_and_nothing_is_sent_afterwards(self):
        here, address = await self.bound()
        here.transport.close()
        here.transport.close()
        self.assertTrue(here.transport.is_closing())
        self.assertFalse(here.is_lost)
        await here.until(lambda: here.is_lost)
        shown = here.transport.get_extra_info("socket")
        await asyncio.sleep(0)
        self.assertEqual(shown.fileno(), -1)
        self.assertIn("closed", repr(here.transport))

    @on_loop
    async def test_another_protocol_is_told_from_then_on(self):
        here, address = await self.bound()
        other = DatagramNotes()
        here.transport.set_protocol(other)
        here.transport.sendto(b"x", address)
        await other.until(lambda: other.received)
        self.assertEqual((here.received, here.transport.get_protocol()), ([], other))

    @on_loop
    async def test_an_exception_of_the_protocol_is_told_and_the_transport_lives_on(self):
        class Failing(DatagramNotes):
            def datagram_received(self, data, addr):
                super().datagram_received(data, addr)
                raise ZeroDivisionError(data)

        here, address = await self.bound(notes=Failing())
        for number in range(2):
            here.transport.sendto(b"%d" % number, address)
            await here.until(lambda number=number: len(here.received) > number)
        self.assertEqual([str(context["exception"]) for context in self.told], ["b'0'", "b'1'"])

    def test_keyboard_interrupt_in_a_protocol_ends_the_run(self):
        class Interrupted(DatagramNotes):
            def datagram_received(self, data, addr):
                raise KeyboardInterrupt

        here, address = self.complete(self.bound(notes=Interrupted()))
        self.loop.call_soon(here.transport.sendto, b"x", address)
        with self.assertRaises(KeyboardInterrupt):
            self.loop.run_forever()

    def test_one_that_was_not_closed_is_warned_of(self):
        here, _ = self.complete(self.bound())
        with self.assertWarnsRegex(ResourceWarning, "unclosed transport"):
            self.loop.close()
            transport = here.transport = None
            del transport, here
            self._cleanups.clear()

    @on_loop
    async def test_it_goes_when_nobody_needs_it(self):
        here, _ = await self.bound()
        reference = weakref.ref(here.transport)
        self._cleanups[:] = [cleanup for cleanup in self._cleanups if cleanup[0] != here.transport.abort]
        here.transport.abort()
        await here.until(lambda: here.is_lost)
        here.transport = None
        await asyncio.sleep(0)
        self.assertIsNone(reference())

    @unittest.skipUnless(IS_TIDEGATE, "asyncio's own loop makes a new one for each")
    @on_loop
    async def test_the_same_sender_is_the_same_object(self):
        here, address = await self.bound()
        for _ in range(3):
            here.transport.sendto(b"x", address)
        await here.until(lambda: len(here.received) == 3)
        self.assertEqual(len({id(sender) for _, sender in here.received}), 1)
