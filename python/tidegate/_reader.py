"""What asyncio's StreamReader does with what arrives, as far as native code does the same in its place
(python/native/reader_feed.hpp): only where asyncio's own is, instruction by instruction, what is written here. That
holds for versions to come, and where a program has put something else in its place before it imported us."""

from asyncio import streams
from types import FunctionType

_ATTRIBUTES = ("_stream_reader_wr", "_eof", "_buffer", "_limit", "_waiter")


class _Protocol:
    @property
    def _stream_reader(self):
        if self._stream_reader_wr is None:
            return None
        return self._stream_reader_wr()

    def data_received(self, data):
        reader = self._stream_reader
        if reader is not None:
            reader.feed_data(data)


class _Reader:
    def feed_data(self, data):
        assert not self._eof, "feed_data after feed_eof"

        if not data:
            return

        self._buffer.extend(data)
        self._wakeup_waiter()

        if self._transport is not None and not self._paused and len(self._buffer) > 2 * self._limit:
            try:
                self._transport.pause_reading()
            except NotImplementedError:
                self._transport = None
            else:
                self._paused = True

    def _wakeup_waiter(self):
        """Has a docstring, as asyncio's: it is one of the constants."""
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.cancelled():
                waiter.set_result(None)


def _instructions(function):
    code = function.__code__
    constants = [each for each in code.co_consts if not isinstance(each, str)]
    return code.co_code, code.co_names, code.co_varnames, code.co_argcount, code.co_flags, constants


def _is_known(theirs, ours):
    return (isinstance(theirs, FunctionType) and theirs.__globals__ is vars(streams)
            and _instructions(theirs) == _instructions(ours))


def _is_plain(kind):
    """Whether what its instances are given is theirs, and nobody is asked for it."""
    return (kind.__setattr__ is object.__setattr__ and kind.__getattribute__ is object.__getattribute__
            and not any(hasattr(kind, name) for name in ("__getattr__", *_ATTRIBUTES)))


def known_reader():
    """(StreamReaderProtocol, StreamReader, the functions that native code stands for); None where they are others."""
    protocol, reader = streams.StreamReaderProtocol, streams.StreamReader
    stream_reader = vars(protocol).get("_stream_reader")
    if not isinstance(stream_reader, property):
        return None
    pairs = ((vars(protocol).get("data_received"), _Protocol.data_received),
             (stream_reader.fget, _Protocol._stream_reader.fget),
             (vars(reader).get("feed_data"), _Reader.feed_data),
             (vars(reader).get("_wakeup_waiter"), _Reader._wakeup_waiter))
    if not all(_is_known(*pair) for pair in pairs) or not _is_plain(protocol) or not _is_plain(reader):
        return None
    return protocol, reader, *(theirs for theirs, _ in pairs)
