"""The relay's own TLS certificate, and a newer one as soon as its files change.

Certificates are renewed every few weeks by other programs, which write new files. Whoever is
connected stays; who connects gets the new one. What TLS costs is relay/guard's.
"""

from __future__ import annotations

import logging
import ssl
from pathlib import Path
from typing import NoReturn

from relay.file_watch import FileWatch, keep_looking

logger = logging.getLogger(__name__)


class BadCertificate(ValueError):
    """There is no usable certificate; the text says which file, why, and what to do."""


class Certificate:
    """A certificate with its key, in PEM files.

    Args:
        chain: The file of the certificate, with those of its issuers behind it.
        key: The file of its private key; None: it is in the same file.

    Raises:
        BadCertificate: One cannot be read, or they do not belong together.
    """

    def __init__(self, chain: Path, key: Path | None = None) -> None:
        self._chain = chain
        self._key = key
        self._files = FileWatch(*(path for path in (chain, key) if path is not None))
        self._context = self._load()

    @property
    def context(self) -> ssl.SSLContext:
        """The TLS context for who connects now."""
        return self._context

    async def keep(self) -> None:
        """Take newer files up, for as long as the relay runs."""
        await keep_looking(self.renew)

    def renew(self) -> bool:
        """Take newer files up, if there are any; return whether there were. Blocking.

        Those that cannot be used are said once, and the ones of before stay.
        """
        if not self._files.changed():
            return False
        try:
            self._context = self._load()
        except BadCertificate as error:
            # Perhaps only one of the two is written yet: the next look finds the other.
            logger.warning("the certificate of before stays: %s", error)
            return False
        logger.info("a newer certificate is used from now on")
        return True

    def _load(self) -> ssl.SSLContext:
        for path in (self._chain, self._key):
            try:
                if path is not None:
                    path.read_bytes()
            except OSError as error:
                raise BadCertificate(f"{path} cannot be read: {error.strerror}.") from error
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self._chain, self._key, password=_refuse)
        except (ssl.SSLError, ValueError, OSError) as error:
            raise BadCertificate(self._why(error)) from error
        return context

    def _why(self, error: Exception) -> str:
        reason = getattr(error, "reason", "") or ""
        key = self._key or self._chain
        if isinstance(error, _Encrypted):
            return f"the key in {key} is encrypted. Store it without a passphrase."
        if reason == "KEY_VALUES_MISMATCH":
            return f"the key in {key} is not that of the certificate in {self._chain}."
        return (
            f"{self._chain} and {key} hold no certificate in PEM form with its key. Name both with"
            " --tls-cert and --tls-key."
        )


class _Encrypted(ValueError):
    pass


def certificate_of(chain: Path | None, key: Path | None) -> Certificate | None:
    """Return the certificate in these files; None where none is named.

    Raises:
        BadCertificate: A key alone is named, or as of Certificate.
    """
    if chain is None and key is not None:
        raise BadCertificate("--tls-key needs --tls-cert, the certificate of the key.")
    return None if chain is None else Certificate(chain, key)


def _refuse() -> NoReturn:
    # OpenSSL would ask at the terminal.
    raise _Encrypted
