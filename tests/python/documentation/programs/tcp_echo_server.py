"""TCP echo server: sends back what it gets, then closes the connection."""

import asyncio
import sys


class EchoServer(asyncio.Protocol):
    def connection_made(self, transport):
        print("Connection from {}".format(transport.get_extra_info("peername")))
        self.transport = transport

    def data_received(self, data):
        text = data.decode()
        print("Data received: {!r}".format(text))
        print("Send: {!r}".format(text))
        self.transport.write(data)
        print("Close the client socket", flush=True)
        self.transport.close()


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(EchoServer, "127.0.0.1", int(sys.argv[1]))
    print("Serving on {}".format(server.sockets[0].getsockname()), flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
