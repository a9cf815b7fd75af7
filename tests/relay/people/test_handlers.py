from __future__ import annotations

import asyncio
import base64
import os
import threading
from typing import Any

import pytest
import socketio.exceptions

from relay.guard.limits import Limits, Rate
from relay.guard.socketio_guard import SocketServer
from relay.protocol.words import CALLS, REPLIES, ROUTES, Done, ErrorCode, parse, to_wire
from tests.conftest import RunningRelay, running_relay
from tests.relay.conftest import Connect, Person, claim, pair
from tests.relay.test_app import figures

#: An id that no room has.
NOWHERE = "0" * 32


def sealed(text: str, room: str = NOWHERE) -> dict[str, Any]:
    """A payload as the relay sees all that two people say to each other."""
    return {"room": room, "body": base64.b64encode(text.encode().ljust(16)).decode()}


def every_word(room: str = NOWHERE) -> dict[str, dict[str, Any]]:
    """One good payload of every routed word."""
    return {event: sealed(event, room) for event in ROUTES}


async def test_every_word_reaches_the_partner_under_its_name(shared: str, connect: Connect):
    one, other = await connect(shared), await connect(shared)
    room = await pair(one, other)
    for sender, receiver in ((one, other), (other, one)):
        for event, payload in every_word(room).items():
            assert await sender.call(event, payload) == {}
            assert await receiver.hear() == (ROUTES[event].delivered_as, payload)


async def test_every_call_is_acknowledged_with_what_is_said_of_it(shared: str, connect: Connect):
    one, other = await connect(shared), await connect(shared)
    place = base64.b64encode(os.urandom(32)).decode()
    payloads: dict[str, Any] = {
        "claim": {"nameplate": await other.allocate()},
        "meet": {"place": place},
        "leavePlace": {"place": place},
        "leave": {"room": NOWHERE},
    }
    for event in CALLS:
        reply = await one.call(event, payloads.get(event, {}))
        assert to_wire(parse(REPLIES.get(event, Done), reply)) == reply, event


async def test_the_workflows_words_change_their_name_on_the_way(shared: str, connect: Connect):
    one, other = await connect(shared), await connect(shared)
    room = await pair(one, other)
    await one.call("fileReady", sealed("ready", room))
    assert (await other.hear())[0] == "addTorrent"
    await other.call("downloadComplete", sealed("complete", room))
    assert (await one.hear())[0] == "torrentDone"


async def test_nobody_else_hears_anything(shared: str, connect: Connect):
    one, other, alone, waiting, third, fourth = [await connect(shared) for _ in range(6)]
    await waiting.allocate()
    room, own = await pair(one, other), await pair(third, fourth)
    await one.call("message", sealed("for one", room))
    assert await other.hear() == ("message", sealed("for one", room))
    # A word of their own comes after anything that could have leaked to them.
    await fourth.call("message", sealed("own", own))
    assert await third.hear() == ("message", sealed("own", own))
    assert all(person.heard.empty() for person in (one, alone, waiting, fourth))


async def test_words_keep_their_order(connect: Connect):
    plenty = Rate(1e6, 0)
    with running_relay(Limits(words=plenty, socket_frames=plenty)) as relay:
        await words_keep_their_order(await connect(relay.url), await connect(relay.url))


async def words_keep_their_order(one: Person, other: Person) -> None:
    room = await pair(one, other)
    # Long and short ones in turn: a handler that overtook another would show.
    said = [sealed(f"{number} {'x' * (number % 2 * 3000)}", room) for number in range(500)]
    for payload in said:
        await one.client.emit("message", payload)
    assert [(await other.hear())[1] for _ in said] == said


async def test_a_word_that_takes_long_is_not_overtaken(
    shared: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
):
    send, both_came = SocketServer.send, threading.Event()

    async def uneven(self: SocketServer, event: str, data: dict[str, Any], to: str) -> None:
        turns = 0
        while data == sealed("long", room) and turns < 50:  # after the other is on its way
            await asyncio.sleep(0)
            turns += both_came.is_set()
        await send(self, event, data, to)

    one, other = await connect(shared), await connect(shared)
    room = await pair(one, other)
    monkeypatch.setattr(SocketServer, "send", uneven)
    said = [sealed("long", room), sealed("short", room)]
    for payload in said:
        await one.client.emit("message", payload)
    both_came.set()
    assert [(await other.hear())[1] for _ in said] == said


async def test_an_unpaired_word_is_refused(shared: str, connect: Connect):
    person = await connect(shared)
    for event, payload in every_word().items():
        assert await person.code(event, payload) == ErrorCode.NOT_PAIRED


async def test_each_useless_code_has_its_own_error(shared: str, connect: Connect):
    one, other, third = [await connect(shared) for _ in range(3)]
    used = await one.allocate()
    await claim(one, other, used)
    own = await third.allocate()
    assert await third.code("claim", {"nameplate": 999_999}) == ErrorCode.UNKNOWN_CODE
    assert await third.code("claim", {"nameplate": used}) == ErrorCode.USED_CODE
    assert await third.code("claim", {"nameplate": own}) == ErrorCode.OWN_CODE
    assert await third.call("release") == {}
    fourth = await connect(shared)
    assert await fourth.code("claim", {"nameplate": own}) == ErrorCode.WITHDRAWN_CODE


