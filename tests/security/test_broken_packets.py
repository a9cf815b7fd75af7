"""A relay that sends what no relay sends, without end: this side hangs up at the first, in a line.

The relay is bare TCP, so that anything at all can come from it; the client is real.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from filesend_tui.core import errors, events
from filesend_tui.core.relay_client import connection, socket_client, staying
from filesend_tui.core.relay_client.messages import SealedMessage
from filesend_tui.core.relay_client.staying import ConnectionState
from tests.e2e.processes import World, fill
from tests.people import NotingConnection, Person
from tests.scripted_engine import World as Engines
from tests.security.packet_relay import (
    BINARY,
    CONTINUATION,
    OPENING,
    PING,
    PONG,
    TEXT,
    PacketRelay,
    frame,
    packet_relay,
)

#: What is well made: that the other in a room has left, and a word in it that nobody can open.
GONE = json.dumps({"room": "0" * 32, "reason": "left"})
UNREADABLE = json.dumps({"room": "0" * 32, "body": 7})
#: Each alone is reason enough. What it leads to is the same for all of them.
BROKEN: dict[str, list[bytes]] = {
    "an engine.io packet of no kind": [frame("9x")],
    "an engine.io packet in another script": [frame("\u0664" + '2["message",{}]')],
    "an empty frame": [frame("")],
    "a second opening": [frame("0" + json.dumps(OPENING))],
    "an upgrade": [frame("5")],
    "a ping with something in it": [frame("2" + "x" * 1000)],
    "a packet in base64": [frame("bAAAA")],
    "a binary frame": [frame(b"\x00\x01\x02", BINARY)],
    "a socket.io packet of no kind": [frame("49")],
    "an empty packet": [frame("4")],
    "no JSON": [frame("42[")],
    "JSON that is no event": [frame('42{"message":1}')],
    "an event without a name": [frame("42[7]")],
    "lists in lists": [frame("42" + "[" * 100_000)],
    "objects in objects": [frame('42["claimed",' + '{"a":' * 400 + "1" + "}" * 400 + "]")],
    "very many values": [frame('42["x",[' + "0," * 500_000 + "0]]")],
    "a number of a million digits": [frame('42["x",' + "9" * 1_000_000 + "]")],
    "an event with attachments": [frame('451-["message",{"_placeholder":true,"num":0}]')],
    "attachments without end": [frame('459999999-["x"]'), *[frame(b"x" * 1000, BINARY)] * 50],
    "an event that wants an answer": [frame('427["partnerGone",' + GONE + "]")],
    "an answer to nothing": [frame('4399[{"nameplate":1}]')],
    "an answer with attachments": [frame('461-1[{"_placeholder":true,"num":0}]')],
    "another namespace": [frame('40/other,{"sid":"1"}')],
    "an event of another namespace": [frame('42/other,["claimed",{"nameplate":1}]')],
    "a second welcome": [frame('40{"sid":"again"}')],
    "a refusal after the welcome": [frame('44{"message":"no"}')],
    "a word of no room": [frame('42["message",{"body":"AAAA"}]')],
    "a notice that makes no sense": [frame('42["claimed",{"nameplate":"1"}]')],
    "a frame of no kind": [frame("x", 11)],
    "a frame that is no text": [frame(b"\xff\xfe", TEXT)],
    "a frame without a beginning": [frame("x", CONTINUATION)],
    "a frame that is masked": [b"\x81\x81\x00\x00\x00\x006"],
    "a frame that is too long": [b"\x81\x7f" + (2**40).to_bytes(8, "big")],
}
#: Each alone is well made, and means nothing.
FLOODS: dict[str, list[bytes]] = {
    "events that nobody knows": [frame('42["nonsense",{"a":1}]')] * 50,
    "events with a reserved name": [frame('42["disconnect","x"]')] * 50,
    "engine.io pings": [frame("2")] * 100,
    "engine.io packets of nothing": [frame("6")] * 100,
    "WebSocket pings": [frame(b"x", PING)] * 100,
    "WebSocket pongs": [frame(b"x", PONG)] * 100,
    "words of a partner who is not there": [frame('42["message",' + UNREADABLE + "]")] * 50,
    "large ones": [frame('42["nonsense","' + "x" * 2**20 + '"]')],
}


@asynccontextmanager
async def linked(relay: PacketRelay) -> AsyncIterator[NotingConnection]:
    link = NotingConnection()
    try:
        await link.connect(relay.url)
        yield link
    finally:
        await link.close()


def ours(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What our own loggers said; fails where a library's said anything."""
    loud = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert [r for r in loud if not r.name.startswith("filesend_tui")] == []
    assert not any(r.exc_info for r in loud)
    return [r.getMessage() for r in loud]


