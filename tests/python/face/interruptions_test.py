"""KeyboardInterrupt and SystemExit out of every callback of a protocol, over every kind of transport, in debug mode and
without: they come out of the loop, nobody is told of them otherwise, and the loop and the transport can be used again."""

import asyncio
import os
import signal
import socket
import ssl
import threading

from support import (SECONDS, BufferedNotes, DatagramNotes, LoopTest, Notes, better_than_asyncio,
                     certificate, client_context, on_loop, run_python, server_context)

ERRORS = (KeyboardInterrupt, SystemExit)


class Raising:
    """Of a protocol: raises `error` in its method `where`, once."""

    where = error = None

    def arm(self, where, error):
        self.where, self.error = where, error
        return self

    def raise_in(self, method):
        if self.where == method:
            self.where = None
            raise self.error(method)

    def connection_made(self, transport):
        super().connection_made(transport)
        self.raise_in("connection_made")

    def connection_lost(self, exc):
        super().connection_lost(exc)
        self.raise_in("connection_lost")


class Stream(Raising, Notes):
    def data_received(self, data):
        super().data_received(data)
        self.raise_in("data_received")

    def eof_received(self):
        super().eof_received()
        self.raise_in("eof_received")

    def pause_writing(self):
        super().pause_writing()
        self.raise_in("pause_writing")

    def resume_writing(self):
        super().resume_writing()
        self.raise_in("resume_writing")


class Buffered(Raising, BufferedNotes):
    def get_buffer(self, sizehint):
        self.raise_in("get_buffer")
        return super().get_buffer(sizehint)

    def buffer_updated(self, nbytes):
        super().buffer_updated(nbytes)
        self.raise_in("buffer_updated")


class Datagrams(Raising, DatagramNotes):
    def datagram_received(self, data, addr):
        super().datagram_received(data, addr)
        self.raise_in("datagram_received")

    def error_received(self, exc):
        super().error_received(exc)
        self.raise_in("error_received")


class RaisingContext(ssl.SSLContext):
    """A client's, whose connections raise `error`, once it is set, in their `method`."""

    error = None

    def __new__(cls, method):
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self, method):
        self.method = method
        self.load_verify_locations(certificate())

    def wrap_bio(self, *arguments, **options):
        made = super().wrap_bio(*arguments, **options)
        made._sslobj = RaisingObject(made._sslobj, self)
        return made


class RaisingObject:
    def __init__(self, inside, context):
        self._inside, self._context = inside, context

    def __getattr__(self, name):
        method = getattr(self._inside, name)
        if name != self._context.method:
            return method

        def call(*arguments):
            if self._context.error is not None:
                error, self._context.error = self._context.error, None
                raise error(name)
            return method(*arguments)

        return call


class Interrupted(LoopTest):
    def for_each_way(self, test):
        """`test(error)` for each error, in debug mode and without; nobody is told of anything."""
        for debug in (False, True):
            for error in ERRORS:
                with self.subTest(debug=debug, error=error.__name__):
                    self.loop.set_debug(debug)
                    self.loop.slow_callback_duration = 60
                    with self.assertNoLogs("asyncio", "WARNING"):
                        test(error)
                    self.assertEqual(self.complete(asyncio.sleep(0, "the loop works")), "the loop works")
                    self.assertEqual(self.told, [])

    def require(self, error, awaitable):
        """It comes out while `awaitable` is waited for, which can be waited for again."""
        future = asyncio.ensure_future(awaitable, loop=self.loop)
        limit = self.loop.call_later(SECONDS, self.loop.stop)
        with self.assertRaises(error):
            self.loop.run_forever()
        limit.cancel()
        return future

    def end(self, protocol):
        protocol.transport.abort()
        self.complete(protocol.until(lambda: protocol.is_lost))
        self.turn(2)


