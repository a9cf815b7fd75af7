"""Sealing: the words of two people, encrypted and authenticated for each kind of line.

Through a relay (RoomCipher): AES-256-GCM with a key for each direction, both derived by HKDF
(RFC 5869) from the key of the pairing. The nonce is the count of words in that direction; the
associated data names the pairing, the direction, the count and the event. So a word that was
altered, dropped, replayed, reordered, renamed, reflected or taken from another pairing does not
open, nor does any word after it. Each epoch of a session has keys of its own.

Over the channels of a transfer (ChannelCipher): AES-256-GCM with keys derived from the session's
root secret and a random nonce each time, as there may be several channels, in any order. The
channel is encrypted itself, to the partner alone; a word that is replayed there is taken once, by
its number (word_stream.py).

Sans-IO: envelopes in, sealed bytes out. Sending them never lives here.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from filesend_tui.core.errors import FileSendError, RelayTampered
from filesend_tui.core.relay_client.messages import SealedMessage
from filesend_tui.core.sessions.envelope import Envelope, decode, encode, event_of
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.pairing import SharedKey
from filesend_tui.core.sessions.shared_secret import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_CONTEXT: Final = b"filesend/sealing/2"
_CHANNEL: Final = b"filesend/channel/1"
_NONCE_BYTES: Final = 12


class RoomCipher:
    """Both directions of one epoch of a session, through a room of a relay.

    Args:
        shared: The result of the pairing.
        side: Which of the two this is.
    """

    def __init__(self, shared: SharedKey, side: Side) -> None:
        self._out = _Direction(shared, side)
        self._in = _Direction(shared, side.other)
        self._broken = False

    def seal(self, envelope: Envelope) -> SealedMessage:
        """Return it sealed; what is sealed must be sent in the order of the calls.

        Raises:
            FileSendError: It is too long; nothing was sealed.
        """
        event = event_of(envelope.word)
        return SealedMessage(event=event, body=self._out.encrypt(event, encode(envelope)))

    def open(self, message: SealedMessage) -> Envelope:
        """Return what the partner sealed.

        Raises:
            RelayTampered: It is not the partner's next word; nothing opens from now on.
            FileSendError: It is, but cannot be decoded: another version, or malice.
        """
        if self._broken:
            raise _tampered()
        try:
            return decode(message.event, self._in.decrypt(message.event, message.body))
        except FileSendError:
            self._broken = True
            raise


class ChannelCipher:
    """Both directions of a session, over any number of channels.

    A sealed word is a nonce of 12 bytes, and the ciphertext of the event's name, a zero byte and
    the envelope.

    Args:
        root: The session's root secret.
        side: Which of the two this was when they were introduced.
    """

    def __init__(self, root: Secret, side: Side) -> None:
        self._out = _derived(root.value, None, _CHANNEL + b"/" + side.encode())
        self._in = _derived(root.value, None, _CHANNEL + b"/" + side.other.encode())

    def seal(self, envelope: Envelope) -> bytes:
        """Return it sealed. Raises FileSendError where it is too long."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        plain = event_of(envelope.word).encode() + b"\0" + encode(envelope)
        return nonce + self._out.encrypt(nonce, plain, _CHANNEL)

    def open(self, sealed: bytes) -> Envelope:
        """Return what the partner sealed. Raises FileSendError where the partner did not."""
        from cryptography.exceptions import InvalidTag

        try:
            plain = self._in.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _CHANNEL)
        except (InvalidTag, ValueError):
            raise FileSendError("A channel delivered what the other person did not say.") from None
        event, _, content = plain.partition(b"\0")
        return decode(event.decode("ascii", "replace"), content)


class _Direction:
    """The key and the word count of one direction."""

    def __init__(self, shared: SharedKey, speaker: Side) -> None:
        info = _CONTEXT + b"/" + speaker.encode()
        self._aead = _derived(shared.key, shared.transcript, info)
        self._bound = _CONTEXT + shared.transcript + bytes([speaker is Side.JOINER])
        self._count = 0

    def encrypt(self, event: str, content: bytes) -> bytes:
        nonce = self._nonce()
        self._count += 1
        return self._aead.encrypt(nonce, content, self._bound + nonce + event.encode())

    def decrypt(self, event: str, body: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag

        nonce = self._nonce()
        try:
            content = self._aead.decrypt(nonce, body, self._bound + nonce + event.encode())
        except InvalidTag:
            raise _tampered() from None
        self._count += 1
        return content

    def _nonce(self) -> bytes:
        return self._count.to_bytes(_NONCE_BYTES)


def _derived(key: bytes, salt: bytes | None, info: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return AESGCM(HKDF(SHA256(), 32, salt=salt, info=info).derive(key))


def _tampered() -> RelayTampered:
    return RelayTampered("The relay did not deliver what the other person said.")