async def test_an_expired_code_is_told_to_both_sides(connect: Connect):
    with running_relay(Limits(nameplate_lifetime=0.05, sweep_every=0.05)) as relay:
        one, other = await connect(relay.url), await connect(relay.url)
        nameplate = await one.allocate()
        assert await one.hear() == ("nameplateExpired", {"nameplate": nameplate})
        assert await other.code("claim", {"nameplate": nameplate}) == ErrorCode.EXPIRED_CODE
        assert await one.allocate() != nameplate


async def test_a_full_relay_refuses_codes_and_people(connect: Connect):
    plenty = Rate(1e6, 0)
    limits = Limits(max_nameplates=1, max_people=2, codes=plenty, address_codes=plenty)
    with running_relay(limits) as relay:
        one, other = await connect(relay.url), await connect(relay.url)
        await one.allocate()
        assert await other.code("allocate") == ErrorCode.RELAY_FULL
        with pytest.raises(socketio.exceptions.ConnectionError):
            await connect(relay.url)
        await one.client.disconnect()
        # The relay hears of it in its own time.
        async with asyncio.timeout(10):
            while "error" in (allocated := await other.call("allocate", {})):
                assert allocated["error"]["code"] == ErrorCode.RELAY_FULL


@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        ("message", [{"body": 5}]),
        ("message", [{"text": "in the clear"}]),
        ("message", [{"room": NOWHERE, "body": "AAAA"}]),
        ("message", [{"body": sealed("one")["body"]}]),
        ("message", [sealed("one", "0")]),
        ("message", [sealed("one", "0" * 32 + "\n")]),
        ("leave", []),
        ("meet", [{"place": "AAAA"}]),
        ("message", [{}]),
        ("message", []),
        ("message", ["text"]),
        ("message", [sealed("one"), sealed("two")]),
        ("fileRequest", [{"id": "0" * 16, "files": [{"path": "a", "size": 0}]}]),
        ("pake", [{"body": b"raw bytes"}]),
        ("pake", [b"raw bytes"]),
        ("claim", [{"nameplate": "1"}]),
    ],
)
async def test_an_invalid_payload_is_answered_and_costs_nothing_else(
    shared: str, connect: Connect, event: str, arguments: list[object]
):
    one, other = await connect(shared), await connect(shared)
    room = await pair(one, other)
    assert await one.code(event, *arguments) == ErrorCode.INVALID_PAYLOAD
    assert await one.call("message", sealed("still here", room)) == {}
    assert await other.hear() == ("message", sealed("still here", room))


async def test_an_invalid_payload_is_told_what_is_wrong(shared: str, connect: Connect):
    person = await connect(shared)
    reply = await person.call("fileAnswer", {"room": NOWHERE, "body": "****"})
    assert "`$.body`" in reply["error"]["message"]


@pytest.mark.parametrize("event", ["nonsense", "addTorrent", "claimed", "connect", "*", "reserved"])
async def test_an_unknown_event_is_answered_and_costs_nothing_else(
    shared: str, connect: Connect, event: str
):
    one, other = await connect(shared), await connect(shared)
    room = await pair(one, other)
    assert await one.code(event, sealed("?", room)) == ErrorCode.UNKNOWN_EVENT
    assert await one.call("message", sealed("still here", room)) == {}
    assert await other.hear() == ("message", sealed("still here", room))


async def test_who_leaves_and_who_is_lost_are_told_apart(shared: str, connect: Connect):
    one, other, third = [await connect(shared) for _ in range(3)]
    room = await pair(one, other)
    assert await one.call("leave", {"room": room}) == {}
    assert await other.hear() == ("partnerGone", {"room": room, "reason": "left"})
    assert await other.code("message", sealed("?", room)) == ErrorCode.NOT_PAIRED
    room = await pair(third, other)
    await third.client.disconnect()
    assert await other.hear() == ("partnerGone", {"room": room, "reason": "lost"})


async def test_a_lost_owners_code_is_given_up(relay: RunningRelay, connect: Connect):
    one, other = await connect(relay.url), await connect(relay.url)
    nameplate = await one.allocate()
    await one.client.disconnect()
    async with asyncio.timeout(10):  # the relay hears of it in its own time
        while (await figures(relay.url))["people"] != 1:
            await asyncio.sleep(0.05)
    code = await other.code("claim", {"nameplate": nameplate})
    assert code == ErrorCode.WITHDRAWN_CODE


async def test_guessing_codes_is_slowed_down_for_a_socket_and_for_an_address(connect: Connect):
    limits = Limits(codes=Rate(2, 0), address_codes=Rate(3, 0))
    with running_relay(limits) as relay:
        one, other = await connect(relay.url), await connect(relay.url)
        codes = [await one.code("claim", {"nameplate": 9}) for _ in range(3)]
        assert codes == [ErrorCode.UNKNOWN_CODE, ErrorCode.UNKNOWN_CODE, ErrorCode.RATE_LIMITED]
        # A new socket of the same address does not start afresh.
        assert await other.code("allocate") == ErrorCode.RATE_LIMITED


