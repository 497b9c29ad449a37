"""TLS with the module `ssl`: whatever a program does to its context holds, and the ends are told as asyncio tells them."""

import asyncio
import contextlib
import gc
import os
import select
import socket
import ssl
import tempfile
import threading
import warnings
import weakref

from support import (IS_TIDEGATE, SECONDS, BufferedNotes, LoopTest, Notes, better_than_asyncio, certificate, client_context, new_loop, on_loop,
                     server_context)

MEBIBYTE = 1 << 20


def is_direct():
    """Whether OpenSSL's own object is read and written: it has to be the OpenSSL that we are linked with."""
    with open("/proc/self/maps", encoding="ascii", errors="replace") as maps:
        libraries = {line.split()[-1] for line in maps if "libssl" in line}
    return IS_TIDEGATE and len(libraries) == 1 and os.environ.get("TIDEGATE_PYTHON_TLS") != "memory"


class Lending(BufferedNotes):
    """Lends a little at a time, so that no record fits."""

    def get_buffer(self, sizehint):
        return memoryview(self.buffer)[:1000]


class Peer:
    """The other end, without a transport: an SSLObject over a socket, step by step."""

    def __init__(self, loop, sock, context, **options):
        self._loop, self._socket = loop, sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self._incoming, self._outgoing, **options)

    async def do(self, operation, *arguments):
        while True:
            try:
                result = operation(*arguments)
            except ssl.SSLWantReadError:
                result = None
                wants_input = True
            else:
                wants_input = False
            await self.send()
            if not wants_input:
                return result
            self._incoming.write(await self._loop.sock_recv(self._socket, 65536))

    async def send(self):
        if output := self.pending_output():
            await self._loop.sock_sendall(self._socket, output)

    def pending_output(self):
        return self._outgoing.read()


class TlsTest(LoopTest):
    def tls_pair(self, ours=None, theirs=None, *, client=None, server=None, **options):
        """As tcp_pair, over TLS."""
        return self.tcp_pair(ours, theirs, serving={"ssl": server or server_context()}, ssl=client or client_context(),
                             **options)

    @staticmethod
    async def has_something_to_read(notes):
        """Waits until a protocol would be told, if it were told of anything."""
        number = notes.transport.get_extra_info("socket").fileno()
        while not select.select([number], [], [], 0)[0]:
            await asyncio.sleep(0)
        for _ in range(3):
            await asyncio.sleep(0)

    @contextlib.asynccontextmanager
    async def peer_of(self, ours, **options):
        """A client's protocol, connected, and the server at its other end, which does as it is told."""
        near, far = socket.socketpair()
        with far:
            far.setblocking(False)
            peer = Peer(self.loop, far, server_context(), server_side=True)
            connecting = asyncio.ensure_future(self.loop.create_connection(
                lambda: ours, sock=near, ssl=client_context(), server_hostname="localhost", **options))
            await peer.do(peer.object.do_handshake)
            await connecting
            yield peer, far


