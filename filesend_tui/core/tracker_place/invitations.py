"""Offers of a room, made in a swarm where somebody may be: at a code's number, or at a place.

Each holds a fresh room of its own, so that two who answer are never in one. Sans-IO.
"""

from __future__ import annotations

import secrets
from collections import deque
from typing import Final

from filesend_tui.core.tracker_place.seals import BadSeal, MeetingSeals, Use
from filesend_tui.core.tracker_place.swarm import new_id, offer
from relay.protocol.tracker_json import AnswerFrame, Offer, OfferFrame
from relay.protocol.words import Room

#: Offers in one announce: a tracker may still know peers who are gone, and hands each offer to one.
OFFERS: Final = 5
#: Most offers that are waited for, and most that are remembered as seen.
_MAX_WAITING: Final = 4 * OFFERS
_MAX_SEEN: Final = 256
_ROOM: Final = 16


class Invitations:
    """The offers that this side made, and those that it saw, in one swarm.

    Args:
        seals: The swarm's.
        peer_id: This side's.
    """

    def __init__(self, seals: MeetingSeals, peer_id: bytes) -> None:
        self._seals = seals
        self._peer_id = peer_id
        self._waiting: dict[bytes, Room] = {}
        self._seen: deque[bytes] = deque(maxlen=_MAX_SEEN)

    def make(self) -> list[Offer]:
        """Return fresh offers; the oldest that nobody answered count no more."""
        made = []
        for _ in range(OFFERS):
            offer_id, room = new_id(), secrets.token_bytes(_ROOM)
            self._waiting[offer_id] = room.hex()
            made.append(
                offer(offer_id, self._seals.offer.close(room, Use(offer_id, (self._peer_id,))))
            )
        for old in list(self._waiting)[:-_MAX_WAITING]:
            del self._waiting[old]
        return made

    def read(self, frame: OfferFrame) -> Room | None:
        """Return the room that another's offer is of; None: it is none, or a repeated one."""
        if frame.peer_id == self._peer_id or frame.offer_id in self._seen:
            return None
        room = _opened(self._seals, frame.offer["sdp"], frame.offer_id, (frame.peer_id,), "offer")
        if room is not None:
            self._seen.append(frame.offer_id)
        return room

    def accept(self, frame: OfferFrame, room: Room) -> str:
        """Return the text of the answer to an offer."""
        use = Use(frame.offer_id, (frame.peer_id, self._peer_id))
        return self._seals.answer.close(bytes.fromhex(room), use)

    def accepted(self, frame: AnswerFrame) -> Room | None:
        """Return the room that an answer accepts, once; None: it answers no offer of ours."""
        room = self._waiting.get(frame.offer_id)
        if room is None or frame.peer_id == self._peer_id:
            return None
        peers = (self._peer_id, frame.peer_id)
        if _opened(self._seals, frame.answer["sdp"], frame.offer_id, peers, "answer") != room:
            return None
        del self._waiting[frame.offer_id]
        return room


def _opened(
    seals: MeetingSeals, text: str, offer_id: bytes, peers: tuple[bytes, ...], kind: str
) -> Room | None:
    seal = seals.offer if kind == "offer" else seals.answer
    try:
        content = seal.open(text, Use(offer_id, peers))
    except BadSeal:
        return None
    return content.hex() if len(content) == _ROOM else None
