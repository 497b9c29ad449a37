"""`tidegate relay` with an end over TLS: termination, wrapping, and both, for peers that know nothing of us."""

import contextlib
import signal
import socket
import ssl
import subprocess
import threading
import urllib.parse

from certificates import certificates
from relay_peers import connect, relay
from support import (
    MEBIBYTE, PATIENCE_SECONDS, allowance, check, check_equal, echo, pattern, receive_all, receive_exactly, wait_until)
from tls_peers import (
    check_tls_round_trip, client_context, connect_tls, echo_until_the_end, end_in_order, host_and_port, how_it_ends,
    http_server, needs, read_request, run_curl, server_context, upstream)

BACKENDS = ("epoll", "io_uring")


def with_terms(url, **terms):
    query = "&".join(f"{name}={urllib.parse.quote(value)}" for name, value in terms.items())
    return f"{url}?{query}" if query else url


def terminator(context, **terms):
    """FROM of a relay that clients speak TLS with."""
    return with_terms("listen+tls://127.0.0.1:0", **{"cert": certificates(context).server, **terms})


def trusted(context, url, **terms):
    """TO of a relay that speaks TLS with a server of ours."""
    return with_terms(url, **{"ca": certificates(context).authority, "name": "localhost", **terms})


def https(url):
    return "https://%s:%d/" % host_and_port(url)


# --- For curl ----------------------------------------------------------------------------------------------


def test_curl_gets_a_plain_server_over_tls(context):
    body = pattern(5 * MEBIBYTE)
    trust = ["--cacert", certificates(context).authority]
    with http_server(body) as place:
        for backend in BACKENDS:
            with relay(context, terminator(context), f"tcp://{place}", "--backend", backend) as running:
                url = https(running.listens_at())
                for how in (trust, ["--insecure"], [*trust, "--tls-max", "1.2"]):
                    result = run_curl(*how, url)
                    check(result.returncode == 0, f"{how}: exit {result.returncode}, {result.stderr}")
                    check(result.stdout == body, f"{how}: {len(result.stdout)} of {len(body)} bytes")
                running.wait_for_log("#3 closed")
                running.check_said("#1 secured 127.0.0.1:", ": TLSv1.3, TLS_")
                running.check_said("#3 secured 127.0.0.1:", ": TLSv1.2, ECDHE-")
                check(not any(": cannot" in line or "without" in line for line in running.log), f"{running.log}")


def test_curl_sends_over_tls_and_keeps_its_connection(context):
    body = pattern(3 * MEBIBYTE)
    path = context.path()
    with open(path, "wb") as file:
        file.write(body)
    with http_server(b"") as place, relay(context, terminator(context), f"tcp://{place}") as running:
        url = https(running.listens_at())
        results = [context.path() for _ in range(3)]
        result = run_curl("--cacert", certificates(context).authority, "--data-binary", f"@{path}",
                          "--write-out", "%{num_connects}\n",
                          *[word for result in results for word in ("-o", result, url)])
        check_equal((result.returncode, result.stdout), (0, b"1\n0\n0\n"), "exit and new connections of each request")
        for name in results:
            with open(name, "rb") as file:
                check(file.read() == body, "another body came back")


def test_curl_gets_a_server_over_tls_without_knowing(context):
    body = pattern(5 * MEBIBYTE)
    with http_server(body, server_context(context)) as place:
        for backend in BACKENDS:
            with relay(context, "listen+tcp://127.0.0.1:0", trusted(context, f"tls://{place}"),
                       "--backend", backend) as running:
                result = run_curl("http://%s:%d/" % host_and_port(running.listens_at()))
                check(result.returncode == 0 and result.stdout == body,
                      f"exit {result.returncode}, {result.stderr}, {len(result.stdout)} bytes")
                running.wait_for_log("#1 secured tls://", ": TLSv1.3, TLS_", "peer CN=localhost")


def test_curl_does_not_believe_a_relay_that_nobody_vouches_for(context):
    with http_server(b"secret") as place, relay(context, terminator(context), f"tcp://{place}") as running:
        url = https(running.listens_at())
        result = run_curl("--cacert", certificates(context).strange_authority, url)
        check_equal((result.returncode, result.stdout), (60, b""), "exit and body")  # CURLE_PEER_FAILED_VERIFICATION
        running.wait_for_log("#1 closed", "127.0.0.1:", "unknown CA")
        check_equal(run_curl("--cacert", certificates(context).authority, url).stdout, b"secret", "body")


# --- For everybody else ------------------------------------------------------------------------------------


