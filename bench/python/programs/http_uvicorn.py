"""Answers HTTP by uvicorn: the smallest application of its documentation, without a log."""

import asyncio

import uvicorn

import serving

BODY = b"Hello, world"
BETWEEN_LOOKS_SECONDS = 0.01


async def hello(scope, receive, send):
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(BODY))]})
    await send({"type": "http.response.body", "body": BODY})


class Listener:
    """A server that runs as a task of the loop."""

    def __init__(self, server):
        self.server = server
        self.task = asyncio.create_task(server.serve())

    async def port(self):
        while not self.server.started and not self.task.done():
            await asyncio.sleep(BETWEEN_LOOKS_SECONDS)  # it tells nobody
        return self.server.servers[0].sockets[0].getsockname()[1]

    def close(self):
        self.server.should_exit = True


async def start(request):
    # loop="none": the one that runs already. What else is told differs from `uvicorn hello:hello` in its words only.
    config = uvicorn.Config(hello, host=serving.HOST, port=request.address, loop="none", lifespan="off",
                            access_log=False, log_level="warning")
    listener = Listener(uvicorn.Server(config))
    return listener, await listener.port()


serving.run(start)
