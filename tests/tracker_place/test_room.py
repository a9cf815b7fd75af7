"""A room by the clock: what is sent again, asked for, and given up. No tracker, no waiting."""

from __future__ import annotations

from itertools import repeat

from filesend_tui.core.tracker_place.parts import PART, Kind
from filesend_tui.core.tracker_place.room import End, Room
from filesend_tui.core.tracker_place.timings import DEFAULT
from relay.protocol.tracker_json import Announce, AnnounceReply, Answer, AnswerFrame, OfferFrame

ROOM = "0" * 32
MAKER, JOINER = bytes(20), b"\xff" * 20


class Side:
    """One side of the room, what it was told, and what it posted."""

    def __init__(self, *, maker: bool) -> None:
        self.posted: list[Announce | Answer] = []
        self.words: list[tuple[str, bytes]] = []
        self.end: End | None = None
        self.taken: list[bytes] = []
        own, other = (MAKER, JOINER) if maker else (JOINER, MAKER)
        self.room = Room(
            ROOM,
            self,
            maker=maker,
            peer_id=own,
            partner=other,
            post=self.posted.append,
            timings=DEFAULT,
        )
        self.room.enter(0.0)

    def entered(self, room: Room, now: float) -> None:
        assert room is self.room

    def said(self, room: Room, event: str, body: bytes) -> None:
        self.words.append((event, body))

    def ended(self, room: Room, end: End) -> None:
        assert self.end is None
        self.end = end

    def say(self, body: bytes, now: float) -> None:
        self.room.say("message", body, lambda: self.taken.append(body), now)

    def offers(self) -> list[OfferFrame]:
        """What a tracker would pass on of the offers since the last time."""
        made = [
            OfferFrame(
                info_hash=frame.info_hash,
                peer_id=frame.peer_id,
                offer_id=offer.offer_id,
                offer=offer.offer,
            )
            for frame in self.posted
            if isinstance(frame, Announce)
            for offer in frame.offers
        ]
        self.posted[:] = [frame for frame in self.posted if isinstance(frame, Answer)]
        return made

    def answers(self) -> list[AnswerFrame]:
        made = [
            AnswerFrame(
                info_hash=frame.info_hash,
                peer_id=frame.peer_id,
                offer_id=frame.offer_id,
                answer=frame.answer,
            )
            for frame in self.posted
            if isinstance(frame, Answer)
        ]
        self.posted[:] = [frame for frame in self.posted if isinstance(frame, Announce)]
        return made


def pass_on(one: Side, other: Side, now: float) -> None:
    """Pass all on, both ways, until nobody says anything more."""
    while True:
        offers = [(other, each) for each in one.offers()] + [(one, each) for each in other.offers()]
        if not offers:
            return
        for to, offer in offers:
            to.room.offered(offer, now)
        for to, side in ((one, other), (other, one)):
            for answer in side.answers():
                to.room.answered(answer, now)


def both() -> tuple[Side, Side]:
    """Two who are there, and have heard of each other."""
    maker, joiner = Side(maker=True), Side(maker=False)
    pass_on(maker, joiner, 0.0)
    return maker, joiner


def test_the_maker_waits_for_a_sign_of_the_joiner() -> None:
    maker, joiner = Side(maker=True), Side(maker=False)
    maker.say(b"hello", 0.0)
    assert not maker.offers()
    pass_on(maker, joiner, 0.1)
    assert joiner.words == [("message", b"hello")]
    assert maker.taken == [b"hello"]


def test_the_maker_does_not_wait_for_ever() -> None:
    maker = Side(maker=True)
    maker.say(b"hello", 0.0)
    assert maker.room.due == DEFAULT.hold
    maker.room.tick(DEFAULT.hold)
    assert len(maker.offers()) == 1


def test_what_nobody_answers_is_said_again_under_another_id_and_taken_once() -> None:
    maker, joiner = both()
    maker.say(b"hello", 10.0)
    (first,) = maker.offers()
    maker.room.tick(10.0 + DEFAULT.again)
    (second,) = maker.offers()
    assert first.offer_id != second.offer_id
    for offer in (second, first, second):
        joiner.room.offered(offer, 13.0)
    assert joiner.words == [("message", b"hello")]
    answers = joiner.answers()
    assert len(answers) == 2
    for answer in answers:
        maker.room.answered(answer, 13.0)
    assert maker.taken == [b"hello"]


def test_a_word_that_nobody_takes_ends_the_room() -> None:
    maker, _ = both()
    maker.say(b"hello", 10.0)
    while maker.end is None:
        maker.room.tick(maker.room.due)
    assert maker.end == "lost"
    assert maker.taken == []
    # A fresh offer after 3, 6, … 18 seconds, and none more.
    assert len(maker.offers()) == 7


def test_a_silent_room_is_asked_for_a_sign_and_a_dead_one_is_noticed() -> None:
    maker, joiner = both()
    now = 0.0
    while now < 3 * DEFAULT.probe:
        now = min(maker.room.due, joiner.room.due)
        maker.room.tick(now)
        joiner.room.tick(now)
        pass_on(maker, joiner, now)
    assert maker.end is None is joiner.end
    last = now
    while maker.end is None:
        now = maker.room.due
        maker.room.tick(now)
    assert maker.end == "lost"
    assert now <= last + DEFAULT.probe + DEFAULT.lost


def test_a_goodbye_that_nobody_answers_ends_in_time() -> None:
    maker, _ = both()
    maker.room.leave(10.0)
    assert maker.room.due == 10.0 + DEFAULT.parting
    maker.room.tick(maker.room.due)
    assert maker.end == "done"
    assert isinstance(maker.posted[-1], Announce)
    assert maker.posted[-1].event == "stopped"


def test_both_may_leave_at_once() -> None:
    maker, joiner = both()
    maker.room.leave(10.0)
    joiner.room.leave(10.0)
    pass_on(maker, joiner, 10.0)
    assert {maker.end, joiner.end} <= {"done", "left"}
    assert maker.end is not None is not joiner.end


def test_a_tracker_sets_the_interval_of_announces_within_bounds() -> None:
    maker, _ = both()
    swarm = maker.room._swarm
    begun = swarm.due - DEFAULT.max_interval
    for asked, kept in ((0.0, DEFAULT.min_interval), (120.0, 120.0), (1e9, DEFAULT.max_interval)):
        for _ in range(3):
            maker.room.replied(AnnounceReply(info_hash=swarm.id, interval=asked), 0.0)
        assert swarm.due == begun + kept


def test_a_word_without_end_ends_the_room() -> None:
    maker, joiner = both()
    maker.room._out.say("message", b"", lambda: None)
    maker.room._out._words[0].parts = repeat((Kind.MORE, bytes(PART)))
    maker.room.tick(1.0)
    pass_on(maker, joiner, 1.0)
    assert joiner.end == "lost"
    assert joiner.words == []
