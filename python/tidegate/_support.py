"""What the native half needs of asyncio, where that is said in Python."""

from asyncio import constants

TRY_NATIVE_SENDFILE = constants._SendfileMode.TRY_NATIVE


def set_exception_unless_done(future, exception):
    if not future.done():
        future.set_exception(exception)
