"""Much that arrives at a time is received as `bytes` without a copy, and nobody can tell but by the clock."""

import asyncio
import os

from support import BufferedNotes, LoopTest, Notes, better_than_asyncio, on_loop
from tls_test import TlsTest

MUCH = 1 << 20
MOST_AT_A_TIME = 256 << 10  # as asyncio


class Pieces(Notes):
    """Keeps what it is given, as it is given."""

    def __init__(self):
        super().__init__()
        self.pieces = []
        self.on_data = lambda data: None

    def data_received(self, data):
        self.pieces.append(data)
        self.on_data(data)
        super().data_received(data)


class BulkTests:
    """Over whatever `pair` connects."""

    async def send(self, ours, theirs, data):
        expected = len(theirs.received) + len(data)
        ours.transport.write(data)
        await theirs.until(lambda: len(theirs.received) >= expected)

    @on_loop
    async def test_much_and_little_arrive_in_any_order(self):
        async with self.pair(Pieces()) as (ours, theirs):
            sent = b""
            for size in (MUCH, 1, 100, 70_000, 3, 5000, MUCH // 2 + 1, *[10] * 10, 20_000, MUCH):
                data = os.urandom(size)
                sent += data
                await self.send(ours, theirs, data)
            self.assertEqual(theirs.received, sent)
            self.assertEqual({type(piece) for piece in theirs.pieces}, {bytes})
            self.assertNotIn(b"", theirs.pieces)

    @on_loop
    async def test_what_is_kept_stays_as_it_is(self):
        async with self.pair(Pieces()) as (ours, theirs):
            data = [os.urandom(MUCH), os.urandom(500), os.urandom(MUCH)]
            for each in data:
                await self.send(ours, theirs, each)
            self.assertEqual(b"".join(theirs.pieces), b"".join(data))
            for piece in theirs.pieces:
                self.assertEqual(len(piece), len(bytearray(piece)))
                self.assertEqual(hash(piece), hash(bytes(bytearray(piece))))

    @on_loop
    async def test_no_more_comes_at_a_time_than_from_asyncios_loop(self):
        async with self.pair(Pieces()) as (ours, theirs):
            await self.send(ours, theirs, bytes(8 * MUCH))
            first_large = next(at for at, piece in enumerate(theirs.pieces) if len(piece) >= 16 << 10)
            self.assertLessEqual(max(map(len, theirs.pieces[first_large + 1:])), MOST_AT_A_TIME)

    @on_loop
    async def test_a_pause_holds_back_what_has_arrived(self):
        async with self.pair(Pieces()) as (ours, theirs):
            await self.send(ours, theirs, bytes(MUCH))
            theirs.on_data = lambda data: theirs.transport.pause_reading()
            data = os.urandom(4 * MUCH)
            ours.transport.write(data)
            received = MUCH
            while received < 5 * MUCH:
                await theirs.until(lambda before=received: len(theirs.received) > before)
                received = len(theirs.received)
                await asyncio.sleep(0.001)
                self.assertEqual(len(theirs.received), received)
                theirs.transport.resume_reading()
            self.assertEqual(theirs.received[MUCH:], data)

    @on_loop
    async def test_an_exception_is_that_of_data_received(self):
        def fail(data):
            raise ZeroDivisionError

        async with self.pair(Pieces()) as (ours, theirs):
            await self.send(ours, theirs, bytes(MUCH))
            theirs.on_data = fail
            ours.transport.write(bytes(MUCH))
            await theirs.until(lambda: theirs.is_lost)
            self.assertIsInstance(theirs.reason, ZeroDivisionError)
        self.assertEqual(len(self.told), 1)
        self.assertEqual(self.told[0]["message"], "Fatal error: protocol.data_received() call failed.")
        self.assertIs(self.told[0]["exception"], theirs.reason)
        self.assertIs(self.told[0]["transport"], theirs.transport)
        self.assertIs(self.told[0]["protocol"], theirs)

    @on_loop
    async def test_the_protocol_may_be_replaced_by_either_kind_from_inside(self):
        for make_other in (Pieces, BufferedNotes):
            async with self.pair(Pieces()) as (ours, theirs):
                await self.send(ours, theirs, bytes(MUCH))
                other = make_other()
                theirs.on_data = lambda data: theirs.transport.set_protocol(other)
                data = os.urandom(2 * MUCH)
                ours.transport.write(data)
                await other.until(lambda: len(theirs.received) + len(other.received) == 3 * MUCH)
                self.assertEqual(theirs.received[MUCH:] + other.received, data)
                theirs.transport.set_protocol(theirs)
                theirs.on_data = lambda data: None
                await self.send(ours, theirs, data)
                self.assertEqual(theirs.received[-len(data):], data)

    @on_loop
    async def test_close_and_abort_from_inside_end_it(self):
        for method in ("close", "abort"):
            async with self.pair(Pieces()) as (ours, theirs):
                await self.send(ours, theirs, bytes(MUCH))
                theirs.on_data = lambda data: getattr(theirs.transport, method)()
                theirs.pieces.clear()
                ours.transport.write(bytes(4 * MUCH))
                await theirs.until(lambda: theirs.is_lost)
                self.assertEqual(len(theirs.pieces), 1)
                self.assertIsNone(theirs.reason)

    @on_loop
    async def test_an_answer_of_much_arrives(self):
        async with self.pair(Pieces()) as (ours, theirs):
            theirs.on_data = lambda data: theirs.transport.write(data)
            data = os.urandom(4 * MUCH)
            ours.transport.write(data)
            await ours.until(lambda: len(ours.received) == len(data))
            self.assertEqual(ours.received, data)


class PlainTest(BulkTests, LoopTest):
    def pair(self, theirs):
        return self.tcp_pair(Notes(), theirs)


@better_than_asyncio((0,), "tells of its SSLProtocol, and has lost what followed when that was replaced or closed")
class SecuredTest(BulkTests, TlsTest):
    def pair(self, theirs):
        return self.tls_pair(Notes(), theirs)

    @on_loop
    async def test_records_that_have_arrived_come_together(self):
        records = 64
        async with self.pair(Pieces()) as (ours, theirs):
            await self.send(ours, theirs, bytes(MUCH))
            theirs.transport.pause_reading()
            theirs.pieces.clear()
            ours.transport.write(bytes(records * 16384))
            await asyncio.sleep(0.05)
            theirs.transport.resume_reading()
            await theirs.until(lambda: len(theirs.received) == MUCH + records * 16384)
            self.assertLess(len(theirs.pieces), records // 2)

    @on_loop
    async def test_what_is_behind_a_pause_is_not_lost_by_an_end(self):
        async with self.pair(Pieces()) as (ours, theirs):
            await self.send(ours, theirs, bytes(MUCH))
            theirs.transport.pause_reading()
            ours.transport.write(bytes(100_000))
            ours.transport.close()
            await asyncio.sleep(0.05)
            theirs.transport.resume_reading()
            await theirs.until(lambda: theirs.is_lost)
            self.assertEqual(len(theirs.received), MUCH + 100_000)
            self.assertEqual(theirs.events[-2:], ["eof", "lost"])
