"""Answers HTTP by aiohttp: the greeting of its documentation, without a log."""

import asyncio

from aiohttp import web

import serving


async def hello(request):
    return web.Response(text="Hello, world")


async def start(request):
    application = web.Application()
    application.add_routes([web.get("/", hello)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    server = await asyncio.get_running_loop().create_server(runner.server, serving.HOST, request.address)
    return server, server.sockets[0].getsockname()[1]


serving.run(start)
