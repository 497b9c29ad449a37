"""aiohttp: its server as a process of its own, then its client and server within one loop."""

import asyncio
import contextlib
import unittest

from support import SECONDS, ServesAsItShould, needs, serving

import tidegate


@needs("aiohttp")
class ServerTest(ServesAsItShould, unittest.TestCase):
    def server(self):
        return serving("aiohttp_served.py", "{fd}")


@contextlib.asynccontextmanager
async def served(*routes):
    """A server with these routes, and a client: what to ask, and where."""
    import aiohttp.web

    application = aiohttp.web.Application()
    application.add_routes(routes)
    runner = aiohttp.web.AppRunner(application)
    await runner.setup()
    try:
        await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        async with aiohttp.ClientSession() as session:
            yield session, f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@needs("aiohttp")
class ClientTest(unittest.TestCase):
    def complete(self, coroutine):
        for backend in ("epoll", "io_uring"):
            with self.subTest(backend=backend):
                tidegate.run(asyncio.wait_for(coroutine(), SECONDS), backend=backend)

    def test_many_requests_at_a_time_get_each_its_own_answer(self):
        from aiohttp import web

        async def double(request):
            await asyncio.sleep(0)
            return web.Response(text=str(2 * int(request.query["number"])))

        async def ask(session, url, number):
            async with session.get(f"{url}/double", params={"number": number}) as answer:
                return await answer.text()

        async def main():
            async with served(web.get("/double", double)) as (session, url):
                answers = await asyncio.gather(*(ask(session, url, number) for number in range(200)))
            self.assertEqual(answers, [str(2 * number) for number in range(200)])

        self.complete(main)

    def test_a_web_socket_carries_messages_both_ways_until_it_is_closed(self):
        from aiohttp import web

        async def echo(request):
            messages = web.WebSocketResponse()
            await messages.prepare(request)
            async for message in messages:
                await messages.send_str(message.data)
            return messages

        async def main():
            async with served(web.get("/messages", echo)) as (session, url):
                async with session.ws_connect(f"{url}/messages") as messages:
                    for text in ("one", "2" * (1 << 20), ""):
                        await messages.send_str(text)
                        self.assertEqual(await messages.receive_str(), text)
                self.assertEqual(messages.close_code, 1000)

        self.complete(main)

    def test_a_body_is_sent_while_the_other_side_reads_it(self):
        from aiohttp import web

        async def measure(request):
            length = 0
            async for piece in request.content.iter_any():
                length += len(piece)
            return web.Response(text=str(length))

        async def pieces():
            for _ in range(100):
                yield b"x" * 100_000

        async def main():
            async with served(web.post("/length", measure)) as (session, url):
                async with session.post(f"{url}/length", data=pieces()) as answer:
                    self.assertEqual(await answer.text(), "10000000")

        self.complete(main)
