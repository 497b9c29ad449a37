"""Behaves as any program of the comparison, by the name it is called by: it speaks their
interface and does no work. PRETEND_CRASH names a program that falls over, PRETEND_HANG one that never
answers, PRETEND_PIDS a folder that gets a file for each process, which says how it was called."""

import json
import os
import signal
import socket
import sys
import time

name = os.path.basename(sys.argv[0])
if "PRETEND_PIDS" in os.environ:
    with open(f"{os.environ['PRETEND_PIDS']}/{os.getpid()}", "x", encoding="ascii") as file:
        print(name, *sys.argv[1:], file=file)


if os.environ.get("PRETEND_CRASH") == name:
    print(f"{name}: no memory left, says {sys.argv[2]}", file=sys.stderr)
    os.kill(os.getpid(), signal.SIGABRT)


def option(word):
    return float(sys.argv[sys.argv.index(word) + 1])


def serve():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    scheme, place = sys.argv[2].split(":", 1)
    print("listening", place if scheme == "unix" else 4711, flush=True)
    while True:
        signal.pause()


def load():
    if os.environ.get("PRETEND_HANG") == name:
        time.sleep(60)
    seconds = option("--seconds")
    size = int(option("--size"))
    print(json.dumps({
        "mode": sys.argv[1], "address": sys.argv[2], "connections": int(option("--connections")),
        "size": size, "lost": 0,
        "pipeline": int(option("--pipeline")), "seconds": seconds, "messages": 1000, "bytes": 1000 * size,
        "server_cpu_ns": int(1e6), "server_user_ns": 0, "server_system_ns": 0, "load_cpu_ns": int(1e6),
        "server_rss_bytes": 5_000_000, "server_rss_before_bytes": 2_000_000,
        "latency_us": {"p50": 10, "p99": 20, "p999": 30}}))


def loop():
    print(json.dumps({"timers": {"insert_ns": 20, "cancel_ns": 30, "expire_ns": 40},
                      "call_soon": {"ns": 15}, "threads": {"ns": 100, "cpu_ns": 150}}[sys.argv[1]]))


def relay():
    """Says nothing of where it listens."""
    with socket.create_server(("127.0.0.1", 0)):
        signal.pause()


def start_children():
    print(json.dumps({"ns": 1_000_000, "cpu_ns": 900_000}))


if name == "load":
    load()
elif name.startswith("relay_"):
    relay()
elif name.startswith("child_"):
    start_children()
elif name.startswith("loop_"):
    loop()
else:
    serve()
