"""Certificates of the tests' own, made by the openssl program: an authority, what it signs, and a strange one."""

import functools
import os
import shutil
import subprocess

from support import TestSkipped, run

CONFIGURATION = """
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[server]
basicConstraints = critical,CA:FALSE
subjectAltName = DNS:localhost,IP:127.0.0.1
[other_host]
basicConstraints = critical,CA:FALSE
subjectAltName = DNS:other.example
[client]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = clientAuth
"""


class Certificates:
    """Files in PEM. Each with `.pem` holds the certificate, with `.key` its key, with `.both` both of them."""

    def __init__(self, folder):
        os.mkdir(folder)
        self._folder = folder
        with open(self.path("openssl.cnf"), "w") as configuration:
            configuration.write(CONFIGURATION)
        self._make("authority", "the authority")
        self._make("strange_authority", "a strange authority", section="authority")
        self._make("server", "localhost", signer="authority")
        self._make("other_host", "other.example", signer="authority")
        self._make("client", "a client", signer="authority")
        self._make("strange_client", "a strange client", section="client", signer="strange_authority")

    def path(self, name):
        return f"{self._folder}/{name}"

    @property
    def authority(self):
        return self.path("authority.pem")

    @property
    def strange_authority(self):
        return self.path("strange_authority.pem")

    @property
    def server(self):
        return self.path("server.both")

    def copy(self, name, new_name):
        with open(self.path(name), "rb") as source, open(self.path(new_name), "wb") as copy:
            copy.write(source.read())
        return self.path(new_name)

    def encrypt_key(self, name, new_name):
        self._openssl("pkey", "-in", self.path(name), "-aes256", "-passout", "pass:secret", "-out", self.path(new_name))
        return self.path(new_name)

    def _make(self, name, common_name, section=None, signer=None):
        signing = ["-CA", self.path(f"{signer}.pem"), "-CAkey", self.path(f"{signer}.key")] if signer else []
        self._openssl("req", "-x509", "-config", self.path("openssl.cnf"), "-extensions", section or name,
                      "-subj", f"/CN={common_name}", "-days", "1", "-newkey", "ec", "-pkeyopt",
                      "ec_paramgen_curve:P-256", "-nodes", *signing, "-keyout", self.path(f"{name}.key"),
                      "-out", self.path(f"{name}.pem"))
        with open(self.path(f"{name}.both"), "wb") as both:
            for part in ("pem", "key"):
                with open(self.path(f"{name}.{part}"), "rb") as source:
                    both.write(source.read())

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@functools.cache
def certificates(context):
    """Made once, in the folder of the run."""
    if shutil.which("openssl") is None:
        raise TestSkipped("there is no openssl here to make certificates")
    # Nobody listens there; a build with TLS would say that.
    if "no TLS" in run(context, "bench", "tls://127.0.0.1:1").stderr:
        raise TestSkipped("this build is without TLS")
    return Certificates(f"{context.folder}/certificates")
