from __future__ import annotations

import random
import tracemalloc
from collections import Counter
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from relay.guard.limits import Limits
from relay.people.notices import Notice, Refusal
from relay.people.rooms import Rooms
from relay.protocol.words import (
    Claimed,
    ErrorCode,
    MetAtPlace,
    NameplateExpired,
    PartnerGone,
    PlaceExpired,
)

LIMITS = Limits(
    nameplate_lifetime=600,
    remember=300,
    max_nameplates=4,
    max_remembered=3,
    max_person_rooms=3,
    place_lifetime=600,
    max_person_places=2,
    max_address_places=3,
    max_places=4,
)


@pytest.fixture
def rooms() -> Rooms:
    return Rooms(LIMITS, random.Random(7))


def allocated(rooms: Rooms, person: str, now: float = 0.0) -> int:
    return rooms.allocate(person, now).nameplate


def part(rooms: Rooms, person: str, room: str, how: str) -> tuple[Notice, ...]:
    return rooms.leave(person, room) if how == "left" else rooms.lost(person, 0)


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as caught:
        act()
    assert caught.value.message.endswith(".")
    return caught.value.code


def pair(rooms: Rooms, one: str, other: str, now: float = 0.0) -> str:
    """Have `other` claim a nameplate of `one`; return the room."""
    return rooms.claim(other, allocated(rooms, one, now), now).room


def used(rooms: Rooms, one: str, other: str) -> int:
    """A nameplate of `one` that `other` claimed."""
    nameplate = allocated(rooms, one)
    rooms.claim(other, nameplate, 0)
    return nameplate


def place(number: int) -> bytes:
    return number.to_bytes(32)


def meet(rooms: Rooms, person: str, where: int, now: float = 0.0, address: str = "192.0.2.1"):
    return rooms.meet(person, address, place(where), now)


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
    room, notice = rooms.claim("b", nameplate, 1)
    assert notice == Notice("a", "claimed", Claimed(nameplate=nameplate, room=room))
    assert (rooms.partner("a", room), rooms.partner("b", room)) == ("b", "a")
    assert (rooms.pairs, rooms.nameplates) == (1, 0)


def test_rooms_have_ids_that_follow_no_order(rooms: Rooms):
    ids = []
    for _ in range(20):
        ids.append(pair(rooms, "a", "b"))
        rooms.leave("a", ids[-1])
    assert len(set(ids)) == 20
    assert all(len(room) == 32 and int(room, 16) >= 0 for room in ids)
    assert sorted(ids) != ids != sorted(ids, reverse=True)


def test_one_person_is_in_several_rooms_and_in_nobody_elses(rooms: Rooms):
    with_b, with_c = pair(rooms, "a", "b"), pair(rooms, "c", "a")
    assert (rooms.partner("a", with_b), rooms.partner("a", with_c)) == ("b", "c")
    assert refusal(lambda: rooms.partner("b", with_c)) == ErrorCode.NOT_PAIRED
    assert refusal(lambda: rooms.partner("d", with_b)) == ErrorCode.NOT_PAIRED
    assert rooms.leave("b", with_c) == rooms.leave("d", with_b) == ()
    assert (rooms.partner("a", with_b), rooms.pairs) == ("b", 2)


def test_leaving_one_room_leaves_the_others(rooms: Rooms):
    with_b, with_c = pair(rooms, "a", "b"), pair(rooms, "a", "c")
    gone = Notice("b", "partnerGone", PartnerGone(room=with_b, reason="left"))
    assert rooms.leave("a", with_b) == (gone,)
    assert refusal(lambda: rooms.partner("b", with_b)) == ErrorCode.NOT_PAIRED
    assert rooms.partner("c", with_c) == "a"


def test_who_is_lost_is_lost_to_everybody(rooms: Rooms):
    partners = {pair(rooms, "a", other): other for other in "bcd"}
    assert set(rooms.lost("a", 0)) == {
        Notice(other, "partnerGone", PartnerGone(room=room, reason="lost"))
        for room, other in partners.items()
    }
    assert rooms.pairs == 0


def test_the_rooms_of_a_person_are_bounded(rooms: Rooms):
    taken = [pair(rooms, "a", other) for other in "bcd"]
    for claim in (lambda: pair(rooms, "a", "e"), lambda: pair(rooms, "e", "a")):
        assert refusal(claim) == ErrorCode.TOO_MANY_ROOMS
    meet(rooms, "a", 1)
    assert refusal(lambda: meet(rooms, "e", 1)) == ErrorCode.TOO_MANY_ROOMS
    rooms.leave("b", taken[0])
    # Nothing was used up by what was refused.
    assert meet(rooms, "e", 1)
    assert rooms.pairs == 3


