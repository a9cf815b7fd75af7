"""What travels between two people through the relay: messages, and the room each is said in.

Values alone. What is sealed, and how, is sessions/cipher.py's; how they travel is connection.py's.
"""

from __future__ import annotations

import msgspec

from relay.protocol.words import PairingWord, Room, Word


class SealedMessage(Word, frozen=True, kw_only=True):
    """A word as it travels: what the relay may see of it.

    event: the name it was sent under. body: the ciphertext.
    """

    event: str
    body: bytes


class RoomMessage(msgspec.Struct, frozen=True):
    """What the other in a room said: a SealedMessage, or a word of pairing."""

    room: Room
    word: SealedMessage | PairingWord
