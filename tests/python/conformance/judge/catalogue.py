"""Which of CPython's test classes are taken, and the way by which a loop gets into each of them.

Many of the upstream tests are mixins that ask a method for their loop: that method is ours to write. Others build
theirs with asyncio.new_event_loop(), asyncio.run() or IsolatedAsyncioTestCase: they get it through the policy. A few
build CPython's loop in setUp(), which is replaced; of those, the tests that look inside the loop are left out by their
source.
"""

from typing import NamedTuple

from judge import tied

# The ways by which a loop gets in.
CREATE_EVENT_LOOP = "create_event_loop"  # the method of that name returns it
NEW_LOOP = "new_loop"                    # as above
POLICY = "policy"                        # asyncio.new_event_loop() makes it; the classes are run as they are
SET_UP = "setUp"                         # setUp() makes it and keeps it as self.loop
RUNNERS = "runners"                      # new_loop() returns one whose shutdown of generators can be observed

EVERY_CLASS = ()


class Suite(NamedTuple):
    """Upstream classes that make one test class together."""

    way: str
    classes: tuple[str, ...] = EVERY_CLASS
    screened: bool = False  # tests whose source looks inside the loop are left out

    @classmethod
    def of(cls, way, *classes, screened=False):
        return cls(way, classes, screened)


class Catalogue(NamedTuple):
    """A package of test modules, and what is known about them."""

    package: str
    modules: dict[str, list[Suite]]
    listed: dict[str, tied.Listed]  # test -> why it need not pass, and whether it does
    hooks: dict[str, str]           # test -> the inner part that it looks for, as a hint when it fails
    io_modules: tuple[str, ...] = ()
    folder: str = ""                # where the package is, if it is none of the interpreter's own


# --- CPython's test.test_asyncio ---------------------------------------------------------------------------

# Those that move bytes. Not every version has every class: what a version lacks is left out.
IO_MODULES = {
    "test_events": [
        Suite.of(CREATE_EVENT_LOOP, "EventLoopTestsMixin", "SubprocessTestsMixin"),
        Suite.of(POLICY, "HandleTests"),
        Suite.of(POLICY, "AbstractEventLoopTests"),
        Suite.of(POLICY, "TestPyGetEventLoop"),
        Suite.of(POLICY, "TestCGetEventLoop"),
        Suite.of(POLICY, "TestServer"),
        Suite.of(POLICY, "TestAbstractServer"),
    ],
    "test_sock_lowlevel": [Suite.of(CREATE_EVENT_LOOP, "BaseSockTestsMixin")],
    "test_server": [
        Suite.of(NEW_LOOP, "SelectorStartServerTests"),
        Suite.of(POLICY, "TestServer2"),
        Suite.of(POLICY, "UnixServerCleanupTests"),
    ],
    "test_sendfile": [Suite.of(CREATE_EVENT_LOOP, "SendfileTestsBase")],
    "test_buffered_proto": [Suite.of(NEW_LOOP, "BaseTestBufferedProtocol")],
    "test_sslproto": [
        Suite.of(NEW_LOOP, "BaseStartTLS"),
        Suite.of(POLICY, "SslProtoHandshakeTests"),
    ],
    "test_ssl": [Suite.of(POLICY, "TestSSL")],
    "test_subprocess": [
        Suite.of(SET_UP, "SubprocessMixin"),
        Suite.of(POLICY, "GenericWatcherTests"),
    ],
    "test_streams": [Suite.of(POLICY, "StreamTests"), Suite.of(POLICY, "StreamTests2")],
    "test_unix_events": [
        Suite.of(SET_UP, "SelectorEventLoopSignalTests", screened=True),
        Suite.of(SET_UP, "SelectorEventLoopUnixSocketTests", screened=True),
        Suite.of(POLICY, "SelectorEventLoopUnixSockSendfileTests", screened=True),
        Suite.of(POLICY, "TestFunctional"),
        Suite.of(POLICY, "TestFork"),
    ],
    "test_base_events": [
        Suite.of(SET_UP, "BaseEventLoopTests", screened=True),
        Suite.of(SET_UP, "BaseEventLoopWithSelectorTests", screened=True),
        Suite.of(POLICY, "RunningLoopTests"),
    ],
}

# Those that only want a loop to run on.
SCHEDULING_MODULES = {
    "test_runners": [Suite.of(RUNNERS)],
    **{module: [Suite.of(POLICY)] for module in (
        "test_tasks", "test_futures2", "test_locks", "test_queues", "test_taskgroups", "test_timeouts", "test_waitfor",
        "test_threads", "test_context", "test_eager_task_factory", "test_staggered")},
}

CPYTHON = Catalogue(package="test.test_asyncio", modules=IO_MODULES | SCHEDULING_MODULES, listed=tied.LISTED,
                    hooks=tied.HOOKS, io_modules=tuple(IO_MODULES))
