"""A relay whose stores are far away: what happens between two steps must not show."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from relay.app import RelayApp
from relay.bus.base import Bus
from relay.guard.limits import Limits, Rate
from relay.server import RelayServer, listen
from relay.stores.base import PeopleTotals, Stores, SwarmTotals
from relay.stores.memory.stores import memory_stores
from tests.relay.stores.slow import Slow
from tests.security.raw import TEXT, Raw, Town, announce, frame, town
from tests.waiting import until


@asynccontextmanager
async def relay_here(
    limits: Limits, stores: Stores, bus: Bus | None = None
) -> AsyncIterator[tuple[Town, RelayApp]]:
    """Serve a relay in this event loop, where its stores can be held up."""
    with listen("127.0.0.1", 0) as listener:
        ready = asyncio.Event()
        server = RelayServer(
            listener, limits=limits, stores=stores, bus=bus, on_ready=lambda _url: ready.set()
        )
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
        serving = asyncio.create_task(server.serve([listener]))
        await ready.wait()
        try:
            async with town(server.url) as here:
                yield here, server._app
        finally:
            server.should_exit = True
            await serving


def word(event: str, **payload: object) -> bytes:
    return frame(TEXT, b"42" + json.dumps([event, payload]).encode())


def body(number: int) -> str:
    return base64.b64encode(f"{number}".encode().ljust(16)).decode()


async def answer(person: Raw, event: str, **payload: object) -> dict[str, Any]:
    """What answers a call of somebody who hears nothing else meanwhile."""
    await person.send(frame(TEXT, b"421" + json.dumps([event, payload]).encode()))
    reply: dict[str, Any] = json.loads((await person.hear())[3:])[0]
    return reply


async def hear(person: Raw) -> list[Any]:
    """The next word that comes to somebody, and its payload."""
    heard: list[Any] = json.loads((await person.hear())[2:])
    return heard


async def test_the_frames_of_a_socket_are_taken_in_their_order():
    limits = Limits()
    stores = Stores(*map(Slow, memory_stores(limits)))
    async with relay_here(limits, stores) as (here, _):
        socket = await here.tracker()
        await socket.send(b"".join(frame(TEXT, announce(f"{number}")) for number in range(50)))
        replies = [json.loads(await socket.hear()) for _ in range(50)]
        assert [each["incomplete"] for each in replies] == [*range(1, 51)]


async def test_a_socket_that_is_closed_while_it_announces_leaves_no_peer():
    """It is closed for having been in no swarm, while its first announce is on its way."""
    limits = Limits(swarm_sweep_every=0.02, tracker_idle=0.05)
    swarms = Slow(memory_stores(limits).swarms)
    stores = memory_stores(limits)._replace(swarms=swarms)
    gate = swarms.hold("announce")
    async with relay_here(limits, stores) as (here, _):
        socket = await here.tracker()
        await socket.send(frame(TEXT, announce("a")))
        await until(lambda: swarms.begun["announce"])
        await here.until("tracker_sockets", 0)
        gate.set()
        await until(lambda: swarms.begun["drop"] and not swarms.under_way)
        assert await swarms.totals() == SwarmTotals(swarms=0, peers=0)


async def test_a_store_that_was_away_is_swept_again_once_it_is_back():
    limits = Limits(sweep_every=0.02, swarm_sweep_every=0.02)
    slow = [Slow(store) for store in memory_stores(limits)]
    for store in slow:
        store.fail("expire")
    async with relay_here(limits, Stores(*slow)):
        await until(lambda: all(store.begun["expire"] > 2 for store in slow))


async def test_the_words_of_a_person_are_dealt_with_in_their_order():
    limits = Limits()
    stores = Stores(*map(Slow, memory_stores(limits)))
    async with relay_here(limits, stores) as (here, _):
        one, other = await here.person(), await here.person()
        nameplate = (await answer(one, "allocate"))["nameplate"]
        room = (await answer(other, "claim", nameplate=nameplate))["room"]
        assert await hear(one) == ["claimed", {"nameplate": nameplate, "room": room}]
        said = [word("message", room=room, body=body(number)) for number in range(50)]
        await one.send(b"".join(said) + word("leave", room=room))
        for number in range(50):
            assert await hear(other) == ["message", {"room": room, "body": body(number)}]
        assert await hear(other) == ["partnerGone", {"room": room, "reason": "left"}]


async def test_one_of_many_claims_at_once_gets_a_room():
    limits = Limits(address_failed_claims=Rate(burst=100, per_second=1))
    stores = Stores(*map(Slow, memory_stores(limits)))
    async with relay_here(limits, stores) as (here, _):
        maker = await here.person()
        nameplate = (await answer(maker, "allocate"))["nameplate"]
        joiners = [await here.person() for _ in range(20)]
        claims = (answer(joiner, "claim", nameplate=nameplate) for joiner in joiners)
        replies = await asyncio.gather(*claims)
        (room,) = (reply["room"] for reply in replies if "room" in reply)
        assert await hear(maker) == ["claimed", {"nameplate": nameplate, "room": room}]
        errors = [reply["error"]["code"] for reply in replies if "error" in reply]
        assert errors == ["usedCode"] * 19


@pytest.mark.parametrize(
    ("call", "payload"),
    [("allocate", {}), ("meet", {"place": base64.b64encode(b"p" * 32).decode()})],
)
async def test_who_is_cut_off_while_they_ask_for_something_is_given_nothing(
    call: str, payload: dict[str, str]
):
    limits = Limits()
    people = Slow(memory_stores(limits).people)
    stores = memory_stores(limits)._replace(people=people)
    gate = people.hold(call)
    async with relay_here(limits, stores) as (here, app):
        person = await here.person()
        await person.send(word(call, **payload))
        await until(lambda: people.begun[call])
        (sid,) = app._people._people
        cutting = asyncio.create_task(app._server.disconnect(sid))
        await until(lambda: not app._people._people)
        gate.set()
        await cutting
        await until(lambda: people.begun["lost"] and not people.under_way)
        assert await people.totals() == PeopleTotals(nameplates=0, places=0, rooms=0)


async def test_the_end_of_a_room_is_not_told_before_the_room():
    """The owner goes when the claim has happened, and its answer is on its way."""
    limits = Limits()
    people = Slow(memory_stores(limits).people)
    stores = memory_stores(limits)._replace(people=people)
    gate = people.hold_back("claim")
    async with relay_here(limits, stores) as (here, _):
        owner, joiner = await here.person(), await here.person()
        nameplate = (await answer(owner, "allocate"))["nameplate"]
        claiming = asyncio.create_task(answer(joiner, "claim", nameplate=nameplate))
        await until(lambda: people.done["claim"])
        owner.abort()
        await until(lambda: people.done["lost"] and people.under_way == 1)
        gate.set()
        room = (await claiming)["room"]
        assert await hear(joiner) == ["partnerGone", {"room": room, "reason": "lost"}]


async def test_two_who_tell_each_other_something_at_once_do_not_wait_for_ever():
    limits = Limits()
    stores = Stores(*map(Slow, memory_stores(limits)))
    async with relay_here(limits, stores) as (here, _):
        one, other = await here.person(), await here.person()
        rooms = []
        for _ in range(2):
            nameplate = (await answer(one, "allocate"))["nameplate"]
            rooms.append((await answer(other, "claim", nameplate=nameplate))["room"])
            await hear(one)
        for person, room in zip((one, other), rooms, strict=True):
            await person.send(word("leave", room=room))
        for person, room in zip((other, one), rooms, strict=True):
            assert await hear(person) == ["partnerGone", {"room": room, "reason": "left"}]
