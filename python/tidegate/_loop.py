"""The event loop: what runs once for each connection or each loop is asyncio's own code, which this derives from;
what runs for each callback or each packet is native."""

import asyncio
import contextlib
import functools
import io
import os
import re
import selectors
import signal
import socket
import sys
import threading
from asyncio import base_events, constants, events, exceptions, format_helpers, sslproto, trsock
from asyncio.log import logger
from collections.abc import Coroutine
from types import NoneType
from typing import Any, TypeVar

from . import _native

try:
    import ssl
except ImportError:  # this interpreter has none
    ssl = None

_MOST_BYTES = 2**64 - 1
_NATIVE_FAMILIES = frozenset((socket.AF_INET, socket.AF_INET6, socket.AF_UNIX))
BACKENDS = ("auto", "epoll", "io_uring")

_Result = TypeVar("_Result")


class _Interest:
    """What asyncio's own classes ask of their loop's selector: who is watched."""

    def __init__(self, loop):
        self._loop = loop

    def get_key(self, fileobj):
        reads, writes = self._loop._watches_of(fileobj)
        if not reads and not writes:
            raise KeyError(f"{fileobj!r} is not watched")
        events = (selectors.EVENT_READ if reads else 0) | (selectors.EVENT_WRITE if writes else 0)
        return selectors.SelectorKey(fileobj, fileobj, events, None)

    def close(self):
        self._loop = None


