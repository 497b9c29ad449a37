"""What the command says to arguments, right and wrong."""

import re

from support import USAGE_ERROR, check, check_error, run

WRONG_ARGUMENTS = [
    ([], "expected echo, demo, bench or relay"),
    (["serve"], 'unknown command "serve"', "expected echo, demo, bench or relay"),
    (["--loud"], 'unexpected option "--loud"'),
    (["echo"], "no URL", "tcp://HOST:PORT", "unix:///PATH", "unix://@NAME"),
    (["echo", "127.0.0.1:80"], "127.0.0.1:80", "expected tcp://HOST:PORT"),
    (["echo", "http://127.0.0.1:80"], 'unknown scheme "http"', "expected tcp://HOST:PORT"),
    (["echo", "tcp://127.0.0.1:65536"], '"65536"', "0 to 65535"),
    (["echo", "tcp://127.0.0.1:http"], '"http"', "0 to 65535"),
    (["echo", "tcp://127.0.0.1"], "the port is missing"),
    (["echo", "tcp://127.0.0.1:0", "unix://relative"], "relative", "expected tcp://HOST:PORT"),
    (["echo", "unix:///" + "x" * 200], "107"),
    (["echo", "tcp://:0", "--backend", "kqueue"], 'unknown backend "kqueue"', "expected auto, epoll or io_uring"),
    (["echo", "tcp://127.0.0.1:0", "--loud"], 'unexpected option "--loud"', "tidegate echo --help"),
    (["demo", "--backend", "kqueue"], 'unknown backend "kqueue"', "expected auto, epoll or io_uring"),
    (["demo", "--backend"], "no value for --backend, expected NAME", "tidegate demo --help"),
    (["demo", "tcp://127.0.0.1:0"], 'unexpected argument "tcp://127.0.0.1:0"', "tidegate demo --help"),
    (["echo", "tls://:0"], 'no cert in "tls://:0"', "expected one to show to clients"),
    (["echo", "tls://:0?cert=a&cert=b"], 'the parameter "cert" stands there twice', "tls://HOST:PORT?NAME=VALUE"),
    (["echo", "tls://:0?cert=a%2"], "%25"),
    (["bench", "tls://x:1?verify=maybe"], 'verify "maybe"', "expected required or none"),
    (["bench", "tls://:0", "--mode", "sink", "--listen"], 'no cert in "tls://:0"'),
    (["bench"], "no URL", "tcp://HOST:PORT", "unix:///PATH", "tidegate bench --help"),
    (["bench", "127.0.0.1:80"], "127.0.0.1:80", "expected tcp://HOST:PORT"),
    (["bench", "tcp://:80"], "no host", "tcp://:80"),
    (["bench", "tcp://127.0.0.1:0"], "port 0", "1 to 65535"),
    (["bench", "tcp://127.0.0.1:1", "tcp://127.0.0.1:2"], 'unexpected argument "tcp://127.0.0.1:2"'),
    (["bench", "tcp://127.0.0.1:1", "--loud"], 'unexpected option "--loud"'),
    (["echo", "tcp://:0", "--spin", "-1"], '--spin "-1"', "microseconds from 0 to 1000000"),
    (["echo", "tcp://:0", "--spin", "50us"], '--spin "50us"', "microseconds from 0 to 1000000"),
    (["bench", "tcp://127.0.0.1:1", "--spin", "1000001"], '--spin "1000001"', "0 to 1000000"),
    (["bench", "tcp://127.0.0.1:1", "--backend", "kqueue"], 'unknown backend "kqueue"'),
    (["bench", "tcp://127.0.0.1:1", "--mode", "fast"], 'unknown mode "fast"', "echo, source, sink, storm or idle"),
    (["bench", "tcp://127.0.0.1:1", "--connections", "0"], '--connections "0"', "from 1 to 1000000"),
    (["bench", "tcp://127.0.0.1:1", "--connections", "-1"], '--connections "-1"', "from 1 to"),
    (["bench", "tcp://127.0.0.1:1", "--connections", "1e3"], '--connections "1e3"', "from 1 to"),
    (["bench", "tcp://127.0.0.1:1", "--pipeline", "65537"], '--pipeline "65537"', "from 1 to 65536"),
    (["bench", "tcp://127.0.0.1:1", "--size", "0"], '--size "0"', "bytes", "16K (KiB)"),
    (["bench", "tcp://127.0.0.1:1", "--size", "64KB"], '--size "64KB"', "bytes"),
    (["bench", "tcp://127.0.0.1:1", "--size", "1025M"], '--size "1025M"', "1024M"),
    (["bench", "tcp://127.0.0.1:1", "--size", "99999999999999999999"], "--size", "1024M"),
    (["bench", "tcp://127.0.0.1:1", "--size"], "no value for --size, expected BYTES"),
    (["bench", "tcp://127.0.0.1:1", "--duration", "0"], '--duration "0"', "seconds"),
    (["bench", "tcp://127.0.0.1:1", "--duration", "-1"], '--duration "-1"', "seconds"),
    (["bench", "tcp://127.0.0.1:1", "--duration", "10s"], '--duration "10s"', "seconds"),
    (["bench", "tcp://127.0.0.1:1", "--duration", "inf"], '--duration "inf"', "86400"),
    (["bench", "tcp://127.0.0.1:1", "--duration", "nan"], '--duration "nan"', "86400"),
    (["bench", "tcp://127.0.0.1:1", "--listen"], "--listen", "source", "sink"),
    (["bench", "tcp://127.0.0.1:1", "--check"], "--check", "sink"),
    (["bench", "tcp://127.0.0.1:1", "--mode", "storm", "--pipeline", "2"], "--pipeline", "echo"),
    (["bench", "tcp://127.0.0.1:1", "--mode", "sink", "--size", "64"], "--size", "sink"),
    (["bench", "tcp://127.0.0.1:1", "--mode", "sink", "--listen", "--connections", "2"], "--connections"),
    (["relay"], "no endpoints", "FROM and TO", "tidegate relay --help"),
    (["relay", "-"], 'only one endpoint, "-"', "FROM and TO"),
    (["relay", "-", "exec:cat", "exec:cat"], 'unexpected argument "exec:cat"'),
    (["relay", "-", "-"], '"-" twice', "another endpoint"),
    (["relay", "-", "127.0.0.1:80"], 'unknown endpoint "127.0.0.1:80"', "tcp://HOST:PORT", "exec:COMMAND", "fifo:///PATH"),
    (["relay", "http://x:80", "-"], 'unknown endpoint "http://x:80"', "listen+tcp://HOST:PORT"),
    (["relay", "-", "tcp://x:http"], '"http"', "0 to 65535"),
    (["relay", "-", "tcp://:80"], 'no host in "tcp://:80"'),
    (["relay", "-", "udp://x:0"], 'port 0 in "udp://x:0"', "1 to 65535"),
    (["relay", "-", "listen+tcp://:80"], '"listen+tcp://:80" as TO', "only FROM can listen"),
    (["relay", "listen+udp://:80", "exec:cat"], '"listen+udp://:80" as FROM', "listen+unix:///PATH", "UDP can't be listened at so far"),
    (["relay", "listen+-", "exec:cat"], 'nothing to listen at in "listen+-"', "listen+unix:///PATH"),
    (["relay", "listen+tcp://:0", "-"], '"-" as TO of "listen+tcp://:0"', "anew for each connection"),
    (["relay", "-", "exec: "], 'no command in "exec: "'),
    (["relay", "-", "fifo://here"], 'no path in "fifo://here"', "fifo:///PATH"),
    (["relay", "-", "unix://here"], "here", "does not start with"),
    (["relay", "-", "exec:cat", "--max-connections", "2"], '--max-connections with "-"', "FROM that listens"),
    (["relay", "listen+tcp://:0", "exec:cat", "--max-connections", "0"], '--max-connections "0"', "from 1 to 1000000"),
    (["relay", "-", "exec:cat", "--buffer", "64KB"], '--buffer "64KB"', "16K (KiB)"),
    (["relay", "-", "exec:cat", "--udp-timeout", "1"], '--udp-timeout "1"', "udp://HOST:PORT"),
    (["relay", "-", "udp://x:1", "--udp-timeout", "0"], '--udp-timeout "0"', "seconds from 0.01"),
    (["relay", "-", "udp://x:1", "--udp-timeout"], "no value for --udp-timeout, expected SECONDS"),
    (["relay", "-", "exec:cat", "--tls-timeout", "1"], '--tls-timeout "1"', "where TO is tls://HOST:PORT"),
    (["relay", "-", "tls://x:1", "--tls-timeout", "0"], '--tls-timeout "0"', "seconds from 0.01"),
    (["relay", "-", "tls://:443"], 'no host in "tls://:443"'),
    (["relay", "-", "tls://x:0"], 'port 0 in "tls://x:0"'),
    (["relay", "-", "tls://x:1?cret=y"], 'unknown parameter "cret"', "expected one of ca, verify"),
    (["relay", "-", "tcp://x:1?cert=y"], "only tls:// takes parameters"),
    (["relay", "-", "listen+tls://:1?cert=c"], "only FROM can listen"),
    (["relay", "listen+tls://:0", "exec:cat"], 'no cert in "tls://:0"', "expected one to show to clients"),
    (["relay", "-", "exec:cat", "--backend", "kqueue"], 'unknown backend "kqueue"'),
    (["relay", "-", "exec:cat", "--loud"], 'unexpected option "--loud"', "tidegate relay --help"),
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
    for *command, part in (["demo"], ["echo", "unix://@NAME"], ["demo", "--json"],
                           ["bench", "unix://@NAME"], ["bench", "coordinated omission"], ["relay", "listen+unix:///PATH"]):
        result = run(context, *command, "--help")
        check(result.returncode == 0 and part in result.stdout and not result.stderr, f"{result}")
