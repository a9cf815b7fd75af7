"""Two people who share a secret, at a real relay: they meet at its place, and nobody else does."""

from __future__ import annotations

import asyncio
import base64
import os
from pathlib import Path
from typing import Any

import pytest

from filesend_tui.core import errors, events
from filesend_tui.core.sessions.shared_secret import Secret, place_of
from relay.guard.limits import Limits
from relay.protocol import words
from tests.conftest import running_relay
from tests.people import NewPerson, Person, hostile_relay
from tests.scripted_engine import World
from tests.waiting import until


async def waits(person: Person, places: int = 1) -> None:
    """Wait until the relay knows that somebody waits at so many places."""
    await until(lambda: len(person.lobby._arrivals) >= places, 10)
    # The relay answers in order.
    await person.relay.call(words.LeavePlace(place=bytes(32)), words.Done)


async def alone(url: str) -> Person:
    """Return somebody at a relay of the test's own, who is ended with `over`."""
    person = Person("Ann", World(), Path("nowhere"))
    await person.people.connect(url)
    return person


async def over(person: Person) -> None:
    await person.people.destroy()
    person.close()
    await person.watching


async def test_two_who_share_a_secret_pair_and_talk(new_person: NewPerson) -> None:
    ada, bob = await new_person("Ada"), await new_person("Bob")
    secret = os.urandom(32)
    waiting = asyncio.create_task(ada.people.meet(secret))
    await waits(ada)
    theirs = await bob.people.meet(secret)
    ours = await waiting
    assert list(ada.people.partners) == [ours]
    assert list(bob.people.partners) == [theirs]
    assert (await ada.until(events.Paired, session=ours)).partner == "Bob"
    assert (await bob.until(events.Paired, session=theirs)).partner == "Ada"
    assert ada.people.verification() == bob.people.verification() is not None
    await ada.people.say("hello")
    assert (await bob.until(events.Message)).text == "hello"
    # There was no code, and so nothing is told of one.
    told = (events.Code, events.CodeClaimed, events.CodeGone, events.Error)
    assert not [event for event in ada.log + bob.log if isinstance(event, told)]
    assert secret.hex() not in repr(ada.people.__dict__) + repr(ada.log)
    assert not ada.lobby._arrivals
    assert not bob.lobby._arrivals


async def test_whoever_comes_at_the_same_moment_pairs(new_person: NewPerson) -> None:
    ada, bob = await new_person("Ada"), await new_person("Bob")
    secret = os.urandom(32)
    for _ in range(5):
        await asyncio.gather(ada.people.meet(secret), bob.people.meet(secret))
        assert ada.partner == "Bob"
        await ada.people.leave()
        await until(lambda: not bob.people.partners, 10)


async def test_each_secret_leads_to_who_holds_it_and_a_code_goes_on_beside(
    new_person: NewPerson,
) -> None:
    ada, bob, cid, dan = [await new_person(name) for name in ("Ada", "Bob", "Cid", "Dan")]
    for_bob, for_cid, for_nobody = (os.urandom(32) for _ in range(3))
    meetings = [
        asyncio.create_task(ada.people.meet(secret)) for secret in (for_bob, for_cid, for_nobody)
    ]
    await waits(ada, 3)
    code = await ada.people.create_code()
    await asyncio.gather(cid.people.meet(for_cid), bob.people.meet(for_bob), dan.people.join(code))
    with_bob, with_cid = await asyncio.gather(*meetings[:2])
    assert ada.people.partner(with_bob).name == "Bob"
    assert ada.people.partner(with_cid).name == "Cid"
    assert {partner.name for partner in ada.people.partners.values()} == {"Bob", "Cid", "Dan"}
    assert not meetings[2].done()
    meetings[2].cancel()


async def test_a_third_who_holds_the_secret_waits_for_a_fourth(new_person: NewPerson) -> None:
    ada, bob, cid = [await new_person(name) for name in ("Ada", "Bob", "Cid")]
    secret = os.urandom(32)
    await asyncio.gather(ada.people.meet(secret), bob.people.meet(secret))
    third = asyncio.create_task(cid.people.meet(secret))
    await waits(cid)
    assert not third.done()
    await asyncio.gather(third, ada.people.meet(secret))
    assert cid.partner == "Ada"
    assert len(ada.people.partners) == 2


