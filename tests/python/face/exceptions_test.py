"""An exception in any callback: what the exception handler is told, what becomes of the connection, and the loop lives.

KeyboardInterrupt and SystemExit are nobody's to handle: they come out of the loop, which can be run again.
"""

import asyncio
import gc
import logging
import socket
import sys
import warnings

from support import BufferedNotes, ChildNotes, DatagramNotes, LoopTest, Notes, on_loop


class Fault(Exception):
    pass


def failing_in(method, base=Notes, error=Fault):
    """A protocol that notes its call of `method`, and fails in it."""
    class Failing(base):
        def fail(self, *arguments):
            getattr(super(), method)(*arguments)
            raise error(method)

    Failing.__name__ = f"FailingIn_{method}"
    setattr(Failing, method, Failing.fail)
    return Failing()


class StreamProtocolTest(LoopTest):
    async def provoke(self, protocol, provocation, until):
        """The one thing that the handler was told of, after which the loop still works."""
        near, far = socket.socketpair()
        with far:
            transport, _ = await self.loop.create_connection(lambda: protocol, sock=near)
            provocation(far)
            await protocol.until(until)
            await asyncio.sleep(0)
            transport.abort()
            await protocol.until(lambda: protocol.is_lost)
            await asyncio.sleep(0)
        self.assertEqual(await asyncio.sleep(0, "the loop works"), "the loop works")
        (context,) = self.told
        self.assertIsInstance(context["exception"], Fault)
        return context

    def require_fatal(self, context, protocol, method):
        """Told as a fatal error of the transport, and that is the reason for the loss."""
        self.assertEqual(context["message"], f"Fatal error: protocol.{method}() call failed.")
        self.assertIs(context["protocol"], protocol)
        self.assertIs(context["transport"], protocol.transport)

    @on_loop
    async def test_connection_made_fails_and_the_connection_goes_on(self):
        class Failing(Notes):
            def connection_made(self, transport):
                super().connection_made(transport)
                raise Fault("connection_made")

        protocol = Failing()
        context = await self.provoke(protocol, lambda far: far.send(b"x"), lambda: protocol.received == b"x")
        self.assertRegex(context["message"], r"^Exception in callback ")
        # Asyncio's own transports have a handle for it; ours tell whose call it was.
        self.assertTrue(isinstance(context.get("handle"), asyncio.Handle) or context["protocol"] is protocol)

    @on_loop
    async def test_data_received_fails_and_the_connection_is_lost_for_it(self):
        protocol = failing_in("data_received")
        context = await self.provoke(protocol, lambda far: far.send(b"x"), lambda: protocol.is_lost)
        self.require_fatal(context, protocol, "data_received")
        self.assertIsInstance(protocol.reason, Fault)

    @on_loop
    async def test_eof_received_fails_and_the_connection_is_lost_for_it(self):
        protocol = failing_in("eof_received")
        context = await self.provoke(protocol, lambda far: far.shutdown(socket.SHUT_WR), lambda: protocol.is_lost)
        self.require_fatal(context, protocol, "eof_received")
        self.assertIsInstance(protocol.reason, Fault)

    @on_loop
    async def test_connection_lost_fails_and_the_socket_is_closed_nevertheless(self):
        protocol = failing_in("connection_lost")
        context = await self.provoke(protocol, lambda far: far.shutdown(socket.SHUT_WR), lambda: protocol.is_lost)
        self.assertRegex(context["message"], r"^Exception in callback ")
        self.assertEqual(protocol.transport.get_extra_info("socket").fileno(), -1)

    @on_loop
    async def test_get_buffer_fails_and_the_connection_is_lost_for_it(self):
        protocol = failing_in("get_buffer", BufferedNotes)
        context = await self.provoke(protocol, lambda far: far.send(b"x"), lambda: protocol.is_lost)
        self.require_fatal(context, protocol, "get_buffer")

    @on_loop
    async def test_an_empty_buffer_is_a_failure_of_get_buffer(self):
        protocol = BufferedNotes(0)
        async with self.socket_pair(protocol) as far:
            far.send(b"x")
            await protocol.until(lambda: protocol.is_lost)
        (context,) = self.told
        self.require_fatal(context, protocol, "get_buffer")
        self.assertIsInstance(context["exception"], RuntimeError)

    @on_loop
    async def test_buffer_updated_fails_and_the_connection_is_lost_for_it(self):
        protocol = failing_in("buffer_updated", BufferedNotes)
        context = await self.provoke(protocol, lambda far: far.send(b"x"), lambda: protocol.is_lost)
        self.require_fatal(context, protocol, "buffer_updated")

    @on_loop
    async def test_pause_writing_fails_and_the_bytes_arrive_nevertheless(self):
        await self.flow_control_fails("pause_writing")

    @on_loop
    async def test_resume_writing_fails_and_the_bytes_arrive_nevertheless(self):
        await self.flow_control_fails("resume_writing")

    async def flow_control_fails(self, method):
        protocol, size = failing_in(method), 4 << 20
        async with self.socket_pair(protocol) as far:
            protocol.transport.write(bytes(size))
            received = 0
            while received < size:
                received += len(await self.loop.sock_recv(far, 1 << 16))
            await protocol.until(lambda: "resume" in protocol.events)
            self.assertFalse(protocol.transport.is_closing())
        (context,) = self.told
        self.assertEqual(context["message"], f"protocol.{method}() failed")
        self.assertIsInstance(context["exception"], Fault)
        self.assertIs(context["protocol"], protocol)
        self.assertIs(context["transport"], protocol.transport)


