"""Lanes between two of our own: what a long way holds up, several channels carry.

In virtual time, on lines that carry WINDOW bytes a round trip; and once over real WebRTC.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from filesend_tui.core import events as e
from filesend_tui.core.config import ClientConfig, WebRtcStack
from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.torrent.lanes import lane_count
from filesend_tui.core.torrent.lanes.lane_count import MOST_LANES, STEPS
from filesend_tui.core.torrent.lanes.lanes import MOST_OF_A_TORRENT, LaneRoad, LaneRoom, Lanes
from filesend_tui.core.transports.base import Attempt, RelayAccess, Transport, no_relay
from filesend_tui.core.wire.lane_messages import (
    LaneAnswer,
    LaneMessage,
    LaneOffer,
    LanePing,
    LanePong,
    LaneRefusal,
)
from tests.swarm import lines
from tests.swarm.crowd import Crowd
from tests.swarm.lines import Line, Wan, line
from tests.torrent.lab import TRACKERS, Hub, LabRendezvous, Node, channel_pair
from tests.transports.pairs import STACKS

CrowdOf = Callable[[int], Crowd]
MB = 1_000_000


class LineAttempt(Attempt):
    """Two of them, offer and answer, become the two ends of a line."""

    waiting: ClassVar[dict[str, LineAttempt]] = {}
    numbers: ClassVar = itertools.count()
    made: ClassVar[list[Line]] = []

    def __init__(self, text: str) -> None:
        self.text = text
        self._channel: asyncio.Future[Line] = asyncio.get_running_loop().create_future()

    async def accept(self, text: str) -> None:
        other = self.waiting.pop(text)
        ours, theirs = line("lane", "lane")
        self.made.append(ours)
        self._channel.set_result(ours)
        other._channel.set_result(theirs)

    async def opened(self, timeout: float = 10) -> Line:
        return await asyncio.wait_for(asyncio.shield(self._channel), timeout)

    async def close(self) -> None:
        pass


class LineTransport(Transport):
    """Makes lanes of lines, as the lab's channels are."""

    name = "line"
    lanes = True

    async def offer(self, _relay: RelayAccess) -> LineAttempt:
        return LineAttempt("an offer")

    async def answer(self, text: str, _relay: RelayAccess) -> LineAttempt:
        answer = LineAttempt(f"answer {next(LineAttempt.numbers)}")
        LineAttempt.waiting[answer.text] = answer
        return answer


@pytest.fixture
def lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LabRendezvous, "lanes", staticmethod(lambda _: LineTransport()))
    monkeypatch.setattr(LineAttempt, "made", [])