class StreamTest(Interrupted):
    """Over one end of a socket pair."""

    ssl = None

    def connect(self, protocol, error=None):
        """The other end, as a transport's protocol."""
        near, far = socket.socketpair()
        theirs = Notes()

        async def both():
            await asyncio.gather(self.make(near, protocol, server=False), self.make(far, theirs, server=True))

        if error is not None:
            self.complete(self.require(error, both()))
        else:
            self.complete(both())
        return theirs

    def make(self, sock, protocol, *, server):
        if server:
            return self.loop.connect_accepted_socket(lambda: protocol, sock, ssl=self.ssl and server_context())
        return self.loop.create_connection(lambda: protocol, sock=sock, ssl=self.ssl and client_context(),
                                           server_hostname=self.ssl and "localhost")

    def test_connection_made(self):
        def test(error):
            ours = Stream().arm("connection_made", error)
            theirs = self.connect(ours, error)
            theirs.transport.write(b"x")
            self.complete(ours.until(lambda: ours.received == b"x"))
            self.end(ours)
            self.end(theirs)

        self.for_each_way(test)

    def test_data_received(self):
        self.receives(Stream, "data_received")

    def test_buffer_updated(self):
        self.receives(Buffered, "buffer_updated")

    @better_than_asyncio((3, 99), "over TLS loses its place")
    def test_get_buffer(self):
        self.receives(Buffered, "get_buffer")

    def receives(self, make, method):
        def test(error):
            ours = make()
            theirs = self.connect(ours)
            ours.arm(method, error)
            theirs.transport.write(b"first")
            self.complete(self.require(error, ours.until(lambda: len(ours.received) == 5)))
            theirs.transport.write(b"second")
            self.complete(ours.until(lambda: ours.received == b"firstsecond"))
            self.end(ours)
            self.end(theirs)

        self.for_each_way(test)

    def test_get_buffer_and_the_program_pauses_meanwhile(self):
        def test(error):
            ours = Buffered()
            theirs = self.connect(ours)
            ours.arm("get_buffer", error)
            theirs.transport.write(b"x")
            self.require(error, ours.until(lambda: ours.received)).cancel()
            ours.transport.pause_reading()
            self.turn(10)
            self.assertEqual(ours.received, b"")
            self.assertFalse(ours.transport.is_reading())
            ours.transport.resume_reading()
            self.complete(ours.until(lambda: ours.received == b"x"))
            self.end(ours)
            self.end(theirs)

        self.for_each_way(test)

    def test_eof_received(self):
        def test(error):
            ours = Stream()
            theirs = self.connect(ours)
            ours.arm("eof_received", error)
            theirs.transport.close()
            lost = self.require(error, ours.until(lambda: ours.is_lost))
            self.complete(lost)
            self.assertIsNone(ours.reason)
            self.complete(theirs.until(lambda: theirs.is_lost))

        self.for_each_way(test)

    def test_pause_writing_comes_out_of_write(self):
        def test(error):
            ours = Stream()
            theirs = self.connect(ours)
            theirs.transport.pause_reading()
            seen = []

            def write():
                ours.arm("pause_writing", error)
                try:
                    ours.transport.write(bytes(8 << 20))
                finally:
                    seen.append(ours.events.count("pause"))
                seen.append("went on")

            self.loop.call_soon(write)
            self.require(error, self.loop.create_future())
            self.assertEqual(seen, [1])
            self.end(ours)
            self.end(theirs)

        self.for_each_way(test)

    def test_pause_writing_comes_out_of_write_where_no_loop_runs(self):
        def test(error):
            ours = Stream()
            theirs = self.connect(ours)
            theirs.transport.pause_reading()
            ours.arm("pause_writing", error)
            with self.assertRaises(error):
                ours.transport.write(bytes(8 << 20))
            self.turn()
            self.end(ours)
            self.end(theirs)

        self.for_each_way(test)

    @better_than_asyncio((3, 0), "loses its place")
    def test_resume_writing(self):
        def test(error):
            ours = Stream()
            theirs = self.connect(ours)
            theirs.transport.pause_reading()
            ours.transport.write(bytes(4 << 20))
            ours.arm("resume_writing", error)
            theirs.transport.resume_reading()
            arrived = self.require(error, theirs.until(lambda: len(theirs.received) == 4 << 20))
            self.complete(arrived)
            self.end(ours)
            self.end(theirs)

        self.for_each_way(test)

    def test_connection_lost(self):
        def test(error):
            ours = Stream()
            theirs = self.connect(ours)
            ours.arm("connection_lost", error)
            number = ours.transport.get_extra_info("socket").fileno()
            ours.transport.abort()
            self.require(error, self.loop.create_future())
            self.turn(2)
            self.assertNotEqual(number, -1)
            self.assertEqual(ours.transport.get_extra_info("socket").fileno(), -1)
            self.complete(theirs.until(lambda: theirs.is_lost))

        self.for_each_way(test)