@pytest.mark.parametrize("said", BROKEN.values(), ids=BROKEN)
async def test_the_first_broken_packet_ends_it_in_one_line(
    said: list[bytes], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staying, "FIRST_DELAY", 60.0)
    async with packet_relay(said, again=True) as relay:
        try:
            async with asyncio.timeout(10), linked(relay) as link:
                await link.until(lambda: link.states[-1] is ConnectionState.LOST)
                error = link.loss
        except errors.RelayUnreachable as failed:  # it was so quick that nothing had opened yet
            error = failed
        await relay.until(hung_up=1)
        assert relay.connections == 1
    (line,) = ours(caplog)
    assert line.startswith(f"hung up on the relay at {relay.url}: it ")
    assert error.message.startswith(f"Hung up on the relay at {relay.url}: it ")
    assert "another relay" in error.hint


@pytest.mark.parametrize("said", FLOODS.values(), ids=FLOODS)
async def test_a_flood_of_what_means_nothing_ends_it_in_one_line(
    said: list[bytes], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staying, "FIRST_DELAY", 60.0)
    # However slow this machine is just now, it is a flood.
    monkeypatch.setattr(socket_client, "PACKETS", (2_000, 0.001))
    monkeypatch.setattr(socket_client, "BYTES", (16 * 2**20, 0.001))
    async with packet_relay(said, again=True) as relay, asyncio.timeout(60), linked(relay) as link:
        await link.until(lambda: link.states[-1] is ConnectionState.LOST)
        await relay.until(hung_up=1)
        # What was sent beyond what is borne was on its way, in buffers of the system.
        assert relay.sent < socket_client.BYTES[0] + 2**24
    (line,) = ours(caplog)
    assert "said too much at once" in line


async def test_a_flood_leaves_everybody_else_their_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is here already, few packets are read in one turn of the event loop."""
    monkeypatch.setattr(staying, "FIRST_DELAY", 60.0)
    turns = 0
    read: dict[int, int] = {}

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    notice = frame('42["partnerGone",' + GONE + "]")
    async with packet_relay([]) as relay, linked(relay) as link:
        taken = link._take

        def take(*heard: object) -> bool:
            read[turns] = read.get(turns, 0) + 1
            return taken(*heard)  # type: ignore[arg-type]

        link._take = take  # type: ignore[method-assign, assignment]
        turning = asyncio.create_task(turn())
        relay.say(notice * 2000)
        await link.until(lambda: len(link.words) == 2000)
        turning.cancel()
    assert max(read.values()) <= 64


async def test_a_relay_that_reads_nothing_is_hung_up_on(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staying, "FIRST_DELAY", 60.0)
    monkeypatch.setattr(socket_client, "MOST_WAITING_SIZE", 16 * 2**20)
    async with packet_relay([], reads=False) as relay, asyncio.timeout(20), linked(relay) as link:
        letter = SealedMessage(event="message", body=bytes(2**20))
        calls = [asyncio.create_task(link.tell(letter)) for _ in range(40)]
        await link.until(lambda: link.states[-1] is ConnectionState.LOST)
        await relay.until(hung_up=1)
        for failed in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(failed, errors.RelayUnreachable)
    (line,) = ours(caplog)
    assert "does not read" in line


@pytest.mark.parametrize(
    ("opening", "welcome"),
    [
        ("0", ""),
        ("0{}", ""),
        ("0[]", ""),
        ("0" + "[" * 100_000, ""),
        ('0{"sid":1,"upgrades":1,"pingInterval":"soon","pingTimeout":null}', ""),
        ("0" + json.dumps(OPENING | {"pingInterval": -1, "pingTimeout": -1}), ""),
        ("2", ""),
        ("x", ""),
        (None, "49"),
        (None, '44{"message":"full"}'),
        (None, "40"),
        (None, "40[1]"),
        (None, "41"),
        (None, "1"),
        (None, '42["claimed",{"nameplate":1}]'),
    ],
)
async def test_a_relay_that_begins_badly_is_not_waited_for(
    opening: str | None, welcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Well before the time is over in which one that is slow may answer."""
    started = time.monotonic()
    async with packet_relay([], opening=opening, welcome=welcome) as relay:
        with pytest.raises(errors.RelayUnreachable, match=relay.url):
            async with linked(relay):
                pass
    assert time.monotonic() - started < connection.CONNECT_TIMEOUT / 2
    assert len(ours(caplog)) <= 1


