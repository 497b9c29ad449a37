"""The wheel that `pip install .` would make: what is in it, and that it works where nothing else of ours is."""

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import unittest
import zipfile

import tidegate

PROJECT = pathlib.Path(__file__).resolve().parents[3]
SECONDS = 1500  # it compiles the library
MISSING = [name for name in ("pip", "scikit_build_core") if importlib.util.find_spec(name) is None]
WORK = "async def main(): return 7\nimport tidegate; print(tidegate.run(main()), tidegate.__version__, tidegate.__file__)"


def run(*command, **options):
    ended = subprocess.run([sys.executable, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                           timeout=SECONDS, **options)
    if ended.returncode != 0:
        raise AssertionError(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
    return ended.stdout


@unittest.skipIf(MISSING, f"{' and '.join(MISSING)} not installed for {sys.executable}")
class WheelTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tidegate-wheel-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def test_it_holds_the_package_and_runs_without_the_sources(self):
        # Without a network and without looking for one: everything that it takes is here.
        run("-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-index", "--no-deps",
            "--wheel-dir", str(self.folder), str(PROJECT), cwd=self.folder)
        wheel, = self.folder.glob("*.whl")
        self.assertTrue(wheel.name.startswith(f"tidegate-{tidegate.__version__}-cp3"), wheel.name)

        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
            archive.extractall(self.folder / "installed")
        package = {name.removeprefix("tidegate/") for name in names if name.startswith("tidegate/")}
        sources = {path.name for path in (PROJECT / "python" / "tidegate").iterdir() if path.is_file()}
        native = "_native" + sysconfig.get_config_var("EXT_SUFFIX")
        self.assertEqual(package, sources | {"_version.py", native})
        about = [name for name in names if not name.startswith("tidegate/")]
        self.assertTrue(all(name.startswith(f"tidegate-{tidegate.__version__}.dist-info/") for name in about), about)
        self.assertTrue(any(name.endswith("/LICENSE") for name in about), about)

        said = run("-c", WORK, cwd=self.folder, env={**os.environ, "PYTHONPATH": str(self.folder / "installed")})
        self.assertEqual(said.split(), ["7", tidegate.__version__, str(self.folder / "installed/tidegate/__init__.py")])
