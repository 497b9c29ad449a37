"""Children: started on a core of their own, waited for with a deadline, always ended, by their process id."""

import contextlib
import ctypes
import os
import pathlib
import select
import signal
import subprocess
import tempfile
import textwrap
import time

PATIENCE_SECONDS = 10  # for what takes no time: starting to listen, ending
LINES_OF_COMPLAINT = 3  # the last ones of its standard error are quoted
COMPLAINT_LENGTH = 160

PR_SET_PDEATHSIG = 1
C_LIBRARY = ctypes.CDLL(None)  # looked up before any fork


class Failure(Exception):
    """A program did not do what it was asked to; the text says which, and what it did instead."""


# --- Cores -------------------------------------------------------------------------------------------------


class Cores:
    """Where the server and the load generator run. With one core only, they share it."""

    def __init__(self, server, load, are_siblings):
        self.server = server
        self.load = load
        self.are_siblings = are_siblings  # two threads of one physical core: they take speed from each other

    @property
    def are_shared(self):
        return self.server == self.load


def siblings_of(core):
    path = pathlib.Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
    with contextlib.suppress(OSError):  # not everywhere: then each core counts as its own
        return path.read_text(encoding="ascii").strip()
    return str(core)


def choose_cores():
    """The last cores: the first one is where interrupts and everybody else are."""
    cores = sorted(os.sched_getaffinity(0), reverse=True)
    server = cores[0]
    for load in cores[1:]:
        if siblings_of(load) != siblings_of(server):
            return Cores(server, load, are_siblings=False)
    return Cores(server, cores[min(1, len(cores) - 1)], are_siblings=len(cores) > 1)


# --- One child ---------------------------------------------------------------------------------------------


class Child:
    """A running program and what it says. To be used with `with`, which ends it."""

    def __init__(self, program, *arguments, cores, environment=None, name=""):
        """`environment` is what it has beside ours; `name` is what it is called where its program's says nothing."""
        self.name = name or pathlib.Path(program).name
        self._complaints = tempfile.TemporaryFile()

        def prepare():
            os.sched_setaffinity(0, cores)
            C_LIBRARY.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)  # should we be killed, it does not stay behind

        # A process group of its own: Ctrl-C reaches us alone, and we end the children in order.
        self.process = subprocess.Popen([str(program), *map(str, arguments)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self._complaints, process_group=0,
                                        env={**os.environ, **(environment or {})}, preexec_fn=prepare)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    @property
    def pid(self):
        return self.process.pid

    def first_line(self):
        """What it says when it is ready."""
        output = self.process.stdout
        deadline = time.monotonic() + PATIENCE_SECONDS
        line = bytearray()
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([output], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise Failure(f"{self.name} said nothing within {PATIENCE_SECONDS} s{self._complaint()}")
            byte = os.read(output.fileno(), 1)  # no more than the line: the rest belongs to others
            if not byte:
                raise Failure(f"{self.name} {self._end()} instead of getting ready{self._complaint()}")
            line += byte
        return line.decode().rstrip("\n")

    def output(self, seconds):
        """All that it says until it has ended; its standard input is closed at once."""
        try:
            output, _ = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} had not ended after {seconds:.0f} s{self._complaint()}") from None
        if self.process.returncode != 0:
            raise Failure(f"{self.name} {self._end()}{self._complaint()}")
        return output.decode()

    def require_running(self):
        if self.process.poll() is not None:
            raise Failure(f"{self.name} {self._end()} before it was asked to{self._complaint()}")

    def stop(self):
        """Asks it to end, and wants it to do so in order."""
        self.require_running()
        self.process.terminate()
        try:
            self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} ignored SIGTERM for {PATIENCE_SECONDS} s") from None
        if self.process.returncode != 0:
            raise Failure(f"{self.name} {self._end()} when it was asked to end{self._complaint()}")

    def require_no_failure(self):
        """For one that may end by itself when its work is done."""
        if self.process.poll() not in (None, 0):
            raise Failure(f"{self.name} {self._end()} at its work's end{self._complaint()}")

    def kill(self):
        if self.process.returncode is None:
            # Its group, which is ours by construction: a program that has children takes them along.
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self._complaints.close()

    def _end(self):
        code = self.process.wait()
        if code >= 0:
            return f"ended with exit code {code}"
        return f"was ended by {signal.Signals(-code).name}"

    def _complaint(self):
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").split("\n")
        text = " / ".join([line.strip() for line in lines if line.strip()][-LINES_OF_COMPLAINT:])
        return f": {textwrap.shorten(text, COMPLAINT_LENGTH, placeholder=' ...')}" if text else ""