async def test_a_relay_does_not_say_how_long_its_silence_is_borne(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(staying, "FIRST_DELAY", 60.0)
    monkeypatch.setattr(socket_client, "LONGEST_PING", 0.2)
    for_ever = "0" + json.dumps(OPENING | {"pingInterval": 1e290, "pingTimeout": 1e290})
    async with packet_relay([], opening=for_ever) as relay, linked(relay) as link:
        await link.until(lambda: link.states[-1] is ConnectionState.LOST)
        await relay.until(hung_up=1)


async def test_who_breaks_the_rules_again_and_again_is_left_alone_ever_longer(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staying, "FIRST_DELAY", 0.02)
    async with packet_relay([]) as relay, linked(relay) as link:
        started = time.monotonic()
        for times in range(1, 6):
            await link.until(lambda: link.states.count(ConnectionState.CONNECTED) == times)  # noqa: B023
            relay.say(frame("49"))
        await link.until(lambda: link.states.count(ConnectionState.LOST) == times)
        assert time.monotonic() - started > 0.8 * sum(0.02 * 2**n for n in range(4))
    assert len(ours(caplog)) == 5


async def test_it_is_told_why_before_what_ends_with_it(tmp_path: Path) -> None:
    async with packet_relay([]) as relay:
        person = Person("Ann", Engines(), tmp_path)
        try:
            await person.people.connect(relay.url)
            asking = asyncio.create_task(person.people.create_code())
            await asyncio.sleep(0)
            relay.say(frame("49"))
            error = await person.until(events.Error)
            assert "Hung up on the relay" in error.message
            assert error.code == "relayUnreachable"
            with pytest.raises(errors.RelayUnreachable, match="Hung up"):
                await asking
        finally:
            await person.people.destroy()
            person.close()
            await person.watching


@pytest.mark.slow
@pytest.mark.parametrize(
    "said",
    ["a socket.io packet of no kind", "lists in lists", "attachments without end"],
)
@pytest.mark.parametrize("options", [(), ("--log-level", "debug")], ids=["", "debug"])
async def test_a_person_reads_why_and_nothing_else(
    said: str, options: tuple[str, ...], tmp_path: Path
) -> None:
    """A whole program, its own event loop and its own log, on its standard error."""
    world = World(tmp_path)
    async with packet_relay(BROKEN[said], again=True) as relay:
        process = world.start("send", fill(tmp_path / "a", 1), "--relay", relay.url, *options)
        try:
            assert await asyncio.to_thread(process.end) == 4, process.report()
        finally:
            world.close()
    assert process.lines == []
    told = [line for line in process.errors if " DEBUG " not in line]
    assert len([line for line in told if "WARNING filesend_tui" in line]) == 1
    assert [line for line in told if line.startswith("Error: ")] == [
        line for line in told if line.startswith(f"Error: Hung up on the relay at {relay.url}")
    ]
    assert len(told) == 3, process.report()
    assert sum(map(len, process.errors)) < 10_000
