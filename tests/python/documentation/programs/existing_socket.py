"""Connecting existing sockets: a protocol over one end of a socket pair, until it has received something."""

import asyncio
import socket


class Receiver(asyncio.Protocol):
    def __init__(self, lost):
        self.transport = None
        self.lost = lost

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        print("Received:", data.decode())
        self.transport.close()  # connection_lost() follows by itself

    def connection_lost(self, exc):
        self.lost.set_result(True)


async def main():
    loop = asyncio.get_running_loop()
    lost = loop.create_future()
    near, far = socket.socketpair()
    transport, protocol = await loop.create_connection(lambda: Receiver(lost), sock=near)
    loop.call_soon(far.send, "abc".encode())
    try:
        await protocol.lost
    finally:
        transport.close()
        far.close()


if __name__ == "__main__":
    asyncio.run(main())
