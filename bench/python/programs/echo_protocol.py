"""Answers, discards and generates by asyncio.Protocol."""

import asyncio

import serving


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


class Discard(asyncio.Protocol):
    pass


class Generate(asyncio.Protocol):
    """A piece in each turn of the loop, so that no connection keeps the others waiting, for as long as the
    transport takes them."""

    def connection_made(self, transport):
        self.transport = transport
        self.loop = asyncio.get_running_loop()
        self.is_paused = False
        self.loop.call_soon(self.produce)

    def produce(self):
        if self.is_paused or self.transport.is_closing():
            return
        self.transport.write(serving.PIECE)
        self.loop.call_soon(self.produce)

    def pause_writing(self):
        self.is_paused = True

    def resume_writing(self):
        self.is_paused = False
        self.loop.call_soon(self.produce)


serving.run_protocols({"echo": Echo, "discard": Discard, "generate": Generate})
