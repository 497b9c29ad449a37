"""What the command says to arguments, right and wrong."""

import re

from support import USAGE_ERROR, check, check_error, run

WRONG_ARGUMENTS = [
    ([], "expected echo or demo"),
    (["serve"], 'unknown command "serve"', "expected echo or demo"),
    (["--loud"], 'unexpected option "--loud"'),
    (["echo"], "no URL", "tcp://HOST:PORT", "unix:///PATH", "unix://@NAME"),
    (["echo", "127.0.0.1:80"], "127.0.0.1:80", "expected tcp://HOST:PORT"),
    (["echo", "http://127.0.0.1:80"], 'unknown scheme "http"', "expected tcp://HOST:PORT"),
    (["echo", "tcp://127.0.0.1:65536"], '"65536"', "0 to 65535"),
    (["echo", "tcp://127.0.0.1:http"], '"http"', "0 to 65535"),
    (["echo", "tcp://127.0.0.1"], "the port is missing"),
    (["echo", "tcp://127.0.0.1:0", "unix://relative"], "relative", "expected tcp://HOST:PORT"),
    (["echo", "unix:///" + "x" * 200], "107"),
    (["echo", "tcp://:0", "--backend", "kqueue"], 'unknown backend "kqueue"', "expected auto or epoll"),
    (["echo", "tcp://127.0.0.1:0", "--loud"], 'unexpected option "--loud"', "tidegate echo --help"),
    (["demo", "--backend", "kqueue"], 'unknown backend "kqueue"', "expected auto or epoll"),
    (["demo", "--backend"], "--backend"),
    (["demo", "tcp://127.0.0.1:0"], 'unexpected argument "tcp://127.0.0.1:0"', "tidegate demo --help"),
]


def test_wrong_arguments_exit_2_and_say_what_was_expected(context):
    for arguments, *parts in WRONG_ARGUMENTS:
        check_error(run(context, *arguments), USAGE_ERROR, "tidegate: ", "--help", *parts)


def test_a_wrong_backend_in_the_environment_exits_2(context):
    result = run(context, "echo", "tcp://127.0.0.1:0", environment={"TIDEGATE_BACKEND": "kqueue"})
    check_error(result, USAGE_ERROR, "TIDEGATE_BACKEND", "kqueue", "expected")


def test_version_and_help(context):
    version = run(context, "--version")
    check(version.returncode == 0 and re.fullmatch(r"tidegate \d+\.\d+\.\d+\n", version.stdout), f"{version}")
    for *command, part in (["demo"], ["echo", "unix://@NAME"], ["demo", "--json"]):
        result = run(context, *command, "--help")
        check(result.returncode == 0 and part in result.stdout and not result.stderr, f"{result}")
