"""Answers datagrams by asyncio.DatagramProtocol."""

import asyncio

import serving


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)


async def start(request):
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Echo, local_addr=(serving.HOST, request.address))
    return transport, transport.get_extra_info("sockname")[1]


serving.run(start)
