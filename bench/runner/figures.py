"""What one run says: from what a program printed to figures per message. Pure."""

import dataclasses

from .rows import ONE_WAY_BYTES

NANOSECONDS = 1e9
BUSY = 0.95  # of a core: whoever is over it is the bottleneck


class Nonsense(Exception):
    """What a program printed can't be true."""


@dataclasses.dataclass(frozen=True)
class Metric:
    title: str
    unit: str  # ns, /s, B or one of its own: how it is written
    lower_is_better: bool = True


METRICS = {
    "cpu_ns": Metric("server CPU", "ns"),
    "both_cpu_ns": Metric("CPU of server and load generator", "ns"),
    "rate": Metric("throughput", "/s", lower_is_better=False),
    "rss_bytes": Metric("memory per connection", "B"),
    "insert_ns": Metric("insert", "ns"),
    "cancel_ns": Metric("cancel", "ns"),
    "expire_ns": Metric("expire", "ns"),
    "ns": Metric("time", "ns"),
    "loop_cpu_ns": Metric("CPU", "ns"),
    "instructions": Metric("user-space instructions", ""),
    "lost": Metric("datagrams lost", ""),  # a share of all
    "grown_bytes": Metric("memory grown by", "B"),
}


def units_of(row, raw):
    """How many messages, datagrams, connections or pieces of 64 KiB one run moved."""
    return raw["bytes"] / ONE_WAY_BYTES if unit_name(row.kind) == "64 KiB" else raw["messages"]


def unit_name(kind):
    return {"in": "64 KiB", "out": "64 KiB", "relay": "64 KiB", "file": "64 KiB", "output": "64 KiB",
            "storm": "connection", "handshake": "handshake", "udp": "datagram", "train": "datagram", "spawn": "child",
            "http": "request", "loop": "operation", "threads": "call"}.get(kind, "message")


def is_load_bound(raw):
    """Whether the load generator was at its limit while the server was not: then it is the generator's
    throughput that was measured."""
    window_ns = raw["seconds"] * NANOSECONDS
    return raw["load_cpu_ns"] > BUSY * window_ns > raw["server_cpu_ns"]


def figures_of(row, raw):
    """The metrics that `raw`, the JSON that a program printed, gives for `row`."""
    if row.program_kind.endswith("instructions"):
        return {"instructions": positive(raw["instructions_per_message"], "instructions per message")}
    if row.kind in ("idle", "tls_idle"):
        grown = raw["server_rss_bytes"] - raw["server_rss_before_bytes"]
        return {"rss_bytes": grown / row.connections}
    if row.kind == "timers":
        return {name: positive(raw[name], name) for name in ("insert_ns", "cancel_ns", "expire_ns")}
    if row.program_kind in ("loop", "children"):
        figures = {"ns": positive(raw["ns"], "ns")}
        if "cpu_ns" in raw:
            figures["loop_cpu_ns"] = positive(raw["cpu_ns"], "cpu_ns")
        return figures
    units = positive(units_of(row, raw), f"number of {unit_name(row.kind)}s")
    figures = {"cpu_ns": positive(raw["server_cpu_ns"], "server_cpu_ns") / units,
               "rate": units / raw["seconds"]}
    if row.kind == "in":  # whichever of the two comes to it does the kernel's work for the sender
        figures["both_cpu_ns"] = figures["cpu_ns"] + positive(raw["load_cpu_ns"], "load_cpu_ns") / units
    if row.program_kind == "datagrams":
        figures["lost"] = raw["lost"] / (raw["lost"] + raw["messages"])
    if row.kind == "relay":
        figures["grown_bytes"] = raw["server_rss_bytes"] - raw["server_rss_before_bytes"]
    return figures


def positive(value, what):
    if not value > 0:
        raise Nonsense(f"{what} is {value}")
    return value
