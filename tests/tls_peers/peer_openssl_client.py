"""Our server and `openssl s_client`."""

import contextlib
import os
import subprocess
import threading

from our_programs import check_facts, facts_in, our_server
from support import PATIENCE_SECONDS, check

ABOUT = b"GET /about HTTP/1.0\r\n\r\n"


def s_client(context, server, *arguments, send=ABOUT, commands=()):
    """What it prints until the server has closed the connection. `commands`: letters that it obeys, before `send`, each
    with what it says then."""
    obeys = [] if commands else ["-ign_eof"]
    process = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", "localhost", *obeys,
         "-CAfile", context.file("ca.pem"), "-verify_return_error", "-verify_hostname", "localhost", *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
    watchdog = threading.Timer(PATIENCE_SECONDS, process.kill)
    watchdog.start()
    printed = b""
    try:
        # It takes one command per read, and none before the handshake.
        for line, answer in [(b"", b"Verify return code"), *((letter + b"\n", answer) for letter, answer in commands)]:
            if commands:
                printed += say(process, line, answer)
        return (printed + say(process, send, None)).decode(errors="replace")
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def say(process, line, answer):
    """What it prints up to `answer`; to its end without one. Its input stays open, for it would take the end for "quit"."""
    with contextlib.suppress(BrokenPipeError):  # it may have ended
        process.stdin.write(line)
        process.stdin.flush()
    printed = b""
    while answer is None or answer not in printed:
        piece = os.read(process.stdout.fileno(), 65536)
        if not piece:
            check(answer is None, f"s_client ended before it said {answer!r}: {printed!r}")
            break
        printed += piece
    return printed


def about(printed):
    check("HTTP/1.1 200 OK" in printed, f"s_client printed ...{printed[-600:]!r}")
    body = printed[printed.index("HTTP/1.1 200 OK"):].replace("\r", "").partition("\n\n")[2]
    return facts_in(body.partition("\nclosed")[0])[0]


def test_s_client_verifies_us_and_is_answered_in_each_version(context):
    with our_server(context) as server:
        for option, version in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
            printed = s_client(context, server, option)
            check("Verify return code: 0 (ok)" in printed, f"s_client printed ...{printed[-600:]!r}")
            check_facts(about(printed), version=version, name="localhost", client="nobody", reused="no")
            check("closed" in printed, f"it did not see our close_notify: {printed!r}")


def test_s_client_accepts_a_chain_and_an_rsa_key(context):
    for certificate in ("chained_server", "rsa_server"):
        with our_server(context, certificate=certificate) as server:
            check("Verify return code: 0 (ok)" in s_client(context, server), certificate)


def test_s_client_and_we_agree_on_a_protocol(context):
    with our_server(context, "alpn=http/1.1", "alpn=http/1.0") as server:
        printed = s_client(context, server, "-alpn", "h2,http/1.1")
        check("ALPN protocol: http/1.1" in printed, f"s_client printed ...{printed[-600:]!r}")
        check_facts(about(printed), alpn="http/1.1")
        printed = s_client(context, server, "-alpn", "h2")
        check("No ALPN negotiated" in printed, f"s_client printed ...{printed[-600:]!r}")


def test_s_client_shows_its_certificate_or_is_turned_away(context):
    certificate, key = context.certificate("client")
    with our_server(context, f"ca={context.file('ca.pem')}") as server:
        for version in ("-tls1_2", "-tls1_3"):
            printed = s_client(context, server, version, "-cert", certificate, "-key", key)
            check_facts(about(printed), client="CN=a client")
            printed = s_client(context, server, version)
            check("HTTP/1.1" not in printed and "alert" in printed, f"s_client printed ...{printed[-600:]!r}")
        check(any("TLS handshake failed" in line for line in server.log), f"our log: {server.log}")


def test_s_client_resumes_its_session(context):
    kept = context.file("session.pem")
    with our_server(context) as server:
        for version in ("-tls1_2", "-tls1_3"):
            check_facts(about(s_client(context, server, version, "-sess_out", kept)), reused="no")
            printed = s_client(context, server, version, "-sess_in", kept)
            check("Reused, " in printed, f"s_client printed ...{printed[-600:]!r}")
            check_facts(about(printed), reused="yes")


def test_s_client_is_refused_another_handshake_and_nobody_else_notices(context):
    with our_server(context) as server:
        printed = s_client(context, server, "-tls1_2", commands=[(b"R", b"RENEGOTIATING")])
        check("HTTP/1.1" not in printed and "renegotiation" in printed, f"s_client printed ...{printed[-600:]!r}")
        check_facts(about(s_client(context, server)), version="TLSv1.3")


def test_s_client_is_given_new_keys(context):
    with our_server(context) as server:
        printed = s_client(context, server, "-tls1_3", commands=[(b"K", b"KEYUPDATE"), (b"k", b"KEYUPDATE")])
        check("alert" not in printed, f"s_client printed ...{printed[-600:]!r}")
        check_facts(about(printed), version="TLSv1.3")
