"""Sealed records: what protects the bytes in a pipe where one side is a browser, which has no TLS.

X25519 (RFC 7748) with a key that each side makes for this pipe, HKDF-SHA256 (RFC 5869) and
AES-256-GCM (RFC 5116) with a key for each direction; the public keys come in sealed descriptions,
so they are the partner's. A record is the length of what is sealed (2 bytes, big-endian), which is
also its associated data, and that; the nonce is the count of records in that direction. An empty
one says that nothing follows. A record that was changed, left out, repeated, or put elsewhere does
not open, and a stream that ends without the last one was cut off. Sans-IO: bytes in, bytes out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

#: Bytes of a public key.
KEY: Final = 32
#: Most bytes of content in one record.
MAX_CONTENT: Final = 32 * 1024

_CONTEXT: Final = b"filesend/pipe/1"
_LENGTH: Final = 2
_NONCE: Final = 12
_TAG: Final = 16


class BadRecord(Exception):
    """Bytes that the partner did not send like this."""


def new_key() -> X25519PrivateKey:
    """Return a key for one pipe."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return X25519PrivateKey.generate()


def public(key: X25519PrivateKey) -> bytes:
    """Return what the other side is to know of a key: KEY bytes."""
    return key.public_key().public_bytes_raw()


def agree(
    key: X25519PrivateKey, theirs: bytes, pipe: bytes, *, offered: bool
) -> tuple[Sealing, Opening]:
    """Return both directions of a pipe.

    Args:
        key: This side's.
        theirs: The other side's public key.
        pipe: Its name.
        offered: This side made the offer, and not the answer.

    Raises:
        BadRecord: Theirs is no key to agree with.
    """
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    try:
        shared = key.exchange(X25519PublicKey.from_public_bytes(theirs))
    except ValueError:  # of small order, or of another length
        raise BadRecord("no key to agree with") from None
    keys = (public(key), theirs) if offered else (theirs, public(key))
    derived = HKDF(SHA256(), 64, salt=pipe, info=_CONTEXT + b"".join(keys)).derive(shared)
    of_offer, of_answer = AESGCM(derived[:32]), AESGCM(derived[32:])
    if offered:
        return Sealing(of_offer), Opening(of_answer)
    return Sealing(of_answer), Opening(of_offer)


class Sealing:
    """The direction in which this side sends."""

    def __init__(self, aead: AESGCM) -> None:
        self._aead = aead
        self._count = 0

    def seal(self, content: bytes | memoryview) -> bytes:
        """Return records of this content, in a row; the last one of all where it is empty."""
        starts = range(0, max(1, len(content)), MAX_CONTENT)
        return b"".join(self._record(content[start : start + MAX_CONTENT]) for start in starts)

    def _record(self, content: bytes | memoryview) -> bytes:
        length = (len(content) + _TAG).to_bytes(_LENGTH)
        nonce = self._count.to_bytes(_NONCE)
        self._count += 1
        return length + self._aead.encrypt(nonce, content, length)


class Opening:
    """The direction in which the other side sends.

    Attributes:
        ended: Its last record has come.
    """

    def __init__(self, aead: AESGCM) -> None:
        self.ended = False
        self._aead = aead
        self._count = 0
        self._unread = bytearray()

    def open(self, data: bytes | memoryview) -> bytes:
        """Return the content of the records that are whole with these bytes.

        Raises:
            BadRecord: The partner did not send this; the connection is to end.
        """
        self._unread += data
        contents: list[bytes] = []
        at = 0
        while not self.ended and len(self._unread) - at >= _LENGTH:
            length = self._unread[at : at + _LENGTH]
            size = int.from_bytes(length)
            if not _TAG <= size <= MAX_CONTENT + _TAG:
                raise BadRecord("no record is so long")
            if len(self._unread) - at < _LENGTH + size:
                break
            at += _LENGTH
            contents.append(self._content(bytes(self._unread[at : at + size]), bytes(length)))
            at += size
        del self._unread[:at]
        if self.ended and self._unread:
            raise BadRecord("something follows the last record")
        return b"".join(contents)

    def _content(self, sealed: bytes, length: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag

        try:
            content = self._aead.decrypt(self._count.to_bytes(_NONCE), sealed, length)
        except InvalidTag:
            raise BadRecord("it was not sealed like this") from None
        self._count += 1
        self.ended = not content
        return content
