from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import FileSendError, TrackerFailed
from filesend_tui.core.meeting.rendezvous import (
    MAX_TRACKERS,
    MOST_WITH_ADDED,
    MetPeer,
    Rendezvous,
    Totals,
    usable_trackers,
)
from filesend_tui.core.meeting.signaling import Description, PlainSignaling, Texts, Use
from filesend_tui.core.meeting.timings import Timings
from filesend_tui.core.transports.base import NoWay, no_relay
from filesend_tui.core.transports.registry import OPEN, Transports
from filesend_tui.core.transports.webrtc.transport import WebRtcTransport
from relay.server import RelayServer, listen
from tests.conftest import RunningRelay, running_relay
from tests.transports.pairs import read_exactly, sockets_left, soon, udp_sockets
from tests.waiting import other_tasks_ended, until

pytestmark = pytest.mark.webrtc

QUICK = Timings(first_retry=0.05, max_retry=0.2, spacing=0.1, repeat=0.2, min_interval=0.05)


class Member:
    """One peer of a swarm, with what it heard."""

    def __init__(
        self,
        swarm: bytes,
        *trackers: str,
        signaling: PlainSignaling | None = None,
        timings: Timings = QUICK,
        **config: Any,
    ) -> None:
        self.problems: list[FileSendError] = []
        self.wants = 10
        self.peer_id = os.urandom(20)
        settings = ClientConfig(**config)
        self.rendezvous = Rendezvous(
            signaling=signaling or PlainSignaling(swarm),
            peer_id=self.peer_id,
            trackers=trackers,
            roads=Transports(settings).by(no_relay),
            config=settings,
            totals=lambda: Totals(uploaded=0, downloaded=0, left=None),
            wants_peers=lambda: self.wants,
            on_problem=self.problems.append,
            timings=timings,
        )

    async def meet(self) -> MetPeer:
        return await soon(anext(self.rendezvous), 20)


@contextmanager
def serving(port: int) -> Iterator[None]:
    """A relay on a port that one before it had."""
    with listen("127.0.0.1", port) as listener:
        ready = threading.Event()
        server = RelayServer(listener, on_ready=lambda _url: ready.set())
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        assert ready.wait(10)
        try:
            yield
        finally:
            server.should_exit = True
            thread.join(10)


class Stumbling(PlainSignaling):
    """Gives its first answer with another certificate's fingerprint, so that DTLS fails."""

    def __init__(self, swarm: bytes) -> None:
        super().__init__(swarm)
        self.stumbled = False

    def seal(self, texts: Texts, use: Use) -> Description:
        if use.kind == "offer" or self.stumbled:
            return super().seal(texts, use)
        self.stumbled = True
        sdp = re.sub(r"(a=fingerprint:sha-\d+ )..:..", r"\g<1>00:00", texts[OPEN])
        return super().seal({OPEN: sdp}, use)


async def test_a_peer_that_could_not_be_reached_is_tried_again(relay: RunningRelay) -> None:
    """libtorrent refuses a certificate that comes faster than it takes the answer in."""
    swarm = os.urandom(20)
    signaling = Stumbling(swarm)
    # The seeder's end of DTLS comes up: it takes it the whole time to see that nothing opens.
    impatient = replace(QUICK, connect=0.5)
    seeder = Member(swarm, relay.tracker, signaling=signaling, timings=impatient)
    leecher = Member(swarm, relay.tracker)
    await seeder.rendezvous.start()
    await soon(seeder.rendezvous.announced())
    await leecher.rendezvous.start()
    there, here = await asyncio.gather(seeder.meet(), leecher.meet())
    assert signaling.stumbled
    await here.channel.send(b"hello")
    assert await read_exactly(there.channel, 5) == b"hello"
    await soon(asyncio.gather(seeder.rendezvous.stop(), leecher.rendezvous.stop()))
    await soon(asyncio.gather(here.channel.close(), there.channel.close()))


async def test_two_members_meet_through_a_real_tracker_once(relay: RunningRelay) -> None:
    await WebRtcTransport(ClientConfig()).warm()
    before = udp_sockets()
    swarm = os.urandom(20)
    seeder, leecher = Member(swarm, relay.tracker), Member(swarm, relay.tracker)
    await seeder.rendezvous.start()
    await soon(seeder.rendezvous.announced())
    await leecher.rendezvous.start()
    there, here = await asyncio.gather(seeder.meet(), leecher.meet())
    await here.channel.send(b"hello")
    assert await read_exactly(there.channel, 5) == b"hello"
    await soon(asyncio.gather(seeder.rendezvous.stop(), leecher.rendezvous.stop()))
    await here.channel.send(b"still")  # channels given out outlive the meeting
    assert await read_exactly(there.channel, 5) == b"still"
    await soon(asyncio.gather(here.channel.close(), there.channel.close()))
    await other_tasks_ended()
    await sockets_left(before)
    assert not seeder.problems
    assert not leecher.problems


