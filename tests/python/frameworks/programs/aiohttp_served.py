"""aiohttp's own way to run a server, with a loop that it is given."""

import asyncio
import socket
import sys

from aiohttp import web

import tidegate


async def name_the_loop(request):
    loop = asyncio.get_running_loop()
    return web.Response(text="tidegate" if isinstance(loop, tidegate.Loop) else repr(loop))


async def echo(request):
    return web.Response(body=await request.read())


async def count(request):
    answer = web.StreamResponse()
    await answer.prepare(request)
    for number in range(1000):
        await answer.write(b"%d\n" % number)
    return answer


if __name__ == "__main__":
    application = web.Application(client_max_size=1 << 30)
    application.add_routes([web.get("/loop", name_the_loop), web.post("/echo", echo), web.get("/count", count)])
    with socket.socket(fileno=int(sys.argv[1])) as listener:
        web.run_app(application, sock=listener, loop=tidegate.new_event_loop())