class TransportTest(TlsTest):
    @on_loop
    async def test_it_is_asyncios_transport_and_tells_of_the_connection(self):
        client = client_context()
        async with self.tls_pair(client=client) as (ours, theirs):
            transport = ours.transport
            self.assertIsInstance(transport, asyncio.Transport)
            self.assertIs(transport.get_protocol(), ours)
            self.assertIs(transport.get_extra_info("sslcontext"), client)
            self.assertIsInstance(transport.get_extra_info("ssl_object"), ssl.SSLObject)
            self.assertEqual(transport.get_extra_info("cipher"), transport.get_extra_info("ssl_object").cipher())
            self.assertIn((("commonName", "localhost"),), transport.get_extra_info("peercert")["subject"])
            self.assertIsNone(transport.get_extra_info("compression"))
            self.assertIsNone(theirs.transport.get_extra_info("peercert"))
            self.assertEqual(transport.get_extra_info("peername"), theirs.transport.get_extra_info("sockname"))
            self.assertGreaterEqual(transport.get_extra_info("socket").fileno(), 0)
            self.assertEqual(transport.get_write_buffer_limits(), (128 * 1024, 512 * 1024))
            self.assertFalse(transport.can_write_eof())
            with self.assertRaises(NotImplementedError):
                transport.write_eof()

    def carries(self, make_theirs, **settings):
        async def carry():
            server = server_context()
            for name, value in settings.items():
                setattr(server, name, value)
            data = os.urandom(5 * MEBIBYTE + 1)
            theirs = make_theirs()
            async with self.tls_pair(Notes(), theirs, server=server) as (ours, theirs):
                for piece in (data[:1], bytearray(data[1:5000]), memoryview(data)[5000:MEBIBYTE]):
                    ours.transport.write(piece)
                ours.transport.writelines([data[MEBIBYTE:2 * MEBIBYTE], data[2 * MEBIBYTE:]])
                await theirs.until(lambda: len(theirs.received) == len(data))
                self.assertEqual(theirs.received, data)
                self.assertEqual(ours.events.count("pause"), ours.events.count("resume"))
                theirs.transport.write(data[:100_000])
                await ours.until(lambda: len(ours.received) == 100_000)
                self.assertEqual(ours.received, data[:100_000])

        self.complete(carry())

    def test_bytes_go_both_ways(self):
        self.carries(Notes)

    def test_bytes_go_both_ways_over_tls_1_2(self):
        self.carries(Notes, maximum_version=ssl.TLSVersion.TLSv1_2)

    def test_bytes_go_into_a_protocols_buffer(self):
        self.carries(Lending)

    @on_loop
    async def test_nagles_algorithm_is_off(self):
        async with self.tls_pair() as (ours, theirs):
            self.assert_nagles_algorithm_is_off(ours, theirs)

    @on_loop
    async def test_its_marks_are_asyncios(self):
        async with self.tls_pair() as (ours, theirs):
            half_a_mebibyte = (MEBIBYTE // 8, MEBIBYTE // 2)
            self.assertEqual(ours.transport.get_write_buffer_limits(), half_a_mebibyte)
            ours.transport.set_write_buffer_limits(high=10)
            ours.transport.set_write_buffer_limits()
            self.assertEqual(ours.transport.get_write_buffer_limits(), half_a_mebibyte)

    @on_loop
    async def test_nothing_is_told_while_reading_is_paused(self):
        async with self.tls_pair() as (ours, theirs):
            theirs.transport.pause_reading()
            self.assertFalse(theirs.transport.is_reading())
            ours.transport.write(bytes(MEBIBYTE))
            await self.has_something_to_read(theirs)
            self.assertEqual(theirs.received, b"")
            theirs.transport.resume_reading()
            await theirs.until(lambda: len(theirs.received) == MEBIBYTE)

    @on_loop
    async def test_its_protocol_can_be_one_of_the_other_kind(self):
        async with self.tls_pair() as (ours, theirs):
            other = BufferedNotes()
            theirs.transport.set_protocol(other)
            ours.transport.write(b"for the other")
            await other.until(lambda: other.received == b"for the other")
            theirs.transport.set_protocol(theirs)
            ours.transport.write(b"for the first")
            await theirs.until(lambda: theirs.received == b"for the first")

    def test_an_exception_of_the_protocols_is_told_and_ends_the_connection(self):
        for method in ("data_received", "eof_received"):
            for debug in (False, True):
                with self.subTest(method=method, debug=debug):
                    self.loop.set_debug(debug)
                    self.complete(self.fails_in(method))

    async def fails_in(self, method):
        class Failing(Notes):
            pass

        def fail(*_):
            raise ZeroDivisionError

        setattr(Failing, method, fail)
        async with self.tls_pair(theirs=Failing()) as (ours, theirs):
            ours.transport.write(b"x")
            ours.transport.close()
            await theirs.until(lambda: theirs.is_lost)
            self.assertIsInstance(theirs.reason, ZeroDivisionError)
            await ours.until(lambda: ours.is_lost)
        (context,) = self.told
        self.assertIsInstance(context["exception"], ZeroDivisionError)
        self.assertEqual(context["message"], f"Fatal error: protocol.{method}() call failed.")
        self.told.clear()

    def test_an_exception_in_the_first_and_the_last_call_is_told(self):
        for method in ("connection_made", "connection_lost"):
            with self.subTest(method=method):
                self.complete(self.fails_besides_in(method))

    async def fails_besides_in(self, method):
        class Failing(Notes):
            pass

        def fail(self, *arguments):
            getattr(Notes, method)(self, *arguments)
            raise ZeroDivisionError

        setattr(Failing, method, fail)
        async with self.tls_pair(theirs=Failing()) as (ours, theirs):
            ours.transport.write(b"x")
            await theirs.until(lambda: theirs.received == b"x")
        self.assertEqual([type(context["exception"]) for context in self.told], [ZeroDivisionError])
        self.told.clear()


class EndTest(TlsTest):
    @on_loop
    async def test_what_was_written_arrives_before_the_end(self):
        async with self.tls_pair() as (ours, theirs):
            ours.transport.write(bytes(3 * MEBIBYTE))
            ours.transport.close()
            self.assertTrue(ours.transport.is_closing())
            ours.transport.write(b"too late")
            await theirs.until(lambda: theirs.is_lost)
            await ours.until(lambda: ours.is_lost)
            self.assertEqual(len(theirs.received), 3 * MEBIBYTE)
            self.assertEqual(theirs.events[-2:], ["eof", "lost"])
            self.assertEqual((ours.reason, theirs.reason), (None, None))

    @on_loop
    async def test_a_connection_that_is_cut_has_an_end_of_file(self):
        ours = Notes()
        async with self.peer_of(ours) as (peer, far):
            await peer.do(peer.object.write, b"all")
            await ours.until(lambda: ours.received == b"all")
            far.shutdown(socket.SHUT_WR)
            await ours.until(lambda: ours.is_lost)
            self.assertEqual(ours.events[-2:], ["eof", "lost"])
            self.assertIsNone(ours.reason)

    @on_loop
    async def test_a_cut_is_told_when_reading_is_resumed(self):
        ours = Notes()
        async with self.peer_of(ours) as (peer, far):
            ours.transport.pause_reading()
            await peer.do(peer.object.write, b"all")
            far.shutdown(socket.SHUT_WR)
            await self.has_something_to_read(ours)
            self.assertEqual(ours.events, ["made"])
            ours.transport.resume_reading()
            await ours.until(lambda: ours.is_lost)
            self.assertEqual((bytes(ours.received), ours.events), (b"all", ["made", "data", "eof", "lost"]))

    @on_loop
    async def test_a_connection_can_not_be_kept_open_after_the_end(self):
        class Keeping(Notes):
            def eof_received(self):
                super().eof_received()
                return True

        ours = Keeping()
        async with self.peer_of(ours) as (peer, far):
            with self.assertLogs("asyncio", "WARNING") as logs:
                with contextlib.suppress(ssl.SSLWantReadError):
                    peer.object.unwrap()
                await peer.send()
                await ours.until(lambda: ours.is_lost)
            self.assertIn("returning true from eof_received() has no effect when using ssl", logs.output[0])
            self.assertIsNone(ours.reason)

    @on_loop
    async def test_a_peer_that_does_not_answer_the_farewell_is_left(self):
        ours = Notes()
        async with self.peer_of(ours, ssl_shutdown_timeout=0.05) as (_, far):
            ours.transport.close()
            await ours.until(lambda: ours.is_lost)
            self.assertIsInstance(ours.reason, TimeoutError)
            self.assertEqual(str(ours.reason), "SSL shutdown timed out")

    @on_loop
    async def test_what_is_no_tls_ends_the_connection(self):
        ours = Notes()
        async with self.peer_of(ours) as (_, far):
            await self.loop.sock_sendall(far, b"this is no record of TLS")
            await ours.until(lambda: ours.is_lost)
            self.assertIsInstance(ours.reason, ssl.SSLError)
            self.assertEqual(ours.reason.reason, "WRONG_VERSION_NUMBER")

    @better_than_asyncio((3, 11), "loses what came before")
    @on_loop
    async def test_a_record_that_was_changed_ends_the_connection_behind_what_came_before(self):
        ours = Notes()
        async with self.peer_of(ours) as (peer, far):
            peer.object.write(b"as it was")
            await peer.send()
            peer.object.write(b"changed")
            record = bytearray(peer.pending_output())
            record[-1] ^= 1
            await self.loop.sock_sendall(far, record)
            await ours.until(lambda: ours.is_lost)
            self.assertEqual(ours.received, b"as it was")
            self.assertIsInstance(ours.reason, ssl.SSLError)
            self.assertEqual((ours.reason.library, ours.reason.reason), ("SSL", "DECRYPTION_FAILED_OR_BAD_RECORD_MAC"))
            with self.assertRaises(ssl.SSLError) as caught:
                await peer.do(peer.object.read, 10)
            self.assertIn("BAD_RECORD_MAC", caught.exception.reason)  # the alert

    @on_loop
    async def test_the_module_s_object_outlives_the_connection(self):
        ours = Notes()
        async with self.peer_of(ours) as (_, far):
            ssl_object = ours.transport.get_extra_info("ssl_object")
            ours.transport.abort()
            await ours.until(lambda: ours.is_lost)
            ours.transport = None
            gc.collect()
            self.assertEqual(ssl_object.version(), "TLSv1.3")
            with self.assertRaises(ssl.SSLWantReadError):
                ssl_object.read(10)
            self.assertEqual(ssl_object.write(b"to nobody"), 9)
            with self.assertRaises(ssl.SSLWantReadError):
                ssl_object.unwrap()

    @better_than_asyncio((3, 11), "takes what nobody wants for an error")
    @on_loop
    async def test_what_arrives_after_close_is_no_error(self):
        ours = Notes()
        async with self.peer_of(ours) as (peer, far):
            ours.transport.close()
            self.assertEqual(await peer.do(peer.object.read, 10), b"")
            await peer.do(peer.object.write, bytes(1000))
            await peer.do(peer.object.unwrap)
            await ours.until(lambda: ours.is_lost)
            self.assertIsNone(ours.reason)

    @on_loop
    async def test_abort_loses_what_was_written(self):
        async with self.tls_pair() as (ours, theirs):
            theirs.transport.pause_reading()
            ours.transport.write(bytes(32 * MEBIBYTE))
            ours.transport.abort()
            await ours.until(lambda: ours.is_lost)
            self.assertIsNone(ours.reason)


class HandshakeTest(TlsTest):
    @on_loop
    async def test_a_certificate_that_is_not_trusted_is_told_to_whoever_connects(self):
        ours, theirs = Notes(), Notes()
        near, far = socket.socketpair()
        serving = asyncio.ensure_future(self.loop.connect_accepted_socket(lambda: theirs, far, ssl=server_context()))
        with self.assertRaises(ssl.SSLCertVerificationError) as caught:
            await self.loop.create_connection(lambda: ours, sock=near, ssl=ssl.create_default_context(),
                                              server_hostname="localhost")
        self.assertEqual(caught.exception.reason, "CERTIFICATE_VERIFY_FAILED")
        with self.assertRaises(ssl.SSLError):
            await serving
        self.assertEqual((ours.events, theirs.events, self.told), ([], [], []))

    @on_loop
    async def test_a_name_that_is_not_the_certificates_is_refused(self):
        with self.assertRaisesRegex(ssl.SSLCertVerificationError, "Hostname mismatch"):
            async with self.tls_pair(server_hostname="elsewhere.example"):
                pass
        self.assertEqual(self.told, [])

    @on_loop
    async def test_a_server_that_does_not_answer_is_left(self):
        near, far = socket.socketpair()
        with far:
            with self.assertRaisesRegex(ConnectionAbortedError,
                                        r"SSL handshake is taking longer than 0\.05 seconds: aborting the connection"):
                await self.loop.create_connection(Notes, sock=near, ssl=client_context(), server_hostname="localhost",
                                                  ssl_handshake_timeout=0.05)

    @on_loop
    async def test_a_server_that_closes_at_once_is_a_reset(self):
        near, far = socket.socketpair()
        far.shutdown(socket.SHUT_WR)
        with far, self.assertRaises(ConnectionResetError):
            await self.loop.create_connection(Notes, sock=near, ssl=client_context(), server_hostname="localhost")

    @on_loop
    async def test_whoever_connects_can_be_cancelled(self):
        near, far = socket.socketpair()
        with far:
            far.setblocking(False)
            ours = Notes()
            connecting = asyncio.ensure_future(self.loop.create_connection(
                lambda: ours, sock=near, ssl=client_context(), server_hostname="localhost"))
            await self.loop.sock_recv(far, 1 << 16)  # its first words
            connecting.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await connecting
            self.assertEqual(await self.loop.sock_recv(far, 1), b"")
            self.assertEqual(ours.events, [])

    @on_loop
    async def test_times_have_to_be_positive(self):
        for name in ("ssl_handshake_timeout", "ssl_shutdown_timeout"):
            near, far = socket.socketpair()
            with near, far, self.assertRaisesRegex(ValueError, f"{name} should be a positive number, got 0"):
                await self.loop.create_connection(Notes, sock=near, ssl=client_context(), server_hostname="localhost",
                                                  **{name: 0})


class ContextTest(TlsTest):
    """What a program has done to its context holds."""

    @on_loop
    async def test_a_server_can_choose_its_context_by_the_name_that_is_asked_for(self):
        chosen, names = server_context(), []
        chosen.set_alpn_protocols(["chosen"])

        def choose(ssl_object, name, context):
            names.append(name)
            ssl_object.context = chosen

        server, client = server_context(), client_context()
        server.sni_callback = choose
        client.set_alpn_protocols(["chosen"])
        async with self.tls_pair(server=server, client=client, server_hostname="localhost") as (ours, theirs):
            self.assertEqual(names, ["localhost"])
            self.assertIs(theirs.transport.get_extra_info("ssl_object").context, chosen)

    @on_loop
    async def test_keys_are_logged(self):
        with tempfile.NamedTemporaryFile() as file:
            client = client_context()
            client.keylog_filename = file.name
            async with self.tls_pair(client=client):
                self.assertIn(b"CLIENT_TRAFFIC_SECRET_0", file.read())

    @on_loop
    async def test_a_server_can_ask_for_a_certificate_later(self):
        server, client = server_context(), client_context()
        server.load_verify_locations(certificate())
        server.verify_mode = ssl.CERT_REQUIRED
        server.post_handshake_auth = client.post_handshake_auth = True
        client.load_cert_chain(certificate())
        async with self.tls_pair(server=server, client=client) as (ours, theirs):
            ssl_object = theirs.transport.get_extra_info("ssl_object")
            self.assertIsNone(ssl_object.getpeercert())
            ssl_object.verify_client_post_handshake()
            theirs.transport.write(b"who are you?")
            await ours.until(lambda: ours.received == b"who are you?")
            ours.transport.write(b"me")
            await theirs.until(lambda: theirs.received == b"me")
            self.assertIn((("commonName", "localhost"),), ssl_object.getpeercert()["subject"])

    @on_loop
    async def test_a_certificate_that_is_asked_for_later_and_not_trusted_is_refused(self):
        server, client = server_context(), client_context()
        server.verify_mode = ssl.CERT_REQUIRED
        server.post_handshake_auth = client.post_handshake_auth = True
        client.load_cert_chain(certificate())
        async with self.tls_pair(server=server, client=client) as (ours, theirs):
            theirs.transport.get_extra_info("ssl_object").verify_client_post_handshake()
            theirs.transport.write(b"who are you?")
            await theirs.until(lambda: theirs.is_lost)
            self.assertIsInstance(theirs.reason, ssl.SSLCertVerificationError)
            self.assertIn("self-signed certificate", str(theirs.reason))
            await ours.until(lambda: ours.is_lost)

    @on_loop
    async def test_a_certificate_that_is_asked_for_last_does_not_keep_the_connection(self):
        server, client = server_context(), client_context()
        server.verify_mode = ssl.CERT_REQUIRED
        server.load_verify_locations(certificate())
        server.post_handshake_auth = client.post_handshake_auth = True
        async with self.tls_pair(server=server, client=client, ssl_shutdown_timeout=SECONDS) as (ours, theirs):
            ssl_object = theirs.transport.get_extra_info("ssl_object")
            ssl_object.write(b"bye")
            ssl_object.verify_client_post_handshake()
            theirs.transport.close()
            await ours.until(lambda: ours.is_lost)
            await theirs.until(lambda: theirs.is_lost)
            self.assertEqual(ours.received, b"bye")
            self.assertNotIsInstance(theirs.reason, TimeoutError)

    @on_loop
    async def test_a_context_may_make_more_connections_than_it_is_asked_for(self):
        class Probing(ssl.SSLContext):
            keeps = False

            def wrap_bio(self, incoming, outgoing, *arguments, **more):
                asked_for = []
                maker = threading.Thread(target=lambda: asked_for.append(
                    super(Probing, self).wrap_bio(incoming, outgoing, *arguments, **more)))
                maker.start()
                maker.join()
                probe = super().wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), *arguments, **more)
                self.probe = probe if self.keeps else None
                return asked_for[0]

        for keeps in (True, False):
            client = client_context(Probing)
            client.keeps = keeps
            async with self.tls_pair(client=client) as (ours, theirs):
                ours.transport.write(b"x")
                await theirs.until(lambda theirs=theirs: theirs.received == b"x")

    @on_loop
    async def test_what_a_callback_raises_ends_the_connection_whoever_chose_it(self):
        def look(connection, direction, version, kind, *more):
            if armed:
                raise ZeroDivisionError

        def choose(connection, name, context):
            connection.context = watching

        armed = []
        server, watching = server_context(), server_context()
        watching._msg_callback = look
        server.sni_callback = choose
        async with self.tls_pair(server=server) as (ours, theirs):
            armed.append(True)
            ours.transport.write(b"x")
            await theirs.until(lambda: theirs.is_lost)
            self.assertIsInstance(theirs.reason, ZeroDivisionError)
            self.assertEqual(theirs.received, b"")

    @on_loop
    async def test_what_the_program_has_the_module_say_goes_out_before_what_is_written(self):
        class Noting(ssl.SSLContext):
            def wrap_bio(self, incoming, outgoing, *arguments, **more):
                self.outgoing = outgoing
                return super().wrap_bio(incoming, outgoing, *arguments, **more)

        client = client_context(Noting)
        async with self.tls_pair(client=client) as (ours, theirs):
            ours.transport.get_extra_info("ssl_object").write(b"by itself")
            # Memory of the module's is in between where asyncio does it, or where it has to be so.
            self.assertEqual(client.outgoing.pending > 0, not is_direct())
            ours.transport.write(b" and by us")
            await theirs.until(lambda: theirs.received == b"by itself and by us")

    @on_loop
    async def test_a_callback_sees_every_record(self):
        seen = []
        client = client_context()
        client._msg_callback = lambda connection, direction, version, kind, *more: seen.append((direction, kind.name))
        async with self.tls_pair(client=client) as (ours, theirs):
            theirs.transport.write(b"x")
            await ours.until(lambda: ours.received == b"x")
            del seen[:]
            theirs.transport.write(b"y")
            await ours.until(lambda: ours.received == b"xy")
            self.assertIn(("read", "INNER_CONTENT_TYPE"), seen)

    @on_loop
    async def test_objects_of_a_class_of_the_programs_are_used(self):
        reads = []

        class Ours(ssl.SSLObject):
            def read(self, *arguments):
                reads.append(arguments)
                return super().read(*arguments)

        client = client_context()
        client.sslobject_class = Ours
        async with self.tls_pair(client=client) as (ours, theirs):
            theirs.transport.write(b"x")
            await ours.until(lambda: ours.received == b"x")
            self.assertIsInstance(ours.transport.get_extra_info("ssl_object"), Ours)
            self.assertTrue(reads)


