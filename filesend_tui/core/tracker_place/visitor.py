"""Whoever comes to a place, where nobody is the first by agreement. Sans-IO.

    asking ──alone, or nobody answers──▶ waiting ──offer, and a sign in its room──▶ met
       ├──answer──▶ joined                  └──nobody comes──▶ expired
       └──offer, and a sign in its room──▶ met

Whoever asks makes offers; whoever is there answers, enters the offer's room and has met once the
other gives a sign there. An answer is taken while asking alone. Of two who answered each other, the
one with the lower peer id waits: so it drops the answer that it got, and the other drops the room
that it entered. So one of the two joins, and the other is met, or neither.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final, Protocol

from filesend_tui.core.tracker_place.invitations import Invitations
from filesend_tui.core.tracker_place.seals import place_seals
from filesend_tui.core.tracker_place.swarm import NEVER, Post, Swarm
from filesend_tui.core.tracker_place.timings import Timings
from relay.protocol.tracker_json import AnnounceReply, AnswerFrame, OfferFrame

#: Most rooms entered at one place, in each of which a sign is waited for.
MAX_ENTERED: Final = 4


class VisitorHost(Protocol):
    """What a visitor tells its owner; every method returns at once."""

    def waits(self) -> None:
        """Handle that nobody answered: this side waits from now on. Told once at most."""

    def joined(self, room: str, waiter: bytes) -> None:
        """Enter the room with whoever waited; this side has left the place."""

    def refused(self, reason: str) -> None:
        """Handle the tracker's refusal; this side has left."""

    def expired(self) -> None:
        """Handle that nobody came in time; this side has left."""

    def enters(self, room: str, guest: bytes) -> bool:
        """Enter a room in which a sign of whoever came is waited for; whether there is room."""

    def forsakes(self, room: str, now: float) -> None:
        """Leave such a room, in which no sign came."""

    def met(self, room: str) -> None:
        """Handle that somebody came; this side has left the place."""


class _State(Enum):
    ASKING = auto()
    WAITING = auto()
    OVER = auto()


class Visitor:
    """One side at one place.

    Args:
        place: 32 bytes.
        peer_id: This side's.
    """

    def __init__(
        self, place: bytes, host: VisitorHost, *, peer_id: bytes, post: Post, timings: Timings
    ) -> None:
        seals = place_seals(place)
        self.swarm = seals.swarm
        self._host = host
        self._peer_id = peer_id
        self._timings = timings
        self._swarm = Swarm(seals.swarm, peer_id, post, timings)
        self._invitations = Invitations(seals, peer_id)
        self._state = _State.ASKING
        self._replied = False
        self._again = NEVER
        self._ask_end = NEVER
        self._expiry = NEVER
        #: Rooms that were entered: who made the offer, and until when a sign is waited for.
        self._entered: dict[str, tuple[bytes, float]] = {}

    @property
    def is_waiting(self) -> bool:
        """Whether this side waits there, and no longer asks."""
        return self._state is _State.WAITING

    @property
    def due(self) -> float:
        """See Guest."""
        settles = min((until for _, until in self._entered.values()), default=NEVER)
        return min(self._swarm.due, self._again, self._ask_end, self._expiry, settles)

    def enter(self, now: float) -> None:
        """Come to the place, and ask who is there."""
        self._again = now + self._timings.again
        self._ask_end = now + self._timings.ask
        self.renew(now)
        self._swarm.enter(now, self._invitations.make())

    def renew(self, now: float) -> None:
        """Wait for `lifetime` from now on."""
        self._expiry = now + self._timings.lifetime

    def leave(self, now: float) -> None:
        """Leave the place, and what was entered from it."""
        self._over(now)

    def sign(self, room: str, now: float) -> None:
        """Note the first sign of the other side in a room that was entered."""
        if self._state is _State.OVER or room not in self._entered:
            return
        del self._entered[room]
        self._wait()
        self._over(now)
        self._host.met(room)

    # -- Guest

    def replied(self, reply: AnnounceReply, _now: float) -> None:
        """See Guest."""
        if self._state is _State.OVER:
            return
        self._swarm.replied(reply)
        if not self._replied:
            self._replied = True
            if reply.complete + reply.incomplete <= 1:
                self._wait()

    def offered(self, frame: OfferFrame, now: float) -> None:
        """See Guest."""
        if self._state is _State.OVER or len(self._entered) >= MAX_ENTERED:
            return
        room = self._invitations.read(frame)
        if room is not None and self._host.enters(room, frame.peer_id):
            self._entered[room] = frame.peer_id, now + self._timings.settle
            self._swarm.answer(frame, self._invitations.accept(frame, room))

    def answered(self, frame: AnswerFrame, now: float) -> None:
        """See Guest."""
        room = None if self._state is _State.OVER else self._invitations.accepted(frame)
        if room is None:
            return
        both_answered = any(guest == frame.peer_id for guest, _ in self._entered.values())
        if both_answered and self._peer_id < frame.peer_id:
            return
        if self._state is _State.ASKING:
            self._over(now)
            self._host.joined(room, frame.peer_id)
        else:
            # The answer came late, and both would wait here: whoever knows so comes once more.
            self._expire(now)

    def refused(self, reason: str) -> None:
        """See Guest."""
        if self._state is _State.ASKING and not self._replied:
            self._state = _State.OVER
            self._swarm.leave()
            self._host.refused(reason)

    def tick(self, now: float) -> None:
        """See Guest."""
        for room, (_, until) in list(self._entered.items()):
            if now >= until:
                del self._entered[room]
                self._host.forsakes(room, now)
        if self._state is _State.OVER:
            return
        if now >= self._expiry:
            self._expire(now)
            return
        if now >= self._ask_end:
            self._wait()
        elif now >= self._again:
            self._again = NEVER
            self._swarm.announce(now, self._invitations.make())
        self._swarm.tick(now)

    # -- internals

    def _wait(self) -> None:
        if self._state is _State.ASKING:
            self._state = _State.WAITING
            self._again = self._ask_end = NEVER
            self._host.waits()

    def _expire(self, now: float) -> None:
        self._wait()
        self._over(now)
        self._host.expired()

    def _over(self, now: float) -> None:
        self._state = _State.OVER
        self._again = self._ask_end = self._expiry = NEVER
        entered, self._entered = self._entered, {}
        for room in entered:
            self._host.forsakes(room, now)
        self._swarm.leave()
