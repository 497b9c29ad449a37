"""A program as somebody writes it who has everything checked. It is looked at, not run."""

import asyncio
from typing import assert_type

import tidegate


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


def tell(number: int, text: str) -> None:
    print(number, text)


async def main() -> int:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, "127.0.0.1", 0)
    server.close()
    if isinstance(loop, tidegate.Loop):
        handle = loop.call_soon(tell, 1, "two")
        assert_type(handle.cancelled(), bool)
        timer = loop.call_later(1, tell, 1, "two")
        assert_type(timer.when(), float)
        loop.call_soon_threadsafe(loop.stop)
        assert_type(loop.backend_name, str)
    return 7


assert_type(tidegate.run(main(), debug=True), int)
loop = tidegate.new_event_loop(backend="epoll")
assert_type(loop, tidegate.Loop)
assert_type(loop.run_until_complete(main()), int)
loop.close()
with asyncio.Runner(loop_factory=tidegate.new_event_loop) as runner:
    assert_type(runner.run(main()), int)
asyncio.set_event_loop_policy(tidegate.EventLoopPolicy())
tidegate.install()
assert_type(tidegate.__version__, str)
