"""The certificate of the servers that speak TLS: made anew for each run, by the openssl program."""

import pathlib
import shutil
import subprocess

from .processes import Failure

PATIENCE_SECONDS = 30


class Certificate:
    """An ECDSA certificate of P-256 for this machine, which is its own issuer. `chain` has it and its key, for the
    server; `trusted` has it alone, for the client."""

    def __init__(self, folder):
        """Makes both files in `folder`. Raises Failure."""
        program = shutil.which("openssl")
        if not program:
            raise Failure("the openssl program is not there to make a certificate")
        self.trusted = pathlib.Path(folder) / "certificate.pem"
        self.chain = pathlib.Path(folder) / "certificate-and-key.pem"
        key = pathlib.Path(folder) / "key.pem"
        made = subprocess.run(
            [program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", "2",
             "-keyout", key, "-out", self.trusted],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
        if made.returncode != 0:
            raise Failure(f"openssl made no certificate: {made.stderr.strip()[-160:]}")
        self.chain.write_text(key.read_text(encoding="ascii") + self.trusted.read_text(encoding="ascii"),
                              encoding="ascii")