class OtherProtocolsTest(LoopTest):
    @on_loop
    async def test_datagram_received_fails_and_the_next_datagram_comes(self):
        protocol = failing_in("datagram_received", DatagramNotes)
        transport, _ = await self.loop.create_datagram_endpoint(lambda: protocol, local_addr=("127.0.0.1", 0))
        for number in range(2):
            transport.sendto(b"x", transport.get_extra_info("sockname"))
            await protocol.until(lambda: len(protocol.received) == number + 1)
            await asyncio.sleep(0)
        self.assertEqual([type(context["exception"]) for context in self.told], [Fault, Fault])
        transport.close()
        await protocol.until(lambda: protocol.is_lost)

    @on_loop
    async def test_a_childs_protocol_fails_everywhere_and_the_child_is_reaped(self):
        class Failing(ChildNotes):
            def pipe_data_received(self, fd, data):
                super().pipe_data_received(fd, data)
                raise Fault("pipe_data_received")

            def pipe_connection_lost(self, fd, exc):
                raise Fault("pipe_connection_lost")

            def process_exited(self):
                super().process_exited()
                raise Fault("process_exited")

        transport, protocol = await self.loop.subprocess_exec(
            Failing, sys.executable, "-c", "import os; os.write(1, b'said')", stdin=None, stderr=None)
        await protocol.until(lambda: protocol.is_lost)
        self.assertEqual(protocol.output, b"said")
        self.assertEqual(transport.get_returncode(), 0)
        self.assertEqual(sorted(str(context["exception"]) for context in self.told),
                         ["pipe_connection_lost", "pipe_data_received", "process_exited"])
        transport.close()

    @on_loop
    async def test_a_protocol_factory_fails_and_who_connected_is_told(self):
        def fail():
            raise Fault("factory")

        near, far = socket.socketpair()
        with near, far:
            with self.assertRaises(Fault):
                await self.loop.create_connection(fail, sock=near)
            self.assertEqual(self.told, [])

    @on_loop
    async def test_a_servers_protocol_factory_fails_and_the_next_connection_is_accepted(self):
        # asyncio tells of it in debug mode only, and leaves the socket to the garbage collector, sooner or later.
        self.loop.set_debug(True)
        self.enterContext(warnings.catch_warnings())
        warnings.simplefilter("ignore", ResourceWarning)
        notes, is_first = Notes(), True

        def make():
            nonlocal is_first
            if is_first:
                is_first = False
                raise Fault("factory")
            return notes

        async with await self.loop.create_server(make, "127.0.0.1", 0) as server:
            address = server.sockets[0].getsockname()
            first, second = Notes(), Notes()
            await self.loop.create_connection(lambda: first, *address)
            await self.loop.create_connection(lambda: second, *address)
            await notes.until(lambda: notes.transport)
            first.transport.abort()
            second.transport.close()
            await notes.until(lambda: notes.is_lost)
        (context,) = self.told
        self.assertEqual(context["message"], "Error on transport creation for incoming connection")
        self.assertIsInstance(context["exception"], Fault)
        self.told.clear()  # what it holds goes while the warning about it is ignored
        del context
        gc.collect()