async def test_members_that_arrive_at_the_same_moment_meet_once(relay: RunningRelay) -> None:
    swarm = os.urandom(20)
    with running_relay() as other:
        urls = (relay.tracker, other.tracker)  # so that everything crosses
        one, two = Member(swarm, *urls), Member(swarm, *urls)
        await asyncio.gather(one.rendezvous.start(), two.rendezvous.start())
        for member in (one, two):
            await soon(member.rendezvous.announced())
            member.rendezvous.more_peers()
        first, second = await asyncio.gather(one.meet(), two.meet())
        await first.channel.send(b"the same one")
        assert await read_exactly(second.channel, 12) == b"the same one"
        again = [asyncio.create_task(anext(member.rendezvous, None)) for member in (one, two)]
        for member in (one, two):
            member.rendezvous.more_peers()
        done, _ = await asyncio.wait(again, timeout=0.5)
        assert not done
        await soon(asyncio.gather(one.rendezvous.stop(), two.rendezvous.stop()))
        assert await asyncio.gather(*again) == [None, None]
        await soon(asyncio.gather(first.channel.close(), second.channel.close()))


async def test_members_at_different_trackers_meet_once_both_have_another(
    relay: RunningRelay,
) -> None:
    swarm = os.urandom(20)
    with running_relay() as here, running_relay() as there:
        one, two = Member(swarm, here.tracker), Member(swarm, there.tracker)
        for member in (one, two):
            await member.rendezvous.start()
            await soon(member.rendezvous.announced())
        for member in (one, two):
            assert member.rendezvous.add_tracker(relay.tracker)
        first, second = await asyncio.gather(one.meet(), two.meet())
        await first.channel.send(b"hello")
        assert await read_exactly(second.channel, 5) == b"hello"
        await soon(asyncio.gather(one.rendezvous.stop(), two.rendezvous.stop()))
        await soon(asyncio.gather(first.channel.close(), second.channel.close()))
    assert not one.problems
    assert not two.problems


async def test_a_tracker_that_is_added_before_the_start_is_announced_to_then(
    relay: RunningRelay,
) -> None:
    member = Member(os.urandom(20))
    assert member.rendezvous.add_tracker(relay.tracker)
    await member.rendezvous.start()
    await soon(member.rendezvous.announced())
    await soon(member.rendezvous.stop())
    assert not member.problems


async def test_trackers_are_added_once_and_not_without_end() -> None:
    member = Member(os.urandom(20), "ws://127.0.0.1:9/first")
    add = member.rendezvous.add_tracker
    for url in ("https://tracker.example/announce", "udp://tracker.example:80", "ws://[broken", ""):
        assert not add(url)
    urls = [f"ws://127.0.0.1:9/{number}" for number in range(MOST_WITH_ADDED)]
    assert [add(url) for url in urls] == [True] * (MOST_WITH_ADDED - 1) + [False]
    assert add(urls[0])
    assert add("ws://127.0.0.1:9/first")
    assert len(member.rendezvous._announcers) == MOST_WITH_ADDED
    await member.rendezvous.stop()


async def test_no_tracker_is_added_after_the_end(relay: RunningRelay) -> None:
    member = Member(os.urandom(20))
    await member.rendezvous.start()
    await soon(member.rendezvous.stop())
    assert not member.rendezvous.add_tracker(relay.tracker)
    await other_tasks_ended()


async def test_three_members_all_meet_each_other(relay: RunningRelay) -> None:
    swarm = os.urandom(20)
    members = [Member(swarm, relay.tracker) for _ in range(3)]
    for member in members:
        await member.rendezvous.start()
    met = [await member.meet() for member in members for _ in range(2)]
    everybody = {member.peer_id for member in members}
    for member in members:
        assert set(member.rendezvous._dialer._open) == everybody - {member.peer_id}
    await soon(asyncio.gather(*(member.rendezvous.stop() for member in members)))
    await soon(asyncio.gather(*(peer.channel.close() for peer in met)))


async def test_members_meet_again_after_the_relay_came_back(relay: RunningRelay) -> None:
    swarm = os.urandom(20)
    first = Member(swarm, relay.tracker)
    await first.rendezvous.start()
    await soon(first.rendezvous.announced())
    port = int(relay.url.rpartition(":")[2])
    await asyncio.to_thread(relay.stop)
    await until(lambda: first.problems, 10)
    with serving(port):
        second = Member(swarm, relay.tracker)
        await second.rendezvous.start()
        here, there = await asyncio.gather(first.meet(), second.meet())
        await soon(asyncio.gather(first.rendezvous.stop(), second.rendezvous.stop()))
        await soon(asyncio.gather(here.channel.close(), there.channel.close()))
    assert [type(problem) for problem in first.problems] == [TrackerFailed]


