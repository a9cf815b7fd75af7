from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from relay.limits import Limits
from relay.protocol import Claimed, ErrorCode, NameplateExpired, PartnerGone
from relay.rooms import Notice, Refusal, Rooms

LIMITS = Limits(nameplate_lifetime=600, remember=300, max_nameplates=4, max_remembered=3)


@pytest.fixture
def rooms() -> Rooms:
    return Rooms(LIMITS)


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as caught:
        act()
    assert caught.value.message.endswith(".")
    return caught.value.code


def pair(rooms: Rooms, one: str, other: str, now: float = 0.0) -> int:
    nameplate = rooms.allocate(one, now).nameplate
    rooms.claim(other, nameplate, now)
    return nameplate


def test_nameplates_are_the_lowest_free(rooms: Rooms):
    assert [rooms.allocate(who, 0).nameplate for who in "abc"] == [1, 2, 3]
    rooms.release("b")
    rooms.lost("a")
    assert [rooms.allocate(who, 0).nameplate for who in "de"] == [1, 2]


def test_a_nameplate_says_how_long_it_lives(rooms: Rooms):
    assert rooms.allocate("a", 0).expires_seconds == 600


def test_a_claim_pairs_both_and_tells_the_owner(rooms: Rooms):
    nameplate = rooms.allocate("a", 0).nameplate
    assert rooms.claim("b", nameplate, 1) == (Notice("a", "claimed", Claimed(nameplate=1)),)
    assert (rooms.partner("a"), rooms.partner("b")) == ("b", "a")
    assert (rooms.pairs, rooms.nameplates) == (1, 0)


def test_a_new_nameplate_replaces_the_earlier_one_by_another_number(rooms: Rooms):
    first = rooms.allocate("a", 0).nameplate
    second = rooms.allocate("a", 0).nameplate
    assert (first, second) == (1, 2)
    assert refusal(lambda: rooms.claim("b", first, 0)) == ErrorCode.UNKNOWN_CODE
    assert rooms.claim("b", second, 0)


def test_who_claims_gives_up_their_own_nameplate(rooms: Rooms):
    own = rooms.allocate("b", 0).nameplate
    pair(rooms, "a", "b")
    assert refusal(lambda: rooms.claim("c", own, 0)) == ErrorCode.UNKNOWN_CODE


@pytest.mark.parametrize(
    ("nameplate", "now", "code"),
    [
        (9, 0, ErrorCode.UNKNOWN_CODE),
        (1, 0, ErrorCode.USED_CODE),
        (2, 0, ErrorCode.OWN_CODE),
        (3, 600, ErrorCode.EXPIRED_CODE),  # over, though no sweep has come by
    ],
)
def test_each_useless_code_has_its_own_error(nameplate: int, now: float, code: str):
    rooms = Rooms(LIMITS)
    pair(rooms, "a", "b")  # 1
    rooms.allocate("c", 0)  # 2
    rooms.allocate("d", 0)  # 3
    assert refusal(lambda: rooms.claim("c", nameplate, now)) == code


def test_a_paired_person_can_neither_allocate_nor_claim(rooms: Rooms):
    pair(rooms, "a", "b")
    other = rooms.allocate("c", 0).nameplate
    for person in "ab":
        assert refusal(lambda who=person: rooms.allocate(who, 0)) == ErrorCode.ALREADY_PAIRED
        assert refusal(lambda who=person: rooms.claim(who, other, 0)) == ErrorCode.ALREADY_PAIRED
    assert rooms.claim("d", other, 0)


def test_an_expired_nameplate_is_told_to_its_owner_and_remembered(rooms: Rooms):
    rooms.allocate("a", 0)
    rooms.allocate("b", 1)
    assert rooms.expire(599) == ()
    assert rooms.expire(600) == (Notice("a", "nameplateExpired", NameplateExpired(nameplate=1)),)
    assert refusal(lambda: rooms.claim("c", 1, 600)) == ErrorCode.EXPIRED_CODE
    assert rooms.nameplates == 1


