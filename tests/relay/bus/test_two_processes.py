"""People and peers of two processes are one relay's, also while what they share is away."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import socketio.exceptions
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websocket

from relay.protocol.words import ROUTES, ErrorCode
from tests.conftest import RunningRelay
from tests.relay.conftest import Connect, Person, pair
from tests.relay.people.test_handlers import every_word, sealed
from tests.relay.stores.redis_server import RedisServer
from tests.security.raw import announce
from tests.waiting import until

PLACE = base64.b64encode(b"p" * 32).decode()


@pytest.fixture
async def two(here: RunningRelay, there: RunningRelay, connect: Connect) -> tuple[Person, Person]:
    """One person at each process."""
    return await connect(here.url), await connect(there.url)


# --- people ----------------------------------------------------------------------------------


async def test_every_word_reaches_a_partner_at_the_other_process(two: tuple[Person, Person]):
    one, other = two
    room = await pair(one, other)
    for sender, receiver in ((one, other), (other, one)):
        for event, payload in every_word(room).items():
            assert await sender.call(event, payload) == {}
            assert await receiver.hear() == (ROUTES[event].delivered_as, payload)


async def test_the_largest_word_crosses(two: tuple[Person, Person]):
    one, other = two
    room = await pair(one, other)
    largest = {"room": room, "body": base64.b64encode(os.urandom(4 * 1024 * 1024)).decode()}
    assert await one.call("fileRequest", largest) == {}
    assert await other.hear() == ("fileRequest", largest)


async def test_words_keep_their_order_and_come_once(two: tuple[Person, Person]):
    one, other = two
    room = await pair(one, other)
    payloads = [sealed(f"{number}", room) for number in range(200)]
    await asyncio.gather(*(one.call("message", each) for each in payloads))
    assert [await other.hear() for _ in payloads] == [("message", each) for each in payloads]
    assert other.heard.empty()


async def test_a_room_is_told_of_before_its_words_and_its_end_after_them(
    two: tuple[Person, Person],
):
    one, other = two
    for number in range(8):
        nameplate = await one.allocate()
        room = (await other.call("claim", {"nameplate": nameplate}))["room"]
        said = sealed(f"{number}", room)
        assert await other.call("message", said) == {}
        assert await other.call("leave", {"room": room}) == {}
        assert await one.hear() == ("claimed", {"nameplate": nameplate, "room": room})
        assert await one.hear() == ("message", said)
        assert await one.hear() == ("partnerGone", {"room": room, "reason": "left"})


async def test_people_of_two_processes_meet_at_a_place(two: tuple[Person, Person]):
    one, other = two
    assert (await one.call("meet", {"place": PLACE}))["room"] is None
    room = (await other.call("meet", {"place": PLACE}))["room"]
    assert await one.hear() == ("met", {"place": PLACE, "room": room})


async def test_a_person_who_goes_is_lost_to_a_partner_at_the_other_process(
    two: tuple[Person, Person],
):
    one, other = two
    room = await pair(one, other)
    await other.client.disconnect()
    assert await one.hear() == ("partnerGone", {"room": room, "reason": "lost"})


async def test_a_process_that_ends_tells_partners_at_the_other(
    there: RunningRelay, two: tuple[Person, Person]
):
    one, other = two
    room = await pair(one, other)
    await asyncio.to_thread(there.stop)
    assert await one.hear() == ("partnerGone", {"room": room, "reason": "lost"})
    assert await one.code("message", sealed("into the void", room)) == ErrorCode.NOT_PAIRED


async def test_a_process_hears_only_what_is_for_its_own(
    server: RedisServer,
    two: tuple[Person, Person],
    here: RunningRelay,
    there: RunningRelay,
    connect: Connect,
):
    one, other = two
    heard: list[bytes] = []
    bus: Any = here.server._app._bus
    take = bus._take

    def note(data: bytes) -> None:
        heard.append(data)
        take(data)

    bus._take = note
    assert server.listeners() == [1, 1]
    third = await connect(here.url)
    await pair(third, one)
    room = await pair(other, await connect(there.url))
    assert await other.call("message", sealed("at home", room)) == {}
    assert heard == []
    await pair(one, other)
    assert len(heard) == 1


# --- the tracker -----------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def peer(relay: RunningRelay) -> AsyncIterator[ClientConnection]:
    async with websocket(relay.tracker) as socket:
        yield socket


async def said(socket: ClientConnection) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 10))
    return frame


async def test_offers_and_answers_cross(here: RunningRelay, there: RunningRelay):
    async with peer(here) as one, peer(there) as other:
        await one.send(announce("one").decode())
        assert (await said(one))["incomplete"] == 1
        offer = {"offer_id": "o" * 20, "offer": {"type": "offer", "sdp": "hello"}}
        await other.send(announce("other", offers=[offer], numwant=1).decode())
        assert (await said(other))["incomplete"] == 2
        got = await said(one)
        assert (got["peer_id"], got["offer"]) == ("other".ljust(20), offer["offer"])
        answer = {"type": "answer", "sdp": "and you"}
        frame = {"to_peer_id": got["peer_id"], "offer_id": got["offer_id"], "answer": answer}
        await one.send(announce("one", **frame).decode())
        got = await said(other)
        assert (got["peer_id"], got["answer"]) == ("one".ljust(20), answer)


# --- a server that is away -------------------------------------------------------------------


async def test_whoever_speaks_while_the_server_hangs_is_refused_and_then_not(
    server: RedisServer, two: tuple[Person, Person]
):
    one, other = two
    room = await pair(one, other)
    server.signal(signal.SIGSTOP)
    try:
        assert await one.code("message", sealed("too early", room)) == ErrorCode.RELAY_FULL
    finally:
        server.signal(signal.SIGCONT)
    assert await one.call("message", sealed("now", room)) == {}
    assert await other.hear() == ("message", sealed("now", room))


async def test_everybody_comes_anew_after_a_server_that_was_away(
    server: RedisServer,
    here: RunningRelay,
    there: RunningRelay,
    two: tuple[Person, Person],
    connect: Connect,
):
    """What was said to them meanwhile may be lost; whoever comes before it is back is refused."""
    server.stop()
    for person in two:
        assert await person.hear() == ("disconnect", None)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await connect(here.url)
    server.start()
    await until(lambda: all(relay.server._app._bus.is_open for relay in (here, there)))
    one, other = await connect(here.url), await connect(there.url)
    room = await pair(one, other)
    assert await one.call("message", sealed("back", room)) == {}
    assert await other.hear() == ("message", sealed("back", room))


async def test_everybody_comes_anew_when_another_server_takes_over(
    server: RedisServer,
    here: RunningRelay,
    there: RunningRelay,
    two: tuple[Person, Person],
    connect: Connect,
):
    """Its address would lead elsewhere from then on; here it leads to the same one in the end."""
    await pair(*two)
    server.be_a_copy(is_copy=True)
    for person in two:
        assert await person.hear() == ("disconnect", None)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await connect(here.url)
    server.be_a_copy(is_copy=False)
    await until(lambda: all(relay.server._app._bus.is_open for relay in (here, there)))
    await pair(await connect(here.url), await connect(there.url))


async def test_everybody_comes_anew_to_a_server_that_lost_everything(
    server: RedisServer, two: tuple[Person, Person]
):
    await pair(*two)
    server.flush()
    for person in two:
        assert await person.hear() == ("disconnect", None)


async def test_who_was_lost_while_the_server_hung_is_told_of_later(
    server: RedisServer, two: tuple[Person, Person]
):
    one, other = two
    room = await pair(one, other)
    server.signal(signal.SIGSTOP)
    try:
        await other.client.disconnect()
        with contextlib.suppress(TimeoutError):
            assert await one.code("message", sealed("hello?", room)) == ErrorCode.RELAY_FULL
    finally:
        server.signal(signal.SIGCONT)
    assert await one.hear() == ("partnerGone", {"room": room, "reason": "lost"})


@pytest.mark.slow
async def test_people_of_a_process_that_is_killed_are_lost_to_their_partners(
    server: RedisServer, here: RunningRelay, connect: Connect
):
    relay = [sys.executable, "-m", "relay", "--port", "0", "--store", server.url]
    killed = subprocess.Popen(relay, stdout=subprocess.PIPE, text=True)
    try:
        assert killed.stdout is not None
        line = await asyncio.to_thread(killed.stdout.readline)
        one, other = await connect(here.url), await connect(line.split()[-1])
        room = await pair(one, other)
        killed.kill()
        gone = await asyncio.wait_for(one.heard.get(), 60)
        assert gone == ("partnerGone", {"room": room, "reason": "lost"})
    finally:
        killed.kill()
        killed.wait()
