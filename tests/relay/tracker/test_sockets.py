from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from relay.app import TRACKER_PATHS
from relay.guard.limits import Limits, Rate
from relay.protocol.tracker_json import (
    MAX_FRAME,
    Announce,
    AnnounceReply,
    Answer,
    AnswerFrame,
    Event,
    Failure,
    Frame,
    Offer,
    OfferFrame,
    Scrape,
    ScrapeReply,
    ServerFrame,
    SwarmFigures,
    encode,
    parse_server_frame,
)
from tests.conftest import RunningRelay, running_relay
from tests.relay.conftest import TIMEOUT

SWARM = b"\xff\x00S" + b"w" * 17
OFFER = {"type": "offer", "sdp": "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\n"}
ANSWER = {"type": "answer", "sdp": "v=0\r\n"}


class Peer:
    """A WebSocket to a tracker."""

    def __init__(self, letter: str, socket: ClientConnection) -> None:
        self.id = b"-XX0001-" + letter.encode() * 12
        self.socket = socket

    async def send(self, frame: Frame) -> None:
        await self.socket.send(encode(frame))

    async def receive(self) -> ServerFrame:
        return parse_server_frame(await asyncio.wait_for(self.socket.recv(), TIMEOUT))

    async def announce(
        self, *offer_ids: bytes, left: int = 1, event: Event = Event.UPDATE
    ) -> ServerFrame:
        await self.send(
            Announce(
                info_hash=SWARM,
                peer_id=self.id,
                left=left,
                event=event,
                offers=tuple(Offer(each, OFFER) for each in offer_ids),
            )
        )
        return await self.receive()


class Swarm:
    """Opens peers, and closes them when the test is over."""

    def __init__(self) -> None:
        self.peers: list[Peer] = []

    async def __call__(self, url: str, letter: str) -> Peer:
        peer = Peer(letter, await websockets.connect(url, max_size=2**23))
        self.peers.append(peer)
        return peer


@pytest.fixture
async def open_peer() -> AsyncIterator[Swarm]:
    swarm = Swarm()
    yield swarm
    for peer in swarm.peers:
        await peer.socket.close()


def reply(complete: int, incomplete: int) -> AnnounceReply:
    return AnnounceReply(info_hash=SWARM, interval=120, complete=complete, incomplete=incomplete)


@pytest.mark.parametrize("path", TRACKER_PATHS)
async def test_an_offer_and_its_answer_cross(relay: RunningRelay, open_peer: Swarm, path: str):
    url = relay.url.replace("http", "ws") + path
    seeder, leecher = await open_peer(url, "s"), await open_peer(url, "l")
    assert await seeder.announce(left=0, event=Event.STARTED) == reply(1, 0)
    assert await leecher.announce(b"o" * 20) == reply(1, 1)
    assert await seeder.receive() == OfferFrame(
        info_hash=SWARM, peer_id=leecher.id, offer_id=b"o" * 20, offer=OFFER
    )
    await seeder.send(
        Answer(
            info_hash=SWARM,
            peer_id=seeder.id,
            to_peer_id=leecher.id,
            offer_id=b"o" * 20,
            answer=ANSWER,
        )
    )
    assert await leecher.receive() == AnswerFrame(
        info_hash=SWARM, peer_id=seeder.id, offer_id=b"o" * 20, answer=ANSWER
    )


async def test_an_answer_is_relayed_without_its_address(relay: RunningRelay, open_peer: Swarm):
    one, other = (
        await open_peer(relay.tracker, "a"),
        await open_peer(relay.tracker, "b"),
    )
    await one.announce()
    await other.announce()
    await other.send(
        Answer(info_hash=SWARM, peer_id=other.id, to_peer_id=one.id, offer_id=SWARM, answer=ANSWER)
    )
    frame = json.loads(await asyncio.wait_for(one.socket.recv(), TIMEOUT))
    assert frame.keys() == {"action", "info_hash", "peer_id", "offer_id", "answer"}


