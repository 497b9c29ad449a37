"""One run of one contestant: starts what it needs, lets it work, and returns the JSON that was printed."""

import functools
import itertools
import json
import pathlib
import shutil

from .certificate import Certificate
from .listening import wait_for_port
from .pattern import write_pattern
from .processes import PATIENCE_SECONDS, Child, Failure

# What the row says already, and what is too coarse for a short window: ticks of 10 ms.
NOT_KEPT = {"mode", "address", "connections", "size", "pipeline", "server_user_ns", "server_system_ns"}
INSTRUCTIONS = pathlib.Path(__file__).resolve().parent.parent / "instructions"
MINUTES_SECONDS = 180  # for what has no window of time and may be slow on a small machine


class Bench:
    """The place of measurement: the programs, the cores and the length of a window."""

    def __init__(self, programs, cores, window_seconds, warmup_seconds, folder):
        self.programs = programs
        self.cores = cores
        self.window_seconds = window_seconds
        self.warmup_seconds = warmup_seconds
        self.folder = folder  # for sockets; ours
        self._numbers = itertools.count()

    def has(self, row, contestant):
        return (self.programs / contestant.program_for(row.program_kind)).exists()

    def missing(self, chosen):
        """Contestants that can't take part, as a whole or in part, with what they lack."""
        missing = {}
        for contestant in chosen:
            lacking = [program for program in contestant.programs if not (self.programs / program).exists()]
            if lacking:
                missing[contestant.name] = lacking
        return missing

    def run(self, row, contestant):
        """The JSON of the program that measured. Raises Failure; neither names a place of this machine."""
        try:
            return self._measures()[row.program_kind](row, contestant)
        except Failure as failure:
            raise Failure(self._without_places(str(failure))) from None

    # --- the kinds -----------------------------------------------------------------------------------------

    def _measures(self):
        """How each kind of program is measured."""
        return {"server": self._serve, "datagrams": self._serve, "tls": self._serve_tls, "file": self._serve_file,
                "relay": self._relay, "loop": self._loop, "children": self._start_children,
                "instructions": self._count, "datagram_instructions": self._count, "tls_instructions": self._count}

    def _serve(self, row, contestant, server_arguments=(), load_arguments=()):
        with self._child(row, contestant, row.server_mode, self._address(row.transport), *row.server_arguments,
                         *server_arguments, cores={self.cores.server}) as server:
            address = f"{row.transport}:{listening_place(server)}"
            kept = self._put_load(row, address, server, load_arguments)
            server.stop()
        return kept

    def _serve_tls(self, row, contestant):
        return self._serve(row, contestant, ("--certificate", self._certificate.chain),
                           ("--tls", self._certificate.trusted))

    def _serve_file(self, row, contestant):
        return self._serve(row, contestant, ("--file", self._file_of(row.file_bytes)))

    def _relay(self, row, contestant):
        """Load, relay, and a server that discards; the relay is what is looked at."""
        with Child(self.programs / "echo_epoll", "discard", "tcp:0", cores={self.cores.load}) as sink:
            port = listening_place(sink)
            words = [word.replace("PORT", port) for word in contestant.relay_arguments]
            with Child(self.programs / contestant.relay, *words, *contestant.arguments,
                       cores={self.cores.server}) as relay:
                kept = self._put_load(row, f"tcp:{wait_for_port(relay)}", relay)
                relay.require_no_failure()
            sink.stop()
        return kept

    def _loop(self, row, contestant):
        # Both cores where there are two threads: what is measured is how they meet.
        cores = {self.cores.server} if row.kind != "threads" else {self.cores.server, self.cores.load}
        with self._child(row, contestant, *row.loop_arguments, cores=cores) as loop:
            return parsed(loop, loop.output(MINUTES_SECONDS))

    def _start_children(self, row, contestant):
        work, count, *options = row.loop_arguments
        # Those that only start and end run where the kernel puts them, as anybody's do.
        cores = {self.cores.server} if work == "output" else {self.cores.server, self.cores.load}
        child_core = self.cores.server if row.child_on_same_core else self.cores.load
        with self._child(row, contestant, work, count, self._child_of(work), *options, cores=cores,
                         environment={"CHILD_CORE": str(child_core)}) as program:
            return parsed(program, program.output(MINUTES_SECONDS))

    def _count(self, row, contestant):
        cores = {self.cores.server, self.cores.load}
        program = self.programs / contestant.program_for(row.program_kind)
        with Child(INSTRUCTIONS, "--transport", row.transport, program, *contestant.arguments,
                   cores=cores) as counting:
            return parsed(counting, counting.output(MINUTES_SECONDS))

    # --- their parts ---------------------------------------------------------------------------------------

    def _child(self, row, contestant, *arguments, **options):
        """The program that a contestant has for a row, with its own arguments behind those of the row."""
        return Child(self.programs / contestant.program_for(row.program_kind), *arguments, *contestant.arguments,
                     **options)

    @functools.cached_property
    def _certificate(self):
        return Certificate(self.folder)

    def _file_of(self, size_bytes):
        """Made when it is needed first."""
        path = self.folder / f"file-{size_bytes}"
        if not path.exists():
            write_pattern(path, size_bytes)
        return path

    def _address(self, transport):
        return f"unix:{self.folder}/{next(self._numbers)}" if transport == "unix" else f"{transport}:0"

    def _child_of(self, work):
        if work == "output":
            return self.programs / "child_writer"
        found = shutil.which("true")
        if not found:
            raise Failure("there is no program named true")
        return found

    def _put_load(self, row, address, server, more_arguments=()):
        """What the load generator says, less what the row says already."""
        with Child(self.programs / "load", *self._load_arguments(row, address, server.pid), *more_arguments,
                   cores={self.cores.load}) as load:
            window_seconds = self.warmup_seconds + self.window_seconds
            raw = parsed(load, load.output(window_seconds + PATIENCE_SECONDS + row.connections / 100))
        return {name: value for name, value in raw.items() if name not in NOT_KEPT}

    def _load_arguments(self, row, address, server_pid):
        return [row.load_mode, address, "--connections", row.connections, "--size", row.size,
                "--pipeline", row.pipeline, "--seconds", self.window_seconds,
                "--warmup", self.warmup_seconds, "--server-pid", server_pid, *row.load_arguments]

    def _without_places(self, text):
        places = {self.folder: "FOLDER", self.programs: "PROGRAMS", INSTRUCTIONS.parent: "bench"}
        for place, name in places.items():
            text = text.replace(str(place), name)
        return text


def listening_place(server):
    line = server.first_line()
    word, _, place = line.partition(" ")
    if word != "listening" or not place:
        raise Failure(f"{server.name} said '{line}' instead of 'listening PLACE'")
    return place


def parsed(child, output):
    try:
        raw = json.loads(output)
    except json.JSONDecodeError:
        raise Failure(f"{child.name} printed no JSON: '{output.strip()[:80]}'") from None
    if not isinstance(raw, dict):
        raise Failure(f"{child.name} printed no JSON object: '{output.strip()[:80]}'")
    return raw
