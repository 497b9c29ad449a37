"""What an interpreter's own loop does with the tests: the measure. Kept from run to run where that is sound.

Kept is a module only when nothing in it went wrong. So a test that a busy machine spoilt once is not forgiven for ever.
It is kept for the interpreter, and for the very text of what chooses and runs the tests.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
import tempfile

from judge.verdict import BAD, kind_of
from judge.watch import ModuleRecord, Record

OWN_LOOP = "asyncio:SelectorEventLoop"

HERE = pathlib.Path(__file__).resolve().parent
WHAT_DECIDES = ("binding.py", "catalogue.py", "child.py", "tied.py")


class Baseline:
    """The kept part, for one interpreter and catalogue."""

    def __init__(self, folder, interpreter, package):
        decides = hashlib.sha256()
        for name in WHAT_DECIDES:
            decides.update((HERE / name).read_bytes())
        decides.update(f"{os.path.realpath(interpreter.path)} {interpreter.version} {package}".encode())
        self.path = pathlib.Path(folder) / f"baseline-{interpreter.version}-{decides.hexdigest()[:16]}.json"
        self.modules = self.read()

    def read(self):
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):  # a file that was cut short is as good as none
            return {}
        return {name: ModuleRecord(**{**module, "records": [Record(**record) for record in module["records"]]})
                for name, module in kept.items()}

    def keep(self, modules):
        """Adds those in which nothing went wrong."""
        sound = {name: module for name, module in modules.items()
                 if module.trouble is None and not any(kind_of(record) in BAD for record in module.records)}
        self.modules.update(sound)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({name: dataclasses.asdict(module) for name, module in self.modules.items()})
        with tempfile.NamedTemporaryFile("w", dir=self.path.parent, encoding="utf-8", delete=False) as file:
            file.write(text)
        os.replace(file.name, self.path)  # whole, or not at all: another run may be reading
