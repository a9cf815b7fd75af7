"""Sealing: the words of two people, encrypted and bound to their position in the session.

AES-256-GCM with a key for each direction, both derived by HKDF (RFC 5869) from the key of the
pairing. The nonce is the count of words in that direction; the associated data names the session,
the direction, the count and the event. So a word that was altered, dropped, replayed, reordered,
renamed, reflected or taken from another session does not open, nor does any word after it.
Sans-IO: words in, letters (sealed words) out. Sending letters never lives here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from filesend_tui.core.errors import FileSendError, RelayTampered
from filesend_tui.core.relay_client.messages import SealedMessage
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.pairing import SharedKey
from relay.protocol.words import CONTENTS, MAX_CONTENT, Word

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_CONTEXT: Final = b"filesend/sealing/1"
#: Contents are padded to a multiple of this many bytes: it hides the length of a name or a text,
#: and makes words of a few figures all look alike.
BUCKET: Final = 512
_NONCE_BYTES: Final = 12

_EVENT: Final[Mapping[type[Word], str]] = {content: event for event, content in CONTENTS.items()}


class SessionCipher:
    """Both directions of one session.

    Args:
        shared: The result of the pairing.
        side: Which of the two this is.
    """

    def __init__(self, shared: SharedKey, side: Side) -> None:
        self._out = _Direction(shared, side)
        self._in = _Direction(shared, side.other)
        self._broken = False

    def seal(self, word: Word) -> SealedMessage:
        """Return the word sealed; letters must be sent in the order of the calls.

        Raises:
            FileSendError: It is too long; nothing was sealed.
        """
        event = _EVENT[type(word)]
        content = msgspec.json.encode(word)
        if len(content) > MAX_CONTENT:
            raise FileSendError("That is too much to say at once.", "Say it in parts.")
        padded = content.ljust(-(-len(content) // BUCKET) * BUCKET)  # JSON ends in any white space
        return SealedMessage(event=event, body=self._out.encrypt(event, padded))

    def open(self, letter: SealedMessage) -> Word:
        """Return the partner's word.

        Raises:
            RelayTampered: It is not the partner's next word; nothing opens from now on.
            FileSendError: It is, but cannot be decoded: another version, or malice.
        """
        if self._broken:
            raise _tampered()
        try:
            content = self._in.decrypt(letter.event, letter.body)
        except RelayTampered:
            self._broken = True
            raise
        try:
            return msgspec.json.decode(content, type=CONTENTS[letter.event])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._broken = True
            raise FileSendError(
                "The other side's filesend and this one do not understand each other.",
                "Use the same version of filesend for both.",
            ) from error


class _Direction:
    """The key and the word count of one direction."""

    def __init__(self, shared: SharedKey, speaker: Side) -> None:
        self._aead = _aead(shared, speaker)
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


def _aead(shared: SharedKey, speaker: Side) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    hkdf = HKDF(SHA256(), 32, salt=shared.transcript, info=_CONTEXT + b"/" + speaker.encode())
    return AESGCM(hkdf.derive(shared.key))


def _tampered() -> RelayTampered:
    return RelayTampered("The relay did not deliver what the other person said.")
