"""What a tracker sees of a meeting: swarm ids, and sealed texts in place of session descriptions.

Ids and keys come by HKDF-SHA256 from what the two share: the code's number, a place, or the id of
their room. A text is base64 of a nonce and ChaCha20-Poly1305 (RFC 8439), padded, bound to the
swarm, the offer and the peers. Values in, values out; frames are made elsewhere.

**What this hides.** A place is 32 bytes that nobody can guess: whoever does not know it reads and
makes nothing that is sealed for it, nor for the room that was agreed on under it. A code's number
has a few digits: a tracker, or anybody, can try all of them, and then reads the id of the room and
the words of pairing, and can make any of these. Nothing depends on that: the messages of SPAKE2 are
no secrets, a wrong guess of the code's words ends the pairing, and from then on words are sealed
under the session's own key. What stays for everybody else is that no text lies open, and that a
tracker which does not take this trouble cannot tell a meeting from any other swarm by its texts.
What a tracker sees in any case: addresses, times, how many frames there are, and their lengths.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass
from typing import Final

#: Bytes of the ids in frames.
ID_LENGTH: Final = 20
#: A sealed text is a multiple of this many bytes, nonce and tag included.
BUCKET: Final = 512
#: Most bytes that are sealed in one text: a part of a word, and its head.
MAX_CONTENT: Final = 8 * 1024 + 64
_INFO: Final = "filesend/tracker-place/1/"
_NONCE: Final = 12
_TAG: Final = 16
_LENGTH: Final = 2
_MAX_SEALED: Final = -(-(MAX_CONTENT + _LENGTH + _NONCE + _TAG) // BUCKET) * BUCKET
_MAX_TEXT: Final = -(-_MAX_SEALED // 3) * 4


class BadSeal(ValueError):
    """A text that nobody who shares this made, or not for this use of it. Quotes nothing."""


@dataclass(frozen=True, slots=True)
class Use:
    """What a text is for. offer_id: the offer that it is, or answers. peers: the ids that are known
    to both: first of whoever made the offer, then of whoever it is for, or who answers it.
    """

    offer_id: bytes
    peers: tuple[bytes, ...]


class Seal:
    """One key, for one kind of text in one swarm.

    Args:
        swarm: The swarm's id.
        key: 32 bytes.
    """

    def __init__(self, swarm: bytes, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        self._swarm = swarm
        self._cipher = ChaCha20Poly1305(key)

    def close(self, content: bytes, use: Use) -> str:
        """Return the text that seals some bytes, at most MAX_CONTENT."""
        if len(content) > MAX_CONTENT:
            raise ValueError("too long to be sealed")
        inside = len(content).to_bytes(_LENGTH) + content
        around = _NONCE + _TAG
        padded = inside.ljust(-(-(len(inside) + around) // BUCKET) * BUCKET - around, b"\0")
        # A key seals some hundred thousands at most: too few for random nonces to collide.
        nonce = secrets.token_bytes(_NONCE)
        sealed = nonce + self._cipher.encrypt(nonce, padded, self._bound(use))
        return base64.b64encode(sealed).decode()

    def open(self, text: str, use: Use) -> bytes:
        """Return what was sealed for this use.

        Raises:
            BadSeal: Nobody who has this key sealed it, or for another use.
        """
        from cryptography.exceptions import InvalidTag

        if len(text) > _MAX_TEXT:
            raise BadSeal("too long")
        try:
            sealed = base64.b64decode(text, validate=True)
            if len(sealed) % BUCKET or not sealed:
                raise BadSeal("of no length that is in use")
            nonce, rest = sealed[:_NONCE], sealed[_NONCE:]
            padded = self._cipher.decrypt(nonce, rest, self._bound(use))
        except (binascii.Error, ValueError, InvalidTag):
            raise BadSeal("nobody who shares this sealed it for us") from None
        length = int.from_bytes(padded[:_LENGTH])
        content = padded[_LENGTH : _LENGTH + length]
        if len(content) != length:
            raise BadSeal("cut short")
        return content

    def _bound(self, use: Use) -> bytes:
        """Return the associated data: ids of fixed length, of which each use has its number."""
        ids = (self._swarm, use.offer_id, *use.peers)
        if any(len(each) != ID_LENGTH for each in ids):
            raise BadSeal(f"an id is not {ID_LENGTH} bytes")
        return b"".join(ids)


@dataclass(frozen=True, slots=True)
class MeetingSeals:
    """The swarm where two meet, and the seals of its offers and answers; each holds a room's id."""

    swarm: bytes
    offer: Seal
    answer: Seal


@dataclass(frozen=True, slots=True)
class RoomSeals:
    """The swarm of a room, and the seals of offers and answers of this side and of the other."""

    swarm: bytes
    own_offer: Seal
    own_answer: Seal
    other_offer: Seal
    other_answer: Seal


def number_seals(number: int) -> MeetingSeals:
    """Return what is derived from the number of a code."""
    return _meeting(number.to_bytes(4), "number")


def place_seals(place: bytes) -> MeetingSeals:
    """Return what is derived from a place, 32 bytes."""
    return _meeting(place, "place")


def room_seals(room: str, *, maker: bool) -> RoomSeals:
    """Return what is derived from the id of a room, for its maker's side or for the joiner's."""
    shared = bytes.fromhex(room)
    swarm = _derived(shared, "room/swarm", ID_LENGTH)
    own, other = ("maker", "joiner") if maker else ("joiner", "maker")

    def seal(kind: str, side: str) -> Seal:
        return Seal(swarm, _derived(shared, f"room/{kind}/{side}", 32))

    return RoomSeals(
        swarm,
        own_offer=seal("offer", own),
        own_answer=seal("answer", own),
        other_offer=seal("offer", other),
        other_answer=seal("answer", other),
    )


def _meeting(shared: bytes, kind: str) -> MeetingSeals:
    swarm = _derived(shared, f"{kind}/swarm", ID_LENGTH)
    return MeetingSeals(
        swarm,
        offer=Seal(swarm, _derived(shared, f"{kind}/offer", 32)),
        answer=Seal(swarm, _derived(shared, f"{kind}/answer", 32)),
    )


def _derived(shared: bytes, label: str, length: int) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), length, salt=None, info=(_INFO + label).encode()).derive(shared)
