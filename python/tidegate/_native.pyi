"""The native half, as far as programs meet it: through Loop, which derives from it, and in what its methods return."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Any, TypeVarTuple, final

_Arguments = TypeVarTuple("_Arguments")

class NativeLoop:
    @property
    def backend_name(self) -> str: ...
    def call_soon(
        self, callback: Callable[[*_Arguments], object], *args: *_Arguments, context: Context | None = None
    ) -> Handle: ...
    def call_soon_threadsafe(
        self, callback: Callable[[*_Arguments], object], *args: *_Arguments, context: Context | None = None
    ) -> Handle: ...
    def call_later(
        self,
        delay: float,
        callback: Callable[[*_Arguments], object],
        *args: *_Arguments,
        context: Context | None = None,
    ) -> TimerHandle: ...
    def call_at(
        self,
        when: float,
        callback: Callable[[*_Arguments], object],
        *args: *_Arguments,
        context: Context | None = None,
    ) -> TimerHandle: ...
    def create_future(self) -> asyncio.Future[Any]: ...
    def get_debug(self) -> bool: ...
    def time(self) -> float: ...
    def stop(self) -> None: ...

# What follows is made by loops, never by programs. Its methods are those of asyncio's classes.

@final
class Handle(asyncio.Handle): ...

@final
class TimerHandle(asyncio.TimerHandle): ...

@final
class StreamTransport(asyncio.Transport): ...

@final
class ReadPipeTransport(asyncio.ReadTransport): ...

@final
class WritePipeTransport(asyncio.WriteTransport): ...

@final
class DatagramTransport(asyncio.Transport, asyncio.DatagramTransport): ...

@final
class SSLTransport(asyncio.Transport): ...