def test_a_used_number_comes_back_only_after_it_is_forgotten(rooms: Rooms):
    pair(rooms, "a", "b", now=0)
    assert rooms.allocate("c", 1).nameplate == 2
    rooms.expire(299)
    assert refusal(lambda: rooms.claim("d", 1, 299)) == ErrorCode.USED_CODE
    rooms.expire(300)
    assert refusal(lambda: rooms.claim("d", 1, 300)) == ErrorCode.UNKNOWN_CODE
    assert rooms.allocate("d", 300).nameplate == 1


def test_the_memory_of_used_numbers_is_bounded(rooms: Rooms):
    for number in (1, 2, 3, 4):
        assert pair(rooms, "a", "b") == number
        rooms.leave("a")
    assert refusal(lambda: rooms.claim("c", 2, 0)) == ErrorCode.USED_CODE
    assert refusal(lambda: rooms.claim("c", 1, 0)) == ErrorCode.UNKNOWN_CODE
    assert rooms.allocate("c", 0).nameplate == 1


def test_a_full_relay_says_so_and_recovers(rooms: Rooms):
    for who in "abcd":
        rooms.allocate(who, 0)
    assert refusal(lambda: rooms.allocate("e", 0)) == ErrorCode.RELAY_FULL
    rooms.release("a")
    assert rooms.allocate("e", 0).nameplate == 1


@pytest.mark.parametrize("reason", ["left", "lost"])
def test_the_partner_is_told_once_how_the_pairing_ended(reason: str):
    rooms = Rooms(LIMITS)
    pair(rooms, "a", "b")
    part = rooms.leave if reason == "left" else rooms.lost
    assert part("b") == (Notice("a", "partnerGone", PartnerGone(reason=reason)),)
    assert part("b") == part("a") == ()
    assert refusal(lambda: rooms.partner("a")) == ErrorCode.NOT_PAIRED
    assert rooms.allocate("a", 0)


def test_what_is_not_there_can_be_given_up(rooms: Rooms):
    rooms.release("a")
    assert rooms.leave("a") == rooms.lost("a") == ()


class AnyOrder(RuleBasedStateMachine):
    """Whatever strangers do in whatever order, numbers and pairs stay sound."""

    people = st.sampled_from("abcdefg")

    def __init__(self) -> None:
        super().__init__()
        self.rooms = Rooms(msgspec.structs.replace(LIMITS, nameplate_lifetime=6, remember=4))
        self.now = 0.0
        self.told: list[Notice] = []

    def attempt(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Refusal:
            return

    @rule(who=people)
    def allocate(self, who: str) -> None:
        self.attempt(lambda: self.rooms.allocate(who, self.now))

    @rule(who=people, nameplate=st.integers(1, 8))
    def claim(self, who: str, nameplate: int) -> None:
        self.attempt(lambda: self.rooms.claim(who, nameplate, self.now))

    @rule(who=people, how=st.sampled_from(["release", "leave", "lost"]))
    def go(self, who: str, how: str) -> None:
        getattr(self.rooms, how)(who)

    @rule(step=st.floats(0, 5))
    def wait(self, step: float) -> None:
        self.now += step
        self.rooms.expire(self.now)

    @invariant()
    def every_number_is_in_exactly_one_place(self) -> None:
        rooms = self.rooms
        places = [*rooms._waiting, *rooms._past, *rooms._free]
        assert sorted(places) == list(range(1, rooms._next))
        assert rooms._held == {waiting.owner: n for n, waiting in rooms._waiting.items()}
        assert len(rooms._past) <= LIMITS.max_remembered

    @invariant()
    def pairs_are_mutual(self) -> None:
        partners = self.rooms._partners
        assert all(partners[partners[who]] == who != partners[who] for who in partners)
        assert not partners.keys() & self.rooms._held.keys()


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
test_any_order = AnyOrder.TestCase
