"""Answers by asyncio.BufferedProtocol: what arrives is received into the protocol's own memory."""

import asyncio

import serving

BUFFER_BYTES = 64 * 1024


class Echo(asyncio.BufferedProtocol):
    def connection_made(self, transport):
        self.transport = transport
        self.buffer = memoryview(bytearray(BUFFER_BYTES))

    def get_buffer(self, sizehint):
        return self.buffer

    def buffer_updated(self, nbytes):
        # A copy: what a transport could not send at once it may keep as it is, and the next that arrives would
        # be written over it.
        self.transport.write(bytes(self.buffer[:nbytes]))


serving.run_protocols({"echo": Echo})
