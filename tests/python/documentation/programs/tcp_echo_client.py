"""TCP echo client: sends a line, shows the answer, and waits until the server has closed the connection."""

import asyncio
import sys


class EchoClient(asyncio.Protocol):
    def __init__(self, text, lost):
        self.text = text
        self.lost = lost

    def connection_made(self, transport):
        transport.write(self.text.encode())
        print("Data sent: {!r}".format(self.text))

    def data_received(self, data):
        print("Data received: {!r}".format(data.decode()))

    def connection_lost(self, exc):
        print("The server closed the connection")
        self.lost.set_result(True)


async def main():
    loop = asyncio.get_running_loop()
    lost = loop.create_future()
    transport, protocol = await loop.create_connection(
        lambda: EchoClient("Hello World!", lost), "127.0.0.1", int(sys.argv[1]))
    try:
        await lost
    finally:
        transport.close()


if __name__ == "__main__":
    asyncio.run(main())
