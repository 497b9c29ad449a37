"""An ASGI application: which loop runs it, an echo, and an answer in many pieces."""

import asyncio

import tidegate


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        await live(receive, send)
    elif scope["type"] == "websocket":
        await echo_messages(receive, send)
    elif scope["path"] == "/echo":
        await answer(send, [await body_of(receive)])
    elif scope["path"] == "/count":
        await answer(send, [b"%d\n" % number for number in range(1000)])
    else:
        loop = asyncio.get_running_loop()
        await answer(send, [b"tidegate" if isinstance(loop, tidegate.Loop) else repr(loop).encode()])


async def live(receive, send):
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return


async def body_of(receive):
    body = bytearray()
    while True:
        event = await receive()
        body += event.get("body", b"")
        if not event.get("more_body"):
            return bytes(body)


async def answer(send, pieces):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        await asyncio.sleep(0)
    await send({"type": "http.response.body"})


async def echo_messages(receive, send):
    while True:
        event = await receive()
        if event["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        elif event["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": event["text"]})
        else:
            return
