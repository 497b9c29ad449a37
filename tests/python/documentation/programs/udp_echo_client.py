"""UDP echo client: sends a datagram, and closes its socket when the answer has come."""

import asyncio
import sys


class EchoClient:
    def __init__(self, text, lost):
        self.text = text
        self.lost = lost
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport
        print("Send:", self.text)
        self.transport.sendto(self.text.encode())

    def datagram_received(self, data, addr):
        print("Received:", data.decode())
        print("Close the socket")
        self.transport.close()

    def error_received(self, exc):
        print("Error received:", exc)
        self.transport.close()  # the documentation's waits for ever

    def connection_lost(self, exc):
        print("Connection closed")
        self.lost.set_result(True)


async def main():
    loop = asyncio.get_running_loop()
    lost = loop.create_future()
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: EchoClient("Hello World!", lost), remote_addr=("127.0.0.1", int(sys.argv[1])))
    try:
        await lost
    finally:
        transport.close()


if __name__ == "__main__":
    asyncio.run(main())
