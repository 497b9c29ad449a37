"""Our server and `gnutls-cli`: another implementation of TLS, which has other habits."""

import subprocess

from our_programs import check_facts, facts_in, our_server
from support import PATIENCE_SECONDS, check


def gnutls_cli(context, server, *arguments, send="GET /about HTTP/1.0\r\n\r\n"):
    done = subprocess.run(
        ["gnutls-cli", "--x509cafile", context.file("ca.pem"), "--verify-hostname", "localhost", "--port",
         str(server.port), *arguments, "127.0.0.1"],
        input=send.encode(), capture_output=True, timeout=PATIENCE_SECONDS)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


def about(printed):
    check("HTTP/1.1 200 OK" in printed, f"gnutls-cli printed {printed!r}")
    return facts_in(printed[printed.index("HTTP/1.1 200 OK"):].replace("\r", "").partition("\n\n")[2])[0]


def test_gnutls_cli_verifies_us_and_is_answered_in_each_version(context):
    with our_server(context) as server:
        for priority, version in (("NORMAL:-VERS-ALL:+VERS-TLS1.2", "TLSv1.2"),
                                  ("NORMAL:-VERS-ALL:+VERS-TLS1.3", "TLSv1.3")):
            _, printed = gnutls_cli(context, server, "--priority", priority)
            check("Status: The certificate is trusted." in printed, f"gnutls-cli printed {printed!r}")
            check_facts(about(printed), version=version, client="nobody")


def test_gnutls_cli_shows_its_certificate(context):
    certificate, key = context.certificate("client")
    with our_server(context, f"ca={context.file('ca.pem')}") as server:
        _, printed = gnutls_cli(context, server, "--x509certfile", certificate, "--x509keyfile", key)
        check_facts(about(printed), client="CN=a client")


def test_gnutls_cli_does_not_trust_what_it_should_not(context):
    with our_server(context, certificate="other_server") as server:
        code, printed = gnutls_cli(context, server)
        check(code != 0 and "HTTP/1.1" not in printed, f"gnutls-cli ended with {code}: {printed!r}")
