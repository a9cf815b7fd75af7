from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from relay.guard.limits import Limits
from relay.people.rooms import Notice, Refusal, Rooms
from relay.protocol.words import Claimed, ErrorCode, NameplateExpired, PartnerGone

LIMITS = Limits(nameplate_lifetime=600, remember=300, max_nameplates=4, max_remembered=3)


@pytest.fixture
def rooms() -> Rooms:
    return Rooms(LIMITS, random.Random(7))


def allocated(rooms: Rooms, person: str, now: float = 0.0) -> int:
    return rooms.allocate(person, now).nameplate


def part(rooms: Rooms, person: str, how: str) -> tuple[Notice, ...]:
    return rooms.leave(person) if how == "left" else rooms.lost(person, 0)


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as caught:
        act()
    assert caught.value.message.endswith(".")
    return caught.value.code


def pair(rooms: Rooms, one: str, other: str, now: float = 0.0) -> int:
    nameplate = allocated(rooms, one, now)
    rooms.claim(other, nameplate, now)
    return nameplate


def test_a_nameplate_says_how_long_it_lives(rooms: Rooms):
    assert rooms.allocate("a", 0).expires_seconds == 600


def test_numbers_have_four_digits_and_follow_no_order(rooms: Rooms):
    numbers = [allocated(rooms, "a") for _ in range(100)]
    assert all(1000 <= number <= 9999 for number in numbers)
    assert len(set(numbers)) == 100, "one that was given up rests"
    assert sorted(numbers) != numbers != sorted(numbers, reverse=True)


def test_no_more_than_a_tenth_of_the_numbers_of_a_length_is_in_use():
    rooms = Rooms(Limits(max_nameplates=20_000), random.Random(7))
    numbers = [allocated(rooms, str(person)) for person in range(11_000)]
    lengths = Counter(len(str(number)) for number in numbers)
    assert lengths == {4: 900, 5: 9_000, 6: 1_100}
    assert [len(str(number)) for number in numbers] == sorted(len(str(n)) for n in numbers)


def test_resting_numbers_count_as_in_use():
    rooms = Rooms(Limits(), random.Random(7))
    lengths = Counter(len(str(allocated(rooms, "a"))) for _ in range(1_000))
    assert lengths == {4: 900, 5: 100}
    rooms.expire(600)
    assert len(str(allocated(rooms, "a", 600))) == 4


def test_a_claim_pairs_both_and_tells_the_owner(rooms: Rooms):
    nameplate = allocated(rooms, "a")
    claimed = Notice("a", "claimed", Claimed(nameplate=nameplate))
    assert rooms.claim("b", nameplate, 1) == (claimed,)
    assert (rooms.partner("a"), rooms.partner("b")) == ("b", "a")
    assert (rooms.pairs, rooms.nameplates) == (1, 0)


def test_a_claim_is_proven_once_and_by_the_owner_alone(rooms: Rooms):
    pair(rooms, "a", "b")
    assert rooms.proven("b") is None
    assert rooms.proven("a") == "b"
    assert rooms.proven("a") is None


@pytest.mark.parametrize("who", ["a", "b"])
@pytest.mark.parametrize("how", ["left", "lost"])
def test_a_claim_that_ended_unproven_stays_so(rooms: Rooms, who: str, how: str):
    pair(rooms, "a", "b")
    part(rooms, who, how)
    pair(rooms, "c", "a")
    assert rooms.proven("a") is None


def test_a_new_nameplate_replaces_the_earlier_one_by_another_number(rooms: Rooms):
    first = allocated(rooms, "a")
    second = allocated(rooms, "a")
    assert first != second
    assert refusal(lambda: rooms.claim("b", first, 0)) == ErrorCode.WITHDRAWN_CODE
    assert rooms.claim("b", second, 0)


def test_who_claims_gives_up_their_own_nameplate(rooms: Rooms):
    own = allocated(rooms, "b")
    pair(rooms, "a", "b")
    assert refusal(lambda: rooms.claim("c", own, 0)) == ErrorCode.WITHDRAWN_CODE


def test_each_useless_code_has_its_own_error(rooms: Rooms):
    used = pair(rooms, "a", "b")
    own, expired = allocated(rooms, "c"), allocated(rooms, "d")
    for number, now, code in (
        (999_999, 0, ErrorCode.UNKNOWN_CODE),
        (used, 0, ErrorCode.USED_CODE),
        (own, 0, ErrorCode.OWN_CODE),
        (expired, 600, ErrorCode.EXPIRED_CODE),  # over, though no sweep has come by
    ):
        assert refusal(lambda number=number, now=now: rooms.claim("c", number, now)) == code


def test_a_paired_person_can_neither_allocate_nor_claim(rooms: Rooms):
    pair(rooms, "a", "b")
    other = allocated(rooms, "c")
    for person in "ab":
        assert refusal(lambda who=person: rooms.allocate(who, 0)) == ErrorCode.ALREADY_PAIRED
        assert refusal(lambda who=person: rooms.claim(who, other, 0)) == ErrorCode.ALREADY_PAIRED
    assert rooms.claim("d", other, 0)