def test_two_people_may_share_several_rooms(rooms: Rooms):
    first, second = pair(rooms, "a", "b"), pair(rooms, "a", "b")
    rooms.leave("a", first)
    assert rooms.partner("b", second) == "a"


def test_a_claim_is_proven_once_and_by_the_owner_alone(rooms: Rooms):
    room, other = pair(rooms, "a", "b"), pair(rooms, "a", "c")
    assert rooms.proven("b", room) is None
    assert rooms.proven("a", room) == "b"
    assert rooms.proven("a", room) is None
    assert rooms.proven("a", other) == "c"


@pytest.mark.parametrize("who", ["a", "b"])
@pytest.mark.parametrize("how", ["left", "lost"])
def test_a_claim_that_ended_unproven_stays_so(rooms: Rooms, who: str, how: str):
    room = pair(rooms, "a", "b")
    part(rooms, who, room, how)
    pair(rooms, "c", "a")
    assert rooms.proven("a", room) is None


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
    taken = used(rooms, "a", "b")
    own, expired = allocated(rooms, "c"), allocated(rooms, "d")
    for number, now, code in (
        (999_999, 0, ErrorCode.UNKNOWN_CODE),
        (taken, 0, ErrorCode.USED_CODE),
        (own, 0, ErrorCode.OWN_CODE),
        (expired, 600, ErrorCode.EXPIRED_CODE),  # over, though no sweep has come by
    ):
        assert refusal(lambda number=number, now=now: rooms.claim("c", number, now)) == code


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
        numbers.append(used(rooms, "a", "b"))
        rooms.lost("a", 0)
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
    room = pair(rooms, "a", "b")
    gone = Notice("a", "partnerGone", PartnerGone(room=room, reason=reason))
    assert part(rooms, "b", room, reason) == (gone,)
    assert part(rooms, "b", room, reason) == part(rooms, "a", room, reason) == ()
    assert refusal(lambda: rooms.partner("a", room)) == ErrorCode.NOT_PAIRED


def test_what_is_not_there_can_be_given_up(rooms: Rooms):
    rooms.release("a", 0)
    rooms.leave_place("a", place(1))
    assert rooms.leave("a", "0" * 32) == rooms.lost("a", 0) == ()


def test_two_people_meet_at_a_place(rooms: Rooms):
    assert meet(rooms, "a", 1) is None
    assert meet(rooms, "b", 2) is None
    entered = meet(rooms, "b", 1)
    assert entered is not None
    room, notice = entered
    assert notice == Notice("a", "met", MetAtPlace(place=place(1), room=room))
    assert (rooms.partner("a", room), rooms.partner("b", room)) == ("b", "a")
    assert (rooms.places, rooms.pairs) == (1, 1)
    assert rooms.proven("a", room) is None, "nobody's code was claimed"
    # A place is anybody's again who knows it.
    assert meet(rooms, "c", 1) is None


def test_nobody_meets_themselves(rooms: Rooms):
    assert meet(rooms, "a", 1) is meet(rooms, "a", 1) is None
    assert rooms.places == 1


def test_who_waits_no_more_is_not_met(rooms: Rooms):
    meet(rooms, "a", 1)
    meet(rooms, "b", 2)
    rooms.leave_place("b", place(1))
    rooms.leave_place("a", place(1))
    rooms.lost("b", 0)
    assert rooms.places == 0
    assert meet(rooms, "c", 1) is meet(rooms, "c", 2) is None


def test_waiting_at_a_place_ends_and_is_told(rooms: Rooms):
    meet(rooms, "a", 1, 0)
    meet(rooms, "b", 2, 1)
    meet(rooms, "a", 1, 2)  # goes on to wait
    assert rooms.expire(600) == ()
    assert rooms.expire(601) == (Notice("b", "placeExpired", PlaceExpired(place=place(2))),)
    assert rooms.expire(602) == (Notice("a", "placeExpired", PlaceExpired(place=place(1))),)
    assert rooms.places == 0


def test_places_are_bounded_for_a_person_an_address_and_all(rooms: Rooms):
    for where in (1, 2):
        meet(rooms, "a", where)
    assert refusal(lambda: meet(rooms, "a", 3)) == ErrorCode.TOO_MANY_PLACES
    assert meet(rooms, "a", 2) is None, "nor does waiting on need a new one"
    meet(rooms, "b", 3)
    assert refusal(lambda: meet(rooms, "c", 4)) == ErrorCode.RELAY_FULL, "of this address"
    meet(rooms, "c", 4, address="192.0.2.2")
    assert refusal(lambda: meet(rooms, "d", 5, address="192.0.2.3")) == ErrorCode.RELAY_FULL
    assert meet(rooms, "d", 1, address="192.0.2.3"), "where somebody waits, there is room"
    meet(rooms, "d", 5, address="192.0.2.3")


