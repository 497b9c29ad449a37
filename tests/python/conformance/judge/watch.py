"""Looks after the child that runs one module: what hangs or crashes is charged to its test, and the rest still runs."""

import json
import os
import select
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from typing import NamedTuple

from judge import child

HUNG, CRASHED = "hung", "crashed"  # beside those of child.py

FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

LAST_WORDS_LENGTH = 6000
SECONDS_TO_END = 10     # for a child that has said all, or has closed its end
SECONDS_TO_MAKE = 60    # a loop, for the first time
SECONDS_TO_DUMP = 5     # for one that hangs, to say where
MAXIMUM_RESTARTS = 60


class Patience(NamedTuple):
    """How many seconds without an event are a hang, and how long a module may take in all."""

    test: float = 90
    listed: float = 10  # one that is listed may well hang, and nobody waits for its result
    module: float = 1200


@dataclass
class Record:
    """How one test ended."""

    test: str
    outcome: str
    detail: str
    loops: int | None  # how many it asked for; not known of one that hung or crashed
    seconds: float
    listed: list | None  # as tied.Listed, which JSON makes a list of
    private_parts: list[str]


@dataclass
class ModuleRecord:
    """How a module's tests ended. With `trouble`, not all of them could be run; `absent` says why none is there."""

    name: str
    records: list[Record] = field(default_factory=list)
    absent: str | None = None
    trouble: str | None = None
    seconds: float = 0


def run_module(interpreter, job, paths, patience):
    """`interpreter` is a path, `job` what child.py wants to know, `paths` are folders of modules it may need."""
    module = ModuleRecord(job["module"])
    begin = time.monotonic()
    deadline = begin + patience.module
    first = 0
    for _ in range(MAXIMUM_RESTARTS + 1):
        with Child(interpreter, {**job, "first": first}, paths) as running:
            running.listen(module, patience, deadline)
            if not running.broke_off(module):
                break
            first = running.number + 1
        if time.monotonic() > deadline:
            module.trouble = f"gave up after {patience.module:.0f} s"
            break
    else:
        module.trouble = f"gave up after {MAXIMUM_RESTARTS} hangs and crashes"
    module.seconds = time.monotonic() - begin
    return module


class Child:
    """A running child.py. To be used with `with`, which ends it and what it has started."""

    def __init__(self, interpreter, job, paths):
        self.folder = tempfile.TemporaryDirectory(prefix="conformance-")  # tests leave files in the current folder
        self.words = tempfile.TemporaryFile()
        self.events, child_end = os.pipe()
        self.buffered = b""
        self.number = -1        # of the test that began last
        self.in_test = None     # its facts, while it runs
        self.is_finished = False
        self.is_hung = False
        try:
            # A session of its own: a signal to its group reaches no more than it and its children.
            self.process = subprocess.Popen(
                [interpreter, "-P", "-X", "faulthandler", "-m", "judge.child", json.dumps(job), str(child_end)],
                stdin=subprocess.DEVNULL, stdout=self.words, stderr=self.words, pass_fds=(child_end,),
                start_new_session=True, cwd=self.folder.name, env=environment(paths))
        finally:
            os.close(child_end)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        os.close(self.events)
        self.words.close()
        self.folder.cleanup()

    # --- Its events ---

    def listen(self, module, patience, deadline):
        """Until it is done, dies, or has said nothing for too long."""
        while not self.is_finished:
            silence = patience.listed if self.in_test and self.in_test["listed"] else patience.test
            seconds = min(silence, deadline - time.monotonic())
            if seconds <= 0 or not select.select([self.events], [], [], seconds)[0]:
                self.is_hung = True
                return
            chunk = os.read(self.events, 1 << 16)
            if not chunk:
                return
            *lines, self.buffered = (self.buffered + chunk).split(b"\n")
            for line in lines:
                self.take(json.loads(line), module)

    def take(self, facts, module):
        event = facts.pop("event")
        if event == "begin":
            self.number, self.in_test = facts["number"], {**facts, "since": time.monotonic()}
        elif event == "end":
            self.in_test = None
            self.number = facts.pop("number")
            module.records.append(Record(**facts))
        elif event == "absent":
            module.absent = facts["why"]
            self.is_finished = True
        elif event == "finished":
            self.is_finished = True

    # --- Its end ---

    def broke_off(self, module):
        """Charges what stopped it to its test. True: there may be more tests behind that one."""
        if self.is_finished:
            self.wait(SECONDS_TO_END)  # it may be killed after that: all that was to be said has been said
            return False
        if self.is_hung:
            self.dump_threads()
        else:
            self.wait(SECONDS_TO_END)
        outcome = HUNG if self.is_hung or self.process.poll() is None else CRASHED
        self.kill()
        detail = f"{self.how_it_ended(outcome)}\n{self.last_words()}"
        if self.in_test is None:
            # Between two tests, or before the first or after the last: nobody knows whom to charge.
            module.trouble = f"{outcome} outside of any test: {detail}"
            return False
        module.records.append(Record(self.in_test["test"], outcome, detail, None,
                                     time.monotonic() - self.in_test["since"], self.in_test["listed"], []))
        return True

    def how_it_ended(self, outcome):
        if outcome == HUNG:
            return "nothing happened any more; all threads:"
        code = self.process.returncode
        return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def dump_threads(self):
        """faulthandler says where each thread is; that it has, shows in its output having grown."""
        before = os.fstat(self.words.fileno()).st_size
        try:
            self.process.send_signal(signal.SIGUSR1)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + SECONDS_TO_DUMP
        while time.monotonic() < deadline and os.fstat(self.words.fileno()).st_size == before:
            time.sleep(0.02)
        time.sleep(0.1)  # more than the first line

    def wait(self, seconds):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass  # kill() follows

    def kill(self):
        """Its whole group, also after its own end: what a test has started may still be there."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # all have gone
        self.process.wait()

    def last_words(self):
        self.words.seek(max(0, os.fstat(self.words.fileno()).st_size - LAST_WORDS_LENGTH))
        return self.words.read().decode("utf-8", "replace").strip()


def environment(paths):
    """Ours, without what would change how Python runs, and with the folders of modules."""
    kept = {name: value for name, value in os.environ.items()
            if name not in ("PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "PYTHONWARNINGS", "PYTHONSTARTUP", "PYTHONHOME")}
    inherited = [kept["PYTHONPATH"]] if kept.get("PYTHONPATH") else []
    return {**kept, "PYTHONPATH": os.pathsep.join([FOLDER, *paths, *inherited]), "PYTHONDONTWRITEBYTECODE": "1"}


def is_bad(outcome):
    return outcome in (child.FAILED, HUNG, CRASHED)


def try_import(interpreter, loop, paths):
    """None if `loop` can be made there; otherwise the last line of why not."""
    code = "import sys; from judge.binding import LoopSource; loop = LoopSource(sys.argv[1])(); loop.close()"
    try:
        ended = subprocess.run([interpreter, "-P", "-c", code, loop], env=environment(paths), stdin=subprocess.DEVNULL,
                               capture_output=True, text=True, timeout=SECONDS_TO_MAKE)
    except subprocess.TimeoutExpired:
        return f"it takes more than {SECONDS_TO_MAKE} s"
    if ended.returncode == 0:
        return None
    return (ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"])[-1]
