"""get_extra_info("socket"): what a transport stands on, asked for one of its options."""

import asyncio
import socket


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    transport, protocol = await loop.create_connection(asyncio.Protocol, *server.sockets[0].getsockname())
    try:
        sock = transport.get_extra_info("socket")
        if sock is not None:
            print("TCP_NODELAY:", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0)
    finally:
        transport.close()
        server.close()
        await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
