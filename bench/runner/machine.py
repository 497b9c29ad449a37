"""Where it was measured: processor, kernel, compiler, libraries, source. Names no host and no place in it."""

import os
import pathlib
import platform
import re
import resource
import shutil
import subprocess
import time

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def said_by(*command, folder=None):
    """What a command prints, or nothing where it can't be run."""
    if not shutil.which(command[0]):
        return ""
    result = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=30, check=False)
    return result.stdout.strip() if result.returncode == 0 else ""


def first_match(path, expression, default=""):
    try:
        found = re.search(expression, pathlib.Path(path).read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        return default
    return found[1].strip() if found else default


# --- Parts -------------------------------------------------------------------------------------------------


def processor():
    return {
        "model": first_match("/proc/cpuinfo", r"^model name\s*:\s*(.*)$", platform.machine()),
        "cores": len(os.sched_getaffinity(0)),
        "is_virtual": bool(first_match("/proc/cpuinfo", r"^flags\s*:.*\b(hypervisor)\b")),
    }


def kernel():
    """The version, without what a distributor or a machine's owner has put behind it."""
    return "Linux " + re.match(r"[0-9.]+(-[0-9]+\b)?", platform.release())[0]


def compiler(build_folder):
    cache = build_folder / "CMakeCache.txt"
    program = first_match(cache, r"^CMAKE_CXX_COMPILER:\w+=(.*)$", "c++")
    version = said_by(program, "--version").split("\n")[0]
    build_type = first_match(cache, r"^CMAKE_BUILD_TYPE:\w+=(.*)$")
    flags = first_match(cache, rf"^CMAKE_CXX_FLAGS_{build_type.upper()}:\w+=(.*)$") if build_type else ""
    return {"version": version or "unknown", "flags": flags or "unknown"}


def library_versions(libraries):
    """`libraries` maps each library or program to its Debian package and its pkg-config name."""
    versions = {}
    for name, (package, module) in libraries.items():
        version = said_by("dpkg-query", "--show", "--showformat=${Version}", package) \
            or said_by("pkg-config", "--modversion", module)
        if version:
            versions[name] = version
    return versions


def commit(source_folder):
    """Its short name; marked where the tree is not the commit's. The report itself may differ."""
    name = said_by("git", "rev-parse", "--short=12", "HEAD", folder=source_folder)
    changes = said_by("git", "status", "--porcelain", "--untracked-files=no", "--", ".",
                      ":(exclude)docs/performance.*", ":(exclude)docs/python-performance.*", folder=source_folder)
    return f"{name} with changes" if name and changes else name or "unknown"


def describe(source_folder, build_folder, versions):
    """`versions` are those of what takes part."""
    return {"processor": processor(), "kernel": kernel(), "compiler": compiler(build_folder),
            "libraries": versions, "commit": commit(source_folder)}


# --- How quiet it was --------------------------------------------------------------------------------------


class Quiet:
    """How much of the machine others had since this was made: other programs, and others on its host."""

    def __init__(self):
        self._begin = self._seconds()

    def seen(self):
        ours, all_programs, stolen, passed = (now - then for now, then in zip(self._seconds(), self._begin))
        return {"others_fraction": round(max(0.0, all_programs - ours) / passed, 3),  # of one core
                "stolen_fraction": round(stolen / passed / os.cpu_count(), 3)}  # of all

    @staticmethod
    def _seconds():
        """Processor time of us and our children, of all programs, and stolen; and the time on the clock."""
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        own = sum(usage.ru_utime + usage.ru_stime for usage in usages)
        ticks = first_match("/proc/stat", r"^cpu +(.*)$").split()
        user, nice, system, _, _, _, _, stolen, *_ = (int(each) / TICKS_PER_SECOND for each in ticks)
        return own, user + nice + system, stolen, time.monotonic()
