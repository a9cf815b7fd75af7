"""Messages between two people through the relay, and the room of each.

Values alone. Sealing is sessions/cipher.py's; sending is connection.py's.
"""

from __future__ import annotations

import msgspec

from relay.protocol.words import PairingWord, Room, Word


class SealedMessage(Word, frozen=True, kw_only=True):
    """A sealed word, as the relay sees it.

    event: the name it was sent under. body: the ciphertext.
    """

    event: str
    body: bytes


class RoomMessage(msgspec.Struct, frozen=True):
    """A message of the other side of a room: a SealedMessage, or a word of pairing."""

    room: Room
    word: SealedMessage | PairingWord
