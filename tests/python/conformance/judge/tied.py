"""The tests that are bound to the insides of CPython's own loops, each with the reason.

LISTED tests are none of those that a loop must pass, and say what ours does with them: some cannot pass, some pass
nevertheless. They run, and one that does otherwise is a mistake in the list and fails the run, so that the list stays
true. With CPython's own loop, which does pass them, they count for nothing.
LEFT_OUT_CLASSES are not run at all.
HOOKS are tests that look inside as well, but for something that another loop can offer. They have to pass; the hint is
for whoever sees one fail.
"""

import re
from typing import NamedTuple


class Listed(NamedTuple):
    """What a test does that no loop has to suffer."""

    why: str
    passes: bool  # on our loop, nevertheless


# module.Class.test -> what it does. The class is the first of the suite in catalogue.py.
CANNOT_PASS = {
    "test_events.EventLoopTestsMixin.test_unclosed_pipe_transport":
        "takes the pipe away from CPython's pipe transport (_pipe = None)",
}

# The same, of those for which we have enough of CPython's loop.
PASS_NEVERTHELESS = {
    "test_events.EventLoopTestsMixin.test_create_server_multiple_hosts_ipv4":
        "mocks asyncio.base_events.socket and the loop's _start_serving",
    "test_events.EventLoopTestsMixin.test_create_server_multiple_hosts_ipv6":
        "mocks asyncio.base_events.socket and the loop's _start_serving",
    "test_events.EventLoopTestsMixin.test_timeout_rounding":
        "counts the calls of the loop's _run_once by putting another in its place",
    "test_events.EventLoopTestsMixin.test_internal_fds":
        "reads the loop's _internal_fds, _csock and _ssock",
    "test_sendfile.SendfileTestsBase.test_sendfile_force_fallback":
        "puts another _sendfile_native into the loop",
    "test_sendfile.SendfileTestsBase.test_sendfile_fallback_close_peer_in_the_middle_of_receiving":
        "puts another _sendfile_native into the loop",
    "test_sendfile.SendfileTestsBase.test_sendfile_force_unsupported_native":
        "puts another _sendfile_native into the loop",
    "test_sendfile.SendfileTestsBase.test_sendfile_no_fallback_for_fallback_transport":
        "sets the transport's _sendfile_compatible",
}

LISTED = ({test: Listed(why, passes=False) for test, why in CANNOT_PASS.items()} |
          {test: Listed(why, passes=True) for test, why in PASS_NEVERTHELESS.items()})

# module.Class -> reason. None of these is run: each is there once more in a class that is.
LEFT_OUT_CLASSES = {
    "test_events.TestPyGetEventLoop":
        "those of TestCGetEventLoop over the Python variant of asyncio's functions, which a native loop does not tell",
}

# module.Class.test -> the inner part that it wants.
HOOKS = {
    "test_events.EventLoopTestsMixin.test_prompt_cancellation": "loop._stop_serving(socket)",
    "test_server.SelectorStartServerTests.test_start_server_1": "a closed Server whose _sockets and _waiters are None",
    "test_server.SelectorStartServerTests.test_start_unix_server_1":
        "a closed Server whose _sockets and _waiters are None",
    "test_server.TestServer2.test_wait_closed_basic": "Server._attach() and _detach() (CPython 3.12.0 to 3.12.x)",
    "test_server.TestServer2.test_wait_closed_race": "Server._attach() and _detach() (CPython 3.12.0 to 3.12.x)",
    "test_ssl.TestSSL.test_flush_before_shutdown": "transport._ssl_protocol",
    "test_ssl.TestSSL.test_remote_shutdown_receives_trailing_data": "transport._test__append_write_backlog()",
    "test_ssl.TestSSL.test_shutdown_timeout_handler_not_set": "transport._ssl_protocol",
    "test_subprocess.SubprocessMixin.test_close_kill_running":
        'a get_extra_info("subprocess") whose kill() can be replaced, and transport._wait()',
    "test_subprocess.SubprocessMixin.test_close_dont_kill_finished":
        'a get_extra_info("subprocess") whose kill() can be replaced, and transport._wait()',
    "test_subprocess.SubprocessMixin.test_pause_reading":
        "a child's pipes made by loop.connect_read_pipe(), which can be replaced, as can their pause_reading()",
    "test_subprocess.SubprocessMixin.test_popen_error": "subprocess.Popen at work",
    "test_subprocess.SubprocessMixin.test_popen_error_with_stdin_pipe": "subprocess.Popen at work",
    "test_subprocess.GenericWatcherTests.test_create_subprocess_fails_with_inactive_watcher":
        "the policy's child watcher (until CPython 3.13)",
}

# In a screened suite, a test whose source says one of these looks inside the loop or asyncio.
LOOKS_INSIDE = re.compile(r"""
    (?<![\w.]) (?:self\.)? loop \._(?!_)[a-z]\w*     # a private attribute of the loop
  | mock\.patch | patch_socket | patch_unix_events   # another socket, another os
  | m_signal | m_socket | m_log
  | (?<![\w.]) self\.loop\.\w+ \s*=(?!=)             # another method of the loop
""", re.VERBOSE)

# What a test says about the private parts of transports, servers and loops: a hint when it fails.
PRIVATE_PART = re.compile(r"\b(?:loop|transport|trans|tr|server|srv|writer|proto)\._(?!_)[a-z]\w*")


def why_left_out(class_name, source, screened):
    """The reason, or None. `class_name` is module.Class; `screened` is whether the suite wants the source looked at."""
    if class_name in LEFT_OUT_CLASSES or not screened:
        return LEFT_OUT_CLASSES.get(class_name)
    found = LOOKS_INSIDE.search(source)
    return f"its source says {found[0]}" if found else None


def private_parts(source):
    return sorted(set(PRIVATE_PART.findall(source)))
