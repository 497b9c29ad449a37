"""wrk, the load of the HTTP servers: how it is called, and what it says."""

import pathlib
import re

from runner.processes import Failure

PROGRAM = "wrk"
SHORTEST_SECONDS = 1  # it counts in whole ones

SUMMARY = re.compile(r"^\s*(?P<requests>\d+) requests in (?P<time>[\d.]+)(?P<unit>us|ms|s|m|h), ", re.MULTILINE)
UNIT_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
COMPLAINTS = ("Socket errors:", "Non-2xx or 3xx responses:")


def arguments(connections, seconds, url):
    return ["--threads", 1, "--connections", connections, "--duration", f"{max(SHORTEST_SECONDS, round(seconds))}s", url]


def figures(output):
    """How many requests were answered, in how many seconds. Raises Failure where it complained."""
    for line in output.splitlines():
        if line.strip().startswith(COMPLAINTS):
            raise Failure(f"wrk complained: {' '.join(line.split())}")
    found = SUMMARY.search(output)
    if not found:
        raise Failure(f"wrk said no number of requests: '{output.strip()[:80]}'")
    return {"messages": int(found["requests"]), "seconds": float(found["time"]) * UNIT_SECONDS[found["unit"]]}


def processor_nanoseconds(pid):
    """What all threads of a process had so far, by the scheduler's account."""
    return sum(int(path.read_text(encoding="ascii").split()[0])
               for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"))
