"""On which kernel interface a command runs, and how it says so."""

import json
import re

from support import (
    KERNEL_REFUSES, check, check_equal, echo, has_io_uring, refuse_io_uring, run, wait_until)

HERE = re.compile(r"on (\w+)(: .*)?")


def sections_of(demo):
    """The backends of a demo's table, with what is said beside them."""
    check(demo.returncode == 0 and demo.stderr == "", f"{demo}")
    return [match.groups() for match in map(HERE.fullmatch, demo.stdout.splitlines()) if match]


def test_demo_runs_on_every_backend_that_is_there(context):
    demo = run(context, "demo")
    if has_io_uring(context):
        check_equal(sections_of(demo), [("epoll", None), ("io_uring", None)], "backends")
        check("8 of 8 on epoll, " in demo.stdout or "7 of 7 on epoll, " in demo.stdout, demo.stdout)
    else:
        check_equal(sections_of(demo), [("epoll", None)], "backends")
        check("not on io_uring: the kernel refuses it" in demo.stdout, demo.stdout)


def test_demo_runs_only_on_the_backend_that_the_environment_names(context):
    wish = {"TIDEGATE_BACKEND": "io_uring"}
    report = json.loads(run(context, "demo", "--json", environment=wish).stdout)
    said = [(backend["backend"], backend["refusal"]) for backend in report["backends"]]
    expected = ("io_uring", None) if has_io_uring(context) else ("epoll", KERNEL_REFUSES)
    check_equal(said, [expected], "backends")
    check(report["contract_kept"] is True, f"{report}")


def test_demo_says_that_the_kernel_refuses_what_was_asked_for(context):
    demo = run(context, "demo", "--backend", "io_uring", preexec_fn=refuse_io_uring)
    check_equal(sections_of(demo), [("epoll", f": {KERNEL_REFUSES}")], "backends")


def test_demo_leaves_out_what_nobody_asked_for_and_the_kernel_refuses(context):
    report = json.loads(run(context, "demo", "--json", preexec_fn=refuse_io_uring).stdout)
    check_equal([backend["backend"] for backend in report["backends"]], ["epoll"], "backends")
    check_equal(report["remarks"], ["not on io_uring: the kernel refuses it"], "remarks")


def first_line_of(server):
    wait_until(lambda: server.log, "the first line of the log")
    return server.log[0]


def test_echo_shows_its_backend_in_its_first_line(context):
    with echo(context, "tcp://127.0.0.1:0", "--backend", "epoll") as server:
        check(re.fullmatch(r"tidegate \S+ echo, backend epoll", first_line_of(server)), f"{server.log}")
        server.stop()
    with echo(context, "tcp://127.0.0.1:0", "--backend", "io_uring") as server:
        backend = "io_uring" if has_io_uring(context) else rf"epoll \({KERNEL_REFUSES}\)"
        check(re.fullmatch(rf"tidegate \S+ echo, backend {backend}", first_line_of(server)), f"{server.log}")
        server.stop()


def test_a_quiet_echo_says_nothing_but_that_the_kernel_refuses_its_backend(context):
    with echo(context, "tcp://127.0.0.1:0", "--quiet", "--backend", "io_uring",
              preexec_fn=refuse_io_uring) as server:
        server.stop()
        check_equal(len(server.log), 1, f"lines of {server.log}")
        check(server.log[0].endswith(f"backend epoll ({KERNEL_REFUSES})"), f"{server.log}")


def test_bench_shows_its_backend_in_its_first_line(context):
    with echo(context, "tcp://127.0.0.1:0", "--quiet") as server:
        arguments = ["bench", server.urls[0], "--duration", "0.2", "--backend", "io_uring"]
        lines = run(context, *arguments).stdout.splitlines()
        refused = run(context, *arguments, preexec_fn=refuse_io_uring).stdout.splitlines()
        report = json.loads(run(context, *arguments, "--json", preexec_fn=refuse_io_uring).stdout)
        server.stop()
    if has_io_uring(context):
        check(re.match(r"tidegate \S+ bench, backend io_uring: ", lines[0]), lines[0])
    check(re.match(rf"tidegate \S+ bench, backend epoll \({KERNEL_REFUSES}\): ", refused[0]), refused[0])
    check_equal((report["backend"], report["refusal"]), ("epoll", KERNEL_REFUSES), "backend")