async def test_a_tracker_that_is_not_there_is_told_once_and_tried_again() -> None:
    with listen("127.0.0.1", 0) as nobody:
        port = nobody.getsockname()[1]
    member = Member(os.urandom(20), f"ws://user:secret@127.0.0.1:{port}/announce?passkey=1")
    await member.rendezvous.start()
    with pytest.raises(TrackerFailed, match="does not answer") as told:
        await member.rendezvous.announced()
    assert "secret" not in str(told.value)
    assert "passkey" not in str(told.value)
    assert f"127.0.0.1:{port}" in str(told.value)
    with serving(port):
        await until(lambda: member.rendezvous._accepted, 10)
        await member.rendezvous.announced()
        assert len(member.problems) == 1
        await soon(member.rendezvous.stop())


async def test_two_who_are_paired_wait_for_a_tracker_that_is_not_there_yet() -> None:
    with listen("127.0.0.1", 0) as nobody:
        port = nobody.getsockname()[1]
    member = Member(os.urandom(20), f"ws://127.0.0.1:{port}/announce")
    await member.rendezvous.start()
    with pytest.raises(TrackerFailed):  # it has failed by now
        await member.rendezvous.announced()
    # What is told in the end is why, and not only that nobody answered.
    with pytest.raises(TrackerFailed, match="does not answer"):
        await member.rendezvous.announced(0.01, patient=True)
    waiting = asyncio.create_task(member.rendezvous.announced(60, patient=True))
    with serving(port):
        await soon(waiting)
        await soon(member.rendezvous.stop())


async def test_one_tracker_that_works_is_enough(relay: RunningRelay) -> None:
    with listen("127.0.0.1", 0) as nobody:
        port = nobody.getsockname()[1]
    member = Member(os.urandom(20), f"ws://127.0.0.1:{port}", relay.tracker, "udp://t:1")
    await member.rendezvous.start()
    await soon(member.rendezvous.announced())
    await soon(member.rendezvous.stop())


async def test_no_tracker_that_could_be_used_is_told_at_once() -> None:
    member = Member(os.urandom(20), "udp://tracker.example:80", "https://tracker.example/announce")
    await member.rendezvous.start()
    assert [problem.code for problem in member.problems] == ["trackerFailed"]
    with pytest.raises(TrackerFailed, match="no tracker"):
        await member.rendezvous.announced()
    await member.rendezvous.stop()


async def test_a_member_whose_settings_allow_no_connection_says_so(relay: RunningRelay) -> None:
    member = Member(os.urandom(20), relay.tracker, relay_only=True)
    await member.rendezvous.start()
    await soon(member.rendezvous.announced())
    await soon(member.rendezvous.stop())
    assert [type(problem) for problem in member.problems] == [NoWay]
    assert isinstance(member.rendezvous.trouble, NoWay)


async def test_stopping_ends_the_iteration_of_a_reader_that_waits(relay: RunningRelay) -> None:
    member = Member(os.urandom(20), relay.tracker)
    await member.rendezvous.start()

    async def read() -> list[MetPeer]:
        return [met async for met in member.rendezvous]

    reading = asyncio.create_task(read())
    await soon(member.rendezvous.announced())
    await soon(member.rendezvous.stop())
    assert await soon(reading) == []
    await other_tasks_ended()


async def test_a_peer_nobody_took_is_hung_up_on_when_the_meeting_ends(relay: RunningRelay) -> None:
    swarm = os.urandom(20)
    one, two = Member(swarm, relay.tracker), Member(swarm, relay.tracker)
    await one.rendezvous.start()
    await soon(one.rendezvous.announced())
    await two.rendezvous.start()
    met = await one.meet()
    await until(lambda: two.rendezvous._met, 10)
    await soon(two.rendezvous.stop())
    assert await soon(met.channel.receive()) == b""
    await soon(one.rendezvous.stop())
    await soon(met.channel.close())


def test_only_websocket_trackers_are_used_and_not_many() -> None:
    urls = [
        "wss://tracker.example",
        "udp://tracker.example:80",
        "ws://127.0.0.1:8421/announce",
        "https://tracker.example/announce",
        "wss://tracker.example",
        "ws://",
        "ws://[broken",
        "ws://host:99999",
        "",
    ]
    assert usable_trackers(urls) == ["wss://tracker.example", "ws://127.0.0.1:8421/announce"]
    assert len(usable_trackers([f"wss://t{n}.example" for n in range(99)])) == MAX_TRACKERS