def test_all_the_rooms_there_can_be_take_little_memory():
    limits = Limits()
    rooms = Rooms(limits, random.Random(7))
    people = [f"{number:020}" for number in range(200)]
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for step in range(1, limits.max_person_rooms // 2 + 1):
            for number, person in enumerate(people):
                meet(rooms, person, 1)
                meet(rooms, people[(number + step) % len(people)], 1)
        assert refusal(lambda: (meet(rooms, people[0], 1), meet(rooms, people[1], 1))) == (
            ErrorCode.TOO_MANY_ROOMS
        )
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert rooms.pairs == len(people) * limits.max_person_rooms // 2
    most = limits.max_people * limits.max_person_rooms // 2
    assert (after - before) / rooms.pairs * most < 48 * 1024 * 1024


class AnyOrder(RuleBasedStateMachine):
    """Whatever strangers do in whatever order, numbers and pairs stay sound."""

    people = st.sampled_from("abcdefg")

    def __init__(self) -> None:
        super().__init__()
        limits = msgspec.structs.replace(LIMITS, nameplate_lifetime=6, remember=4, place_lifetime=5)
        self.rooms = Rooms(limits, random.Random(7))
        self.now = 0.0
        self.numbers = [999_999]
        self.opened = ["0" * 32]

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
        self.attempt(lambda: self.opened.append(self.rooms.claim(who, number, self.now).room))

    @rule(who=people, where=st.integers(0, 3), address=st.sampled_from("xy"))
    def meet(self, who: str, where: int, address: str) -> None:
        def act() -> None:
            if entered := meet(self.rooms, who, where, self.now, address):
                self.opened.append(entered.room)

        self.attempt(act)

    @rule(who=people, where=st.integers(0, 3))
    def leave_place(self, who: str, where: int) -> None:
        self.rooms.leave_place(who, place(where))

    @rule(who=people, how=st.sampled_from(["release", "lost"]))
    def go(self, who: str, how: str) -> None:
        getattr(self.rooms, how)(who, self.now)

    @rule(who=people, how=st.sampled_from(["leave", "proven"]), back=st.integers(1, 8))
    def say(self, who: str, how: str, back: int) -> None:
        room = self.opened[-back] if back <= len(self.opened) else self.opened[0]
        getattr(self.rooms, how)(who, room)

    @rule(step=st.floats(0, 5))
    def wait(self, step: float) -> None:
        self.now += step
        self.rooms.expire(self.now)

    @invariant()
    def every_number_is_in_exactly_one_place(self) -> None:
        nameplates = self.rooms._nameplates
        places = [*nameplates._waiting, *nameplates._past]
        assert len(places) == len(set(places))
        assert +nameplates._in_use == Counter(len(str(number)) for number in places)
        assert nameplates._held == {each.owner: n for n, each in nameplates._waiting.items()}
        assert len(nameplates._past) <= LIMITS.max_remembered

    @invariant()
    def who_waits_is_known_by_place_and_by_person(self) -> None:
        places = self.rooms._places
        waiting = {(each.person, place) for place, each in places._waiting.items()}
        assert waiting == {(who, place) for who, theirs in places._of.items() for place in theirs}
        assert all(0 < len(theirs) <= LIMITS.max_person_places for theirs in places._of.values())
        assert len(waiting) <= LIMITS.max_places
        expiries = [each.expires for each in places._waiting.values()]
        assert expiries == sorted(expiries)

    @invariant()
    def rooms_are_mutual(self) -> None:
        rooms = self.rooms
        inside = {(who, room) for room, pair in rooms._pairs.items() for who in pair}
        assert inside == {(who, room) for who, theirs in rooms._of.items() for room in theirs}
        assert len(inside) == 2 * len(rooms._pairs)
        assert all(0 < len(theirs) <= LIMITS.max_person_rooms for theirs in rooms._of.values())
        assert rooms._unproven <= rooms._pairs.keys()
        for room, (one, other) in rooms._pairs.items():
            assert (rooms.partner(one, room), rooms.partner(other, room)) == (other, one)

    def teardown(self) -> None:
        """When everybody has gone, and time has passed, nothing is kept."""
        for who in "abcdefg":
            self.rooms.lost(who, self.now)
        self.rooms.expire(self.now + 100)
        assert not len(self.rooms._places._crowd)
        tables = [vars(each) for each in (self.rooms, self.rooms._nameplates, self.rooms._places)]
        for table in (value for values in tables for value in values.values()):
            if isinstance(table, Counter):
                assert not +table
            elif isinstance(table, dict | set):
                assert not table


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
test_any_order = AnyOrder.TestCase
