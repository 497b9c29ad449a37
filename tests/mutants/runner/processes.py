"""Other programs: run with a bound, and never left behind."""

import contextlib
import dataclasses
import os
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence

# For what is asked to end, before it is made to.
PATIENCE_SECONDS = 5.0


@dataclasses.dataclass
class Ended:
    lines: list[str]
    returncode: int | None  # none: it said nothing for too long, and was ended


def run(command: Sequence[str], *, environment: dict[str, str], silence_seconds: float | None,
        memory_bytes: int | None = None) -> Ended:
    """Runs a program until it ends or has been silent for that long. Ended with it is what it started."""
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True, preexec_fn=lambda: set_limits(memory_bytes))
    lines: list[str] = []
    try:
        silent = True
        for line in lines_of(process, silence_seconds):
            if line is None:
                break
            lines.append(line)
        else:
            silent = False
        if silent:
            return Ended(lines, None)
        return Ended(lines, process.wait())
    finally:
        end(process)


def set_limits(memory_bytes: int | None) -> None:
    """A fault may crash, or ask for memory for ever."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory_bytes is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def lines_of(process: subprocess.Popen[bytes], silence_seconds: float | None) -> Iterator[str | None]:
    """What it says until it ends; None, and no more, where nothing came for too long."""
    assert process.stdout is not None
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not wait_for_news(selector, process, silence_seconds):
                if process.poll() is None:
                    yield None
                break
            piece = os.read(process.stdout.fileno(), 65536)
            if not piece:
                break
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                yield line.decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")


def wait_for_news(selector: selectors.BaseSelector, process: subprocess.Popen[bytes],
                  silence_seconds: float | None) -> bool:
    """False where there is none for too long, or will be none: a child of its own may hold the pipe open."""
    deadline = None if silence_seconds is None else time.monotonic() + silence_seconds
    while deadline is None or time.monotonic() < deadline:
        if selector.select(1):
            return True
        if process.poll() is not None:
            return bool(selector.select(0))
    return False


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left
        os.killpg(process.pid, number)


def end(process: subprocess.Popen[bytes]) -> None:
    """Its whole group: what it has started may outlive it. Asked first, for ninja has a group for each compiler, and ends
    them."""
    if process.poll() is None:
        signal_group(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_SECONDS)
    signal_group(process, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
