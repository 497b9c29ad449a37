"""Our client and `openssl s_server`."""

import contextlib
import pathlib
import re
import subprocess

from our_programs import check_facts, fetch, pattern
from support import check, check_equal, wait_until


@contextlib.contextmanager
def s_server(context, *arguments, certificate="server"):
    """Serves the files of the context's folder; gives its port."""
    certificate_file, key_file = context.certificate(certificate)
    # Its words go to a file: what nobody reads would fill a pipe.
    words = pathlib.Path(context.file("s_server.log"))
    with words.open("wb") as log:
        process = subprocess.Popen(
            ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", certificate_file, "-cert_chain", certificate_file,
             "-key", key_file, "-WWW", "-http_server_binmode", *arguments],
            cwd=context.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    try:
        accepting = re.compile(r"ACCEPT \S+:(\d+)")
        wait_until(lambda: accepting.search(words.read_text(errors="replace")) or process.poll() is not None,
                   "s_server's port")
        found = accepting.search(words.read_text(errors="replace"))
        check(found, f"s_server ended: {words.read_text()!r}")
        yield int(found[1])
    finally:
        process.kill()
        process.wait()


def make_file(context, size_bytes):
    pathlib.Path(context.file("served.bin")).write_bytes(pattern(size_bytes))
    return "path=/served.bin"


def test_s_server_is_verified_and_answers_in_each_version(context):
    path = make_file(context, 3_000_000)
    for option, version in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
        for certificate in ("server", "rsa_server", "chained_server"):
            with s_server(context, option, certificate=certificate) as port:
                body, facts = fetch(context, f"port={port}", path)
                check(body == pattern(3_000_000), f"{len(body)} bytes came")
                check_facts(facts[0], version=version, server="CN=localhost", end="clean")


def test_s_server_of_another_name_or_out_of_date_is_refused(context):
    path = make_file(context, 10)
    for certificate, words in (("other_server", "hostname mismatch"), ("expired_server", "expired")):
        with s_server(context, certificate=certificate) as port:
            said = fetch(context, f"port={port}", path, fails=True).lower()
            check("certificate verify failed" in said and words in said, f"our client said {said!r}")


def test_s_server_and_we_agree_on_a_protocol(context):
    path = make_file(context, 10)
    with s_server(context, "-alpn", "http/1.1") as port:
        _, facts = fetch(context, f"port={port}", path, "alpn=h2", "alpn=http/1.1")
        check_facts(facts[0], alpn="http/1.1")


def test_s_server_resumes_our_session(context):
    path = make_file(context, 10)
    for options in (["-tls1_3"], ["-tls1_2"], ["-tls1_2", "-no_ticket"]):
        with s_server(context, *options) as port:
            _, facts = fetch(context, f"port={port}", path, "times=2")
            check_equal([connection["reused"] for connection in facts], ["no", "yes"], f"reused with {options}")


def test_s_server_is_shown_our_certificate(context):
    path = make_file(context, 10)
    certificate, key = context.certificate("client")
    for version in ("-tls1_2", "-tls1_3"):
        with s_server(context, version, "-Verify", "2", "-verify_return_error", "-CAfile",
                      context.file("ca.pem")) as port:
            fetch(context, f"port={port}", path, f"cert={certificate}", f"key={key}")


def test_s_server_agrees_by_way_of_a_hello_retry_request(context):
    path = make_file(context, 10)
    with s_server(context, "-tls1_3", "-groups", "P-384") as port:
        _, facts = fetch(context, f"port={port}", path)
        check_facts(facts[0], version="TLSv1.3")