class UpgradeTest(TlsTest):
    @on_loop
    async def test_both_ends_of_a_connection_can_be_secured(self):
        async with self.tcp_pair() as (ours, theirs):
            plain = ours.transport, theirs.transport
            theirs.transport, ours.transport = await asyncio.gather(
                self.loop.start_tls(theirs.transport, theirs, server_context(), server_side=True),
                self.loop.start_tls(ours.transport, ours, client_context(), server_hostname="localhost"))
            self.assertNotIn(ours.transport, plain)
            ours.transport.write(bytes(MEBIBYTE))
            await theirs.until(lambda: len(theirs.received) == MEBIBYTE)
            theirs.transport.write(b"answer")
            await ours.until(lambda: ours.received == b"answer")
            self.assertEqual(ours.events.count("made"), 1)

    @on_loop
    async def test_tls_goes_through_tls(self):
        async with self.tls_pair() as (ours, theirs):
            theirs.transport, ours.transport = await asyncio.gather(
                self.loop.start_tls(theirs.transport, theirs, server_context(), server_side=True),
                self.loop.start_tls(ours.transport, ours, client_context(), server_hostname="localhost"))
            ours.transport.write(b"within")
            await theirs.until(lambda: theirs.received == b"within")


class GarbageTest(TlsTest):
    def test_a_closed_connection_is_freed_with_all_that_it_had(self):
        async def make():
            async with self.tls_pair() as (ours, theirs):
                ssl_object = ours.transport.get_extra_info("ssl_object")
                ssl_object.cycle = ours
                found = (ours, theirs, ours.transport, theirs.transport, ssl_object,
                         ours.transport.get_extra_info("sslcontext"))
            return [weakref.ref(one) for one in found]

        references = self.complete(make())
        self.turn(3)
        gc.collect()
        self.assertEqual([reference() for reference in references], [None] * len(references))

    def test_a_loop_that_is_left_in_the_middle_of_a_handshake_is_collected(self):
        near, far = socket.socketpair()
        far.setblocking(False)

        def leave():
            loop = new_loop()
            connecting = loop.create_task(loop.create_connection(
                Notes, sock=near, ssl=client_context(), server_hostname="localhost"))
            loop.run_until_complete(loop.sock_recv(far, 1 << 16))  # its first words
            self.assertFalse(connecting.done())
            return weakref.ref(loop)

        self.enterContext(warnings.catch_warnings())
        warnings.simplefilter("ignore", ResourceWarning)
        with far, self.assertLogs("asyncio", "ERROR"):  # of the task that is destroyed
            reference = leave()
            del near
            gc.collect()
            self.assertIsNone(reference())

    def test_an_unclosed_connection_says_so(self):
        near, far = socket.socketpair()
        far.setblocking(False)
        loop = new_loop()

        async def connect():
            peer = Peer(loop, far, server_context(), server_side=True)
            connecting = asyncio.ensure_future(loop.create_connection(
                Notes, sock=near, ssl=client_context(), server_hostname="localhost"))
            await peer.do(peer.object.do_handshake)
            await connecting

        with far:
            loop.run_until_complete(connect())
            del near
            with self.assertWarnsRegex(ResourceWarning, "unclosed transport"):
                loop.close()
                del loop
                gc.collect()
            far.settimeout(10)
            while far.recv(1 << 16):
                pass
