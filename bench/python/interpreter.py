"""The Python that is measured: which one it is, and what it can import."""

import json
import os
import re
import shutil
import subprocess

from runner.processes import Failure

PATIENCE_SECONDS = 60
MODULES = ("uvloop", "tidegate", "aiohttp", "uvicorn")

# Imports each module, because a module that is there may still not be for this Python.
PROBE = """
import importlib, importlib.metadata, json, platform, ssl, sys

def facts(name):
    try:
        module = importlib.import_module(name)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    try:
        return {"version": importlib.metadata.version(name)}
    except importlib.metadata.PackageNotFoundError:
        return {"version": getattr(module, "__version__", "of this source")}

print(json.dumps({"executable": sys.executable, "version": platform.python_version(),
                  "is_new_enough": sys.version_info >= (3, 11), "openssl": ssl.OPENSSL_VERSION,
                  "modules": {name: facts(name) for name in sys.argv[1:]}}))
"""


class Interpreter:
    def __init__(self, program, module_folder=None):
        """Asks `program` about itself. `module_folder` is where Tidegate's package was built. Raises Failure."""
        self.environment = environment_with(module_folder)
        facts = asked(program, self.environment)
        if not facts["is_new_enough"]:
            raise Failure(f"{program} is Python {facts['version']}; asyncio.Runner came with 3.11")
        # What it calls itself: a name on PATH may be a script that has to find it anew each time.
        self.program = facts["executable"]
        self.version = facts["version"]
        self.openssl = facts["openssl"]
        self._modules = facts["modules"]

    def has(self, module):
        return not module or "version" in self._modules[module]

    def why_not(self, module):
        return f"{module} ({without_folders(self._modules[module]['error'])})"

    def versions(self):
        """Of what can be imported."""
        found = {name: facts["version"] for name, facts in self._modules.items() if "version" in facts}
        found.pop("tidegate", None)  # the commit says more
        return {"Python": self.version, "its OpenSSL": self.openssl, **found}


def without_folders(text):
    """The same with files by their names: what Python says when something fails names places of this machine."""
    return re.sub(r"""(?<![\w./])/(?:[^/\s"':]+/)+""", "", text)


def environment_with(module_folder):
    """What is measured leaves nothing in the source tree, and finds the package that was built."""
    environment = {"PYTHONDONTWRITEBYTECODE": "1"}
    if module_folder:
        others = os.environ.get("PYTHONPATH")
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(module_folder.resolve()), others]))
    return environment


def asked(program, environment):
    if not shutil.which(program):
        raise Failure(f"there is no program {program}")
    try:
        said = subprocess.run([program, "-c", PROBE, *MODULES], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env={**os.environ, **environment}, timeout=PATIENCE_SECONDS, check=False)
        return json.loads(said.stdout)
    except subprocess.TimeoutExpired:
        raise Failure(f"{program} said nothing of itself within {PATIENCE_SECONDS} s") from None
    except json.JSONDecodeError:
        raise Failure(f"{program} could not say what it is: {said.stderr.strip()[-160:]}") from None