@better_than_asyncio((3, 0), "loses its place over TLS, and waits for ever")
class TlsTest(StreamTest):
    """The same over TLS."""

    ssl = True

    def connect_with(self, ours, method, error):
        """As a client, whose `method` of the module ssl raises when it is armed."""
        near, far = socket.socketpair()
        context, theirs = RaisingContext(method), Notes()
        serving = asyncio.ensure_future(self.make(far, theirs, server=True), loop=self.loop)
        connecting = asyncio.ensure_future(self.loop.create_connection(
            lambda: ours, sock=near, ssl=context, server_hostname="localhost"), loop=self.loop)
        return context, theirs, serving, connecting

    def test_in_the_middle_of_a_handshake(self):
        """As Ctrl-C there: the module ssl raises what came while it worked."""
        def test(error):
            ours = Stream()
            context, theirs, serving, connecting = self.connect_with(ours, "do_handshake", error)
            context.error = error
            self.require(error, connecting)
            with self.assertRaises(ConnectionAbortedError):
                self.complete(connecting)
            with self.assertRaises(ConnectionResetError):
                self.complete(serving)
            self.turn(3)
            self.assertEqual((ours.events, theirs.events), ([], []))

        self.for_each_way(test)

    def test_in_the_middle_of_reading_and_writing_and_closing(self):
        def provoke(method, ours, theirs):
            if method == "read":
                theirs.transport.write(b"x")
            elif method == "write":
                ours.transport.write(b"x")
            else:
                ours.transport.close()

        def test(error):
            for method in ("read", "write", "shutdown"):
                ours = Stream()
                context, theirs, serving, connecting = self.connect_with(ours, method, error)
                self.complete(asyncio.gather(serving, connecting))
                context.error = error
                self.loop.call_soon(provoke, method, ours, theirs)
                # What was on its way is nowhere: the connection can't go on.
                self.complete(self.require(error, ours.until(lambda ours=ours: ours.is_lost)))
                self.assertIsInstance(ours.reason, ConnectionAbortedError)
                self.complete(theirs.until(lambda theirs=theirs: theirs.is_lost))

        self.for_each_way(test)

    def test_an_exception_handler_that_is_told_of_a_handshake(self):
        """A handshake that fails by what is no network's error is told to the handler, whose words count too."""
        def test(error):
            def handler(loop, context):
                raise error

            context, theirs, serving, connecting = self.connect_with(Notes(), "do_handshake", error)
            context.error = ZeroDivisionError
            self.loop.set_exception_handler(handler)
            self.require(error, connecting)
            self.loop.set_exception_handler(lambda loop, context: self.told.append(context))
            connecting.cancel()
            with self.assertRaises(ConnectionResetError):
                self.complete(serving)

        self.for_each_way(test)


class DatagramTest(Interrupted):
    def open(self, **options):
        protocol = Datagrams()
        self.complete(self.loop.create_datagram_endpoint(lambda: protocol, **options))
        return protocol

    def test_connection_made(self):
        def test(error):
            ours = Datagrams().arm("connection_made", error)
            self.complete(self.require(error, self.loop.create_datagram_endpoint(
                lambda: ours, local_addr=("127.0.0.1", 0))))
            self.end(ours)

        self.for_each_way(test)

    def test_datagram_received(self):
        def test(error):
            ours = self.open(local_addr=("127.0.0.1", 0)).arm("datagram_received", error)
            ours.transport.sendto(b"1", ours.transport.get_extra_info("sockname"))
            self.require(error, self.loop.create_future())
            ours.transport.sendto(b"2", ours.transport.get_extra_info("sockname"))
            self.complete(ours.until(lambda: len(ours.received) == 2))
            self.end(ours)

        self.for_each_way(test)

    def test_error_received_comes_out_of_sendto(self):
        def test(error):
            ours = self.open(remote_addr=("127.0.0.1", 9)).arm("error_received", error)
            with self.assertRaises(error):
                ours.transport.sendto(bytes(1 << 17))  # larger than a datagram can be
            self.turn()
            self.end(ours)

        self.for_each_way(test)

    def test_error_received_of_what_the_network_says(self):
        def test(error):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
                gone.bind(("127.0.0.1", 0))
                address = gone.getsockname()
            ours = self.open(remote_addr=address).arm("error_received", error)
            ours.transport.sendto(b"to nobody")
            self.require(error, self.loop.create_future())
            self.end(ours)

        self.for_each_way(test)

    def test_connection_lost(self):
        def test(error):
            ours = self.open(local_addr=("127.0.0.1", 0)).arm("connection_lost", error)
            ours.transport.close()
            self.require(error, self.loop.create_future())
            self.assertEqual(ours.transport.get_extra_info("socket").fileno(), -1)

        self.for_each_way(test)