def test_bytes_cross_two_relays_and_four_ways_of_speaking(context):
    data = pattern(3 * MEBIBYTE)
    with echo(context, "tcp://127.0.0.1:0", "--quiet") as server, \
            relay(context, terminator(context), server.urls[0]) as inner:
        to = trusted(context, inner.listens_at())
        with relay(context, terminator(context), to) as outer:
            with connect_tls(context, outer.listens_at()) as sock:
                check_tls_round_trip(sock, data)
                end_in_order(sock)
            outer.wait_for_log("#1 closed", f"{len(data)} bytes out, {len(data)} back")
            inner.wait_for_log("#1 closed", f"{len(data)} bytes out, {len(data)} back")


def test_the_openssl_programs_are_spoken_with(context):
    needs("openssl")
    made = certificates(context)
    with subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", made.server, "-rev"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as server:
        try:
            accepts = b""
            while not accepts.startswith(b"ACCEPT "):
                accepts = server.stdout.readline()
                check(accepts, "s_server has ended")
            port = int(accepts.rsplit(b":", 1)[1])
            with relay(context, terminator(context), trusted(context, f"tls://127.0.0.1:{port}")) as running:
                check_openssl_client_gets_its_line_reversed(context, running)
        finally:
            server.kill()


def check_openssl_client_gets_its_line_reversed(context, running):
    host, port = host_and_port(running.listens_at())
    with subprocess.Popen(["openssl", "s_client", "-connect", f"{host}:{port}", "-quiet", "-no_ign_eof", "-CAfile",
                           certificates(context).authority, "-verify_return_error", "-verify_hostname", "localhost"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as client:
        client.stdin.write(b"stressed\n")
        client.stdin.flush()
        check_equal(client.stdout.readline(), b"desserts\n", "answer")
        client.communicate(timeout=PATIENCE_SECONDS)
    running.wait_for_log("#1 closed", "9 bytes out, 9 back")


def test_protocols_are_agreed_on_at_both_ends(context):
    agreed = []

    def serve(sock):
        agreed.append(sock.selected_alpn_protocol())
        echo_until_the_end(sock)

    with upstream(serve, server_context(context, alpn=["http/1.1"])) as server, \
            relay(context, terminator(context, alpn="h2,http/1.1"),
                  trusted(context, server.url, alpn="h2,http/1.1")) as running:
        tls = client_context(context)
        tls.set_alpn_protocols(["h2"])
        with connect_tls(context, running.listens_at(), tls) as sock:
            check_equal(sock.selected_alpn_protocol(), "h2", "at FROM")
            sock.sendall(b"hello")
            check_equal(receive_exactly(sock, 5), b"hello", "echo")
        check_equal(agreed, ["http/1.1"], "at TO")


def test_client_certificates_are_asked_for_and_shown(context):
    made = certificates(context)
    seen = []

    def serve(sock):
        seen.append(dict(field[0] for field in sock.getpeercert()["subject"])["commonName"])
        echo_until_the_end(sock)

    guarded = server_context(context, clients_of=made.authority)
    with upstream(serve, guarded) as server, \
            relay(context, terminator(context, ca=made.authority),
                  trusted(context, server.url, cert=made.path("client.both"))) as running:
        url = running.listens_at()
        for certificate in (None, made.path("strange_client.both")):
            tls = client_context(context, certificate=certificate)
            try:
                with connect_tls(context, url, tls) as sock:
                    sock.sendall(b"let me in")
                    answer = sock.recv(1)
                check(False, f"{certificate} was let in, and got {answer!r}")
            except (ssl.SSLError, ConnectionResetError):
                pass
        with connect_tls(context, url, client_context(context, certificate=made.path("client.both"))) as sock:
            sock.sendall(b"it is me")
            check_equal(receive_exactly(sock, 8), b"it is me", "echo")
        running.wait_for_log("#3 secured 127.0.0.1:", "peer CN=a client")
        check_equal(seen, ["a client"], "whom TO has seen")


# --- Half-closes, which TLS does not have ------------------------------------------------------------------


def answer_when_asked(asked, may_answer, answer):
    """Answers after a while in which the client has long ended, for all that the server can see."""

    def serve(sock):
        asked.append(read_request(sock))
        check(may_answer.wait(PATIENCE_SECONDS), "nobody wants the answer")
        sock.sendall(answer)
        end_in_order(sock)

    return serve


def test_a_request_at_standard_input_gets_its_whole_answer(context):
    answer = pattern(2 * MEBIBYTE)
    for backend in BACKENDS:
        asked, may_answer = [], threading.Event()
        with upstream(answer_when_asked(asked, may_answer, answer), server_context(context)) as server, \
                relay(context, "-", trusted(context, server.url), "--backend", backend) as running:
            running.process.stdin.write(b"GET / HTTP/1.0\r\n\r\n")
            running.process.stdin.close()
            wait_until(lambda: asked, "the request")
            may_answer.set()
            check(running.process.stdout.read() == answer, "another answer came")
            running.check_exit(0)


def test_a_client_that_has_half_closed_gets_its_whole_answer(context):
    answer = pattern(2 * MEBIBYTE)
    asked, may_answer = [], threading.Event()
    with upstream(answer_when_asked(asked, may_answer, answer), server_context(context)) as server, \
            relay(context, "listen+tcp://127.0.0.1:0", trusted(context, server.url)) as running:
        with connect(running.listens_at()) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
            wait_until(lambda: asked, "the request")
            may_answer.set()
            check(receive_all(client) == answer, "another answer came")
        running.wait_for_log("#1 closed", f"18 bytes out, {len(answer)} back")
        check_equal(server.problems, [], "problems of the server")


def test_a_server_over_tls_that_waits_for_an_end_is_told_after_a_silence(context):
    ends = []

    def serve(sock):
        received = bytearray()
        ends.append((how_it_ends(sock, received), bytes(received)))

    with upstream(serve, server_context(context)) as server, \
            relay(context, "-", trusted(context, server.url), "--tls-timeout", "0.2") as running:
        running.process.stdin.write(b"all that there is")
        running.process.stdin.close()
        check_equal(running.process.stdout.read(), b"", "answer")
        running.check_exit(0)
        wait_until(lambda: ends, "the end at the server")
        check_equal(ends, [("in order", b"all that there is")], "what the server saw")


def test_the_silence_begins_anew_with_everything_that_comes(context):
    def serve(sock):
        read_request(sock)
        for _ in range(4):
            threading.Event().wait(0.6)  # a slow one, and never silent for as long as the timeout
            sock.sendall(b"tick ")
        end_in_order(sock)

    with upstream(serve, server_context(context)) as server, \
            relay(context, "-", trusted(context, server.url), "--tls-timeout", "2") as running:
        running.process.stdin.write(b"GET\r\n\r\n")
        running.process.stdin.close()
        check_equal(running.process.stdout.read(), b"tick tick tick tick ", "answer")
        running.check_exit(0)


def test_a_client_over_tls_is_told_when_its_answer_is_complete(context):
    answer = pattern(MEBIBYTE)

    def serve(sock):
        read_request(sock)
        sock.sendall(answer)
        sock.shutdown(socket.SHUT_WR)
        check_equal(receive_all(sock), b"", "what the client says after its answer")

    for backend in BACKENDS:
        with upstream(serve) as server, \
                relay(context, terminator(context), server.url, "--backend", backend) as running:
            with connect_tls(context, running.listens_at()) as client:
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                received = bytearray()
                check_equal(how_it_ends(client, received), "in order", "end")
                check(received == answer, f"{len(received)} of {len(answer)} bytes")
                end_in_order(client)
            running.wait_for_log("#1 closed", f"18 bytes out, {len(answer)} back")
            check(running.log[-1].endswith(" s"), f"an end in order has no remark: {running.log[-1]}")
            check_equal(server.problems, [], "problems of the server")


def test_a_server_learns_that_its_client_over_tls_has_ended(context):
    received = []
    with upstream(lambda sock: received.append(receive_all(sock))) as server, \
            relay(context, terminator(context), server.url) as running:
        with connect_tls(context, running.listens_at()) as client:
            client.sendall(b"last words")
            end_in_order(client)
        wait_until(lambda: received, "the end at the server")
        check_equal(received, [b"last words"], "what the server got")
        running.wait_for_log("#1 closed", "10 bytes out, 0 back")
        check_equal(server.problems, [], "problems of the server")


def test_an_early_answer_reaches_a_client_that_is_still_sending(context):
    """A server that says no and closes, while far more than any buffer is on its way to it."""
    answer = b"HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\n\r\n" + pattern(MEBIBYTE)
    data = bytes(8 * MEBIBYTE)

    def serve(sock):
        receive_exactly(sock, 1000)
        sock.sendall(answer)
        sock.shutdown(socket.SHUT_WR)
        receive_all(sock)

    with upstream(serve) as server, relay(context, terminator(context), server.url) as running:
        with connect_tls(context, running.listens_at()) as client:
            sent = 0
            try:
                while sent < len(data):
                    sent += client.send(data[sent:sent + 65536])
            except (ssl.SSLError, ConnectionError):
                pass  # nobody promised to take all
            received = bytearray()
            how_it_ends(client, received)
            check(received == answer, f"{len(received)} of {len(answer)} bytes of the answer, {sent} were sent")


# --- Connections that are cut ------------------------------------------------------------------------------


def serve_the_beginning_of(answer):
    """As an answer that ends with its connection, which somebody has cut."""

    def serve(sock):
        read_request(sock)
        sock.sendall(answer)
        sock.close()  # without a close_notify

    return serve


def test_an_answer_that_was_cut_does_not_look_complete(context):
    beginning = b"HTTP/1.0 200 OK\r\n\r\n" + pattern(MEBIBYTE)
    for backend in BACKENDS:
        with upstream(serve_the_beginning_of(beginning), server_context(context)) as server, \
                relay(context, "listen+tcp://127.0.0.1:0", trusted(context, server.url), "--backend", backend) as running:
            place = running.listens_at()
            result = run_curl("http://%s:%d/" % host_and_port(place))
            check(result.returncode == 56, f"exit {result.returncode}, {result.stderr}")  # CURLE_RECV_ERROR
            with connect(place) as client:
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                received = bytearray()
                check_equal(how_it_ends(client, received), "reset", "end")
                check(received == beginning, f"{len(received)} of {len(beginning)} bytes came before it")
            running.wait_for_log("#2 closed", f"{len(beginning)} back", "tls://", "close_notify")


def test_an_answer_that_was_cut_does_not_look_complete_over_tls(context):
    beginning = pattern(MEBIBYTE)
    for backend in BACKENDS:
        with upstream(serve_the_beginning_of(beginning), server_context(context)) as server, \
                relay(context, terminator(context), trusted(context, server.url), "--backend", backend) as running:
            with connect_tls(context, running.listens_at()) as client:
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                received = bytearray()
                check(how_it_ends(client, received) in ("truncated", "reset"), "it ended in order")
                check(received == beginning, f"{len(received)} of {len(beginning)} bytes came before it")
            running.wait_for_log("#1 closed", f"{len(beginning)} back", "close_notify")


def test_a_request_that_was_cut_does_not_look_complete(context):
    ends = []

    def serve(sock):
        received = bytearray()
        ends.append((how_it_ends(sock, received), bytes(received)))

    with upstream(serve) as server, relay(context, terminator(context), server.url) as running:
        client = connect_tls(context, running.listens_at())
        client.sendall(b"transfer 1000")
        # Without a close_notify: another digit may have been on its way. (Closed, it would send a reset where the
        # session tickets have arrived and nobody has read them.)
        client.shutdown(socket.SHUT_WR)
        wait_until(lambda: ends, "the end at the server")
        check_equal(ends, [("reset", b"transfer 1000")], "what the server saw")
        running.wait_for_log("#1 closed", "127.0.0.1:", "close_notify")
        client.close()


def test_an_answer_to_standard_output_that_was_cut_exits_1(context):
    with upstream(serve_the_beginning_of(b"half of"), server_context(context)) as server, \
            relay(context, "-", trusted(context, server.url)) as running:
        running.process.stdin.write(b"GET\r\n\r\n")
        running.process.stdin.close()
        check_equal(running.process.stdout.read(), b"half of", "answer")
        running.check_exit(1)
        running.check_said("tidegate: tls://127.0.0.1:", "close_notify")


# --- Those who are not let in, or not believed -------------------------------------------------------------


def test_servers_that_are_not_who_they_should_be_are_not_sent_anything(context):
    made = certificates(context)
    asked = []
    serve = lambda sock: asked.append(receive_all(sock))  # noqa: E731
    with upstream(serve, server_context(context)) as server:
        for terms, *parts in (({}, "certificate verify failed"),
                              ({"ca": made.strange_authority}, "certificate verify failed"),
                              ({"ca": made.authority, "name": "other.example"}, "ostname mismatch")):
            with relay(context, "-", with_terms(server.url, **terms)) as running:
                with contextlib.suppress(BrokenPipeError):  # it may have given up by then
                    running.process.stdin.write(b"secret")
                    running.process.stdin.close()
                running.check_exit(1)
                running.check_said("tidegate: cannot open tls://127.0.0.1:", *parts)
        check(not any(asked), f"the server got {asked}")


def test_a_client_of_a_server_that_is_not_believed_is_closed_and_the_next_one_served(context):
    serve = echo_until_the_end
    with upstream(serve, server_context(context, certificates(context).path("other_host.both"))) as server, \
            relay(context, "listen+tcp://127.0.0.1:0", trusted(context, server.url)) as running:
        for number in (1, 2):
            with connect(running.listens_at() if number == 1 else place) as client:
                place = "tcp://%s:%d" % client.getpeername()
                check_equal(receive_all(client), b"", "what the client gets")
            running.wait_for_log(f"#{number} closed", "cannot open tls://", "ostname mismatch")


def test_whoever_is_believed_without_proof_is_warned_of_unless_quiet(context):
    warning = "is believed, because of verify=none"
    with upstream(echo_until_the_end, server_context(context)) as server:
        for quiet in ([], ["--quiet"]):
            to = with_terms(server.url, verify="none")
            with relay(context, "listen+tcp://127.0.0.1:0", to, *quiet) as running:
                with connect(running.listens_at()) as client:
                    client.sendall(b"hello")
                    check_equal(receive_exactly(client, 5), b"hello", "echo")
                check_equal(any(line == f"warning: whoever answers at {to} {warning}" for line in running.log),
                            not quiet, f"whether the warning is in {running.log}")


def test_handshakes_that_fail_disturb_nobody(context):
    with upstream(echo_until_the_end) as server, \
            relay(context, terminator(context, handshake="1"), server.url) as running:
        url = running.listens_at()
        with connect_tls(context, url) as witness:
            running.wait_for_log("#1 secured")
            with socket.create_connection(host_and_port(url), PATIENCE_SECONDS) as plain:
                plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                running.wait_for_log("#2 closed", "cannot secure 127.0.0.1:", "http request")
            with socket.create_connection(host_and_port(url), PATIENCE_SECONDS) as mute:
                check_equal(receive_all(mute), b"", "what a mute client gets")
                running.wait_for_log("#3 closed", "127.0.0.1:", "longer than 1 s")
            socket.create_connection(host_and_port(url), PATIENCE_SECONDS).close()
            running.wait_for_log("#4 closed", "127.0.0.1:")
            witness.sendall(b"still here")
            check_equal(receive_exactly(witness, 10), b"still here", "echo")
        check_equal(server.connections, 1, "connections of the server")


def test_a_handshake_counts_among_the_connections(context):
    with upstream(echo_until_the_end) as server, \
            relay(context, terminator(context, handshake="1"), server.url, "--max-connections", "1") as running:
        url = running.listens_at()
        with socket.create_connection(host_and_port(url), PATIENCE_SECONDS) as mute:
            running.wait_for_log("#1 opened")
            with connect_tls(context, url) as client:  # waits until the mute one was given up
                running.wait_for_log("#1 closed", "longer than 1 s")
                client.sendall(b"at last")
                check_equal(receive_exactly(client, 7), b"at last", "echo")
            check_equal(receive_all(mute), b"", "what a mute client gets")


# --- The end -----------------------------------------------------------------------------------------------


def test_a_signal_ends_both_ends_over_tls_in_order(context):
    for backend in BACKENDS:
        ends = []
        serve = lambda sock, ends=ends: ends.append(how_it_ends(sock, bytearray()))  # noqa: E731
        with upstream(serve, server_context(context)) as server, \
                relay(context, terminator(context), trusted(context, server.url), "--backend", backend) as running:
            with connect_tls(context, running.listens_at()) as client:
                running.wait_for_log("#1 secured tls://")
                running.process.send_signal(signal.SIGTERM)
                check_equal(how_it_ends(client, bytearray()), "in order", "end of the client")
            running.check_exit(0)
        check_equal(ends, ["in order"], "end of the server")


def test_a_slow_reader_over_tls_makes_the_writer_wait(context):
    """Far more is offered than the relay may hold."""
    offered, sent = 64 * MEBIBYTE, []

    def serve(sock):
        read_request(sock)
        piece = bytes(MEBIBYTE)
        for _ in range(offered // MEBIBYTE):
            sock.sendall(piece)
            sent.append(len(piece))

    with upstream(serve) as server, relay(context, terminator(context), server.url) as running:
        with connect_tls(context, running.listens_at()) as client:
            before = running.resident_bytes()
            client.sendall(b"GET\r\n\r\n")
            check_equal(len(receive_exactly(client, 1)), 1, "bytes")
            wait_until_nothing_moves(sent)
            check(sum(sent) < offered, "everything was taken although nobody reads")
            grown = running.resident_bytes() - before
            check(grown < allowance(context, 4 * MEBIBYTE), f"{grown} bytes more")
            check_equal(len(receive_exactly(client, offered - 1)), offered - 1, "bytes")


def wait_until_nothing_moves(sent):
    seen, since = -1, 0

    def is_still():
        nonlocal seen, since
        since = since + 1 if len(sent) == seen else 0
        seen = len(sent)
        return since > 150  # of 2 ms each

    wait_until(is_still, "the server to be stuck")
