"""UDP echo server: sends each datagram back to whom it came from, for an hour. One protocol serves all clients."""

import asyncio
import sys


class EchoServer:
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        text = data.decode()
        print("Received %r from %s" % (text, addr))
        print("Send %r to %s" % (text, addr), flush=True)
        self.transport.sendto(data, addr)


async def main():
    print("Starting UDP server")
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(EchoServer, local_addr=("127.0.0.1", int(sys.argv[1])))
    print("Serving on {}".format(transport.get_extra_info("sockname")), flush=True)
    try:
        await asyncio.sleep(3600)
    finally:
        transport.close()


if __name__ == "__main__":
    asyncio.run(main())
