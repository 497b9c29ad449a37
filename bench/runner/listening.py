"""Where a process listens, as the kernel knows it: for programs that do not say so, or each in its own words."""

import os
import pathlib
import re
import time

from .processes import PATIENCE_SECONDS, Failure

LISTENING = "0A"  # the state, in /proc/net/tcp
BETWEEN_LOOKS_SECONDS = 0.005


def wait_for_port(child):
    """The TCP port that it listens on; there is one soon, or a Failure."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        child.require_running()
        port = port_of(child.pid)
        if port is not None:
            return port
        time.sleep(BETWEEN_LOOKS_SECONDS)
    raise Failure(f"{child.name} did not listen within {PATIENCE_SECONDS} s")


def port_of(pid):
    """None where it listens on no IPv4 port, or is no more."""
    own = inodes_of(pid)
    for line in pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, local, _, state, _, _, _, _, _, inode, *_ = line.split()
        if state == LISTENING and inode in own:
            return int(local.rsplit(":", 1)[1], 16)
    return None


def inodes_of(pid):
    """Of the sockets that it has open."""
    found = set()
    folder = f"/proc/{pid}/fd"
    try:
        for descriptor in os.listdir(folder):
            match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(f"{folder}/{descriptor}"))
            if match:
                found.add(match[1])
    except OSError:  # closed, or ended, meanwhile
        pass
    return found
