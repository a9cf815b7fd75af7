"""One swarm at one tracker that a test scripts: the announcer and its sessions."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psutil
import pytest

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import FileSendError, TrackerFailed
from filesend_tui.core.meeting import tracker_session
from filesend_tui.core.meeting.announcer import Announcer, tracker_name
from filesend_tui.core.meeting.dialer import Dialer, MetPeer, SealedOffer
from filesend_tui.core.meeting.signaling import PlainSignaling
from filesend_tui.core.meeting.timings import Timings
from filesend_tui.core.meeting.tracker_session import MAX_OFFERS, Presence, Totals
from filesend_tui.core.transports.base import no_relay
from filesend_tui.core.transports.registry import Transports
from filesend_tui.core.transports.webrtc.transport import WebRtcTransport
from relay.protocol.tracker_json import (
    Announce,
    AnnounceReply,
    Answer,
    ClientFrame,
    Event,
    Failure,
    OfferFrame,
    encode,
)
from tests.meeting.trackers import ScriptedTracker, accepts, tracker
from tests.transports.pairs import CONFIG, soon
from tests.waiting import until

pytestmark = pytest.mark.webrtc

SWARM, OURS, THEIRS = b"\x00\xffswarm" + bytes(13), b"o" * 20, b"t" * 20
QUICK = Timings(first_retry=0.05, max_retry=0.1, spacing=0.05, repeat=0.1, min_interval=0.05)


class Member:
    """An announcer with a dialer, and what they said."""

    def __init__(
        self, url: str, *, offers: int = 1, wants: int = 10, timings: Timings = QUICK
    ) -> None:
        self.accepted = asyncio.Event()
        self.problems: list[FileSendError] = []
        self.met: asyncio.Queue[MetPeer] = asyncio.Queue()
        self.totals = Totals(uploaded=1, downloaded=2, left=None)
        self.wants = wants
        self.dialer = Dialer(
            signaling=PlainSignaling(SWARM),
            peer_id=OURS,
            roads=Transports(ClientConfig()).by(no_relay),
            met=self.met.put_nowait,
            wants_peers=lambda: self.wants,
            timings=timings,
        )
        self.announcer = Announcer(
            url,
            presence=Presence(
                swarm=SWARM,
                peer_id=OURS,
                offers=offers,
                totals=lambda: self.totals,
                wants_peers=lambda: self.wants,
            ),
            dialer=self.dialer,
            on_accepted=self.accepted.set,
            on_problem=self.problems.append,
            timings=timings,
        )


@asynccontextmanager
async def member_of(scripted: ScriptedTracker, **kwargs: Any) -> AsyncIterator[Member]:
    member = Member(scripted.url, **kwargs)
    member.announcer.start()
    try:
        yield member
    finally:
        await soon(member.announcer.stop())
        await soon(member.dialer.close())


async def test_the_first_announce_says_who_we_are_and_brings_offers() -> None:
    async with tracker(accepts()) as scripted, member_of(scripted, offers=2) as member:
        (first,) = await scripted.announces(1)
        await soon(member.accepted.wait())
    assert (first.info_hash, first.peer_id, first.event) == (SWARM, OURS, Event.STARTED)
    assert (first.uploaded, first.downloaded, first.left) == (1, 2, None)
    assert first.numwant == len(first.offers) == 2
    assert first.offers[0].offer["sdp"].startswith("v=0")
    (last,) = await scripted.announces(1)
    assert (last.event, last.offers) == (Event.STOPPED, ())


async def test_a_fault_of_this_program_is_told_when_it_happens_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_offers = Dialer.make_offers
    broke: list[int] = []

    async def breaks_once(dialer: Dialer, count: int) -> list[SealedOffer]:
        broke.append(count)
        if len(broke) == 1:
            raise RuntimeError("on purpose")
        return await make_offers(dialer, count)

    monkeypatch.setattr(Dialer, "make_offers", breaks_once)
    async with tracker(accepts()) as scripted, member_of(scripted) as member:
        await soon(member.accepted.wait())
    (problem,) = member.problems
    assert isinstance(problem, TrackerFailed) and "in this program broke" in problem.message
    assert "RuntimeError: on purpose" in caplog.text


@pytest.mark.parametrize(("offers", "wants", "sent"), [(20, 10, MAX_OFFERS), (4, 1, 1), (4, 0, 0)])
async def test_there_are_as_many_offers_as_are_wanted_within_manners(
    offers: int, wants: int, sent: int
) -> None:
    async with (
        tracker(accepts()) as scripted,
        member_of(scripted, offers=offers, wants=wants),
    ):
        (first,) = await scripted.announces(1)
    assert len(first.offers) == sent


async def test_it_announces_again_at_the_trackers_interval() -> None:
    async with tracker(accepts(interval=0.2)) as scripted, member_of(scripted):
        await scripted.announces(1)
        started = asyncio.get_running_loop().time()
        again = await scripted.announces(2)
        took = asyncio.get_running_loop().time() - started
    assert [announce.event for announce in again] == [Event.UPDATE, Event.UPDATE]
    assert 0.35 < took < 5


async def test_an_interval_that_would_hammer_the_tracker_is_not_kept() -> None:
    patient = Timings(min_interval=30)
    async with tracker(accepts(interval=0)) as scripted, member_of(scripted, timings=patient):
        await scripted.announces(1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(scripted.heard.get(), 0.3)


async def test_a_call_for_peers_announces_soon_and_ever_more_slowly() -> None:
    async with tracker(accepts()) as scripted, member_of(scripted) as member:
        await scripted.announces(1)
        await soon(member.accepted.wait())
        times = []
        for _ in range(4):
            for _ in range(3):
                member.announcer.more_peers()
            await scripted.announces(1)
            times.append(asyncio.get_running_loop().time())
        assert scripted.heard.empty()
    gaps = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert gaps[0] > 0.08
    assert gaps[2] > gaps[0] * 2


async def test_a_completed_download_is_announced_at_once_and_without_offers() -> None:
    async with tracker(accepts()) as scripted, member_of(scripted) as member:
        await scripted.announces(1)
        await soon(member.accepted.wait())
        member.totals = Totals(uploaded=0, downloaded=9, left=0)
        member.announcer.completed()
        (completed,) = await scripted.announces(1)
    assert (completed.event, completed.left, completed.offers) == (Event.COMPLETED, 0, ())


async def test_old_offers_make_room_for_new_ones() -> None:
    async with tracker(accepts(interval=0.05)) as scripted, member_of(scripted, offers=2) as member:
        await scripted.announces(6)
        assert len(member.dialer._waiting) <= 4


async def test_a_lost_connection_is_had_back_in_silence_and_its_offers_are_freed() -> None:
    await WebRtcTransport(ClientConfig()).warm()
    before = len(psutil.Process().net_connections(kind="udp"))
    async with tracker(accepts()) as scripted, member_of(scripted) as member:
        (first,) = await scripted.announces(1)
        await soon(member.accepted.wait())
        await scripted.sockets[0].close()
        started, repeated = await scripted.announces(2)
        assert started.event is Event.STARTED
        # The tracker may have dropped us with the old socket: soon after, we say it again.
        assert repeated.event is Event.UPDATE
        assert started.peer_id == first.peer_id
        assert first.offers[0].offer_id not in member.dialer._waiting
        assert not member.problems
    await until(lambda: len(psutil.Process().net_connections(kind="udp")) <= before, 5)


async def test_a_refusal_is_told_once_in_words_that_are_safe_to_show() -> None:
    def script(frame: ClientFrame) -> list[str | bytes]:
        return [encode(Failure(reason="go \x1b[31maway\u202e", action="announce"))]

    async with tracker(script) as scripted, member_of(scripted) as member:
        await scripted.announces(3)
        assert len(member.problems) == 1
    assert "refused" in member.problems[0].message
    assert "go [31maway" in member.problems[0].message
    assert not member.accepted.is_set()


async def test_a_tracker_that_says_nothing_has_failed() -> None:
    impatient = Timings(reply=0.05, first_retry=0.05, max_retry=0.1)
    async with tracker(lambda _: []) as scripted, member_of(scripted, timings=impatient) as member:
        await scripted.announces(2)
        assert [problem.code for problem in member.problems] == ["trackerFailed"]


async def test_a_failure_long_after_the_announce_costs_nothing() -> None:
    def script(frame: ClientFrame) -> list[str | bytes]:
        reply = AnnounceReply(info_hash=SWARM, interval=0.1)
        return [encode(reply), encode(Failure(reason="too many frames", action="announce"))]

    async with tracker(script) as scripted, member_of(scripted) as member:
        await scripted.announces(3)
        assert len(scripted.sockets) == 1
        assert not member.problems


async def test_a_tracker_that_says_too_much_is_left_and_told_of_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tracker_session, "FRAMES", (100, 1))

    def script(frame: ClientFrame) -> list[str | bytes]:
        return [encode(AnnounceReply(info_hash=SWARM, interval=120)), *["{}"] * 200]

    async with tracker(script) as scripted, member_of(scripted) as member:
        await scripted.announces(3)
        assert len(scripted.sockets) == 3
        (problem,) = member.problems
    assert "too much" in problem.message


@pytest.mark.parametrize(
    "junk",
    [
        "",
        "not json",
        "[]",
        "{}",
        json.dumps({"action": "announce"}),
        json.dumps({"action": "announce", "info_hash": "short", "interval": 1}),
        json.dumps({"action": "announce", "info_hash": "x" * 20, "interval": 1e-9}),
        json.dumps({"action": "announce", "info_hash": "x" * 20, "offer": {"type": "offer"}}),
        json.dumps({"action": "scrape", "files": {}}),
        b"\xff\xfe",
        "[" * 10_000,
    ],
)
async def test_junk_from_a_tracker_is_ignored(junk: str | bytes) -> None:
    def script(frame: ClientFrame) -> list[str | bytes]:
        return [junk, *accepts(interval=0.1)(frame)]

    async with tracker(script) as scripted, member_of(scripted) as member:
        await scripted.announces(2)
        assert member.accepted.is_set()
        assert len(scripted.sockets) == 1


async def test_a_frame_too_long_ends_the_connection() -> None:
    def script(frame: ClientFrame) -> list[str | bytes]:
        return ["x" * 300_000]

    async with tracker(script) as scripted, member_of(scripted) as member:
        await scripted.announces(2)
        assert len(member.problems) == 1


async def test_a_peers_offer_is_answered_through_the_tracker_it_came_from() -> None:
    stranger = await WebRtcTransport(CONFIG).offer(no_relay)
    description = {"type": "offer", "sdp": stranger.text}
    offer_id = bytes(range(200, 220))

    def script(frame: ClientFrame) -> list[str | bytes]:
        if not isinstance(frame, Announce) or frame.event is not Event.STARTED:
            return []
        offer = OfferFrame(info_hash=SWARM, peer_id=THEIRS, offer_id=offer_id, offer=description)
        other = OfferFrame(
            info_hash=b"x" * 20, peer_id=b"y" * 20, offer_id=offer_id, offer=description
        )
        return [*accepts()(frame), encode(other), encode(offer)]

    async with tracker(script) as scripted, member_of(scripted, offers=0) as member:
        await soon(scripted.heard.get())
        answer = await soon(scripted.heard.get())
        assert isinstance(answer, Answer)
        assert (answer.to_peer_id, answer.offer_id, answer.peer_id) == (THEIRS, offer_id, OURS)
        await stranger.accept(answer.answer["sdp"])
        channel, met = await soon(asyncio.gather(stranger.opened(), member.met.get()))
        assert set(member.dialer._open) == {THEIRS}
        await soon(asyncio.gather(channel.close(), met.channel.close()))
    assert scripted.heard.qsize() == 1  # the goodbye: the other swarm's offer was not answered


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("wss://tracker.example/passkey/announce?token=1", "wss://tracker.example"),
        ("ws://user:secret@[::1]:8421/", "ws://[::1]:8421"),
    ],
)
def test_a_trackers_name_keeps_what_is_private(url: str, name: str) -> None:
    assert tracker_name(url) == name
