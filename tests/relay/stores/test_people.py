"""What every PeopleStore promises."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections import Counter
from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any

import pytest

from relay.guard.limits import Limits
from relay.protocol.words import (
    Claimed,
    ErrorCode,
    MetAtPlace,
    NameplateExpired,
    PartnerGone,
    PlaceExpired,
)
from relay.stores.base import Destination, Entered, Notice, PeopleStore, PeopleTotals, Refusal
from tests.relay.stores.conftest import Keep, Kept

LIMITS = Limits(
    max_nameplates=4,
    max_remembered=3,
    max_person_rooms=3,
    max_person_places=2,
    max_address_places=3,
    max_places=4,
)
PLACE, ELSEWHERE = b"p" * 32, b"e" * 32
NOWHERE = "0" * 32


class People:
    """A store of people, whose addresses are their names, and which gives nameplates 600 s."""

    def __init__(self, kept: Kept) -> None:
        self.forward = kept.forward
        self.store: PeopleStore = kept.stores.people

    async def allocate(self, person: str, lifetime: float = 600, rest: float = 300) -> int:
        return (await self.store.allocate(person, lifetime, rest)).nameplate

    async def want(self, person: str, nameplate: int) -> int:
        return (await self.store.allocate(person, 600, 300, nameplate)).nameplate

    async def is_unknown(self, nameplate: int) -> bool:
        return await refusal(self.claim("nobody", nameplate)) == ErrorCode.UNKNOWN_CODE

    async def claim(self, person: str, nameplate: int) -> Entered:
        return await self.store.claim(person, f"at {person}", nameplate)

    async def pair(self, one: str, other: str) -> str:
        """Have `other` claim a nameplate of `one`; return their room."""
        return (await self.claim(other, await self.allocate(one))).room

    async def meet(
        self, person: str, place: bytes = PLACE, lifetime: float = 600
    ) -> Entered | None:
        return await self.store.meet(person, f"at {person}", place, lifetime)

    async def partner(self, person: str, room: str) -> str:
        return (await self.store.route(person, room, proves=False)).to

    async def part(self, person: str, room: str, how: str) -> tuple[Notice, ...]:
        left = self.store.leave(person, room) if how == "left" else self.store.lost(person)
        return tuple(await left)

    async def expire_after(self, seconds: float) -> set[Notice]:
        self.forward(seconds)
        return set(await self.store.expire())

    async def totals(self) -> PeopleTotals:
        return await self.store.totals()


async def refusal(act: Awaitable[object]) -> str:
    with pytest.raises(Refusal) as caught:
        await act
    assert caught.value.message.endswith(".")
    return caught.value.code


def refused(ends: Sequence[object]) -> list[str]:
    return [end.code for end in ends if isinstance(end, Refusal)]


@pytest.fixture
async def people(keep: Keep) -> People:
    return People(await keep(LIMITS))


# --- nameplates ------------------------------------------------------------------------------


async def test_a_nameplate_says_how_long_it_lives(people: People):
    assert (await people.store.allocate("a", 600, 300)).expires_seconds == 600


async def test_numbers_have_four_digits_and_follow_no_order(keep: Keep):
    people = People(await keep(Limits()))
    numbers = [await people.allocate("a") for _ in range(100)]
    assert all(1000 <= number <= 9999 for number in numbers)
    assert len(set(numbers)) == 100, "one that was given up rests"
    assert sorted(numbers) != numbers != sorted(numbers, reverse=True)


async def test_no_more_than_a_tenth_of_the_numbers_of_a_length_is_in_use(keep: Keep):
    people = People(await keep(Limits(max_nameplates=20_000)))
    lengths = [len(str(await people.allocate(str(person)))) for person in range(11_000)]
    assert Counter(lengths) == {4: 900, 5: 9_000, 6: 1_100}
    assert lengths == sorted(lengths)


async def test_resting_numbers_count_as_in_use(keep: Keep):
    people = People(await keep(Limits()))
    lengths = Counter([len(str(await people.allocate("a"))) for _ in range(1_000)])
    assert lengths == {4: 900, 5: 100}
    await people.expire_after(300)
    assert len(str(await people.allocate("a"))) == 4


async def test_a_number_that_is_wanted_is_given_unless_it_is_in_use_or_rests(people: People):
    assert await people.want("a", 4711) == 4711
    assert await refusal(people.want("b", 4711)) == ErrorCode.NAMEPLATE_TAKEN
    assert await people.claim("b", 4711)
    assert await refusal(people.want("c", 4711)) == ErrorCode.NAMEPLATE_TAKEN, "it rests"
    await people.expire_after(300)
    assert await people.want("c", 4711) == 4711


async def test_a_refused_wish_withdraws_the_earlier_number(people: People):
    first = await people.allocate("a")
    taken = await people.allocate("b")
    assert await refusal(people.want("a", taken)) == ErrorCode.NAMEPLATE_TAKEN
    assert await refusal(people.claim("c", first)) == ErrorCode.WITHDRAWN_CODE


async def test_no_number_of_a_crowded_length_is_given_as_a_wish(keep: Keep):
    people = People(await keep(Limits(max_nameplates=20_000)))
    for person in range(900):
        await people.allocate(str(person))
    four = 1000
    while not await people.is_unknown(four):
        four += 1
    assert await refusal(people.want("a", four)) == ErrorCode.NAMEPLATE_TAKEN
    assert await people.want("a", 10_000) == 10_000


async def test_a_claim_opens_a_room_for_both_and_tells_the_owner(people: People):
    nameplate = await people.allocate("a")
    room, notice = await people.claim("b", nameplate)
    assert notice == Notice("a", "claimed", Claimed(nameplate=nameplate, room=room))
    assert (await people.partner("a", room), await people.partner("b", room)) == ("b", "a")
    assert await people.totals() == PeopleTotals(nameplates=0, places=0, rooms=1)


async def test_a_new_nameplate_replaces_the_earlier_one_by_another_number(people: People):
    first = await people.allocate("a")
    second = await people.allocate("a")
    assert first != second
    assert await refusal(people.claim("b", first)) == ErrorCode.WITHDRAWN_CODE
    assert await people.claim("b", second)


async def test_who_claims_gives_up_their_own_nameplate(people: People):
    own = await people.allocate("b")
    await people.pair("a", "b")
    assert await refusal(people.claim("c", own)) == ErrorCode.WITHDRAWN_CODE


async def test_each_useless_code_has_its_own_error(people: People):
    expired = await people.allocate("d")
    people.forward(600)
    own, used = await people.allocate("c"), await people.allocate("a")
    await people.claim("b", used)
    for number, code in (
        (999_999, ErrorCode.UNKNOWN_CODE),
        (used, ErrorCode.USED_CODE),
        (own, ErrorCode.OWN_CODE),
        (expired, ErrorCode.EXPIRED_CODE),  # over, though no sweep has come by
    ):
        assert await refusal(people.claim("c", number)) == code


async def test_an_expired_nameplate_is_told_to_its_owner_once_and_remembered(people: People):
    first = await people.allocate("a")
    people.forward(1)
    await people.allocate("b")
    assert await people.expire_after(598) == set()
    expired = Notice("a", "nameplateExpired", NameplateExpired(nameplate=first))
    assert await people.expire_after(1) == {expired}
    assert await people.expire_after(0) == set()
    assert await refusal(people.claim("c", first)) == ErrorCode.EXPIRED_CODE
    assert (await people.totals()).nameplates == 1


async def test_each_nameplate_lives_and_rests_as_long_as_was_said(people: People):
    long = await people.allocate("a", lifetime=100, rest=100)
    short = await people.allocate("b", lifetime=10, rest=5)
    assert {notice.to for notice in await people.expire_after(10)} == {"b"}
    await people.expire_after(5)
    assert await refusal(people.claim("c", short)) == ErrorCode.UNKNOWN_CODE
    assert {notice.to for notice in await people.expire_after(85)} == {"a"}
    await people.expire_after(99)
    assert await refusal(people.claim("c", long)) == ErrorCode.EXPIRED_CODE
    await people.expire_after(1)
    assert await refusal(people.claim("c", long)) == ErrorCode.UNKNOWN_CODE


@pytest.mark.parametrize("end", ["used", "given up", "lost", "replaced"])
async def test_a_number_rests_after_any_end(people: People, end: str):
    number = await people.allocate("a")
    await {
        "used": lambda: people.claim("b", number),
        "given up": lambda: people.store.release("a"),
        "lost": lambda: people.store.lost("a"),
        "replaced": lambda: people.allocate("a"),
    }[end]()
    code = ErrorCode.USED_CODE if end == "used" else ErrorCode.WITHDRAWN_CODE
    await people.expire_after(299)
    assert await refusal(people.claim("c", number)) == code
    await people.expire_after(1)
    assert await refusal(people.claim("c", number)) == ErrorCode.UNKNOWN_CODE


async def test_the_memory_of_used_numbers_is_bounded(people: People):
    numbers = []
    for _ in range(4):
        numbers.append(await people.allocate("a"))
        await people.store.release("a")
        people.forward(1)
    assert await refusal(people.claim("c", numbers[1])) == ErrorCode.WITHDRAWN_CODE
    assert await refusal(people.claim("c", numbers[0])) == ErrorCode.UNKNOWN_CODE


async def test_a_full_relay_says_so_and_recovers(people: People):
    for person in "abcd":
        await people.allocate(person)
    assert await refusal(people.allocate("e")) == ErrorCode.RELAY_FULL
    await people.store.release("a")
    assert await people.allocate("e")


async def test_one_of_many_who_claim_a_nameplate_at_once_gets_it(people: People):
    nameplate = await people.allocate("a")
    claims = (people.claim(f"b{number}", nameplate) for number in range(50))
    ends = await asyncio.gather(*claims, return_exceptions=True)
    assert refused(ends) == [ErrorCode.USED_CODE] * 49
    (entered,) = (end for end in ends if isinstance(end, Entered))
    winner = await people.partner("a", entered.room)
    assert isinstance(ends[int(winner[1:])], Entered)
    assert (await people.totals()).rooms == 1


async def test_no_number_is_given_to_two_who_ask_at_once(keep: Keep):
    people = People(await keep(Limits()))
    numbers = await asyncio.gather(*(people.allocate(str(person)) for person in range(500)))
    assert len(set(numbers)) == 500


async def test_a_claim_and_the_giving_up_of_a_nameplate_are_one_before_the_other(people: People):
    nameplate = await people.allocate("a")
    claimed, _ = await asyncio.gather(
        people.claim("b", nameplate), people.store.release("a"), return_exceptions=True
    )
    assert (await people.totals()).rooms == isinstance(claimed, Entered)
    assert (await people.totals()).nameplates == 0


async def test_the_last_nameplate_is_given_to_one_of_many(people: People):
    asked = (people.allocate(str(person)) for person in range(20))
    ends = await asyncio.gather(*asked, return_exceptions=True)
    assert refused(ends) == [ErrorCode.RELAY_FULL] * 16


# --- what a claim proves ---------------------------------------------------------------------


async def test_a_claim_is_proven_once_and_by_the_owner_alone(people: People):
    room = await people.pair("a", "b")
    assert await people.store.route("a", room, proves=False) == Destination("b", None)
    assert await people.store.route("b", room, proves=True) == Destination("a", None)
    assert await people.store.route("a", room, proves=True) == Destination("b", "at b")
    assert await people.store.route("a", room, proves=True) == Destination("b", None)
    other = await people.pair("a", "c")
    assert await people.store.route("a", other, proves=True) == Destination("c", "at c")


@pytest.mark.parametrize("who", ["a", "b"])
@pytest.mark.parametrize("how", ["left", "lost"])
async def test_a_claim_that_ended_unproven_stays_so(people: People, who: str, how: str):
    await people.part(who, await people.pair("a", "b"), how)
    room = await people.pair("c", "a")
    assert (await people.store.route("a", room, proves=True)).proven is None


async def test_who_meets_at_a_place_proves_nothing(people: People):
    await people.meet("a")
    entered = await people.meet("b")
    assert entered is not None
    assert (await people.store.route("a", entered.room, proves=True)).proven is None


async def test_who_is_paired_is_in_a_room_that_is_no_guess(people: People):
    paired = people.store.is_paired
    room = await people.pair("a", "b")
    assert not await paired("a") and not await paired("b")
    await people.store.route("b", room, proves=True)
    assert not await paired("b"), "a claimer proves nothing by what they say"
    await people.store.route("a", room, proves=True)
    assert await paired("a") and await paired("b")
    await people.pair("a", "c")
    assert await paired("a") and not await paired("c")
    await people.part("b", room, "left")
    assert not await paired("a") and not await paired("b")
    await people.meet("d")
    assert not await paired("d")
    await people.meet("e")
    assert await paired("d") and await paired("e") and not await paired("nobody")


# --- places ----------------------------------------------------------------------------------


async def test_who_comes_to_a_place_meets_who_waits_there(people: People):
    assert await people.meet("a") is None
    entered = await people.meet("b")
    assert entered is not None
    room, notice = entered
    assert notice == Notice("a", "met", MetAtPlace(place=PLACE, room=room))
    assert (await people.partner("a", room), await people.partner("b", room)) == ("b", "a")
    assert await people.totals() == PeopleTotals(nameplates=0, places=0, rooms=1)
    assert await people.meet("c") is None, "nobody waits there any more"


async def test_nobody_meets_themselves_and_who_comes_again_waits_anew(people: People):
    assert await people.meet("a", lifetime=10) is None
    people.forward(9)
    assert await people.meet("a", lifetime=10) is None
    assert await people.expire_after(9) == set()
    assert await people.expire_after(1) == {Notice("a", "placeExpired", PlaceExpired(place=PLACE))}
    assert await people.meet("b") is None


async def test_whose_waiting_is_over_is_met_by_nobody(people: People):
    """Not even before a sweep has come by."""
    await people.meet("a", lifetime=10)
    people.forward(10)
    assert await people.meet("b") is None
    assert (await people.totals()).places == 1


async def test_who_waits_no_more_at_a_place_is_not_met(people: People):
    await people.meet("a")
    await people.store.leave_place("b", PLACE)
    await people.store.leave_place("a", ELSEWHERE)
    assert (await people.totals()).places == 1
    await people.store.leave_place("a", PLACE)
    assert await people.meet("b") is None


async def test_places_are_bounded_for_a_person_for_an_address_and_for_all(people: People):
    for place in (b"1", b"2"):
        await people.meet("a", place * 32)
    assert await refusal(people.meet("a", b"3" * 32)) == ErrorCode.TOO_MANY_PLACES
    assert await people.meet("a", b"2" * 32) is None, "that is one of the two"
    meet = people.store.meet
    assert await meet("b", "at a", b"4" * 32, 600) is None
    assert await refusal(meet("c", "at a", b"5" * 32, 600)) == ErrorCode.RELAY_FULL
    assert await people.meet("c", b"5" * 32) is None
    assert await refusal(people.meet("d", b"6" * 32)) == ErrorCode.RELAY_FULL
    assert await people.meet("d", b"5" * 32), "where somebody waits, there is room"
    assert await people.meet("c", b"5" * 32) is None
    await people.store.lost("a")
    assert await people.meet("d", b"6" * 32) is None


async def test_many_who_come_to_a_place_at_once_meet_two_by_two(keep: Keep):
    people = People(await keep(Limits()))
    ends = await asyncio.gather(*(people.meet(str(person)) for person in range(50)))
    rooms = [end.room for end in ends if end]
    assert len(set(rooms)) == 25
    assert await people.totals() == PeopleTotals(nameplates=0, places=0, rooms=25)


# --- rooms -----------------------------------------------------------------------------------


async def test_one_person_is_in_several_rooms_and_leaving_one_leaves_the_others(people: People):
    rooms = [await people.pair("a", other) for other in "bcd"]
    assert [await people.partner("a", room) for room in rooms] == ["b", "c", "d"]
    gone = PartnerGone(room=rooms[1], reason="left")
    assert await people.part("a", rooms[1], "left") == (Notice("c", "partnerGone", gone),)
    assert await refusal(people.partner("a", rooms[1])) == ErrorCode.NOT_PAIRED
    assert [await people.partner("a", room) for room in rooms[::2]] == ["b", "d"]


async def test_rooms_have_ids_that_follow_no_order(keep: Keep):
    people = People(await keep(Limits()))
    rooms = [await people.pair("a", str(other)) for other in range(20)]
    assert len(set(rooms)) == 20
    assert all(len(room) == 32 and int(room, 16) >= 0 for room in rooms)
    assert sorted(rooms) != rooms != sorted(rooms, reverse=True)


async def test_two_people_may_be_in_two_rooms(people: People):
    one, other = await people.pair("a", "b"), await people.pair("b", "a")
    assert one != other
    await people.store.leave("a", one)
    assert await people.partner("a", other) == "b"


@pytest.mark.parametrize("way", ["claim", "meet"])
@pytest.mark.parametrize("full", ["waits", "comes"])
async def test_rooms_of_a_person_are_bounded(people: People, full: str, way: str):
    for other in "bcd":
        await people.pair("a", other)
    waits, comes = ("a", "e") if full == "waits" else ("e", "a")
    if way == "claim":
        nameplate = await people.allocate(waits)
        refused_by: Coroutine[Any, Any, object] = people.claim(comes, nameplate)
    else:
        await people.meet(waits)
        refused_by = people.meet(comes)
    assert await refusal(refused_by) == ErrorCode.TOO_MANY_ROOMS
    assert (await people.totals()) == PeopleTotals(way == "claim", way == "meet", 3)


async def test_all_the_rooms_there_can_be_take_little_memory(keep: Keep):
    limits = Limits()
    kept = await keep(limits)
    people = People(kept)
    everybody = [f"{number:020}" for number in range(200)]
    tracemalloc.start()
    try:
        before = kept.size()
        for step in range(1, limits.max_person_rooms // 2 + 1):
            for number, person in enumerate(everybody):
                await people.meet(person)
                await people.meet(everybody[(number + step) % len(everybody)])
        after = kept.size()
    finally:
        tracemalloc.stop()
    rooms = (await people.totals()).rooms
    assert rooms == len(everybody) * limits.max_person_rooms // 2
    most = limits.max_people * limits.max_person_rooms // 2
    assert 0 < (after - before) / rooms * most < kept.most


async def test_nobody_speaks_in_or_ends_a_room_of_others(people: People):
    room = await people.pair("a", "b")
    for person, where in (("c", room), ("a", NOWHERE)):
        assert await refusal(people.partner(person, where)) == ErrorCode.NOT_PAIRED
        assert await people.part(person, where, "left") == ()
    assert await people.partner("a", room) == "b"


@pytest.mark.parametrize("reason", ["left", "lost"])
async def test_the_partner_is_told_once_how_a_room_ended(people: People, reason: str):
    room = await people.pair("a", "b")
    gone = PartnerGone(room=room, reason=reason)
    assert await people.part("b", room, reason) == (Notice("a", "partnerGone", gone),)
    assert await people.part("b", room, reason) == await people.part("a", room, reason) == ()
    assert await refusal(people.partner("a", room)) == ErrorCode.NOT_PAIRED


async def test_of_two_who_leave_at_once_one_hears_of_it(people: People):
    room = await people.pair("a", "b")
    ends = await asyncio.gather(people.store.leave("a", room), people.store.lost("b"))
    assert sorted(len(end) for end in ends) == [0, 1]


async def test_who_is_lost_is_lost_to_all_of_theirs(people: People):
    rooms = [await people.pair("a", "b"), await people.pair("c", "a")]
    nameplate = await people.allocate("a")
    await people.meet("a")
    notices = set(await people.store.lost("a"))
    assert notices == {
        Notice(to, "partnerGone", PartnerGone(room=room, reason="lost"))
        for to, room in zip("bc", rooms, strict=True)
    }
    assert await people.totals() == PeopleTotals(nameplates=0, places=0, rooms=0)
    assert await refusal(people.claim("b", nameplate)) == ErrorCode.WITHDRAWN_CODE
    assert await people.meet("b") is None


async def test_what_is_not_there_can_be_given_up(people: People):
    await people.store.release("a")
    await people.store.leave_place("a", PLACE)
    assert list(await people.store.leave("a", NOWHERE)) == list(await people.store.lost("a")) == []
