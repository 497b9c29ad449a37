"""Behaves as any program of the comparison, by the name it is called by: it speaks their
interface and does no work. Called python3, it is an interpreter, and behaves as the program that it is given.
PRETEND_CRASH names a program, or a loop, that falls over, PRETEND_HANG one that never answers, PRETEND_WITHOUT
modules that can't be imported, PRETEND_PIDS a folder that gets a file for each process, which says how it was called."""

import json
import os
import signal
import socket
import sys
import time

name = os.path.basename(sys.argv[0])
is_python = name == "python3"
if is_python and sys.argv[1] == "-c":
    lacking = os.environ.get("PRETEND_WITHOUT", "").split(",")
    print(json.dumps({"executable": sys.argv[0], "version": os.environ.get("PRETEND_VERSION", "3.99.1"),
                      "is_new_enough": "PRETEND_VERSION" not in os.environ, "openssl": "OpenSSL 9.9.9",
                      "modules": {module: {"error": "ImportError: none"} if module in lacking else {"version": "0.1"}
                                  for module in sys.argv[3:]}}))
    sys.exit(0)
if is_python:
    del sys.argv[0]
    name = os.path.basename(sys.argv[0])
if "PRETEND_PIDS" in os.environ:
    with open(f"{os.environ['PRETEND_PIDS']}/{os.getpid()}", "x", encoding="ascii") as file:
        print(name, *sys.argv[1:], file=file)


if os.environ.get("PRETEND_CRASH") in (name, sys.argv[-1]):
    print(f"{name}: no memory left, says {sys.argv[2]}", file=sys.stderr)
    os.kill(os.getpid(), signal.SIGABRT)


def option(word):
    return float(sys.argv[sys.argv.index(word) + 1])


def serve():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    scheme, place = sys.argv[2].split(":", 1)
    print("listening", place if scheme == "unix" else 4711, flush=True)
    while True:
        time.sleep(0.001)  # whose processor time is looked at has to have some


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
    if is_python:
        print(json.dumps({"ns": 100, "cpu_ns": 90}))
        return
    print(json.dumps({"timers": {"insert_ns": 20, "cancel_ns": 30, "expire_ns": 40},
                      "call_soon": {"ns": 15}, "threads": {"ns": 100, "cpu_ns": 150}}[sys.argv[1]]))


def relay():
    """Says nothing of where it listens."""
    with socket.create_server(("127.0.0.1", 0)):
        signal.pause()


def start_children():
    print(json.dumps({"ns": 1_000_000, "cpu_ns": 900_000}))


def load_of_http():
    time.sleep(0.05)
    print("  1000 requests in 1.00s, 1.00MB read\nRequests/sec:   1000.00")


if name == "load":
    load()
elif name == "wrk":
    load_of_http()
elif name.startswith("relay_"):
    relay()
elif name.startswith("child"):
    start_children()
elif name.startswith("loop_"):
    loop()
else:
    serve()
