"""What the native half needs of asyncio, where that is said in Python."""

from asyncio import constants, transports

TRY_NATIVE_SENDFILE = constants._SendfileMode.TRY_NATIVE


def set_exception_unless_done(future, exception):
    if not future.done():
        future.set_exception(exception)


class DatagramTransport(transports.Transport, transports.DatagramTransport):
    """What datagram transports are instances of: asyncio's own are of both, and its tests look for the first."""

    __slots__ = ()
