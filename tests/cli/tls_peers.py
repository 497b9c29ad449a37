"""Peers over TLS for the tests of the command: Python's ssl module, and the programs openssl and curl."""

import contextlib
import http.server
import select
import shutil
import socket
import ssl
import subprocess
import threading
import time

from certificates import certificates
from relay_peers import in_background
from support import PATIENCE_SECONDS, TestSkipped, check


def needs(program):
    if shutil.which(program) is None:
        raise TestSkipped(f"there is no {program} here")


def host_and_port(url):
    host, port = url.split("://", 1)[1].rsplit(":", 1)
    return host, int(port)


# --- Clients -----------------------------------------------------------------------------------------------


def client_context(context, authority=None, certificate=None, **settings):
    """Of a client that trusts the tests' authority. `settings`: attributes of ssl.SSLContext."""
    made = ssl.create_default_context(cafile=authority or certificates(context).authority)
    if certificate:
        made.load_cert_chain(certificate)
    for name, value in settings.items():
        setattr(made, name, value)
    return made


def connect_tls(context, url, tls=None, server_hostname="localhost"):
    """A connection whose end without a close_notify is an ssl.SSLEOFError."""
    sock = socket.create_connection(host_and_port(url), PATIENCE_SECONDS)
    try:
        return (tls or client_context(context)).wrap_socket(sock, server_hostname=server_hostname,
                                                            suppress_ragged_eofs=False)
    except BaseException:
        sock.close()
        raise


def check_tls_round_trip(sock, data):
    """Sends and receives in turn, since nobody holds as much, and one connection of OpenSSL's is for one thread."""
    sock.setblocking(False)
    received, sent, deadline = bytearray(), 0, time.monotonic() + PATIENCE_SECONDS
    while len(received) < len(data):
        check(time.monotonic() < deadline, f"{len(received)} of {len(data)} bytes came back in time")
        came = without_waiting(lambda: sock.recv(65536))
        check(came != b"", f"the end came after {len(received)} of {len(data)} bytes")
        went = without_waiting(lambda: sock.send(data[sent:sent + 65536])) if sent < len(data) else None
        received += came or b""
        sent += went or 0
        if came is None and went is None:
            select.select([sock], [sock] if sent < len(data) else [], [], 1)
    sock.settimeout(PATIENCE_SECONDS)
    check(received == data, "other bytes came back")


def without_waiting(action):
    """None where it would have to wait."""
    try:
        return action()
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return None


def end_in_order(sock):
    """Says close_notify, and waits for the peer's."""
    sock.unwrap().close()


def how_it_ends(sock, received):
    """Receives until the end, and says which one it was."""
    try:
        while piece := sock.recv(65536):
            received += piece
    except ssl.SSLEOFError:
        return "truncated"
    except ConnectionResetError:
        return "reset"
    return "in order"


def run_curl(*arguments):
    needs("curl")
    return subprocess.run(["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", str(PATIENCE_SECONDS),
                           *arguments], capture_output=True, timeout=2 * PATIENCE_SECONDS)


# --- Servers -----------------------------------------------------------------------------------------------


class Upstream:
    """A server over TCP or TLS that hands each connection to `serve` on a thread. `problems`: what went wrong there."""

    def __init__(self, serve, tls=None):
        self._serve, self._tls = serve, tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = "%s://127.0.0.1:%d" % ("tls" if tls else "tcp", self._listener.getsockname()[1])
        self.connections = 0
        self.problems = []
        self._threads = []
        self._accepting = in_background(self._accept)

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._threads.append(in_background(lambda sock=sock: self._handle(sock)))

    def _handle(self, sock):
        sock.settimeout(PATIENCE_SECONDS)
        try:
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False)
            with sock:
                self._serve(sock)
        except OSError as error:
            self.problems.append(error)
            sock.close()

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in (self._accepting, *self._threads):
            thread.join(PATIENCE_SECONDS)


@contextlib.contextmanager
def upstream(serve, tls=None):
    server = Upstream(serve, tls)
    try:
        yield server
    finally:
        server.close()


def server_context(context, certificate=None, alpn=None, clients_of=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate or certificates(context).server)
    if alpn:
        made.set_alpn_protocols(alpn)
    if clients_of:
        made.load_verify_locations(clients_of)
        made.verify_mode = ssl.CERT_REQUIRED
    return made


class QuietHandler(http.server.BaseHTTPRequestHandler):
    """Answers with what the server was told to, over a connection that is kept; to a POST with what came."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self._answer(self.server.body)

    def do_POST(self):
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def http_server(body, tls=None):
    """Its place, as host:port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), QuietHandler) as server:
        server.body = body
        server.daemon_threads = True
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        serving.start()
        try:
            yield "127.0.0.1:%d" % server.server_address[1]
        finally:
            server.shutdown()
            serving.join(PATIENCE_SECONDS)


def echo_until_the_end(sock):
    while piece := sock.recv(65536):
        sock.sendall(piece)


def read_request(sock):
    """Up to the empty line that ends the head."""
    request = b""
    while b"\r\n\r\n" not in request:
        piece = sock.recv(65536)
        check(piece, f"the request ended after {request!r}")
        request += piece
    return request


