"""Whatever people do and however they go, a relay keeps nothing of them: real sockets."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator, Sized
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relay.guard.limits import Limits, Rate
from tests.conftest import RunningRelay, running_relay
from tests.security.raw import TEXT, Raw, Town, announce, frame, town

PEOPLE = 6
PLENTY = Rate(1e6, 1e6)
LIMITS = Limits(
    sweep_every=0.02,
    swarm_sweep_every=0.02,
    arrival_seconds=0.2,
    # Small enough that a few words nobody reads are too much.
    max_backlog=300_000,
    max_all_backlogs=500_000,
    remember=0.1,
    nameplate_lifetime=0.3,
    codes=PLENTY,
    address_codes=PLENTY,
    address_claims=PLENTY,
    address_failed_claims=PLENTY,
    place_lifetime=0.3,
    meets=PLENTY,
    address_meets=PLENTY,
    address_requests=PLENTY,
    address_frames=PLENTY,
    address_bytes=PLENTY,
    address_loop_time=Rate(1e3, 1e3),
)

#: What a person does, or what becomes of them, and to whom.
DEEDS = st.tuples(
    st.sampled_from(
        [
            "come",
            "come without a word",
            "announce",
            "allocate",
            "claim",
            "meet",
            "leave a place",
            "say much",
            "say",
            "leave",
            "close",
            "go deaf",
            "say nonsense",
            "cut",
        ]
    ),
    st.integers(0, PEOPLE - 1),
)


@pytest.fixture(scope="module")
def relay() -> Iterator[RunningRelay]:
    with running_relay(LIMITS) as running:
        yield running


class Crowd:
    """People who do as they are told, each on a socket that may be gone without their knowing."""

    def __init__(self, here: Town) -> None:
        self._here = here
        self._sockets: dict[int, Raw] = {}
        self._nameplates: list[int] = []
        self._room = "0" * 32

    async def do(self, deed: str, who: int) -> None:
        if who not in self._sockets:
            if deed == "come without a word":
                self._sockets[who] = await self._here.session()
            elif deed == "announce":
                self._sockets[who] = await self._here.tracker()
            else:
                self._sockets[who] = await self._here.person()
        raw = self._sockets[who]
        if deed == "cut":
            self._sockets.pop(who).abort()
        elif deed == "go deaf":
            raw.stop_reading()
        elif deed == "allocate":
            await self._allocate(raw)
        elif deed == "claim" and self._nameplates:
            await self._claim(raw)
        else:
            said = self._words(deed, who)
            if said:
                await self._send(raw, said)

    def _words(self, deed: str, who: int) -> bytes:
        match deed:
            case "meet" | "leave a place":
                event = "meet" if deed == "meet" else "leavePlace"
                place = base64.b64encode(bytes([who % 2]) * 32).decode()
                return frame(TEXT, f"425{json.dumps([event, {'place': place}])}".encode())
            case "say much":
                return self._said("message", "A" * 100_000) * 3
            case "say":
                return self._said("hello", "A" * 680)
            case "leave":
                return frame(TEXT, f"424{json.dumps(['leave', {'room': self._room}])}".encode())
            case "close":
                return frame(TEXT, b"41") + frame(TEXT, b"1")
            case "announce":
                return frame(TEXT, announce(f"p{who}", f"s{who % 2}"))
            case "say nonsense":
                return frame(TEXT, b"451-x") + frame(2, b"x") + frame(TEXT, b"9")
            case _:
                return b""

    def _said(self, event: str, body: str) -> bytes:
        word = json.dumps([event, {"room": self._room, "body": body}])
        return frame(TEXT, f"423{word}".encode())

    async def _allocate(self, raw: Raw) -> None:
        answer = await self._asked(raw, b'422["allocate",{}]')
        if answer.startswith(b'432[{"nameplate"'):
            self._nameplates.append(json.loads(answer[3:])[0]["nameplate"])

    async def _claim(self, raw: Raw) -> None:
        claim = json.dumps(["claim", {"nameplate": self._nameplates[-1]}])
        answer = await self._asked(raw, f"421{claim}".encode())
        if answer.startswith(b'431[{"room"'):
            self._room = json.loads(answer[3:])[0]["room"]

    async def _asked(self, raw: Raw, call: bytes) -> bytes:
        """Say it and return what is heard next: the answer, as a rule."""
        await self._send(raw, frame(TEXT, call))
        try:
            async with asyncio.timeout(0.05):
                return await raw.hear()
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            return b""

    @staticmethod
    async def _send(raw: Raw, data: bytes) -> None:
        try:
            raw.writer.write(data)
            async with asyncio.timeout(0.05):
                await raw.writer.drain()
        except (OSError, TimeoutError):
            pass  # whoever does not read is not written to, and has been cut off perhaps


def kept(relay: RunningRelay) -> dict[str, int]:
    """Everything that the relay holds of anybody, by its name; nothing where all are gone."""
    app: Any = relay.server._app
    server: Any = app._server
    rooms, swarms = app._stores.people._rooms, app._stores.swarms._swarms
    tables: dict[str, Sized] = {
        "people": app._people._people,
        "sessions": server._sessions,
        "people by address": server._crowd,
        "backlogs": server._backlogs,
        "leaving": server._leaving,
        "sockets": server.eio.sockets,
        "environments": server.environ,
        "attachments": server._binary_packet,
        "names": server.manager.eio_to_sid,
        "callbacks": server.manager.callbacks,
        "pending": [*server.manager.pending_connect.values()],
        "pending ends": [
            sid for each in server.manager.pending_disconnect.values() for sid in each
        ],
        "rooms": [room for each in server.manager.rooms.values() for room in each],
        "waiting": rooms._nameplates._waiting,
        "held": rooms._nameplates._held,
        "past": rooms._nameplates._past,
        "numbers": list((+rooms._nameplates._in_use).elements()),
        "pairs": rooms._pairs,
        "rooms of people": rooms._of,
        "unproven": rooms._unproven,
        "places": rooms._places._waiting,
        "places of people": rooms._places._of,
        "places by address": rooms._places._crowd,
        "tracker sockets": app._tracker._sockets,
        "swarms": swarms._swarms,
        "memberships": swarms._memberships,
        "peers by address": swarms._crowd,
        "holders": swarms._held,
        "connections": app.guard._connections,
        "connections by address": app.guard._crowd,
        "turns": app._loop_time._waiting,
        "requests by address": app.guard._requests,
        "frames by address": app.guard._frames,
        "bytes by address": app.guard._bytes,
        "rates": app._stores.rates,
        "loop time by address": app._loop_time._budgets,
    }
    sums = {"bytes waiting": server.backlog, "peers": swarms.totals().peers}
    return {
        name: size
        for name, size in {**{name: len(table) for name, table in tables.items()}, **sums}.items()
        if size
    }


async def act(relay: RunningRelay, deeds: list[tuple[str, int]]) -> None:
    async with town(relay.url) as here:
        crowd = Crowd(here)
        for deed, who in deeds:
            try:
                await crowd.do(deed, who)
            except (OSError, asyncio.IncompleteReadError, AssertionError):
                crowd._sockets.pop(who, None)  # the relay had enough of them
    async with asyncio.timeout(20):
        while still := kept(relay):
            await asyncio.sleep(0.01)
    assert still == {}


@given(st.lists(DEEDS, min_size=5, max_size=40))
@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_when_everybody_has_gone_every_sum_and_table_is_empty(
    relay: RunningRelay, deeds: list[tuple[str, int]]
):
    try:
        asyncio.run(act(relay, deeds))
    except TimeoutError:
        raise AssertionError(f"kept: {kept(relay)}") from None


async def test_words_that_nobody_reads_are_given_back_when_their_reader_goes():
    """261 MiB of them once made the relay hang up on whoever was told anything larger."""
    with running_relay(Limits(words=PLENTY, address_loop_time=PLENTY)) as relay:
        async with town(relay.url) as here:
            one, deaf = await here.person(), await here.person(buffer=4096)
            await one.send(frame(TEXT, b'421["allocate",{}]'))
            nameplate = json.loads((await one.hear())[3:])[0]["nameplate"]
            claim = json.dumps(["claim", {"nameplate": nameplate}])
            await deaf.send(frame(TEXT, f"421{claim}".encode()))
            claimed = await one.hear()
            assert b"claimed" in claimed
            deaf.stop_reading()
            said = {"room": json.loads(claimed[2:])[1]["room"], "body": "A" * 1_000_000}
            word = b"42" + json.dumps(["message", said]).encode()
            for _ in range(10):
                await one.send(frame(TEXT, word))
            await here.until_at_least("backlog_bytes", 2_000_000)
            deaf.abort()
            await here.until("backlog_bytes", 0)