class Loop(_native.NativeLoop, asyncio.SelectorEventLoop):
    """An asyncio event loop on Tidegate's core.

    `backend`: "epoll", "io_uring" or "auto"; left out: what the environment variable TIDEGATE_BACKEND names, else
    "auto", which is epoll today. `backend_name` tells what it stands on: where the kernel refuses io_uring, epoll.
    """

    def __init__(self, backend: str | None = None) -> None:
        if backend is None:
            backend = "auto"
        if backend not in BACKENDS:
            raise ValueError(f"backend is {backend!r}, expected one of {', '.join(map(repr, BACKENDS))}")
        self._open(backend)
        super().__init__(_Interest(self))

    def close(self) -> None:
        if self.is_closed():
            return
        super().close()
        self._close_native()

    def run_forever(self):
        # CPython 3.13.0 forgets that it runs where it finds that out itself, and can then be closed.
        self._check_closed()
        self._check_running()
        with self._woken_by_signals():
            super().run_forever()

    @contextlib.contextmanager
    def _woken_by_signals(self):
        """A signal that arrives just before the loop falls asleep must not wait for the next event, also where its
        handler is Python's own: Ctrl-C."""
        if threading.current_thread() is not threading.main_thread() or self.is_closed():
            yield
            return
        before = signal.set_wakeup_fd(self._csock.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            if not self._signal_handlers:
                signal.set_wakeup_fd(before, warn_on_full_buffer=False)

    async def getaddrinfo(self, host, port, *, family=0, type=0, proto=0, flags=0):
        # Of numbers nobody has to be asked, so that needs no thread.
        if isinstance(host, str) and _NUMERIC_HOST(host) and isinstance(port, (int, NoneType)):
            try:
                return list(_addresses_of_numbers(host, port, family, type, proto, flags))
            except (OSError, TypeError):
                pass  # 999.1.1.1 is no number after all; and what is wrong otherwise is told by the thread
        return await super().getaddrinfo(host, port, family=family, type=type, proto=proto, flags=flags)

    # --- what the native half calls --------------------------------------------------------------

    def _report_handle(self, handle, exception):
        """A callback has raised: as asyncio.Handle tells it."""
        callback = format_helpers._format_callback_source(handle._callback, handle._args or ())
        context = {"message": f"Exception in callback {callback}", "exception": exception, "handle": handle}
        if handle._source_traceback:
            context["source_traceback"] = handle._source_traceback
        self.call_exception_handler(context)

    def _call_in_debug_mode(self, handle):
        """As asyncio's loop calls callbacks while it is being debugged: looks at how long each takes."""
        self._current_handle = handle
        start = self.time()
        try:
            asyncio.Handle._run(handle)
        finally:
            self._current_handle = None
            taken = self.time() - start
        if taken >= self.slow_callback_duration:
            logger.warning("Executing %s took %.3f seconds", base_events._format_handle(handle), taken)
        handle = None  # an exception that somebody keeps may keep this frame

    def _note_call(self, protocol, name, taken):
        """A protocol has been called while the loop is being debugged."""
        if taken >= self.slow_callback_duration:
            logger.warning("Executing %s of %r took %.3f seconds", name, protocol, taken)

    def _note_source(self, handle):
        handle._source_traceback = format_helpers.extract_stack(sys._getframe(1))

    # How a server is told depends on the version.
    if base_events.Server._attach.__code__.co_argcount == 1:

        def _attach_to_server(self, server, transport):
            server._attach()

        def _detach_from_server(self, server, transport):
            server._detach()
    else:

        def _attach_to_server(self, server, transport):
            server._attach(transport)

        def _detach_from_server(self, server, transport):
            server._detach(transport)

    # --- what asyncio's own classes call -----------------------------------------------------------

    def _make_ssl_transport(self, rawsock, protocol, sslcontext, waiter=None, *, server_side=False,
                            server_hostname=None, extra=None, server=None, ssl_handshake_timeout=None,
                            ssl_shutdown_timeout=None):
        if not sslcontext:
            sslcontext = sslproto._create_transport_context(server_side, server_hostname)
        timeouts = {"ssl_handshake_timeout": ssl_handshake_timeout, "ssl_shutdown_timeout": ssl_shutdown_timeout}
        if not _is_plain(sslcontext):
            ssl_protocol = sslproto.SSLProtocol(self, protocol, sslcontext, waiter, server_side, server_hostname,
                                                **timeouts)
            self._make_socket_transport(rawsock, ssl_protocol, extra=extra, server=server)
            return ssl_protocol._app_transport
        tls = _tls_terms(sslcontext, server_side, server_hostname, **timeouts)
        return self._make_tls_transport((rawsock, protocol, waiter), tls,
                                        extra={**(extra or {}), "sslcontext": sslcontext}, server=server)

    async def start_tls(self, transport, protocol, sslcontext, *, server_side=False, server_hostname=None,
                        ssl_handshake_timeout=None, ssl_shutdown_timeout=None):
        timeouts = {"ssl_handshake_timeout": ssl_handshake_timeout, "ssl_shutdown_timeout": ssl_shutdown_timeout}
        is_ours = type(transport) is _native.StreamTransport and transport._loop is self and not transport.is_closing()
        if not is_ours or not _is_plain(sslcontext):
            return await super().start_tls(transport, protocol, sslcontext, server_side=server_side,
                                           server_hostname=server_hostname, **timeouts)
        tls = _tls_terms(sslcontext, server_side, server_hostname, **timeouts)
        waiter = self.create_future()
        secured = self._make_tls_upgrade(transport, protocol, waiter, {**transport._extra, "sslcontext": sslcontext},
                                         tls)
        try:
            await waiter
        except BaseException:
            secured.abort()
            raise
        return secured

    def _make_datagram_transport(self, sock, protocol, address=None, waiter=None, extra=None):
        # Asyncio's own transport is there for kinds of sockets whose addresses only Python knows.
        is_native = sock.type == socket.SOCK_DGRAM and sock.family in _NATIVE_FAMILIES
        make = self._make_native_datagram_transport if is_native else super()._make_datagram_transport
        return make(sock, protocol, address, waiter, extra)

    def _start_serving(self, protocol_factory, sock, sslcontext=None, server=None, backlog=100, *timeouts, **options):
        if sslcontext or type(sock) is not socket.socket or sock.family not in _NATIVE_FAMILIES:
            super()._start_serving(protocol_factory, sock, sslcontext, server, backlog, *timeouts, **options)
            return
        kind = (int(sock.family), int(sock.type) | socket.SOCK_NONBLOCK, sock.proto)
        self._add_reader(sock.fileno(), self._accept_connections, protocol_factory, sock, server, backlog, kind)

    def _pause_accepting(self, exception, protocol_factory, sock, server, backlog):
        self.call_exception_handler({"message": "socket.accept() out of system resource", "exception": exception,
                                     "socket": trsock.TransportSocket(sock)})
        self._remove_reader(sock.fileno())
        self.call_later(constants.ACCEPT_RETRY_DELAY, self._resume_accepting, protocol_factory, sock, server, backlog)

    def _resume_accepting(self, protocol_factory, sock, server, backlog):
        if sock.fileno() != -1:  # else the server was closed meanwhile
            self._start_serving(protocol_factory, sock, None, server, backlog)

    def _note_connection(self, server, address, connection):
        logger.debug("%r got a new connection from %r: %r", server, address, connection)

    def _resolve_for_socket(self, sock, address):
        """The numeric address that `sock.sendto` would send to; raises what it would."""
        if sock.family == socket.AF_UNIX:
            return bytes(address)
        if not isinstance(address, tuple):
            raise TypeError(f"sendto(): {sock.family.name} address must be tuple, not {type(address).__name__}")
        host, port, *others = address
        found = socket.getaddrinfo(host, port, sock.family, sock.type, sock.proto)[0][4]
        return (found[0].partition("%")[0], found[1], *(others or found[2:]))

    async def _sendfile_native(self, transport, file, offset, count):
        if count != 0:  # nothing to send is no error
            self._check_sendfile_params(transport._sock, file, offset, count)
        try:
            descriptor = file.fileno()
        except (AttributeError, io.UnsupportedOperation) as error:
            raise exceptions.SendfileNotAvailableError("not a regular file") from error
        most_bytes = _MOST_BYTES if count is None else count
        sent = 0
        future = self.create_future()
        transport._begin_file(descriptor, offset, most_bytes, future)
        try:
            await future
        finally:
            sent = transport._end_file()
            if sent > 0:
                os.lseek(descriptor, offset + sent, os.SEEK_SET)
        return sent

    def _add_callback(self, handle):
        """A handle that asyncio made: a signal's."""
        if not handle._cancelled:
            self.call_soon(handle._run)

    def _add_callback_signalsafe(self, handle):
        if not handle._cancelled:
            self.call_soon_threadsafe(handle._run)

    def _write_to_self(self):
        self.call_soon_threadsafe(_nothing)

    def _timer_handle_cancelled(self, handle):
        """Ours leave their queue at once."""


_NUMERIC_HOST = re.compile(r"[0-9]+(?:\.[0-9]+){3}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*").fullmatch


@functools.lru_cache(maxsize=256, typed=True)
def _addresses_of_numbers(host, port, family, type, proto, flags):
    """What numbers stand for never changes."""
    if flags & socket.AI_ADDRCONFIG:
        raise OSError("what AI_ADDRCONFIG leaves out depends on the addresses that this machine has")
    return socket.getaddrinfo(host, port, family, type, proto, flags | socket.AI_NUMERICHOST)


def _nothing():
    pass


def _is_plain(sslcontext):
    """Whether its connections can be ours: SSLObjects of the program's own may do anything."""
    return isinstance(sslcontext, ssl.SSLContext) and sslcontext.sslobject_class is ssl.SSLObject


def _tls_terms(sslcontext, server_side, server_hostname, ssl_handshake_timeout, ssl_shutdown_timeout):
    """What the native half needs for one connection."""
    handshake_timeout = _seconds("ssl_handshake_timeout", ssl_handshake_timeout, constants.SSL_HANDSHAKE_TIMEOUT)
    shutdown_timeout = _seconds("ssl_shutdown_timeout", ssl_shutdown_timeout, constants.SSL_SHUTDOWN_TIMEOUT)
    server_hostname = None if server_side else server_hostname or None
    return sslcontext, server_side, server_hostname, handshake_timeout, shutdown_timeout


def _seconds(name, given, usual):
    if given is None:
        return usual
    if given <= 0:
        raise ValueError(f"{name} should be a positive number, got {given}")
    return given


def new_event_loop(backend: str | None = None) -> Loop:
    """A new event loop. See Loop."""
    return Loop(backend)


def run(main: Coroutine[Any, Any, _Result], *, debug: bool | None = None, backend: str | None = None) -> _Result:
    """As asyncio.run(), on a loop of Tidegate's."""
    if events._get_running_loop() is not None:
        raise RuntimeError("tidegate.run() cannot be called from a running event loop")
    with asyncio.Runner(debug=debug, loop_factory=lambda: new_event_loop(backend)) as runner:
        return runner.run(main)
