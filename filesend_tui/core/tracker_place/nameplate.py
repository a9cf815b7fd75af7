"""The two sides of a code's number: the maker, who waits at it, and the claimer, who comes.

The maker counts as a seeder of the number's swarm, so a tracker tells every other whether one is
there. Sans-IO.
"""

from __future__ import annotations

from typing import Protocol

from filesend_tui.core.tracker_place.invitations import Invitations
from filesend_tui.core.tracker_place.seals import number_seals
from filesend_tui.core.tracker_place.swarm import NEVER, Post, Swarm
from filesend_tui.core.tracker_place.timings import Timings
from relay.protocol.tracker_json import AnnounceReply, AnswerFrame, OfferFrame


class MakerHost(Protocol):
    """What a maker tells its owner; every method returns at once."""

    def has_opened(self) -> None:
        """Handle that the number is this side's."""

    def taken(self) -> None:
        """Handle that another maker waits there; this one has left."""

    def refused(self, reason: str) -> None:
        """Handle the tracker's refusal; this side has left."""

    def claimed(self, room: str, claimer: bytes) -> bool:
        """Enter a room with a claimer, before they are answered; return whether there is room."""

    def expired(self) -> None:
        """Handle that nobody came in time; this side has left."""


class Maker:
    """Whoever waits at a number.

    Args:
        number: The code's.
        peer_id: This side's.
    """

    def __init__(
        self, number: int, host: MakerHost, *, peer_id: bytes, post: Post, timings: Timings
    ) -> None:
        seals = number_seals(number)
        self.swarm = seals.swarm
        self._host = host
        self._timings = timings
        self._swarm = Swarm(seals.swarm, peer_id, post, timings, left=0)
        self._invitations = Invitations(seals, peer_id)
        self._opened = False
        self._expiry = NEVER

    @property
    def due(self) -> float:
        """See Guest."""
        return min(self._swarm.due, self._expiry)

    def enter(self, now: float) -> None:
        """Enter the swarm."""
        self._swarm.enter(now)

    def leave(self) -> None:
        """Withdraw."""
        self._expiry = NEVER
        self._opened = False
        self._swarm.leave()

    def replied(self, reply: AnnounceReply, now: float) -> None:
        """See Guest."""
        if self._swarm.due == NEVER:
            return
        self._swarm.replied(reply)
        if self._opened:
            return
        if reply.complete > 1:
            self.leave()
            self._host.taken()
        else:
            self._opened = True
            self._expiry = now + self._timings.lifetime
            self._host.has_opened()

    def offered(self, frame: OfferFrame, _now: float) -> None:
        """See Guest."""
        if not self._opened or (room := self._invitations.read(frame)) is None:
            return
        # The room first: the claimer speaks there as soon as the answer has come.
        if self._host.claimed(room, frame.peer_id):
            self._swarm.answer(frame, self._invitations.accept(frame, room))
            self.leave()

    def answered(self, frame: AnswerFrame, _now: float) -> None:
        """See Guest: this side made no offer."""

    def refused(self, reason: str) -> None:
        """See Guest."""
        if not self._opened:
            self.leave()
            self._host.refused(reason)

    def tick(self, now: float) -> None:
        """See Guest."""
        if now >= self._expiry:
            self.leave()
            self._host.expired()
        else:
            self._swarm.tick(now)


class ClaimerHost(Protocol):
    """What a claimer tells its owner; every method returns at once."""

    def unknown(self) -> None:
        """Handle that no maker is there, or none answers; this side has left."""

    def refused(self, reason: str) -> None:
        """Handle the tracker's refusal; this side has left."""

    def joined(self, room: str, maker: bytes) -> None:
        """Enter the room with the maker."""


class Claimer:
    """Whoever comes to a number.

    Args:
        number: The code's.
        peer_id: This side's.
    """

    def __init__(
        self, number: int, host: ClaimerHost, *, peer_id: bytes, post: Post, timings: Timings
    ) -> None:
        seals = number_seals(number)
        self.swarm = seals.swarm
        self._host = host
        self._timings = timings
        self._swarm = Swarm(seals.swarm, peer_id, post, timings)
        self._invitations = Invitations(seals, peer_id)
        self._replied = False
        self._again = NEVER
        self._end = NEVER

    @property
    def due(self) -> float:
        """See Guest."""
        return min(self._again, self._end)

    def enter(self, now: float) -> None:
        """Enter the swarm, with offers."""
        self._again = now + self._timings.again
        self._end = now + self._timings.claim
        self._swarm.enter(now, self._invitations.make())

    def leave(self) -> None:
        """Give up."""
        self._again = self._end = NEVER
        self._swarm.leave()

    def replied(self, reply: AnnounceReply, _now: float) -> None:
        """See Guest."""
        if self._end != NEVER and not self._replied:
            self._replied = True
            if reply.complete == 0:
                self.leave()
                self._host.unknown()

    def offered(self, frame: OfferFrame, _now: float) -> None:
        """See Guest: another claimer's."""

    def answered(self, frame: AnswerFrame, _now: float) -> None:
        """See Guest."""
        if self._end != NEVER and (room := self._invitations.accepted(frame)) is not None:
            self.leave()
            self._host.joined(room, frame.peer_id)

    def refused(self, reason: str) -> None:
        """See Guest."""
        if self._end != NEVER and not self._replied:
            self.leave()
            self._host.refused(reason)

    def tick(self, now: float) -> None:
        """See Guest."""
        if now >= self._end:
            self.leave()
            self._host.unknown()
        elif now >= self._again:
            self._again = now + self._timings.again
            self._swarm.announce(now, self._invitations.make())
