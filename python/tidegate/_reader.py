"""Whether asyncio's StreamReader does with what arrives what native code does in its place: hands it on to the reader
that a weak reference names, appends it to a bytearray, wakes the one who waits (python/native/reader_feed.hpp).

That is looked up: the instructions of the four functions have digests, which are known for each version of CPython that
was read and tried. Of any other, and where a program has put something else in their place before it imported us,
nothing is assumed, and asyncio's own methods are called."""

import hashlib
import sys
from asyncio import streams
from types import FunctionType

# Of a version that is new: read the four functions in its asyncio/streams.py, try tests/python/face on it, and add what
# `python -c "from tidegate import _reader; print(_reader.digests())"` says.
_KNOWN = {
    (3, 11): ("2b60f38b97efe238", "f2ec5ae444e433bc", "19b4722fc595dc99", "8867610c1bdf6430"),
    (3, 12): ("07df4e8087945be0", "4801f25375e165aa", "69e7b2073be972e5", "ee5748b0aa0c8ee0"),
    (3, 13): ("9887f4eef779cd5d", "2b334df87d37fc15", "ea2188a20963c5e0", "ffa31f81c3d0007e"),
}

_ATTRIBUTES = ("_stream_reader_wr", "_eof", "_buffer", "_limit", "_waiter")


def _functions():
    """What native code stands for: data_received, what it asks for the reader, feed_data, what that calls."""
    protocol, reader = vars(streams.StreamReaderProtocol), vars(streams.StreamReader)
    return (protocol.get("data_received"), getattr(protocol.get("_stream_reader"), "fget", None),
            reader.get("feed_data"), reader.get("_wakeup_waiter"))


def _digest(function):
    """Of what is executed: not of its texts, nor of where it stands."""
    code = function.__code__
    constants = [each for each in code.co_consts if not isinstance(each, str)]
    executed = (code.co_code, code.co_names, code.co_varnames, code.co_argcount, code.co_flags, constants)
    return hashlib.sha256(repr(executed).encode()).hexdigest()[:16]


def digests():
    """What `_KNOWN` would have to hold for this interpreter."""
    return tuple(_digest(function) for function in _functions())


def _is_plain(kind):
    """Whether what its instances are given is theirs, and nobody is asked for it."""
    return (kind.__setattr__ is object.__setattr__ and kind.__getattribute__ is object.__getattribute__
            and not any(hasattr(kind, name) for name in ("__getattr__", *_ATTRIBUTES)))


def known_reader():
    """(StreamReaderProtocol, StreamReader, the functions that native code stands for); None where they are others."""
    functions = _functions()
    if not all(isinstance(each, FunctionType) and each.__globals__ is vars(streams) for each in functions):
        return None
    if not _is_plain(streams.StreamReaderProtocol) or not _is_plain(streams.StreamReader):
        return None
    if _KNOWN.get(sys.version_info[:2]) != digests():
        return None
    return streams.StreamReaderProtocol, streams.StreamReader, *functions
