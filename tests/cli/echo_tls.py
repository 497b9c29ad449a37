"""`tidegate echo tls://`: whom it lets in and on which terms, and how its connections end."""

import signal
import socket
import ssl
import subprocess
import urllib.parse

from certificates import certificates
from support import (
    MEBIBYTE, PATIENCE_SECONDS, USAGE_ERROR, TestFailure, check, check_equal, check_error, echo, pattern, receive_all,
    receive_exactly, run, wait_until)
from tls_peers import (
    check_tls_round_trip, client_context, connect_tls, end_in_order, host_and_port, how_it_ends, needs)

BACKENDS = ("epoll", "io_uring")


def place(context, **parameters):
    """A port of the system's choice, with a certificate unless told otherwise."""
    terms = {"cert": certificates(context).server, **parameters}
    return "tls://127.0.0.1:0?" + "&".join(f"{name}={urllib.parse.quote(value)}" for name, value in terms.items())


def wait_for_log(server, *parts):
    wait_until(lambda: any(all(part in line for part in parts) for line in server.log), f"{parts} in {server.log}")


def check_still_serves(context, server):
    with connect_tls(context, server.urls[0]) as sock:
        sock.sendall(b"still there?")
        check_equal(receive_exactly(sock, 12), b"still there?", "echo")


def check_refused(connect, what):
    """The error may come with the handshake, or, in TLS 1.3 where the client is done first, with what follows."""
    try:
        with connect() as sock:
            sock.sendall(b"let me in")
            answer = sock.recv(1)
    except (ssl.SSLError, ConnectionResetError):
        return
    raise TestFailure(f"{what} was let in, and got {answer!r}")


# --- Bytes -------------------------------------------------------------------------------------------------


def test_echo_over_tls_sends_every_byte_back(context):
    data = pattern(4 * MEBIBYTE)
    for backend in BACKENDS:
        with echo(context, place(context), "--backend", backend) as server:
            check(server.urls[0].startswith("tls://127.0.0.1:"), server.urls[0])
            with connect_tls(context, server.urls[0]) as sock:
                check_equal(sock.version(), "TLSv1.3", "version")
                check_tls_round_trip(sock, data)
                end_in_order(sock)
            wait_for_log(server, "#1 opened", f"at {server.urls[0]}, TLSv1.3, TLS_")
            wait_for_log(server, "#1 closed", f"after {len(data)} bytes")
            check(server.log[-1].endswith("bytes"), f"an end in order has no reason: {server.log[-1]}")
            server.stop()


