"""Our server and curl: what a browser does, without the pictures."""

import os
import subprocess

from our_programs import check_facts, facts_in, our_server, pattern
from support import PATIENCE_SECONDS, check, check_equal

# curl's exit codes.
CUT_SHORT, TLS_FAILED, RECEIVE_FAILED, NOT_TRUSTED = 18, 35, 56, 60


def curl(context, server, *arguments, host="localhost", path="/about", fails=()):
    """What it prints; with `fails`, how it ends, which has to be among these."""
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--http1.1", "--resolve", f"{host}:{server.port}:127.0.0.1",
         "--cacert", context.file("ca.pem"), *arguments, f"https://{host}:{server.port}{path}"],
        capture_output=True, timeout=PATIENCE_SECONDS, env=environment)
    if fails:
        check(done.returncode in fails, f"curl ended with {done.returncode} {done.stderr!r}, expected {fails}")
        return done.returncode
    check_equal(done.returncode, 0, f"curl's exit code ({done.stderr!r})")
    return done.stdout


def about(printed):
    return facts_in(printed.decode())[0]


def test_curl_verifies_us_and_is_answered_in_each_version(context):
    with our_server(context, "alpn=http/1.1") as server:
        for options, version in ((["--tlsv1.3"], "TLSv1.3"), (["--tls-max", "1.2"], "TLSv1.2")):
            check_facts(about(curl(context, server, *options)), version=version, name="localhost", alpn="http/1.1")


def test_curl_does_not_trust_what_it_should_not(context):
    with our_server(context) as server:
        curl(context, server, "--cacert", context.file("strange_ca.pem"), fails=[NOT_TRUSTED])
        curl(context, server, host="other.example", fails=[NOT_TRUSTED])
        curl(context, server)
    with our_server(context, certificate="expired_server") as server:
        curl(context, server, fails=[NOT_TRUSTED])


def test_curl_downloads_much(context):
    with our_server(context) as server:
        for options in ([], ["--tls-max", "1.2"], ["--limit-rate", "20M"]):
            body = curl(context, server, *options, path="/bytes/20000000")
            check(body == pattern(20_000_000), f"{len(body)} bytes came with {options}, or others than expected")


def test_curl_posts_much_and_gets_it_back(context):
    posted = context.file("posted.bin")
    with open(posted, "wb") as file:
        file.write(pattern(5_000_000))
    with our_server(context) as server:
        body = curl(context, server, "--header", "Expect:", "--data-binary", f"@{posted}", path="/")
        check(body == pattern(5_000_000), f"{len(body)} bytes came back")


def test_curl_asks_again_on_the_same_connection(context):
    with our_server(context) as server:
        again = [f"https://localhost:{server.port}/about"] * 5
        printed = curl(context, server, "--write-out", "%{num_connects} connections\n", *again)
        check_equal(printed.count(b"1 connections"), 1, "connections made")
        check_equal(printed.count(b"0 connections"), 5, "requests without a new connection")


def test_curl_shows_its_certificate_or_is_turned_away(context):
    certificate, key = context.certificate("client")
    with our_server(context, f"ca={context.file('ca.pem')}") as server:
        for options in ([], ["--tls-max", "1.2"]):
            printed = curl(context, server, *options, "--cert", certificate, "--key", key)
            check_facts(about(printed), client="CN=a client")
            curl(context, server, *options, fails=[TLS_FAILED, RECEIVE_FAILED])


def test_curl_notices_an_answer_that_is_cut(context):
    with our_server(context) as server:
        curl(context, server, path="/cut/1000000", fails=[CUT_SHORT, RECEIVE_FAILED])
        curl(context, server)


def test_curl_without_tls_is_turned_away_and_nobody_else_notices(context):
    with our_server(context) as server:
        done = subprocess.run(["curl", "--silent", "--noproxy", "*", f"http://127.0.0.1:{server.port}/about"],
                              capture_output=True, timeout=PATIENCE_SECONDS)
        check(done.returncode != 0 and b"version" not in done.stdout, f"curl got {done.stdout!r}")
        curl(context, server)
