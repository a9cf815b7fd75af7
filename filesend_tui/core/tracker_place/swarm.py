"""Being in one swarm of a tracker: announces, offers, answers, and the announces that keep it.

Sans-IO: frames go to a callback, and times come from the caller. What offers mean is their maker's.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeAlias

from filesend_tui.core.tracker_place.seals import ID_LENGTH
from filesend_tui.core.tracker_place.timings import Timings
from relay.protocol.tracker_json import (
    Announce,
    AnnounceReply,
    Answer,
    AnswerFrame,
    Event,
    Offer,
    OfferFrame,
)

#: Sends a frame; must not block.
Post: TypeAlias = Callable[[Announce | Answer], None]

#: Never.
NEVER: Final = float("inf")


class Guest(Protocol):
    """Whoever is in a swarm. now: seconds of any monotonic clock, the same for all."""

    @property
    def due(self) -> float:
        """When `tick` is to be called at the latest."""

    def replied(self, reply: AnnounceReply, now: float, /) -> None:
        """Handle the reply to an announce; a hostile tracker sends any number."""

    def offered(self, frame: OfferFrame, now: float, /) -> None:
        """Handle an offer."""

    def answered(self, frame: AnswerFrame, now: float, /) -> None:
        """Handle an answer."""

    def refused(self, reason: str) -> None:
        """Handle the tracker's refusal; reason: its own words."""

    def tick(self, now: float) -> None:
        """Do what is due."""


class Swarm:
    """This side in one swarm.

    Args:
        id: 20 bytes.
        peer_id: This side's.
        post: Sends a frame.
        left: 0 for whoever others look for in the swarm, 1 for anybody else.
    """

    def __init__(
        self, id: bytes, peer_id: bytes, post: Post, timings: Timings, *, left: int = 1
    ) -> None:
        self.id = id
        self.peer_id = peer_id
        self._post = post
        self._timings = timings
        self._left = left
        self._interval = timings.max_interval
        self._due = NEVER

    @property
    def due(self) -> float:
        """When the next announce is due that keeps this side in the swarm."""
        return self._due

    def enter(self, now: float, offers: Sequence[Offer] = ()) -> None:
        """Enter the swarm."""
        self._announce(Event.STARTED, now, offers)

    def announce(self, now: float, offers: Sequence[Offer] = ()) -> None:
        """Announce again, which also keeps this side in the swarm."""
        self._announce(Event.UPDATE, now, offers)

    def answer(self, frame: OfferFrame, text: str) -> None:
        """Answer an offer."""
        self._post(
            Answer(
                info_hash=self.id,
                peer_id=self.peer_id,
                to_peer_id=frame.peer_id,
                offer_id=frame.offer_id,
                answer={"type": "answer", "sdp": text},
            )
        )

    def leave(self) -> None:
        """Leave the swarm; may be called twice."""
        if self._due != NEVER:
            self._announce(Event.STOPPED, NEVER, ())

    def replied(self, reply: AnnounceReply) -> None:
        """Take over the interval that the tracker asks for."""
        bounds = self._timings
        interval = min(max(reply.interval, bounds.min_interval), bounds.max_interval)
        if self._due != NEVER:
            self._due += interval - self._interval
            self._interval = interval

    def tick(self, now: float) -> None:
        """Announce if it is time."""
        if now >= self._due:
            self.announce(now)

    def _announce(self, event: Event, now: float, offers: Sequence[Offer]) -> None:
        self._due = now + self._interval
        self._post(
            Announce(
                info_hash=self.id,
                peer_id=self.peer_id,
                left=self._left,
                event=event,
                numwant=len(offers),
                offers=tuple(offers),
            )
        )


def new_id() -> bytes:
    """Return a fresh id of a peer or an offer."""
    return secrets.token_bytes(ID_LENGTH)


def offer(offer_id: bytes, text: str) -> Offer:
    """Return an offer with a sealed text."""
    return Offer(offer_id, {"type": "offer", "sdp": text})