class PipeTest(Interrupted):
    def test_data_received_and_eof_received_and_connection_lost(self):
        def test(error):
            for method in ("data_received", "eof_received", "connection_lost"):
                reading, writing = os.pipe()
                ours = Stream().arm(method, error)
                self.complete(self.loop.connect_read_pipe(lambda ours=ours: ours, os.fdopen(reading, "rb", 0)))
                os.write(writing, b"x")
                os.close(writing)
                self.require(error, self.loop.create_future())
                self.complete(ours.until(lambda ours=ours: ours.is_lost))
                self.assertEqual(ours.received, b"x")

        self.for_each_way(test)


class SignalTest(LoopTest):
    def test_a_signal_whose_handler_raises_while_a_protocol_is_called(self):
        class Interrupting(Notes):
            def data_received(self, data):
                super().data_received(data)
                signal.raise_signal(signal.SIGINT)
                self.received += b"not reached"

        ours = Interrupting()
        near, far = socket.socketpair()
        with far:
            self.complete(self.loop.create_connection(lambda: ours, sock=near))
            far.send(b"x")
            with self.assertRaises(KeyboardInterrupt):
                self.loop.run_forever()
            self.assertEqual(ours.received, b"x")
            ours.transport.abort()
            self.complete(ours.until(lambda: ours.is_lost))


class SlowProtocolTest(LoopTest):
    @on_loop
    async def test_a_protocol_that_takes_long_is_logged_in_debug_mode(self):
        waited = threading.Event()

        class Sluggard(Notes):
            def data_received(self, data):
                waited.wait(0.02)
                super().data_received(data)

        self.loop.set_debug(True)
        self.loop.slow_callback_duration = 0.01
        ours = Sluggard()
        with self.assertLogs("asyncio", "WARNING") as logs:
            async with self.socket_pair(ours) as far:
                far.send(b"x")
                await ours.until(lambda: ours.received)
        self.assertTrue(any("Executing" in line and "took 0.0" in line for line in logs.output), logs.output)


class DaemonTest(LoopTest):
    """A daemon thread that still runs a loop when the interpreter ends disturbs nobody."""

    def ends(self, work):
        run_python(f"""
import threading
loop = new_loop()
begun = threading.Event()
def work():
    begun.set()
    {work}
loop.call_soon(work)
threading.Thread(target=loop.run_forever, daemon=True).start()
begun.wait()
""")

    def test_with_timers(self):
        self.ends("loop.call_later(0.0001, work)")

    def test_that_is_always_busy(self):
        self.ends("sum(range(1000)); loop.call_soon(work)")

    def test_in_the_middle_of_a_callback(self):
        self.ends("import time; time.sleep(0.1)")

    def test_in_debug_mode(self):
        self.ends("loop.set_debug(True); sum(range(1000)); loop.call_soon(work)")

    def test_in_a_protocol(self):
        run_python("""
import asyncio, socket, threading
loop = new_loop()
begun = threading.Event()
class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        transport.write(b"x" * 1000)
    def data_received(self, data):
        begun.set()
        sum(range(1000))
        self.transport.write(data)
near, far = socket.socketpair()
def run():
    loop.run_until_complete(loop.create_connection(Echo, sock=near))
    loop.run_until_complete(loop.create_connection(Echo, sock=far))
    loop.run_forever()
threading.Thread(target=run, daemon=True).start()
begun.wait()
""")