async def test_frames_may_come_as_bytes(relay: RunningRelay, open_peer: Swarm):
    peer = await open_peer(relay.tracker, "a")
    await peer.socket.send(encode(Announce(info_hash=SWARM, peer_id=peer.id)).encode())
    assert await peer.receive() == reply(0, 1)


async def test_scrapes_of_one_and_of_several(relay: RunningRelay, open_peer: Swarm):
    peer = await open_peer(relay.tracker, "a")
    await peer.announce(left=0, event=Event.COMPLETED)
    figures = SwarmFigures(complete=1, downloaded=1)
    await peer.send(Scrape((SWARM,)))
    assert await peer.receive() == ScrapeReply({SWARM: figures})
    await peer.send(Scrape((SWARM, b"u" * 20)))
    assert await peer.receive() == ScrapeReply({SWARM: figures, b"u" * 20: SwarmFigures()})


async def test_stopped_and_a_closed_socket_leave_the_swarm(relay: RunningRelay, open_peer: Swarm):
    one, other = (
        await open_peer(relay.tracker, "a"),
        await open_peer(relay.tracker, "b"),
    )
    await one.announce()
    assert await other.announce() == reply(0, 2)
    assert await one.announce(event=Event.STOPPED) == reply(0, 1)
    await one.announce()
    await one.socket.close()
    async with asyncio.timeout(TIMEOUT):
        while await other.announce() != reply(0, 1):
            pass


async def test_the_same_peer_on_a_new_socket_outlives_the_old_one(
    relay: RunningRelay, open_peer: Swarm
):
    old, new = (
        await open_peer(relay.tracker, "a"),
        await open_peer(relay.tracker, "a"),
    )
    other = await open_peer(relay.tracker, "b")
    await old.announce()
    await new.announce()
    await old.socket.close()
    await other.announce(b"o" * 20)
    assert isinstance(await new.receive(), OfferFrame)


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ('{"action":"announce"}', "announce"),
        ('{"action":"scrape"}', "scrape"),
        ('{"action":"dance"}', None),
        ("hello", None),
        (b"\xff\xff", None),
    ],
)
async def test_a_bad_frame_is_answered_and_costs_nothing_else(
    relay: RunningRelay, open_peer: Swarm, text: str | bytes, action: str | None
):
    peer = await open_peer(relay.tracker, "a")
    await peer.socket.send(text)
    failure = await peer.receive()
    assert isinstance(failure, Failure)
    assert failure.action == action
    assert await peer.announce() == reply(0, 1)


async def test_an_oversized_frame_closes_the_socket(relay: RunningRelay, open_peer: Swarm):
    peer = await open_peer(relay.tracker, "a")
    await peer.socket.send(" " * (MAX_FRAME + 1))
    with pytest.raises(websockets.ConnectionClosed) as caught:
        await peer.receive()
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1008


async def test_a_flood_of_frames_is_refused_by_name(open_peer: Swarm):
    with running_relay(Limits(tracker_frames=Rate(1, 0))) as relay:
        peer = await open_peer(relay.tracker, "a")
        await peer.announce()
        assert await peer.announce() == Failure(reason="too many frames", action="announce")


async def test_sockets_are_bounded(open_peer: Swarm):
    with running_relay(Limits(max_tracker_sockets=1)) as relay:
        await open_peer(relay.tracker, "a")
        with pytest.raises(websockets.InvalidStatus):
            await open_peer(relay.tracker, "b")


async def test_a_reader_that_does_not_read_is_dropped_and_holds_nobody_up(open_peer: Swarm):
    with running_relay(Limits(max_tracker_queue=8)) as relay:
        slow = Peer("s", await websockets.connect(relay.tracker, max_queue=1))
        busy = await open_peer(relay.tracker, "b")
        await slow.announce()
        big = {"type": "offer", "sdp": "x" * 32_000}
        frame = Announce(info_hash=SWARM, peer_id=busy.id, left=1, offers=(Offer(b"o" * 20, big),))
        async with asyncio.timeout(30):
            while True:
                await busy.send(frame)
                if await busy.receive() == reply(0, 1):
                    break
        slow.socket.transport.abort()
