"""Which event loop a program runs on: the only thing in which the contestants of a row differ."""

import asyncio

NAMES = ("asyncio", "uvloop", "tidegate", "tidegate_uring")


def factory(name):
    """What asyncio.Runner makes its loop with. Imports what `name` needs and nothing else."""
    if name == "asyncio":
        return asyncio.SelectorEventLoop
    if name == "uvloop":
        import uvloop
        return uvloop.new_event_loop
    import tidegate
    # By name: neither the default nor TIDEGATE_BACKEND decides what is measured.
    backend = "io_uring" if name == "tidegate_uring" else "epoll"
    return lambda: tidegate.new_event_loop(backend=backend)


def add_option(parser):
    parser.add_argument("--loop", choices=NAMES, default="asyncio")


def run(name, coroutine):
    with asyncio.Runner(loop_factory=factory(name)) as runner:
        return runner.run(coroutine)