def test_the_openssl_program_gets_its_echo(context):
    needs("openssl")
    with echo(context, place(context)) as server:
        host, port = host_and_port(server.urls[0])
        with subprocess.Popen(["openssl", "s_client", "-connect", f"{host}:{port}", "-quiet", "-no_ign_eof",
                               "-CAfile", certificates(context).authority, "-verify_return_error",
                               "-verify_hostname", "localhost"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as client:
            client.stdin.write(b"hello, echo\n")
            client.stdin.flush()
            check_equal(client.stdout.read(12), b"hello, echo\n", "echo")
            client.communicate(timeout=PATIENCE_SECONDS)
        wait_for_log(server, "#1 closed", "after 12 bytes")
        server.stop()


def test_places_over_tls_and_others_are_served_side_by_side(context):
    with echo(context, place(context), "tcp://127.0.0.1:0", sockets=2) as server:
        with connect_tls(context, server.urls[0]) as secured, server.connect(server.urls[1]) as plain:
            for sock in (secured, plain):
                sock.sendall(b"here")
                check_equal(receive_exactly(sock, 4), b"here", "echo")
        server.stop()


# --- Terms -------------------------------------------------------------------------------------------------


def test_a_certificate_may_stand_in_a_file_of_any_name_with_its_key_elsewhere(context):
    made = certificates(context)
    for name in ("with space.pem", "100%.pem", "a&b=c.pem", "größe?#+.pem"):
        cert, key = made.copy("server.pem", name), made.copy("server.key", f"key of {name}")
        with echo(context, place(context, cert=cert, key=key), "--quiet") as server:
            check_still_serves(context, server)
            server.stop()


def test_a_client_certificate_is_asked_for_where_somebody_is_trusted_to_sign_one(context):
    made = certificates(context)
    with echo(context, place(context, ca=made.authority)) as server:
        url = server.urls[0]
        check_refused(lambda: connect_tls(context, url), "a client without a certificate")
        wait_for_log(server, "refused 127.0.0.1:", "certificate")
        stranger = client_context(context, certificate=made.path("strange_client.both"))
        check_refused(lambda: connect_tls(context, url, stranger), "a strange client")
        guest = client_context(context, certificate=made.path("client.both"))
        with connect_tls(context, url, guest) as sock:
            sock.sendall(b"it is me")
            check_equal(receive_exactly(sock, 8), b"it is me", "echo")
        wait_for_log(server, "#1 opened", "peer CN=a client")
        server.stop()


def test_a_client_certificate_can_be_optional(context):
    made = certificates(context)
    with echo(context, place(context, ca=made.authority, verify="optional")) as server:
        check_still_serves(context, server)
        stranger = client_context(context, certificate=made.path("strange_client.both"))
        check_refused(lambda: connect_tls(context, server.urls[0], stranger), "a strange client")
        server.stop()


def test_protocols_are_agreed_on(context):
    with echo(context, place(context, alpn="h2,http/1.1")) as server:
        for offered, agreed in ((["http/1.1"], "http/1.1"), (["http/1.1", "h2"], "h2"), (["gopher"], None)):
            tls = client_context(context)
            tls.set_alpn_protocols(offered)
            with connect_tls(context, server.urls[0], tls) as sock:
                check_equal(sock.selected_alpn_protocol(), agreed, f"of {offered}")
        wait_for_log(server, "#2 opened", ", alpn h2")
        server.stop()


def test_older_versions_are_refused(context):
    with echo(context, place(context)) as old, echo(context, place(context, min="1.3")) as new:
        tls = client_context(context, maximum_version=ssl.TLSVersion.TLSv1_2)
        with connect_tls(context, old.urls[0], tls) as sock:
            check_equal(sock.version(), "TLSv1.2", "version")
        check_refused(lambda: connect_tls(context, new.urls[0], tls), "TLS 1.2")
        wait_for_log(new, "refused 127.0.0.1:")
        old.stop()
        new.stop()


def test_files_that_can_not_be_used_are_named(context):
    made = certificates(context)
    for parameters, *parts in (
            ({"cert": made.path("missing.pem")}, made.path("missing.pem"), "No such file"),
            ({"cert": context.folder}, context.folder),
            ({"cert": made.path("server.key")}, made.path("server.key")),
            ({"cert": made.path("server.pem")}, "key"),
            ({"cert": made.path("server.pem"), "key": made.path("client.key")}, "key", "belong together"),
            ({"cert": made.path("server.pem"), "key": made.encrypt_key("server.key", "locked.key")},
             made.path("locked.key")),
            ({"ca": made.path("missing.pem")}, made.path("missing.pem"), "No such file"),
            ({"ca": made.path("server.key")}, made.path("server.key"))):
        check_error(run(context, "echo", place(context, **parameters)), USAGE_ERROR, "tidegate: ", *parts)


# --- Clients that do not know how to behave ----------------------------------------------------------------


def test_a_client_without_tls_is_refused_and_nobody_else_notices(context):
    with echo(context, place(context)) as server:
        with socket.create_connection(host_and_port(server.urls[0]), PATIENCE_SECONDS) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try:
                check(b"HTTP" not in receive_all(sock), "it was answered")
            except ConnectionResetError:
                pass
        wait_for_log(server, "refused 127.0.0.1:", "http request")
        check_still_serves(context, server)
        server.stop()


def test_a_mute_client_is_given_up(context):
    with echo(context, place(context, handshake="1")) as server:
        with socket.create_connection(host_and_port(server.urls[0]), PATIENCE_SECONDS) as sock:
            check_equal(receive_all(sock), b"", "what a mute client gets")
        wait_for_log(server, "refused 127.0.0.1:", "longer than 1 s")
        check_still_serves(context, server)
        server.stop()


def test_a_connection_that_is_cut_is_not_taken_for_one_that_has_ended(context):
    with echo(context, place(context)) as server:
        sock = connect_tls(context, server.urls[0])
        sock.sendall(b"half of it")
        check_equal(receive_exactly(sock, 10), b"half of it", "echo")
        sock.close()  # without a close_notify
        wait_for_log(server, "#1 closed", "after 10 bytes: ")
        server.stop()


def test_a_quiet_echo_says_nothing_of_those_that_it_refuses(context):
    with echo(context, place(context), "--quiet") as server:
        with socket.create_connection(host_and_port(server.urls[0]), PATIENCE_SECONDS) as sock:
            sock.sendall(b"no TLS at all\r\n\r\n")
            try:
                receive_all(sock)
            except ConnectionResetError:
                pass
        check_still_serves(context, server)
        server.stop()
        check_equal(server.log, [], "log")


# --- The end -----------------------------------------------------------------------------------------------


def test_a_signal_ends_connections_over_tls_in_order(context):
    for backend in BACKENDS:
        with echo(context, place(context), "--backend", backend) as server:
            with connect_tls(context, server.urls[0]) as sock:
                sock.sendall(b"hello")
                check_equal(receive_exactly(sock, 5), b"hello", "echo")
                server.send_signal(signal.SIGTERM)
                check_equal(how_it_ends(sock, bytearray()), "in order", "end")
            check_equal(server.exit_code(), 0, "exit code")
