"""What is sealed in a room: the parts of its words, numbered in each direction.

A part is its number (4 bytes, big-endian), its kind (one byte) and its bytes. The bytes of a word,
in one part or several, are its event's name, a zero byte and its body. The answer to a part is its
number. Values in, values out.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Final, NamedTuple

#: Most bytes of a word in one part: sealed and in base64 it leaves a frame below 16 KiB, the most
#: that aquatic takes.
PART: Final = 8 * 1024
#: Most parts in one direction of a room.
MAX_NUMBER: Final = 2**32 - 1
_NUMBER: Final = 4


class Kind(IntEnum):
    """The kinds of parts.

    PRESENT asks for a sign and says nothing. MORE: more of this word follows. LAST: the word is
    complete. LEFT, LOST: the other side is gone, at its own wish or not.
    """

    PRESENT = 0
    MORE = 1
    LAST = 2
    LEFT = 3
    LOST = 4


class Part(NamedTuple):
    """One part."""

    number: int
    kind: Kind
    data: bytes = b""


def packed(part: Part) -> bytes:
    """Return the bytes of a part."""
    return part.number.to_bytes(_NUMBER) + bytes([part.kind]) + part.data


def unpacked(content: bytes) -> Part | None:
    """Return the part in these bytes; None if there is none."""
    if not _NUMBER < len(content) <= _NUMBER + 1 + PART:
        return None
    try:
        kind = Kind(content[_NUMBER])
    except ValueError:
        return None
    return Part(int.from_bytes(content[:_NUMBER]), kind, content[_NUMBER + 1 :])


def acknowledgement(number: int) -> bytes:
    """Return the bytes of the answer to a part."""
    return number.to_bytes(_NUMBER)


def cut(event: str, body: bytes) -> Iterator[tuple[Kind, bytes]]:
    """Iterate over the parts of a word; each is copied when its turn comes."""
    head = event.encode() + b"\0"
    first = PART - len(head)
    at = first
    if len(body) <= first:
        yield Kind.LAST, head + body
        return
    yield Kind.MORE, head + body[:first]
    while len(body) - at > PART:
        yield Kind.MORE, body[at : at + PART]
        at += PART
    yield Kind.LAST, body[at:]


def joined(word: bytes) -> tuple[str, bytes] | None:
    """Return the event and the body of a whole word; None if it makes no sense."""
    name, zero, body = word.partition(b"\0")
    if not zero or not name.isascii():
        return None
    return name.decode(), body
