"""This side's identity: its own certificate, and the trusted ones of partners.

Both ends present a certificate, and each accepts only those it received in a sealed offer: there
is no authority. TLS itself verifies that; `fingerprint` identifies the certificate afterwards.
"""

from __future__ import annotations

import datetime
import hashlib
import secrets
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

#: Longest certificate that is accepted from a partner, in bytes of DER; ours have about 300.
MAX_CERTIFICATE: Final = 1024
#: Most certificates in one TLS context, at which those no longer expected are dropped.
MAX_TRUSTED: Final = 64
#: Where systems other than Windows have this process's open files.
_OPEN_FILES: Final = Path("/dev/fd")


class BadCertificate(ValueError):
    """The bytes are not a certificate."""


def fingerprint(certificate: bytes) -> bytes:
    """Return the SHA-256 of a certificate in DER."""
    return hashlib.sha256(certificate).digest()


class Identity:
    """This side's key and certificate, and the TLS contexts that trust given partners alone.

    Making one computes for milliseconds and writes a temporary file, as Python's ssl reads keys
    from nowhere else: the key in it is encrypted under a password that never leaves memory.
    Thread-safe.
    """

    def __init__(self) -> None:
        self._password = secrets.token_bytes(32)
        self.certificate, self._chain = _make(self._password)
        self._lock = threading.Lock()
        self._trusted: set[bytes] = set()
        self._server, self._client = self._contexts()

    def trust(self, certificates: frozenset[bytes]) -> None:
        """Let TLS accept these certificates (DER), from now on.

        Earlier ones may still pass the handshake: compare the `fingerprint` afterwards.

        Raises:
            BadCertificate: One is not a certificate.
        """
        with self._lock:
            missing = certificates - self._trusted
            if not missing:
                return
            if len(self._trusted) + len(missing) > MAX_TRUSTED:
                self._trusted = set()
                self._server, self._client = self._contexts()
                missing = certificates
            for certificate in missing:
                try:
                    self._server.load_verify_locations(cadata=certificate)
                    self._client.load_verify_locations(cadata=certificate)
                except (ssl.SSLError, ValueError) as error:
                    raise BadCertificate("this is no certificate") from error
                self._trusted.add(certificate)

    def context(self, *, server: bool) -> ssl.SSLContext:
        """Return the context for one end of a connection."""
        with self._lock:
            return self._server if server else self._client

    def _contexts(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        made = []
        for protocol in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT):
            context = ssl.SSLContext(protocol)
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.check_hostname = False  # the certificate itself is pinned, not a name
            context.verify_mode = ssl.CERT_REQUIRED
            # Two files, as some systems share the position in one that is opened twice.
            with _as_file(self._chain) as chain, _as_file(self._chain) as key:
                context.load_cert_chain(chain, key, password=self._password)
            made.append(context)
        server, client = made
        server.num_tickets = 0  # no session is ever resumed, and a client may read nothing
        return server, client


@contextmanager
def _as_file(data: bytes) -> Iterator[str]:
    """Give the path of a file with these bytes, in no folder where the system allows that.

    So a process that is killed right then leaves nothing behind.
    """
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        file.seek(0)
        nameless = _OPEN_FILES / str(file.fileno())
        if nameless.exists():
            yield str(nameless)
            return
    with tempfile.TemporaryDirectory(prefix="filesend-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "session.pem"
        path.touch(0o600)
        path.write_bytes(data)
        yield str(path)


def _make(password: bytes) -> tuple[bytes, bytes]:
    """Return a new self-signed certificate in DER, and it with its encrypted key in PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    # Random: OpenSSL finds issuers by name, and several of these are in one store.
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, secrets.token_hex(8))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # It lasts as long as the process; clocks that differ must not matter.
        .not_valid_before(datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(9999, 12, 31, tzinfo=datetime.UTC))
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding
    pem = key.private_bytes(
        encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password),
    ) + certificate.public_bytes(encoding.PEM)
    return certificate.public_bytes(encoding.DER), pem
