"""`tidegate bench tls://`: every load over TLS, and servers that it does not believe."""

import json
import urllib.parse

from bench import listening_bench
from certificates import certificates
from support import FAILURE, PATIENCE_SECONDS, check, check_equal, check_error, echo, run

DURATION = ["--duration", "0.3"]


def query(**parameters):
    terms = "&".join(f"{name}={urllib.parse.quote(value)}" for name, value in parameters.items())
    return "?" + terms if terms else ""


def tls_echo(context, **parameters):
    return echo(context, "tls://127.0.0.1:0" + query(cert=certificates(context).server, **parameters), "--quiet")


def trusted(context, **parameters):
    return query(ca=certificates(context).authority, **parameters)


def measured(context, *arguments):
    result = run(context, "bench", *arguments, *DURATION, "--json")
    check(result.returncode == 0 and result.stderr == "", f"{result}")
    report = json.loads(result.stdout)
    check_equal(report["errors"], 0, f"errors of {report}")
    return report


def test_every_load_goes_over_tls(context):
    with tls_echo(context) as server:
        url = server.urls[0] + trusted(context)
        for backend in ("epoll", "io_uring"):
            common = [url, "--backend", backend]
            report = measured(context, *common, "--connections", "4", "--pipeline", "8")
            check(report["messages"] > 0, f"{report}")
            report = measured(context, *common, "--mode", "storm", "--connections", "4")
            check(report["connections_made"] > 0, f"{report}")
            report = measured(context, *common, "--mode", "idle", "--connections", "50")
            check_equal((report["connections_open"], report["connections_lost"]), (50, 0), "open and lost")
        server.stop()


def check_face_to_face(context, listening_mode, connecting_mode):
    check_bytes = {"sink": ["--check"], "source": []}
    listens_at = "tls://127.0.0.1:0" + query(cert=certificates(context).server)
    with listening_bench(context, listens_at, "--mode", listening_mode, "--json", *DURATION,
                         *check_bytes[listening_mode]) as (listener, place):
        check(place.startswith("tls://127.0.0.1:"), place)
        report = measured(context, place + trusted(context), "--mode", connecting_mode, *check_bytes[connecting_mode])
        output, errors = listener.communicate(timeout=PATIENCE_SECONDS)
        check(listener.returncode == 0 and errors == "", f"exit {listener.returncode}, {errors!r}, {output}")
    check(report["bytes"] > 0 and json.loads(output)["bytes"] > 0, f"{report}, {output}")


def test_a_source_sends_to_a_listening_sink_over_tls(context):
    check_face_to_face(context, "sink", "source")


def test_a_sink_reads_from_a_listening_source_over_tls(context):
    check_face_to_face(context, "source", "sink")


def test_a_server_that_is_not_who_it_should_be_is_not_believed(context):
    made = certificates(context)
    with tls_echo(context) as server:
        url = server.urls[0]
        for terms, *parts in ((query(), "certificate verify failed"),
                              (query(ca=made.strange_authority), "certificate verify failed"),
                              (trusted(context, name="other.example"), "ostname mismatch")):
            check_error(run(context, "bench", url + terms, *DURATION), FAILURE, "cannot connect to tls://", *parts)
        measured(context, url + trusted(context, name="localhost"))
        server.stop()


def test_whoever_is_believed_without_proof_is_warned_of(context):
    with tls_echo(context) as server:
        result = run(context, "bench", server.urls[0] + "?verify=none", *DURATION)
        check(result.returncode == 0, f"{result}")
        check_equal(result.stderr, f"warning: whoever answers at {server.urls[0]}?verify=none is believed, "
                                   "because of verify=none\n", "warning")
        server.stop()


def test_a_client_certificate_is_shown(context):
    made = certificates(context)
    with tls_echo(context, ca=made.authority) as server:
        url = server.urls[0]
        measured(context, url + trusted(context, cert=made.path("client.pem"), key=made.path("client.key")))
        # In TLS 1.3 the client is done before the server has asked: the refusal comes when it speaks.
        result = run(context, "bench", url + trusted(context), *DURATION)
        check(result.returncode == FAILURE and "certificate required" in result.stderr, f"{result}")
        server.stop()


def test_a_server_without_tls_is_named(context):
    with echo(context, "tcp://127.0.0.1:0", "--quiet") as server:
        url = server.urls[0].replace("tcp://", "tls://")
        check_error(run(context, "bench", url, *DURATION), FAILURE, "cannot connect to tls://")
        server.stop()
