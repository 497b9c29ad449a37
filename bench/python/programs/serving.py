"""What the servers share: they are called as those of bench/peers are, say where they listen, and end on SIGTERM.

    PROGRAM echo|discard|generate tcp:0|udp:0 [--certificate FILE] [--loop NAME]
"""

import argparse
import asyncio
import signal
import ssl

import loops

HOST = "127.0.0.1"
PERIOD_BYTES = 4093


def pattern(periods):
    """The bytes of bench/shared/pattern.h: whoever writes them over and over writes one stream."""
    return bytes(((number + 1) * 2654435761 >> 24) & 0xff for number in range(PERIOD_BYTES)) * periods


PIECE = pattern(16)  # nearly 64 KiB


def read_request():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["echo", "discard", "generate"])
    parser.add_argument("address", type=lambda text: int(text.partition(":")[2]), metavar="tcp:PORT")
    parser.add_argument("--certificate", metavar="FILE", help="speak TLS; FILE has the key in it")
    loops.add_option(parser)
    request = parser.parse_args()
    request.tls = tls_context(request.certificate) if request.certificate else None
    return request


def tls_context(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate)
    return context


def run(start):
    """`start(request)` returns what listens, and its port."""
    request = read_request()
    loops.run(request.loop, serve, start, request)


async def serve(start, request):
    asked_to_end = asyncio.Event()
    listener, port = await start(request)
    # Now, because uvicorn has a handler of its own, which is replaced.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked_to_end.set)
    print("listening", port, flush=True)
    await asked_to_end.wait()
    listener.close()


def run_protocols(protocols):
    """Serves TCP by the protocol that `protocols` has for the mode that is asked for."""
    async def start(request):
        server = await asyncio.get_running_loop().create_server(protocols[request.mode], HOST, request.address,
                                                                ssl=request.tls)
        return server, server.sockets[0].getsockname()[1]

    run(start)
