"""Messages between two people through the relay, and the room of each.

Values alone. Sealing is sessions/cipher.py's; sending is connection.py's.
"""

from __future__ import annotations

import msgspec

from relay.protocol.words import PAIRING, ROUTES, PairingWord, Room, Word, parse


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


class _InRoom(Word, frozen=True, kw_only=True):
    """A routed word of which only the room is read."""

    room: Room


def routed(event: str, payload: object) -> RoomMessage | None:
    """Return a word of the other side of a room; None if no room is named.

    A malformed word must not be dropped silently: it becomes a message that cannot be opened, for
    which the receiver ends the pairing or session.

    Args:
        event: The name that it was sent under.
        payload: The fields of Routed or Sealed.
    """
    try:
        room = parse(_InRoom, payload).room
    except msgspec.ValidationError:
        return None
    route = ROUTES.get(event)
    if route is None:
        return RoomMessage(room, SealedMessage(event="", body=b""))
    try:
        word = parse(route.payload, payload)
    except msgspec.ValidationError:
        return RoomMessage(room, SealedMessage(event=event, body=b""))
    pairing = PAIRING.get(event)
    if pairing is None:
        return RoomMessage(room, SealedMessage(event=event, body=word.body))
    return RoomMessage(room, pairing(body=word.body))
