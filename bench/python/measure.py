"""One run of one loop: the runner's own, by an interpreter instead of a program for each contestant."""

import pathlib
import resource
import shutil

from runner import machine
from runner.measure import Bench, listening_place
from runner.processes import PATIENCE_SECONDS, Child

from . import wrk
from .interpreter import without_folders

SCRIPTS = pathlib.Path(__file__).resolve().parent / "programs"

# Each program that takes part beside the interpreter, with its Debian package and its pkg-config name.
PROGRAMS = {"wrk": ("wrk", "wrk")}


def children_nanoseconds():
    """Processor time of the children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round((usage.ru_utime + usage.ru_stime) * 1e9)


class PythonBench(Bench):
    def __init__(self, interpreter, *arguments):
        super().__init__(*arguments)
        self.interpreter = interpreter

    # --- who can take part ---------------------------------------------------------------------------------

    def has(self, row, contestant):
        if self._lacks(row):
            return False
        if contestant.is_bare:
            return (self.programs / row.bare_program).exists()
        return self.interpreter.has(contestant.module)

    def missing(self, chosen):
        return {each.name: [self.interpreter.why_not(each.module)] for each in chosen
                if not self.interpreter.has(each.module)}

    def rows_left_out(self, rows):
        """Rows that nobody can take part in, with what they lack."""
        return {row.name: self._lacks(row) for row in rows if self._lacks(row)}

    def _lacks(self, row):
        return [*(self.interpreter.why_not(module) for module in row.modules if not self.interpreter.has(module)),
                *(command for command in row.commands if not shutil.which(command))]

    def versions(self):
        return {**self.interpreter.versions(), **machine.library_versions(PROGRAMS)}

    # --- one run -------------------------------------------------------------------------------------------

    def _measures(self):
        return {**super()._measures(), "http": self._serve_http}

    def _child(self, row, contestant, *arguments, environment=None, **options):
        if contestant.is_bare:
            return Child(self.programs / row.bare_program, *arguments, environment=environment, **options)
        return Child(self.interpreter.program, SCRIPTS / row.script, *arguments, "--loop", contestant.loop,
                     environment={**self.interpreter.environment, **(environment or {})},
                     name=f"{row.script} on {contestant.name}", **options)

    def _serve_http(self, row, contestant):
        with self._child(row, contestant, "echo", "tcp:0", cores={self.cores.server}) as server:
            url = f"http://127.0.0.1:{listening_place(server)}/"
            server_begun, load_begun = wrk.processor_nanoseconds(server.pid), children_nanoseconds()
            with Child(wrk.PROGRAM, *wrk.arguments(row.connections, self.window_seconds, url),
                       cores={self.cores.load}) as load:
                figures = wrk.figures(load.output(PATIENCE_SECONDS + self.window_seconds))
            raw = {**figures, "server_cpu_ns": wrk.processor_nanoseconds(server.pid) - server_begun,
                   "load_cpu_ns": children_nanoseconds() - load_begun}
            server.stop()
        return raw

    def _without_places(self, text):
        return without_folders(super()._without_places(text))
