"""What is written arrives as it was when it was written, whatever it was made of."""

import array
import asyncio
import os
import socket
import tempfile

from support import LoopTest, Notes, better_than_asyncio, on_loop

LARGE = 4 << 20  # no socket takes so much at once
SNAPSHOT = better_than_asyncio((3, 12), "keeps looking at what it could not send at once")


class AnsweringTask(Notes):
    """A task answers what data_received has put into its queue."""

    def __init__(self):
        super().__init__()
        self.questions = asyncio.Queue()

    def connection_made(self, transport):
        super().connection_made(transport)
        self.task = asyncio.get_running_loop().create_task(self.answer())

    def data_received(self, data):
        self.questions.put_nowait(data)

    async def answer(self):
        self.transport.write(b"answer to " + await self.questions.get())


class WritingTest(LoopTest):
    @on_loop
    async def test_a_task_answers_who_has_said_all(self):
        protocol = AnsweringTask()
        async with self.socket_pair(protocol) as peer:
            peer.send(b"question")
            peer.shutdown(socket.SHUT_WR)
            self.assertEqual(await self.loop.sock_recv(peer, 100), b"answer to question")
            await protocol.task

    @on_loop
    async def test_what_is_no_part_of_a_file_is_refused(self):
        async with self.tcp_pair() as (ours, theirs):
            with tempfile.TemporaryFile() as file, open(os.devnull) as text:
                for arguments, words in ((dict(count=-3), "count must be a positive integer"),
                                         (dict(offset=-1), "offset must be a non-negative integer")):
                    with self.assertRaisesRegex(ValueError, words):
                        await self.loop.sendfile(ours.transport, file, **arguments)
                with self.assertRaisesRegex(ValueError, "file should be opened in binary mode"):
                    await self.loop.sendfile(ours.transport, text)

    @SNAPSHOT
    @on_loop
    async def test_a_mutable_buffer_is_a_snapshot(self):
        async with self.tcp_pair() as (ours, theirs):
            for size in (10, LARGE):
                data = bytearray(b"a" * size)
                ours.transport.write(data)
                data[:] = b"b" * size
                await theirs.until(lambda size=size: len(theirs.received) == size)
                self.assertEqual(theirs.received.count(b"a"), size)
                theirs.received.clear()

    @SNAPSHOT
    @on_loop
    async def test_views_of_mutable_buffers_are_snapshots(self):
        async with self.tcp_pair() as (ours, theirs):
            data = bytearray(b"a" * LARGE)
            ours.transport.write(memoryview(data))
            ours.transport.write(memoryview(data).toreadonly())  # others may write to it nevertheless
            data[:] = b"b" * LARGE
            await theirs.until(lambda: len(theirs.received) == 2 * LARGE)
            self.assertEqual(theirs.received.count(b"a"), 2 * LARGE)

    @SNAPSHOT
    @on_loop
    async def test_the_parts_of_writelines_are_snapshots(self):
        async with self.tcp_pair() as (ours, theirs):
            data = bytearray(b"a" * LARGE)
            ours.transport.writelines([data, b"-", memoryview(data)])
            data[:] = b"b" * LARGE
            await theirs.until(lambda: len(theirs.received) == 2 * LARGE + 1)
            self.assertEqual(theirs.received, b"a" * LARGE + b"-" + b"a" * LARGE)

    @on_loop
    async def test_a_mutable_datagram_is_a_snapshot(self):
        received = self.loop.create_future()

        class Receiver(asyncio.DatagramProtocol):
            def datagram_received(self, data, addr):
                received.set_result(data)

        transport, _ = await self.loop.create_datagram_endpoint(Receiver, local_addr=("127.0.0.1", 0))
        data = bytearray(b"aaaa")
        transport.sendto(data, transport.get_extra_info("sockname"))
        data[:] = b"bbbb"
        self.assertEqual(await received, b"aaaa")
        transport.close()

    @on_loop
    async def test_whatever_has_bytes_can_be_written(self):
        async with self.tcp_pair() as (ours, theirs):
            ours.transport.write(b"")
            ours.transport.write(memoryview(b"abcdef")[1:3])
            ours.transport.write(bytearray(b"gh"))
            ours.transport.writelines(iter([b"ij", memoryview(b"kl"), b"", bytearray(b"mn")]))
            await theirs.until(lambda: len(theirs.received) == 10)
            self.assertEqual(theirs.received, b"bcghijklmn")

    @on_loop
    async def test_a_view_of_wider_items_is_its_bytes(self):
        async with self.tcp_pair() as (ours, theirs):
            data = array.array("I", [1, 2, 3])
            ours.transport.write(memoryview(data))
            await theirs.until(lambda: len(theirs.received) == data.itemsize * 3)
            self.assertEqual(theirs.received, data.tobytes())

    @on_loop
    async def test_what_has_no_bytes_is_refused_and_nothing_of_it_is_sent(self):
        async with self.tcp_pair() as (ours, theirs):
            for wrong in ("text", 5, None, ["list"]):
                with self.assertRaises(TypeError):
                    ours.transport.write(wrong)
            ours.transport.write(b"right")
            await theirs.until(lambda: theirs.received == b"right")

    @on_loop
    async def test_nothing_is_written_behind_an_end(self):
        async with self.tcp_pair() as (ours, theirs):
            self.assertTrue(ours.transport.can_write_eof())
            ours.transport.write(bytes(LARGE))
            ours.transport.write_eof()
            ours.transport.write_eof()
            with self.assertRaisesRegex(RuntimeError, "write_eof"):
                ours.transport.write(b"x")
            await theirs.until(lambda: "eof" in theirs.events)
            self.assertEqual(len(theirs.received), LARGE)

    @on_loop
    async def test_close_sends_what_is_buffered_and_abort_does_not(self):
        for method, everything in (("close", True), ("abort", False)):
            async with self.tcp_pair() as (ours, theirs):
                theirs.transport.pause_reading()
                ours.transport.write(bytes(2 * LARGE))
                getattr(ours.transport, method)()
                theirs.transport.resume_reading()
                await theirs.until(lambda: theirs.is_lost)
                self.assertEqual(len(theirs.received) == 2 * LARGE, everything)

    @on_loop
    async def test_the_protocol_is_paused_above_the_high_mark_and_resumed_at_the_low_one(self):
        notes = Notes()
        async with self.socket_pair(notes) as far:
            notes.transport.write(bytes(LARGE))
            self.assertEqual(notes.events, ["made", "pause"])  # within the call
            self.assertGreater(notes.transport.get_write_buffer_size(), 64 << 10)
            received = 0
            while received < LARGE:
                received += len(await self.loop.sock_recv(far, 1 << 16))
            await notes.until(lambda: "resume" in notes.events)
            self.assertEqual(notes.events, ["made", "pause", "resume"])
            self.assertEqual(notes.transport.get_write_buffer_size(), 0)

    @on_loop
    async def test_a_write_in_a_callback_of_the_same_transport_may_pause(self):
        class Answering(Notes):
            def data_received(self, data):
                super().data_received(data)
                self.transport.write(bytes(LARGE))
                self.is_written = True

        notes = Answering()
        async with self.socket_pair(notes) as far:
            await self.loop.sock_sendall(far, b"?")
            await notes.until(lambda: "pause" in notes.events)
            self.assertTrue(notes.is_written)
            received = 0
            while received < LARGE:
                received += len(await self.loop.sock_recv(far, 1 << 16))
            await notes.until(lambda: "resume" in notes.events)
        self.assertEqual(self.told, [])

    @on_loop
    async def test_writes_to_a_peer_that_has_gone_are_warned_of_and_raise_nothing(self):
        notes = Notes()
        near, far = socket.socketpair()
        await self.loop.create_connection(lambda: notes, sock=near)
        far.close()
        with self.assertLogs("asyncio", "WARNING") as logs:
            for _ in range(20):
                notes.transport.write(b"x")
                await asyncio.sleep(0)
        self.assertRegex(logs.output[0], r"socket.send\(\) raised exception|connection was lost")
        await notes.until(lambda: notes.is_lost)
        self.assertIsInstance(notes.reason, (BrokenPipeError, ConnectionResetError, type(None)))

    @on_loop
    async def test_whatever_has_bytes_can_be_among_lines(self):
        async with self.tcp_pair() as (ours, theirs):
            ours.transport.writelines([b"1", bytearray(b"2"), memoryview(b"3"), array.array("b", b"4")])
            await theirs.until(lambda: theirs.received == b"1234")
            with self.assertRaises(TypeError):
                ours.transport.writelines([b"x", "no bytes"])
