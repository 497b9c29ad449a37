"""Answers, discards and generates by StreamReader and StreamWriter."""

import asyncio

import serving

READ_BYTES = 64 * 1024


async def echo(reader, writer):
    while data := await reader.read(READ_BYTES):
        writer.write(data)
        await writer.drain()


async def discard(reader, writer):
    while await reader.read(READ_BYTES):
        pass


async def generate(reader, writer):
    while not writer.is_closing():
        writer.write(serving.PIECE)
        await writer.drain()


HANDLERS = {"echo": echo, "discard": discard, "generate": generate}


async def start(request):
    async def serve(reader, writer):
        try:
            await HANDLERS[request.mode](reader, writer)
        except ConnectionError:
            pass  # the load generator goes when its time is over
        finally:
            writer.close()

    server = await asyncio.start_server(serve, serving.HOST, request.address, ssl=request.tls)
    return server, server.sockets[0].getsockname()[1]


serving.run(start)
