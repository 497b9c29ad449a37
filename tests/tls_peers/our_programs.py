"""Our end of it: the certificates, the HTTPS server and the HTTPS client that the tests start."""

import contextlib
import subprocess

from support import PATIENCE_SECONDS, Listening, check, check_equal


class Context:
    """What the tests of one backend share: where our programs are, and a folder with certificates."""

    def __init__(self, programs, folder):
        self.programs = programs
        self.folder = folder
        subprocess.run([f"{programs}/tls_peers_certificates", folder], check=True, timeout=PATIENCE_SECONDS)

    def file(self, name):
        return f"{self.folder}/{name}"

    def certificate(self, name):
        """The arguments that give our programs, and curl, a certificate with its key."""
        return self.file(f"{name}.pem"), self.file(f"{name}.key")


def pattern(size_bytes):
    """What the server answers to GET /bytes/N."""
    return (bytes(range(251)) * (size_bytes // 251 + 1))[:size_bytes]


class OurServer:
    def __init__(self, listening):
        self._listening = listening
        self.port = int(listening.urls[0].rsplit(":", 1)[1])

    @property
    def log(self):
        return self._listening.log

    def stop(self):
        """Ends it in order, which it can't where it has crashed meanwhile."""
        self._listening.stop()


@contextlib.contextmanager
def our_server(context, *arguments, certificate="server"):
    certificate_file, key_file = context.certificate(certificate)
    listening = Listening(f"{context.programs}/tls_peers_server", f"cert={certificate_file}", f"key={key_file}",
                          *arguments)
    try:
        server = OurServer(listening)
        yield server
        server.stop()
    finally:
        listening.kill()


def fetch(context, *arguments, fails=False):
    """Runs our client; returns what it got without its head, and the facts about each connection."""
    done = subprocess.run([f"{context.programs}/tls_peers_client", f"ca={context.file('ca.pem')}", *arguments],
                          capture_output=True, timeout=PATIENCE_SECONDS)
    said = done.stderr.decode()
    if fails:
        check(done.returncode == 1, f"our client ended with {done.returncode}, expected 1; it said {said!r}")
        return said
    check(done.returncode == 0, f"our client ended with {done.returncode}; it said {said!r}")
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    check(b" 200 " in head.split(b"\r\n")[0], f"the answer begins with {head[:80]!r}")
    return body, facts_in(said)


def facts_in(text):
    """Lines of "NAME VALUE"; a name that comes again begins the next connection."""
    connections = [{}]
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name in connections[-1]:
            connections.append({})
        connections[-1][name] = value
    return connections


def check_facts(facts, **expected):
    for name, value in expected.items():
        check_equal(facts.get(name), value, f"{name} in {facts}")
