"""`tidegate demo`: what it prints, and where."""

import json
import os
import pathlib
import pty
import re
import signal
import subprocess

from support import (
    CLEARED, MEBIBYTE, PATIENCE_SECONDS, can_bind_ipv6, check, check_equal, read_terminal, run, wait_until)


def test_demo_as_json_keeps_the_contract_on_every_transport(context):
    result = run(context, "demo", "--json", "--backend", "epoll")
    check_equal(result.stderr, "", "standard error without a terminal")
    report = json.loads(result.stdout)
    check(report["contract_kept"] is True and result.returncode == 0, f"exit {result.returncode}, {report}")
    check_equal([backend["backend"] for backend in report["backends"]], ["epoll"], "backends")
    transports = report["backends"][0]["transports"]
    names = [transport["transport"] for transport in transports]
    check_equal(names, ["tcp IPv4", "tcp IPv6", "unix path", "unix abstract", "socket pair", "tls over tcp", "udp IPv4",
                        "child pipes"],
                "transports")
    datagrams = transports.pop(names.index("udp IPv4"))
    check(datagrams["contract_kept"] is True and datagrams["problems"] == [], f"{datagrams}")
    check(datagrams["messages"] == 16 * 500 and datagrams["bytes"] > 0, f"{datagrams}")
    for transport in transports:
        if transport["missing_because"] is not None:
            is_without_tls = transport["missing_because"] == "this build is without TLS"
            expected = "tls over tcp" if is_without_tls else "tcp IPv6"
            check(transport["transport"] == expected and (is_without_tls or not can_bind_ipv6()), f"{transport}")
            continue
        check(transport["contract_kept"] is True and transport["problems"] == [], f"{transport}")
        check(transport["bulk_bytes"] == 64 * MEBIBYTE and transport["messages"] > 0, f"{transport}")
        check(transport["pauses"] == transport["resumes"] > 0, f"{transport}")
        check(transport["bytes"] > transport["bulk_bytes"], f"{transport}")


def test_demo_prints_an_aligned_table(context):
    result = run(context, "demo", "--backend", "epoll")
    check(result.returncode == 0 and result.stderr == "", f"{result}")
    lines = result.stdout.splitlines()
    title = next(line for line in lines if line.startswith("transport "))
    column = title.index("contract kept")
    rows = [line for line in lines if re.match(r"(tcp|tls|udp|unix|socket|child) [\w ]+  ", line)]
    check_equal(len(rows), 8, "number of rows")
    for row in rows:
        check(row[column:] in ("yes", "not here") and row[column - 1] == " ", f"row {row!r}")
    check(lines[-1].startswith("OK: "), f"last line {lines[-1]!r}")


def test_demo_interrupted_exits_130_and_leaves_nothing_behind(context):
    folder = pathlib.Path(context.folder, "demo")
    folder.mkdir()
    demo = subprocess.Popen([context.program, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, env={**os.environ, "TMPDIR": str(folder)})
    with demo:
        # The folder of its socket file: made at the beginning, when signals are handled already.
        wait_until(lambda: list(folder.iterdir()) or demo.poll() is not None, "the demo to begin")
        demo.send_signal(signal.SIGINT)
        output, errors = demo.communicate(timeout=PATIENCE_SECONDS)
    expected = (130, "", "tidegate: interrupted\n")
    check_equal((demo.returncode, output, errors), expected, "exit code, output, errors")
    check_equal(list(folder.iterdir()), [], "what is left behind")


def test_demo_shows_progress_on_a_terminal_and_clears_it(context):
    master, terminal = pty.openpty()
    with open(master, "rb", buffering=0) as screen:
        demo = subprocess.Popen([context.program, "demo", "--backend", "epoll"], stdout=subprocess.DEVNULL,
                                stderr=terminal)
        os.close(terminal)
        shown = read_terminal(screen)
        check_equal(demo.wait(PATIENCE_SECONDS), 0, "exit code")
    check(b"tcp IPv4" in shown and b"messages" in shown and b" %" in shown, f"no progress in {shown[:200]!r}")
    check(b"\n" not in shown, "progress takes more than one line")
    check(shown.endswith(CLEARED), f"the line was not cleared: {shown[-50:]!r}")
