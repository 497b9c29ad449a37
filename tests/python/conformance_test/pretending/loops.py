"""Loops to be judged."""

import asyncio


class Able(asyncio.SelectorEventLoop):
    """Does all that CPython's does, and can be told from it."""


class Lame(Able):
    """Cannot do one thing."""

    def call_later(self, *_, **__):
        raise NotImplementedError("no timers here")


def make_able():
    return Able()


def make_none():
    raise OSError("no loop today")
