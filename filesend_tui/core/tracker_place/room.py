"""A room at a tracker: two people in a swarm of their own, whose words are offers and answers.

Each part of a word is one offer, and the answer to it says that it was taken. Sans-IO.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import Final, Literal, Protocol, TypeAlias

from filesend_tui.core.tracker_place import parts
from filesend_tui.core.tracker_place.parts import Kind
from filesend_tui.core.tracker_place.seals import BadSeal, Use, room_seals
from filesend_tui.core.tracker_place.stream import Done, Incoming, Outgoing, Sending
from filesend_tui.core.tracker_place.swarm import NEVER, Post, Swarm, new_id, offer
from filesend_tui.core.tracker_place.timings import Timings
from relay.protocol.tracker_json import AnnounceReply, AnswerFrame, OfferFrame

#: Most offers of the other side that are remembered as seen.
_MAX_SEEN: Final = 1024

#: Why a room is over: the other left, they are lost, or this side has left.
End: TypeAlias = Literal["left", "lost", "done"]

_log = logging.getLogger(__name__)


class RoomHost(Protocol):
    """What a room tells its owner; every method returns at once."""

    def entered(self, room: Room, now: float) -> None:
        """Handle the first sign of the other side."""

    def said(self, room: Room, event: str, body: bytes) -> None:
        """Handle a word of the other side."""

    def ended(self, room: Room, end: End) -> None:
        """Handle that it is over: nothing more comes, and what was not answered never is."""


class Room:
    """One room, from the moment that this side knows its id.

    Args:
        id: Of 32 hex digits.
        maker: Whether this side answered the offer with the room in it.
        peer_id: This side's.
        partner: The other side's.
    """

    def __init__(
        self,
        id: str,
        host: RoomHost,
        *,
        maker: bool,
        peer_id: bytes,
        partner: bytes,
        post: Post,
        timings: Timings,
    ) -> None:
        self.id = id
        #: Whether a sign of the other side has come.
        self.is_entered = False
        self._host = host
        self._maker = maker
        self._own, self._partner = peer_id, partner
        self._timings = timings
        self._seals = room_seals(id, maker=maker)
        self._swarm = Swarm(self._seals.swarm, peer_id, post, timings)
        self._out = Outgoing()
        self._in = Incoming()
        self._offers: dict[bytes, int] = {}
        self._seen: deque[bytes] = deque(maxlen=_MAX_SEEN)
        self._heard = 0.0
        self._held_until = 0.0
        self._leaving = NEVER
        self._over = False

    def __repr__(self) -> str:
        return f"Room(maker={self._maker})"  # never the id: it is what keys come from

    @property
    def swarm(self) -> bytes:
        """The id of its swarm."""
        return self._swarm.id

    @property
    def due(self) -> float:
        """See Guest."""
        resend = min((each.last for each in self._out.sending.values()), default=NEVER)
        lost = min((each.first for each in self._out.sending.values()), default=NEVER)
        held = self._held_until if self._is_held else NEVER
        return min(
            self._swarm.due,
            resend + self._timings.again,
            lost + self._timings.lost,
            self._heard + self._timings.probe if self._out.is_idle else NEVER,
            self._leaving,
            held,
        )

    @property
    def _is_held(self) -> bool:
        return bool(self._held_until) and not self.is_entered

    def enter(self, now: float) -> None:
        """Enter its swarm; the joiner gives a sign at once, and the maker waits for it."""
        self._heard = now
        if self._maker:
            self._held_until = now + self._timings.hold
            self._swarm.enter(now)
        else:
            self._swarm.enter(now)
            self._out.sign(Kind.PRESENT)
            self._pump(now)

    def say(self, event: str, body: bytes, done: Done, now: float) -> None:
        """Say a word; `done` is called once the other side took it. Raises TooMuch."""
        self._out.say(event, body, done)
        self._pump(now)

    def leave(self, now: float) -> None:
        """Say goodbye; `ended` is called when that is taken, or `parting` is over."""
        if self._over or self._leaving != NEVER:
            return
        self._leaving = now + self._timings.parting
        self._held_until = 0.0
        self._out.drop()
        self._out.sign(Kind.LEFT)
        self._pump(now)

    def drop(self, now: float, *, told: bool = True) -> None:
        """Leave at once. told: the other side is told that this one is lost."""
        if self._over:
            return
        if told:
            self._held_until = 0.0
            self._out.drop()
            self._out.sign(Kind.LOST)
            self._pump(now)
        self._over = True
        self._swarm.leave()

    # -- Guest

    def replied(self, reply: AnnounceReply, _now: float) -> None:
        """See Guest."""
        self._swarm.replied(reply)

    def refused(self, reason: str) -> None:
        """See Guest: what the tracker did not take is made again."""

    def offered(self, frame: OfferFrame, now: float) -> None:
        """See Guest."""
        if self._over or frame.peer_id != self._partner or frame.offer_id in self._seen:
            return
        try:
            use = Use(frame.offer_id, (self._partner, self._own))
            content = self._seals.other_offer.open(frame.offer["sdp"], use)
        except BadSeal:
            return
        part = parts.unpacked(content)
        if part is None or not self._in.take(part):
            return
        self._seen.append(frame.offer_id)
        answer = self._seals.own_answer.close(parts.acknowledgement(part.number), use)
        self._swarm.answer(frame, answer)
        self._there(now)
        self._deliver(now)

    def answered(self, frame: AnswerFrame, now: float) -> None:
        """See Guest."""
        number = self._offers.get(frame.offer_id)
        if self._over or number is None or frame.peer_id != self._partner:
            return
        try:
            use = Use(frame.offer_id, (self._own, self._partner))
            content = self._seals.other_answer.open(frame.answer["sdp"], use)
        except BadSeal:
            return
        sending = self._out.sending.get(number)
        if content != parts.acknowledgement(number) or sending is None:
            return
        for offer_id in sending.offers:
            del self._offers[offer_id]
        self._out.answered(number)
        self._there(now)
        if self._leaving != NEVER and self._out.is_idle:
            self._end("done")
        else:
            self._pump(now)

    def tick(self, now: float) -> None:
        """See Guest."""
        if self._over:
            return
        if now >= self._leaving:
            self._end("done")
            return
        if any(now >= each.first + self._timings.lost for each in self._out.sending.values()):
            self._end("lost" if self._leaving == NEVER else "done")
            return
        for sending in self._out.sending.values():
            if now >= sending.last + self._timings.again:
                self._offer(sending, now)
        if self._out.is_idle and now >= self._heard + self._timings.probe:
            self._out.sign(Kind.PRESENT)
        if self._is_held and now >= self._held_until:
            self._held_until = 0.0
        self._pump(now)
        self._swarm.tick(now)

    # -- internals

    def _there(self, now: float) -> None:
        """Note a sign of the other side."""
        self._heard = now
        if not self.is_entered:
            self.is_entered = True
            self._host.entered(self, now)
            self._pump(now)

    def _deliver(self, now: float) -> None:
        for word in self._in.words():
            if self._over:
                return
            match word:
                case None:
                    _log.info("a room at a tracker ends: its word was too long, or none")
                    self.drop(now)
                    self._host.ended(self, "lost")
                case Kind():
                    self._end(_END_OF[word])
                case (event, body) if self._leaving == NEVER:
                    self._host.said(self, event, body)

    def _pump(self, now: float) -> None:
        """Send whatever may be sent."""
        while not (self._over or self._is_held) and (sending := self._out.next(now)) is not None:
            self._offer(sending, now)

    def _offer(self, sending: Sending, now: float) -> None:
        offer_id = new_id()
        sending.last = now
        sending.offers.append(offer_id)
        self._offers[offer_id] = sending.part.number
        use = Use(offer_id, (self._own, self._partner))
        text = self._seals.own_offer.close(parts.packed(sending.part), use)
        self._swarm.announce(now, [offer(offer_id, text)])

    def _end(self, end: End) -> None:
        if not self._over:
            self._over = True
            self._swarm.leave()
            self._host.ended(self, end)


_END_OF: Final[dict[Kind, End]] = {Kind.LEFT: "left", Kind.LOST: "lost"}