@pytest.fixture
def thin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line carries little in a round trip: some 3 MB a second."""
    monkeypatch.setattr(lines, "WINDOW", 64 * 1024)


def alone(wan: Wan, folder: Path, size: int) -> float:
    async def play(crowd: Crowd) -> None:
        await crowd.seed()
        await (await crowd.join()).done()

    folder.mkdir()
    swarm = Crowd(wan, folder, size)
    swarm.run(play)
    return swarm.members[1].seconds


def test_a_long_way_is_used_whole(
    wan: Wan, thin: None, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    size = 100 * MB
    one = alone(wan, tmp_path / "one", size)
    request.getfixturevalue("lanes")
    many = alone(wan, tmp_path / "many", size)
    assert len(LineAttempt.made) == MOST_LANES
    assert many < one / 2.5


def test_a_peer_with_lanes_is_one_peer(crowd: CrowdOf, lanes: None) -> None:
    counts: set[int] = set()

    async def play(crowd: Crowd) -> None:
        await crowd.seed()
        receiver = await crowd.join()
        done = asyncio.create_task(receiver.done())
        while not done.done():
            await asyncio.sleep(0.5)
            states = receiver.node.of(e.SwarmState)
            counts.update(len(state.peers) for state in states[-1:])

    swarm = crowd(100 * MB)
    swarm.run(play)
    assert LineAttempt.made
    assert counts <= {0, 1}
    for member in swarm.members:
        assert len(member.node.of(e.PeerConnected)) == 1


def test_lanes_that_break_lose_nothing(crowd: CrowdOf, thin: None, lanes: None) -> None:
    broken = 0

    async def play(crowd: Crowd) -> None:
        nonlocal broken
        await crowd.seed()
        receiver = await crowd.join()
        done = asyncio.create_task(receiver.done())
        while not done.done():
            await asyncio.sleep(1)
            for channel in LineAttempt.made[broken:]:
                broken += 1
                channel._end()  # with all that is on its way
                channel.other._end()
        await done

    swarm = crowd(40 * MB)
    swarm.run(play)  # which looks at every byte
    assert broken >= STEPS[0]
    assert swarm.members[1].seconds < 30  # nothing waited until it was overdue


def test_with_a_limit_on_what_comes_there_are_none(crowd: CrowdOf, lanes: None) -> None:
    async def play(crowd: Crowd) -> None:
        await crowd.seed()
        await (await crowd.join(download=2 * MB)).done()

    crowd(20 * MB).run(play)
    assert not LineAttempt.made


# -- what a peer can do to us by talking of lanes


class Host:
    """A peer as its lanes see it."""

    def __init__(self) -> None:
        self.channel, _ = channel_pair("there", "here")
        self.received = 0
        self.held_up = False
        self.said: list[LaneMessage] = []

    def send_lane_message(self, message: LaneMessage) -> None:
        self.said.append(message)

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


class Dead(LineTransport):
    """Lanes that never open."""

    async def answer(self, text: str, _relay: RelayAccess) -> LineAttempt:
        return LineAttempt("v=0")


class Refusing(LineTransport):
    """Lanes whose descriptions make no sense."""

    async def answer(self, text: str, _relay: RelayAccess) -> LineAttempt:
        raise ChannelFailed("nonsense")


async def said_to(transport: Transport, messages: list[LaneMessage]) -> list[LaneMessage]:
    host, room = Host(), LaneRoom()
    lanes = Lanes(host, LaneRoad(transport, no_relay, room), clock=asyncio.get_running_loop().time)
    for message in messages:
        lanes.heard(message)
    for _ in range(5):
        await asyncio.sleep(0)
    await lanes.close()
    assert room.free == MOST_OF_A_TORRENT
    return host.said


async def test_a_flood_of_offers_is_refused() -> None:
    offers: list[LaneMessage] = [LaneOffer(number, "v=0") for number in range(100)]
    said = await said_to(Dead(), offers)
    assert [type(message) for message in said].count(LaneAnswer) == MOST_LANES
    assert [type(message) for message in said].count(LaneRefusal) == 100 - MOST_LANES


async def test_an_offer_that_makes_no_sense_is_refused() -> None:
    said = await said_to(Refusing(), [LaneOffer(7, "nonsense")])
    assert said == [LaneRefusal(7)]


@pytest.mark.parametrize("message", [LaneAnswer(0, "v=0"), LaneRefusal(0)])
async def test_an_answer_at_the_moment_at_which_it_is_too_late_leads_to_nothing(
    message: LaneMessage,
) -> None:
    road = LaneRoad(Dead(), no_relay, LaneRoom())
    lanes = Lanes(Host(), road, clock=asyncio.get_running_loop().time)
    lanes._offers[0] = asyncio.get_running_loop().create_future()
    lanes._offers[0].cancel()
    lanes.heard(message)
    await lanes.close()


async def test_answers_nobody_waits_for_lead_to_nothing() -> None:
    said = await said_to(Dead(), [LaneAnswer(1, "v=0"), LaneRefusal(1), LanePong(4), LanePing(9)])
    assert said == [LanePong(9)]


async def test_the_round_trip_is_measured_a_few_times_as_nobody_may_answer_at_once_at_first() -> (
    None
):
    host, now = Host(), 0.0
    lanes = Lanes(host, LaneRoad(Dead(), no_relay, LaneRoom()), clock=lambda: now)
    lanes.begin()
    try:
        async with asyncio.timeout(10):
            for took in (0.02, 0.001, 0.03, 0.004):
                asked = len(host.said) + 1
                while len(host.said) < asked:
                    await asyncio.sleep(0.01)
                now += took
                lanes.heard(LanePong(0))
        assert host.said == [LanePing(0)] * 4
        assert lanes.round_trip == pytest.approx(0.001)
    finally:
        await lanes.close()


# -- for real


@pytest.mark.parametrize("stack", STACKS)
async def test_real_channels_carry_blocks_of_a_real_torrent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stack: WebRtcStack
) -> None:
    from filesend_tui.core.torrent import torrent as torrent_module

    monkeypatch.setattr(LabRendezvous, "hub", Hub(), raising=False)
    monkeypatch.setattr(torrent_module, "Rendezvous", LabRendezvous)
    monkeypatch.setattr(
        LabRendezvous,
        "lanes",
        staticmethod(lambda roads: roads.usable(private=False)[-1]),
    )
    monkeypatch.setattr(lane_count, "LONG_WAY", 0.0)
    monkeypatch.setattr(lane_count, "MEASURE", 0.2)
    opened = 0
    run = Lanes._run

    async def counted(self: Lanes, lane: object, among: list[object]) -> None:
        nonlocal opened
        opened += 1
        await run(self, lane, among)  # type: ignore[arg-type]

    monkeypatch.setattr(Lanes, "_run", counted)
    content = random.Random(5).randbytes(20 * MB)
    (tmp_path / "file.bin").write_bytes(content)
    config = ClientConfig(output=tmp_path, webrtc=stack)
    limited = msgspec.structs.replace(config, upload_limit=8 * MB)
    async with Node(limited) as seeder, Node(config) as receiver:
        torrent = await seeder.engine.seed([tmp_path / "file.bin"], trackers=TRACKERS)
        added = await receiver.engine.add(seeder.engine.magnet(torrent), folder=tmp_path / "out")
        path = await asyncio.wait_for(receiver.engine.wait_done(added), 60)
        assert path is not None
        assert path.read_bytes() == content
    assert opened >= 2 * STEPS[0]