async def test_a_flood_of_words_is_refused(connect: Connect):
    with running_relay(Limits(words=Rate(3, 0))) as relay:
        person = await connect(relay.url)
        codes = [await person.code("message", sealed("x")) for _ in range(4)]
        assert codes == [ErrorCode.NOT_PAIRED] * 3 + [ErrorCode.RATE_LIMITED]


async def test_one_connection_is_in_several_rooms(shared: str, connect: Connect):
    one, other, third = [await connect(shared) for _ in range(3)]
    rooms = {await pair(one, other): other, await pair(third, one): third}
    for room, partner in rooms.items():
        assert await one.call("message", sealed(room, room)) == {}
        assert await partner.hear() == ("message", sealed(room, room))
        assert await partner.call("message", sealed("back", room)) == {}
        assert await one.hear() == ("message", sealed("back", room))
    left, kept = rooms
    assert await one.call("leave", {"room": left}) == {}
    assert await other.hear() == ("partnerGone", {"room": left, "reason": "left"})
    assert await third.call("message", sealed("still here", kept)) == {}
    assert await one.hear() == ("message", sealed("still here", kept))


async def test_who_is_lost_is_lost_to_everybody(shared: str, connect: Connect):
    one, *others = [await connect(shared) for _ in range(4)]
    rooms = [await pair(one, other) for other in others]
    await one.client.disconnect()
    for room, other in zip(rooms, others, strict=True):
        assert await other.hear() == ("partnerGone", {"room": room, "reason": "lost"})


async def test_nobody_says_a_word_into_a_room_of_others(shared: str, connect: Connect):
    """Nor ends it, though they know its id, are in rooms of their own, and with one of the two."""
    one, other, stranger = [await connect(shared) for _ in range(3)]
    room, own = await pair(one, other), await pair(one, stranger)
    for event, payload in every_word(room).items():
        assert await stranger.code(event, payload) == ErrorCode.NOT_PAIRED
    assert await stranger.call("leave", {"room": room}) == {}
    await stranger.call("message", sealed("own", own))
    assert await one.hear() == ("message", sealed("own", own)), "and nothing before"
    assert await other.call("message", sealed("still here", room)) == {}
    assert await one.hear() == ("message", sealed("still here", room))
    assert other.heard.empty()


async def test_the_rooms_of_a_connection_are_bounded(connect: Connect):
    with running_relay(Limits(max_person_rooms=2)) as relay:
        one, *others = [await connect(relay.url) for _ in range(4)]
        rooms = [await pair(one, other) for other in others[:2]]
        mine, theirs = await one.allocate(), await others[2].allocate()
        assert await others[2].code("claim", {"nameplate": mine}) == ErrorCode.TOO_MANY_ROOMS
        assert await one.code("claim", {"nameplate": theirs}) == ErrorCode.TOO_MANY_ROOMS
        assert await one.call("leave", {"room": rooms[0]}) == {}
        assert await claim(one, others[2], mine), "it was not used up"


def at(number: int) -> dict[str, str]:
    return {"place": base64.b64encode(number.to_bytes(32)).decode()}


async def test_two_people_meet_at_a_place(shared: str, connect: Connect):
    one, other, third = [await connect(shared) for _ in range(3)]
    assert await one.call("meet", at(1)) == {"room": None}
    assert await other.call("meet", at(2)) == {"room": None}
    room = (await other.call("meet", at(1)))["room"]
    assert await one.hear() == ("met", {**at(1), "room": room})
    assert await other.call("pake", sealed("pake", room)) == {}
    assert await one.hear() == ("pake", sealed("pake", room))
    assert await other.call("leavePlace", at(2)) == {}
    assert await third.call("meet", at(2)) == await third.call("meet", at(1)) == {"room": None}


async def test_waiting_at_a_place_ends(connect: Connect):
    with running_relay(Limits(place_lifetime=0.05, sweep_every=0.05)) as relay:
        one = await connect(relay.url)
        assert await one.call("meet", at(1)) == {"room": None}
        assert await one.hear() == ("placeExpired", at(1))
        assert (await figures(relay.url))["places"] == 0


async def test_places_are_bounded_for_a_connection_and_slowed_down_for_an_address(
    connect: Connect,
):
    limits = Limits(max_person_places=1, meets=Rate(3, 0), address_meets=Rate(4, 0))
    with running_relay(limits) as relay:
        one, other = await connect(relay.url), await connect(relay.url)
        assert await one.call("meet", at(1)) == {"room": None}
        codes = [await one.code("meet", at(2)) for _ in range(3)]
        assert codes == [ErrorCode.TOO_MANY_PLACES] * 2 + [ErrorCode.RATE_LIMITED]
        # A new socket of the same address does not start afresh.
        assert await other.code("meet", at(2)) == ErrorCode.RATE_LIMITED