async def test_who_gives_up_waiting_is_there_no_more(new_person: NewPerson) -> None:
    ada, bob = await new_person("Ada"), await new_person("Bob")
    secret = os.urandom(32)
    given_up = asyncio.create_task(ada.people.meet(secret))
    await waits(ada)
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    await waits(ada, 0)
    coming = asyncio.create_task(bob.people.meet(secret))
    await waits(bob)
    assert not coming.done()
    await asyncio.gather(coming, ada.people.meet(secret))
    assert ada.partner == "Bob"


async def test_who_waits_for_nobody_is_told_so() -> None:
    with running_relay(Limits(place_lifetime=0.2, sweep_every=0.05)) as relay:
        person = await alone(relay.url)
        with pytest.raises(errors.PairingFailed) as failed:
            await person.people.meet(os.urandom(32))
        assert "in time" in failed.value.message
        assert "code" not in failed.value.hint
        assert not person.lobby._arrivals
        await over(person)


async def test_who_waits_already_is_told_so(new_person: NewPerson) -> None:
    ada = await new_person("Ada")
    secret = os.urandom(32)
    waiting = asyncio.create_task(ada.people.meet(secret))
    await waits(ada)
    with pytest.raises(errors.PairingFailed, match="already"):
        await ada.people.meet(secret)
    assert not waiting.done()
    waiting.cancel()


async def test_a_relay_that_is_lost_ends_the_waiting() -> None:
    with running_relay(Limits()) as short:
        person = await alone(short.url)
        waiting = asyncio.create_task(person.people.meet(os.urandom(32)))
        await waits(person)
    with pytest.raises(errors.RelayUnreachable):
        async with asyncio.timeout(10):
            await waiting
    assert not person.lobby._arrivals
    await over(person)


@pytest.mark.parametrize("length", [0, 31, 33])
async def test_a_secret_of_another_length_leads_nowhere(new_person: NewPerson, length: int) -> None:
    ada = await new_person("Ada")
    with pytest.raises(ValueError, match="32"):
        await ada.people.meet(bytes(length))
    assert not ada.lobby._arrivals


# --- a relay that mixes up who came -------------------------------------------------------------

ROOMS = ("a" * 32, "b" * 32)


@pytest.mark.parametrize("answered", [ROOMS[0], ROOMS[1], None])
async def test_a_relay_that_names_rooms_twice_leaves_nothing_behind(answered: str | None) -> None:
    """It tells of somebody who came in the first room, and then answers with this one."""
    secret = os.urandom(32)
    place = base64.b64encode(place_of(Secret(secret))).decode()
    left: asyncio.Queue[str] = asyncio.Queue()

    async def answer(server: Any, event: str, sid: str, data: Any) -> Any:
        if event == "meet":
            for room in (ROOMS[0], "c" * 32):
                await server.emit("met", {"place": place, "room": room}, to=sid)
            return {"room": answered}
        if event == "leave":
            left.put_nowait(data["room"])
        if event == "pake":
            await server.emit("partnerGone", {"room": data["room"], "reason": "left"}, to=sid)
        return {}

    async with hostile_relay(answer) as url:
        person = await alone(url)
        with pytest.raises(errors.FileSendError) as failed:
            await person.people.meet(secret)
        assert isinstance(failed.value, errors.RelayTampered) is (answered == ROOMS[0])
        expected = {ROOMS[0], "c" * 32} | ({answered} if answered else set())
        assert {await asyncio.wait_for(left.get(), 10) for _ in expected} == expected
        assert not person.lobby._pairings
        assert not person.lobby._arrivals
        await over(person)


async def test_whoever_is_said_to_come_where_nobody_waits_is_left() -> None:
    left: asyncio.Queue[str] = asyncio.Queue()

    async def answer(server: Any, event: str, sid: str, data: Any) -> Any:
        if event == "leave":
            left.put_nowait(data["room"])
        if event == "allocate":
            place = base64.b64encode(bytes(32)).decode()
            await server.emit("met", {"place": place, "room": ROOMS[0]}, to=sid)
            return {"nameplate": 4711, "expiresSeconds": 600}
        return {}

    async with hostile_relay(answer) as url:
        person = await alone(url)
        await person.people.create_code()
        assert await asyncio.wait_for(left.get(), 10) == ROOMS[0]
        assert not person.lobby._pairings
        await over(person)
