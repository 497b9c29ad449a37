"""A module's test classes bound to a loop, and their tests in the order in which they are run. For the child only.

What the tests are given is counted: one that never asked for a loop says nothing about ours.
"""

import asyncio
import importlib
import inspect
import sys
import unittest
from typing import NamedTuple

from judge import catalogue, tied


class LoopSource:
    """Makes loops, counts them."""

    def __init__(self, name):
        """`name` is that of a callable without arguments, as in `module:attribute`."""
        module, _, attribute = name.partition(":")
        self.make = importlib.import_module(module)
        for part in attribute.split("."):
            self.make = getattr(self.make, part)
        self.made = 0

    def __call__(self, *_, **__):
        self.made += 1
        return self.make()

    def loop_class(self):
        if inspect.isclass(self.make):
            return self.make
        loop = self.make()
        loop.close()
        return type(loop)

    def install(self):
        """From now on asyncio.new_event_loop() makes ours, even when a test has set the default policy again."""
        if sys.version_info >= (3, 14):
            policy = asyncio.unix_events._DefaultEventLoopPolicy
        else:
            policy = asyncio.DefaultEventLoopPolicy
        policy._loop_factory = staticmethod(self)


class Test(NamedTuple):
    name: str               # module.Class.test
    case: type
    method: str
    left_out: str | None    # why it is not run
    listed: tuple | None    # as tied.Listed
    private_parts: list[str]


def tests_of(module, suites, listed, loops, utils):
    """All tests of a module, in their order."""
    short_name = module.__name__.rpartition(".")[2]
    return [describe(f"{short_name}.{case.__name__}.{method}", case, method, suite.screened, listed)
            for suite in suites
            for case in bound_classes(module, suite, loops, utils)
            for method in unittest.TestLoader().getTestCaseNames(case)]


def describe(name, case, method, screened, listed):
    try:
        source = inspect.getsource(inspect.unwrap(getattr(case, method)))
    except (OSError, TypeError):  # made at run time: it has none
        source = ""
    return Test(name, case, method, tied.why_left_out(name.rpartition(".")[0], source, screened), listed.get(name),
                tied.private_parts(source))


# --- The ways in -------------------------------------------------------------------------------------------


def bound_classes(module, suite, loops, utils):
    if suite.classes == catalogue.EVERY_CLASS:
        return [bound(module, (one,), suite.way, loops, utils) for one in test_classes_of(module)]
    classes = tuple(getattr(module, name, None) for name in suite.classes)
    return [] if None in classes else [bound(module, classes, suite.way, loops, utils)]


def test_classes_of(module):
    """Its own, not those that it has imported."""
    return [value for value in vars(module).values()
            if inspect.isclass(value) and issubclass(value, unittest.TestCase) and value.__module__ == module.__name__]


def bound(module, classes, way, loops, utils):
    """A test class of these classes that asks `loops` for its loops. Named like the first of them."""
    members = members_for(way, loops, utils)
    if not members:
        return classes[0]
    if not any(issubclass(one, unittest.TestCase) for one in classes):
        # Mixins of new_loop() bring what else they need; the others want set_event_loop() and its like.
        classes += (unittest.TestCase if way == catalogue.NEW_LOOP else utils.TestCase,)
    return type(classes[0].__name__, classes, {"__module__": module.__name__, **members})


def members_for(way, loops, utils):
    if way in (catalogue.CREATE_EVENT_LOOP, catalogue.NEW_LOOP):
        return {way: lambda self: loops()}
    if way == catalogue.SET_UP:
        def set_up(self):
            utils.TestCase.setUp(self)
            self.loop = loops()
            self.set_event_loop(self.loop)
        return {"setUp": set_up}
    if way == catalogue.RUNNERS:
        loop_class = loops.loop_class()

        class ObservedLoop(loop_class):
            """The runner's tests want to see that the runner shuts down the asynchronous generators."""

            shutdown_ag_run = False

            async def shutdown_asyncgens(self):
                self.shutdown_ag_run = True

        def new_loop(self):
            loops.made += 1
            return ObservedLoop()
        return {"new_loop": new_loop}
    return {}


def forgive_missing_executor(utils):
    """The clean-up that all tests share reads the loop's _default_executor: without one, the public way is taken."""
    close_of_cpython = utils.TestCase.close_loop

    def close_loop(loop):
        if hasattr(loop, "_default_executor"):
            close_of_cpython(loop)
            return
        if not loop.is_closed():
            loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    utils.TestCase.close_loop = staticmethod(close_loop)
