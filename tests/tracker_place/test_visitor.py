"""Two who come to a place: whatever a tracker does, never do both join, and never are both met."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.tracker_place.timings import DEFAULT
from filesend_tui.core.tracker_place.visitor import MAX_ENTERED, Visitor
from relay.protocol.tracker_json import Announce, AnnounceReply, Answer, AnswerFrame, OfferFrame

PLACE = bytes(32)
LOW, HIGH = bytes(20), b"\xff" * 20


class Side:
    """A visitor, what it was told, and what it posted. signs: in which room it gives one."""

    def __init__(self, peer_id: bytes) -> None:
        self.peer_id = peer_id
        self.posted: list[Announce | Answer] = []
        self.events: list[str] = []
        self.room: str | None = None
        self.entered: set[str] = set()
        self.signs: list[str] = []
        self.visitor = Visitor(
            PLACE, self, peer_id=peer_id, post=self.posted.append, timings=DEFAULT
        )

    def waits(self) -> None:
        self.events.append("waits")

    def joined(self, room: str, waiter: bytes) -> None:
        self.events.append("joined")
        self.room = room
        self.signs.append(room)

    def met(self, room: str) -> None:
        self.events.append("met")
        self.room = room

    def refused(self, reason: str) -> None:
        self.events.append("refused")

    def expired(self) -> None:
        self.events.append("expired")

    def enters(self, room: str, guest: bytes) -> bool:
        self.entered.add(room)
        return True

    def forsakes(self, room: str, now: float) -> None:
        self.entered.discard(room)

    def deliver(self, frame: object, now: float) -> None:
        match frame:
            case OfferFrame():
                self.visitor.offered(frame, now)
            case AnswerFrame():
                self.visitor.answered(frame, now)
            case AnnounceReply():
                self.visitor.replied(frame, now)
            case str() if frame in self.entered:
                self.visitor.sign(frame, now)


def reply(count: int) -> AnnounceReply:
    return AnnounceReply(info_hash=bytes(20), interval=120, incomplete=count)


def forwarded(frames: list[Announce | Answer]) -> list[object]:
    """What a tracker makes of frames for the other side."""
    out: list[object] = []
    for frame in frames:
        if isinstance(frame, Announce):
            out += [
                OfferFrame(
                    info_hash=frame.info_hash,
                    peer_id=frame.peer_id,
                    offer_id=each.offer_id,
                    offer=each.offer,
                )
                for each in frame.offers[:1]
            ]
        else:
            out.append(
                AnswerFrame(
                    info_hash=frame.info_hash,
                    peer_id=frame.peer_id,
                    offer_id=frame.offer_id,
                    answer=frame.answer,
                )
            )
    frames.clear()
    return out


def both() -> tuple[Side, Side]:
    """Two who both think that somebody is there, and whose offers reached each other's tracker."""
    sides = Side(LOW), Side(HIGH)
    for side in sides:
        side.visitor.enter(0.0)
        side.deliver(reply(2), 0.0)
    return sides


def test_of_two_who_answered_each_other_the_lower_id_waits() -> None:
    low, high = both()
    offers = forwarded(low.posted), forwarded(high.posted)
    high.deliver(offers[0][0], 0.1)
    low.deliver(offers[1][0], 0.1)
    for_high, for_low = forwarded(low.posted), forwarded(high.posted)
    low.deliver(for_low[0], 0.2)
    assert low.events == []
    high.deliver(for_high[0], 0.2)
    assert high.events == ["joined"]
    low.deliver(high.signs[0], 0.3)
    assert low.events == ["waits", "met"]
    assert low.room == high.room
    assert low.entered == {low.room}
    assert not high.entered


def test_an_answer_that_comes_too_late_makes_its_taker_come_again() -> None:
    low, high = both()
    offers = forwarded(low.posted)
    high.posted.clear()
    low.visitor.tick(DEFAULT.ask)
    assert low.events == ["waits"]
    high.visitor.tick(DEFAULT.ask)
    high.posted.clear()
    high.deliver(offers[0], DEFAULT.ask)
    low.deliver(forwarded(high.posted)[0], DEFAULT.ask)
    assert low.events == ["waits", "expired"]
    high.visitor.tick(DEFAULT.ask + DEFAULT.settle)
    assert not high.entered
    assert high.visitor.is_waiting


def test_an_offer_of_ones_own_and_a_repeated_one_have_no_effect() -> None:
    low, high = both()
    (offer,) = forwarded(high.posted)
    high.deliver(offer, 0.1)
    assert not high.entered
    for _ in range(3):
        low.deliver(offer, 0.1)
    assert len(low.entered) == 1


def test_rooms_that_are_entered_are_bounded() -> None:
    low, high = both()
    for _ in range(MAX_ENTERED + 2):
        high.visitor.enter(0.0)
        for offer in forwarded(high.posted):
            low.deliver(offer, 0.1)
    assert len(low.entered) == MAX_ENTERED


@given(seed=st.integers(0, 2**32), loses=st.booleans())
def test_one_joins_and_the_other_is_met_or_neither(seed: int, loses: bool) -> None:
    rng = random.Random(seed)
    sides = both()
    lines: tuple[list[object], list[object]] = [], []
    now = 0.0
    while now < 60:
        for index, side in enumerate(sides):
            line = lines[1 - index]
            line += forwarded(side.posted)
            line += side.signs
            side.signs = []
        index = rng.randrange(2)
        if lines[index] and rng.random() < 0.8:
            at = rng.randrange(len(lines[index])) if loses else 0
            frame = lines[index].pop(at)
            if not loses or rng.random() < 0.8:
                sides[index].deliver(frame, now)
        else:
            now += rng.random()
            for side in sides:
                if now >= side.visitor.due:
                    side.visitor.tick(now)
    ends = [set(side.events) & {"joined", "met"} for side in sides]
    assert ends[0] != ends[1] or ends == [set(), set()]
    assert all(len(end) <= 1 for end in ends)
    if {"met"} in ends:
        assert {"joined"} in ends
        assert sides[0].room == sides[1].room
    if not loses and not any("expired" in side.events for side in sides):
        assert {"joined"} in ends
    for side in sides:
        assert "joined" not in side.events or "waits" not in side.events
