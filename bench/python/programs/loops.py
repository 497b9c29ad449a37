"""Which event loop a program runs on: the only thing in which the contestants of a row differ."""

import asyncio
import sys

NAMES = ("asyncio", "uvloop", "tidegate", "tidegate_uring")


def factory(name):
    """What asyncio.Runner makes its loop with. Imports what `name` needs and nothing else."""
    if name == "asyncio":
        return asyncio.SelectorEventLoop
    if name == "uvloop":
        import uvloop
        return uvloop.new_event_loop
    return lambda: tidegate_on("io_uring" if name == "tidegate_uring" else "epoll")


def tidegate_on(backend):
    """By name: neither the default nor TIDEGATE_BACKEND decides what is measured."""
    import tidegate
    loop = tidegate.new_event_loop(backend=backend)
    if loop.backend_name != backend:
        # It goes on with epoll where the kernel refuses io_uring: that would be epoll's figures under another name.
        loop.close()
        sys.exit(f"asked for {backend}, got {loop.backend_name}")
    return loop


def add_option(parser):
    parser.add_argument("--loop", choices=NAMES, default="asyncio")


def run(name, main, *arguments):
    """Runs the coroutine that `main` makes of the arguments."""
    with asyncio.Runner(loop_factory=factory(name)) as runner:
        runner.get_loop()  # there may be no such loop: before there is a coroutine that nobody awaits then
        runner.run(main(*arguments))
