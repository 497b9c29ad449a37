"""What the native half needs of asyncio, where that is said in Python."""

from asyncio import constants, transports
from asyncio.log import logger

FALLBACK_SENDFILE = constants._SendfileMode.FALLBACK
TRY_NATIVE_SENDFILE = constants._SendfileMode.TRY_NATIVE


def set_exception_unless_done(future, exception):
    if not future.done():
        future.set_exception(exception)


def describe_tls(extra, ssl_object):
    """What get_extra_info tells of a connection once its handshake is over."""
    extra.update(peercert=ssl_object.getpeercert(), cipher=ssl_object.cipher(),
                 compression=ssl_object.compression(), ssl_object=ssl_object)


def handshake_failed(loop, transport, waiter, exception):
    """Whoever waits is told; others only of what is no network's and no peer's fault, as asyncio has it."""
    message = "SSL handshake failed"
    if not isinstance(exception, OSError):
        loop.call_exception_handler({"message": message, "exception": exception, "transport": transport})
    elif loop.get_debug():
        logger.debug("%r: %s", transport, message, exc_info=exception)
    if waiter is not None and not waiter.done():
        waiter.set_exception(exception)


def warn_of_open_eof():
    logger.warning("returning true from eof_received() has no effect when using ssl")


class DatagramTransport(transports.Transport, transports.DatagramTransport):
    """What datagram transports are instances of: asyncio's own are of both, and its tests look for the first."""

    __slots__ = ()
