"""Two people who meet at a tracker, by a number or at a place, and what they say there."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from functools import partial

import pytest

from filesend_tui.core.errors import (
    FileSendError,
    NameplateTaken,
    NotPaired,
    PairingFailed,
    RelayUnreachable,
    UnknownCode,
)
from filesend_tui.core.relay_client.messages import RoomMessage, SealedMessage
from filesend_tui.core.relay_client.staying import ConnectionState
from filesend_tui.core.tracker_place.timings import DEFAULT
from relay.protocol import words
from tests.tracker_place.conftest import NewPerson
from tests.tracker_place.people import Person

NUMBER = 4711
PLACE = bytes(range(32))
#: Of a maker who is waited for in vain.
SHORT = replace(DEFAULT, claim=0.5, lifetime=0.5)


async def paired(one: Person, two: Person) -> str:
    """Bring two people into a room by a number; return it."""
    await one.allocate(NUMBER)
    room = await two.claim(NUMBER)
    assert (await one.notice(words.Claimed)) == words.Claimed(nameplate=NUMBER, room=room)
    return room


async def test_a_number_leads_to_a_room_and_words_go_both_ways(new_person: NewPerson) -> None:
    maker, claimer = await new_person(), await new_person()
    allocated = await maker.allocate(NUMBER)
    assert allocated == words.Allocated(nameplate=NUMBER, expires_seconds=600)
    room = await claimer.claim(NUMBER)
    assert (await maker.notice(words.Claimed)) == words.Claimed(nameplate=NUMBER, room=room)
    pake, sealed = words.Pake(body=b"A" * 33), SealedMessage(event="hello", body=b"x" * 100)
    await maker.send(room, pake)
    await claimer.send(room, sealed)
    assert claimer.said == [RoomMessage(room, pake)]
    assert maker.said == [RoomMessage(room, sealed)]


async def test_words_come_in_the_order_in_which_they_were_said(new_person: NewPerson) -> None:
    one, two = await new_person(), await new_person()
    room = await paired(one, two)
    said = [SealedMessage(event="message", body=os.urandom(size)) for size in (16, 9000, 17) * 20]
    await asyncio.gather(*(one.send(room, each) for each in said))
    assert [each.word for each in two.said] == said


async def test_a_word_of_a_mebibyte(new_person: NewPerson) -> None:
    one, two = await new_person(), await new_person()
    room = await paired(one, two)
    word = SealedMessage(event="fileRequest", body=os.urandom(1024 * 1024))
    await one.send(room, word)
    assert two.said == [RoomMessage(room, word)]


async def test_who_leaves_is_told_of_and_nobody_is_at_the_other_end(new_person: NewPerson) -> None:
    one, two = await new_person(), await new_person()
    room = await paired(one, two)
    await two.leave(room)
    gone = await one.notice(words.PartnerGone)
    assert gone == words.PartnerGone(room=room, reason="left")
    for side in (one, two):
        with pytest.raises(NotPaired):
            await side.send(room, words.Pake(body=b"A"))
    await two.leave(room)  # as at a relay, once more is no error
    assert two.notices == []


async def test_who_disconnects_is_lost_to_the_other(new_person: NewPerson) -> None:
    one, two = await new_person(), await new_person()
    room = await paired(one, two)
    await two.close()
    gone = await one.notice(words.PartnerGone)
    assert gone == words.PartnerGone(room=room, reason="lost")


async def test_a_taken_number_is_refused_and_the_other_goes_on(new_person: NewPerson) -> None:
    one, two, three = await new_person(), await new_person(), await new_person()
    await one.allocate(NUMBER)
    with pytest.raises(NameplateTaken):
        await two.allocate(NUMBER)
    room = await three.claim(NUMBER)
    assert (await one.notice(words.Claimed)).room == room


async def test_a_number_is_good_for_one_claim(new_person: NewPerson) -> None:
    one, two, three = await new_person(), await new_person(), await new_person()
    await paired(one, two)
    with pytest.raises(UnknownCode):
        await three.claim(NUMBER)


async def test_a_number_of_nobody(new_person: NewPerson) -> None:
    with pytest.raises(UnknownCode):
        await (await new_person()).claim(NUMBER)


async def test_a_number_that_was_given_up(new_person: NewPerson) -> None:
    one, two = await new_person(), await new_person()
    await one.allocate(NUMBER)
    await one.allocate(NUMBER + 1)
    with pytest.raises(UnknownCode):
        await two.claim(NUMBER)
    await one.call(words.Release(), words.Done)
    with pytest.raises(UnknownCode):
        await two.claim(NUMBER + 1)


async def test_ones_own_number_is_for_the_other(new_person: NewPerson) -> None:
    one = await new_person()
    await one.allocate(NUMBER)
    with pytest.raises(PairingFailed, match="your own"):
        await one.claim(NUMBER)


async def test_a_number_is_drawn_where_none_is_wanted(new_person: NewPerson) -> None:
    one, two = await new_person(), await new_person()
    number = (await one.allocate()).nameplate
    assert 1000 <= number <= 9999
    assert await two.claim(number)


async def test_nobody_came_to_a_number_in_time(new_person: NewPerson) -> None:
    one, two = await new_person(SHORT), await new_person()
    await one.allocate(NUMBER)
    assert (await one.notice(words.NameplateExpired)).nameplate == NUMBER
    with pytest.raises(UnknownCode):
        await two.claim(NUMBER)


@pytest.mark.parametrize("turn", [0, 1])
async def test_whoever_comes_second_to_a_place_joins(new_person: NewPerson, turn: int) -> None:
    people = [await new_person(), await new_person()]
    first, second = people[turn], people[1 - turn]
    assert await first.meet(PLACE) is None
    room = await second.meet(PLACE)
    assert room is not None
    met = await first.notice(words.MetAtPlace)
    assert met == words.MetAtPlace(place=PLACE, room=room)
    await first.send(room, words.Pake(body=b"one"))
    await second.send(room, words.Pake(body=b"two"))
    assert [each.word.body for each in (*first.said, *second.said)] == [b"two", b"one"]


async def test_two_who_come_at_once(new_person: NewPerson) -> None:
    one, two = await new_person(), await new_person()
    for number in range(5):
        place = bytes([number]) * 32
        rooms = await asyncio.gather(one.meet(place), two.meet(place))
        (room,) = [each for each in rooms if each is not None]
        waiter = one if rooms[0] is None else two
        met = words.MetAtPlace(place=place, room=room)
        await waiter.until(partial(waiter.notices.__contains__, met))
    assert len(one.notices) + len(two.notices) == 5


async def test_a_place_that_was_left(new_person: NewPerson) -> None:
    one, two = await new_person(), await new_person()
    assert await one.meet(PLACE) is None
    await one.call(words.LeavePlace(place=PLACE), words.Done)
    assert await two.meet(PLACE) is None
    assert await one.meet(PLACE) is not None


async def test_nobody_came_to_a_place_in_time(new_person: NewPerson) -> None:
    one = await new_person(SHORT)
    assert await one.meet(PLACE) is None
    assert (await one.notice(words.PlaceExpired)).place == PLACE


async def test_waiting_at_a_place_again_is_no_error(new_person: NewPerson) -> None:
    one, two = await new_person(), await new_person()
    assert await one.meet(PLACE) is None
    assert await one.meet(PLACE) is None
    assert await two.meet(PLACE) is not None


async def test_several_rooms_of_one_person_keep_apart(new_person: NewPerson) -> None:
    one, two, three = await new_person(), await new_person(), await new_person()
    room = await paired(one, two)
    await one.meet(PLACE)
    other = await three.meet(PLACE)
    assert other is not None
    await one.notice(words.MetAtPlace)
    await two.send(room, words.Pake(body=b"two"))
    await three.send(other, words.Pake(body=b"three"))
    assert [(each.room, each.word.body) for each in one.said] == [
        (room, b"two"),
        (other, b"three"),
    ]
    await two.leave(room)
    await one.notice(words.PartnerGone)
    await one.send(other, words.Pake(body=b"one"))
    assert [each.word.body for each in three.said] == [b"one"]


async def test_what_only_a_relay_has(new_person: NewPerson) -> None:
    with pytest.raises(FileSendError, match="nothing of that kind"):
        await (await new_person()).call(words.AskRoads(), words.Roads)


async def test_without_a_connection() -> None:
    person = Person()
    with pytest.raises(RelayUnreachable):
        await person.allocate(NUMBER)
    assert person.state is ConnectionState.CLOSED
    await person.close()