class CallbackTest(LoopTest):
    def test_a_callback_fails_and_the_next_one_runs(self):
        seen = []

        def fail():
            raise Fault("callback")

        handle = self.loop.call_soon(fail)
        self.loop.call_soon(seen.append, 1)
        self.turn()
        (context,) = self.told
        self.assertEqual(seen, [1])
        self.assertRegex(context["message"], r"^Exception in callback .*fail\(\)")
        self.assertIs(context["handle"], handle)
        self.assertIsInstance(context["exception"], Fault)
        self.assertIsNotNone(context["exception"].__traceback__)

    def test_a_timer_fails_and_the_next_one_runs(self):
        def fail():
            raise Fault("timer")

        self.loop.call_later(0, fail)
        self.loop.call_later(0.001, self.loop.stop)
        self.loop.run_forever()
        self.assertEqual([type(context["exception"]) for context in self.told], [Fault])

    def test_a_reader_fails_and_is_still_there(self):
        near, far = socket.socketpair()
        with near, far:
            def fail():
                near.recv(1)
                raise Fault("reader")

            self.loop.add_reader(near, fail)
            far.send(b"12")
            while len(self.told) < 2:
                self.turn()
            self.assertTrue(self.loop.remove_reader(near))

    def test_an_exception_handler_that_fails_is_logged(self):
        def fail_too(loop, context):
            raise Fault("handler")

        self.loop.set_exception_handler(fail_too)
        self.loop.call_soon(lambda: 1 / 0)
        with self.assertLogs("asyncio", logging.ERROR) as logs:
            self.turn()
        self.assertIn("Unhandled error in exception handler", logs.output[0])
        self.turn()

    def test_without_a_handler_the_default_one_logs_the_traceback(self):
        self.loop.set_exception_handler(None)
        self.loop.call_soon(lambda: 1 / 0)
        with self.assertLogs("asyncio", logging.ERROR) as logs:
            self.turn()
        self.assertRegex(logs.output[0], r"Exception in callback .*<lambda>")
        self.assertIs(logs.records[0].exc_info[0], ZeroDivisionError)

    def test_an_exception_that_cannot_be_shown_is_told_of_nevertheless(self):
        class Unshowable:
            def __call__(self):
                raise Fault("called")

            def __repr__(self):
                return "<shown>"

        self.loop.call_soon(Unshowable())
        self.turn()
        self.assertIn("<shown>", self.told[0]["message"])


class ComesOutOfTheLoopTest(LoopTest):
    """For each of these: it comes out, and the loop can be run again, with what was waiting."""

    def comes_out(self, begin):
        for error in (KeyboardInterrupt, SystemExit):
            with self.subTest(error=error.__name__):
                begin(error)
                with self.assertRaises(error):
                    self.loop.call_later(10, self.loop.stop)
                    self.loop.run_forever()
                self.assertFalse(self.loop.is_running())
                self.turn()
                self.assertEqual(self.told, [])

    @staticmethod
    def raising(error):
        def fail(*_):
            raise error

        return fail

    def test_out_of_a_callback(self):
        self.comes_out(lambda error: self.loop.call_soon(self.raising(error)))

    def test_out_of_a_callback_from_another_thread(self):
        self.comes_out(lambda error: self.loop.run_in_executor(
            None, self.loop.call_soon_threadsafe, self.raising(error)))

    def test_out_of_a_timer(self):
        self.comes_out(lambda error: self.loop.call_later(0.001, self.raising(error)))

    def test_out_of_a_reader(self):
        near, far = socket.socketpair()
        with near, far:
            def begin(error):
                def fail():
                    near.recv(1)
                    raise error

                self.loop.add_reader(near, fail)
                far.send(b"x")

            self.comes_out(begin)
            self.loop.remove_reader(near)

    def test_out_of_a_task(self):
        async def fail(error):
            raise error

        tasks = []  # kept, and asked in the end: nobody is to be told that nobody has asked
        self.comes_out(lambda error: tasks.append(self.loop.create_task(fail(error))))
        self.assertEqual([type(task.exception()) for task in tasks], [KeyboardInterrupt, SystemExit])

    def test_out_of_data_received(self):
        self.out_of_a_protocol("data_received", Notes)

    def test_out_of_get_buffer_and_buffer_updated(self):
        self.out_of_a_protocol("get_buffer", BufferedNotes)
        self.out_of_a_protocol("buffer_updated", BufferedNotes)

    def out_of_a_protocol(self, method, base):
        near, far = socket.socketpair()
        with far:
            protocol = base()
            self.complete(self.loop.create_connection(lambda: protocol, sock=near))
            fine = getattr(protocol, method)
            setattr(protocol, method, self.raising(KeyboardInterrupt))
            protocol.transport.set_protocol(protocol)
            far.send(b"x")
            self.loop.call_later(10, self.loop.stop)
            with self.assertRaises(KeyboardInterrupt):
                self.loop.run_forever()
            setattr(protocol, method, fine)
            protocol.transport.set_protocol(protocol)
            protocol.transport.abort()
            self.complete(protocol.until(lambda: protocol.is_lost))
        self.assertEqual(self.told, [])

    def test_what_was_ready_beside_it_still_runs(self):
        seen = []
        self.loop.call_soon(seen.append, 1)
        self.loop.call_soon(self.raising(SystemExit))
        self.loop.call_soon(seen.append, 2)
        with self.assertRaises(SystemExit):
            self.loop.run_forever()
        self.turn()
        self.assertEqual(seen, [1, 2])