def test_an_expired_nameplate_is_told_to_its_owner_and_remembered(rooms: Rooms):
    first = allocated(rooms, "a")
    rooms.allocate("b", 1)
    assert rooms.expire(599) == ()
    expired = Notice("a", "nameplateExpired", NameplateExpired(nameplate=first))
    assert rooms.expire(600) == (expired,)
    assert refusal(lambda: rooms.claim("c", first, 600)) == ErrorCode.EXPIRED_CODE
    assert rooms.nameplates == 1


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (lambda rooms, number: rooms.claim("b", number, 0), ErrorCode.USED_CODE),
        (lambda rooms, _: rooms.release("a", 0), ErrorCode.WITHDRAWN_CODE),
        (lambda rooms, _: rooms.lost("a", 0), ErrorCode.WITHDRAWN_CODE),
        (lambda rooms, _: rooms.allocate("a", 0), ErrorCode.WITHDRAWN_CODE),
    ],
    ids=["used", "given up", "lost", "replaced"],
)
def test_a_number_rests_after_any_end(rooms: Rooms, end: Callable[[Rooms, int], object], code: str):
    number = allocated(rooms, "a")
    end(rooms, number)
    rooms.expire(299)
    assert refusal(lambda: rooms.claim("c", number, 299)) == code
    rooms.expire(300)
    assert refusal(lambda: rooms.claim("c", number, 300)) == ErrorCode.UNKNOWN_CODE


def test_the_memory_of_used_numbers_is_bounded(rooms: Rooms):
    numbers = []
    for _ in range(4):
        numbers.append(pair(rooms, "a", "b"))
        rooms.leave("a")
    assert refusal(lambda: rooms.claim("c", numbers[1], 0)) == ErrorCode.USED_CODE
    assert refusal(lambda: rooms.claim("c", numbers[0], 0)) == ErrorCode.UNKNOWN_CODE


def test_a_full_relay_says_so_and_recovers(rooms: Rooms):
    for who in "abcd":
        rooms.allocate(who, 0)
    assert refusal(lambda: rooms.allocate("e", 0)) == ErrorCode.RELAY_FULL
    rooms.release("a", 0)
    assert rooms.allocate("e", 0)


@pytest.mark.parametrize("reason", ["left", "lost"])
def test_the_partner_is_told_once_how_the_pairing_ended(rooms: Rooms, reason: str):
    pair(rooms, "a", "b")
    assert part(rooms, "b", reason) == (Notice("a", "partnerGone", PartnerGone(reason=reason)),)
    assert part(rooms, "b", reason) == part(rooms, "a", reason) == ()
    assert refusal(lambda: rooms.partner("a")) == ErrorCode.NOT_PAIRED
    assert rooms.allocate("a", 0)


def test_what_is_not_there_can_be_given_up(rooms: Rooms):
    rooms.release("a", 0)
    assert rooms.leave("a") == rooms.lost("a", 0) == ()


class AnyOrder(RuleBasedStateMachine):
    """Whatever strangers do in whatever order, numbers and pairs stay sound."""

    people = st.sampled_from("abcdefg")

    def __init__(self) -> None:
        super().__init__()
        limits = msgspec.structs.replace(LIMITS, nameplate_lifetime=6, remember=4)
        self.rooms = Rooms(limits, random.Random(7))
        self.now = 0.0
        self.numbers = [999_999]

    def attempt(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Refusal:
            return

    @rule(who=people)
    def allocate(self, who: str) -> None:
        self.attempt(lambda: self.numbers.append(allocated(self.rooms, who, self.now)))

    @rule(who=people, back=st.integers(1, 8))
    def claim(self, who: str, back: int) -> None:
        number = self.numbers[-back] if back <= len(self.numbers) else self.numbers[0]
        self.attempt(lambda: self.rooms.claim(who, number, self.now))

    @rule(who=people, how=st.sampled_from(["release", "lost"]))
    def go(self, who: str, how: str) -> None:
        getattr(self.rooms, how)(who, self.now)

    @rule(who=people, how=st.sampled_from(["leave", "proven"]))
    def say(self, who: str, how: str) -> None:
        getattr(self.rooms, how)(who)

    @rule(step=st.floats(0, 5))
    def wait(self, step: float) -> None:
        self.now += step
        self.rooms.expire(self.now)

    @invariant()
    def every_number_is_in_exactly_one_place(self) -> None:
        rooms = self.rooms
        places = [*rooms._waiting, *rooms._past]
        assert len(places) == len(set(places))
        assert +rooms._in_use == Counter(len(str(number)) for number in places)
        assert rooms._held == {waiting.owner: n for n, waiting in rooms._waiting.items()}
        assert len(rooms._past) <= LIMITS.max_remembered

    @invariant()
    def pairs_are_mutual(self) -> None:
        partners = self.rooms._partners
        assert all(partners[partners[who]] == who != partners[who] for who in partners)
        assert not partners.keys() & self.rooms._held.keys()

    @invariant()
    def who_is_unproven_is_paired(self) -> None:
        for owner, claimant in self.rooms._unproven.items():
            assert self.rooms._partners[owner] == claimant

    def teardown(self) -> None:
        """When everybody has gone, and time has passed, nothing is kept."""
        for who in "abcdefg":
            self.rooms.lost(who, self.now)
        self.rooms.expire(self.now + 100)
        for table in vars(self.rooms).values():
            if isinstance(table, Counter):
                assert not +table
            elif isinstance(table, dict):
                assert not table


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
test_any_order = AnyOrder.TestCase
