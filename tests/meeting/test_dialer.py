from __future__ import annotations

import asyncio
import os
from typing import Any

import psutil
import pytest

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.meeting.dialer import MAX_ANSWERING, Dialer, MetPeer, SealedOffer
from filesend_tui.core.meeting.signaling import Description, PlainSignaling, SealedSignaling
from filesend_tui.core.meeting.timings import Timings
from filesend_tui.core.transports.base import Channel, NoWay, no_relay
from filesend_tui.core.transports.registry import Transports
from filesend_tui.core.transports.webrtc.transport import WebRtcTransport
from tests.transports.pairs import read_exactly, sockets_left, soon
from tests.waiting import other_tasks_ended, until

pytestmark = pytest.mark.webrtc

SWARM = bytes(range(20))
KEY = b"k" * 32
LOW, HIGH = b"a" * 20, b"b" * 20


def udp_sockets() -> int:
    return len(psutil.Process().net_connections(kind="udp"))


class Peer:
    """A dialer, and what it met."""

    def __init__(
        self, peer_id: bytes, *, wants: int = 10, signaling: Any = None, **timings: float
    ) -> None:
        self.peer_id = peer_id
        self.wants = wants
        self.met: asyncio.Queue[MetPeer] = asyncio.Queue()
        self.channels: list[Channel] = []
        self.transports = Transports(ClientConfig())
        self.roads = self.transports.by(no_relay)
        self.dialer = Dialer(
            signaling=signaling or PlainSignaling(SWARM),
            peer_id=peer_id,
            roads=self.roads,
            met=self._meet,
            wants_peers=lambda: self.wants,
            timings=Timings(**timings),
        )

    def _meet(self, met: MetPeer) -> None:
        self.channels.append(met.channel)
        self.met.put_nowait(met)

    def offered_by(self, other: Peer, offer: SealedOffer) -> None:
        """Carry the other's offer here, and the answer back, as a tracker would."""

        async def reply(answer: Description) -> None:
            other.dialer.answered(self.peer_id, offer.offer_id, answer)

        self.dialer.offered(other.peer_id, offer.offer_id, offer.description, reply)

    @property
    def connected(self) -> set[bytes]:
        """Whom it holds for connected, as their trackers say."""
        return set(self.dialer._open)

    async def idle(self) -> None:
        await until(lambda: not self.dialer._tasks, 10)


async def finish(*peers: Peer) -> None:
    await soon(asyncio.gather(*(peer.dialer.close() for peer in peers)))
    channels = [channel for peer in peers for channel in peer.channels]
    await soon(asyncio.gather(*(channel.close() for channel in channels)))
    await soon(asyncio.gather(*(peer.transports.close() for peer in peers)))


async def test_an_offer_and_its_answer_become_a_channel_at_both_ends() -> None:
    ours, theirs = Peer(LOW), Peer(HIGH)
    (offer,) = await ours.dialer.make_offers(1)
    theirs.offered_by(ours, offer)
    here, there = await soon(asyncio.gather(ours.met.get(), theirs.met.get()))
    assert (ours.connected, theirs.connected) == ({HIGH}, {LOW})
    await here.channel.send(b"hello")
    assert await read_exactly(there.channel, 5) == b"hello"
    await finish(ours, theirs)


async def test_two_that_offer_to_each_other_at_once_meet_once() -> None:
    ours, theirs = Peer(LOW), Peer(HIGH)
    (mine,), (yours,) = await asyncio.gather(
        ours.dialer.make_offers(1), theirs.dialer.make_offers(1)
    )
    theirs.offered_by(ours, mine)
    ours.offered_by(theirs, yours)
    here, there = await soon(asyncio.gather(ours.met.get(), theirs.met.get()))
    await here.channel.send(b"the same one")
    assert await read_exactly(there.channel, 12) == b"the same one"
    await asyncio.gather(ours.idle(), theirs.idle())
    assert ours.met.empty()
    assert theirs.met.empty()
    await finish(ours, theirs)


async def test_a_peer_that_is_connected_is_not_met_again_until_its_channel_closed() -> None:
    ours, theirs = Peer(LOW), Peer(HIGH)
    first, second, third = await ours.dialer.make_offers(3)
    theirs.offered_by(ours, first)
    here, there = await soon(asyncio.gather(ours.met.get(), theirs.met.get()))
    await ours.idle()
    theirs.offered_by(ours, second)
    await theirs.idle()
    assert theirs.met.empty()
    await soon(asyncio.gather(here.channel.close(), there.channel.close()))
    theirs.offered_by(ours, third)
    await soon(asyncio.gather(ours.met.get(), theirs.met.get()))
    await finish(ours, theirs)


async def test_an_offer_nobody_answers_is_closed_when_its_time_is_over() -> None:
    await WebRtcTransport(ClientConfig()).warm()
    before = udp_sockets()
    peer = Peer(LOW, offer_lifetime=0.05)
    offers = await peer.dialer.make_offers(3)
    assert len({offer.offer_id for offer in offers}) == 3
    assert all(len(offer.offer_id) == 20 for offer in offers)
    assert udp_sockets() > before
    await sockets_left(before)
    peer.dialer.answered(HIGH, offers[0].offer_id, {"type": "answer", "sdp": ""})
    assert not peer.dialer._dials
    await finish(peer)


async def test_closing_frees_offers_and_connections_on_their_way() -> None:
    await WebRtcTransport(ClientConfig()).warm()
    before = udp_sockets()
    ours, theirs = Peer(LOW), Peer(HIGH)
    offer, _ = await ours.dialer.make_offers(2)

    async def lost(_answer: Description) -> None:
        replied.set()

    replied = asyncio.Event()
    theirs.dialer.offered(LOW, offer.offer_id, offer.description, lost)
    await soon(replied.wait())
    assert udp_sockets() > before
    await soon(asyncio.gather(ours.dialer.close(), theirs.dialer.close()))
    await sockets_left(before)
    await other_tasks_ended()
    theirs.dialer.offered(LOW, offer.offer_id, offer.description, lost)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_being_stopped_while_offers_are_made_leaves_none() -> None:
    await WebRtcTransport(ClientConfig()).warm()
    before = udp_sockets()
    peer = Peer(LOW)
    making = asyncio.create_task(peer.dialer.make_offers(5))
    for _ in range(4):
        await asyncio.sleep(0)
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    await finish(peer)
    await sockets_left(before)


async def test_a_connection_that_does_not_open_in_time_is_given_up() -> None:
    await WebRtcTransport(ClientConfig()).warm()
    before = udp_sockets()
    ours, theirs = Peer(LOW), Peer(HIGH, connect=0.05)
    (offer,) = await ours.dialer.make_offers(1)

    async def lost(_answer: Description) -> None:
        pass

    theirs.dialer.offered(LOW, offer.offer_id, offer.description, lost)
    assert theirs.dialer._dials
    await theirs.idle()
    assert not theirs.dialer._dials
    assert theirs.met.empty()
    await finish(ours, theirs)
    await sockets_left(before)


@pytest.mark.parametrize(
    "answer",
    [
        {"type": "answer", "sdp": "nonsense"},
        {"type": "offer", "sdp": "v=0"},
        {"type": "answer", "sdp": "x" * 40_000},
        {},
    ],
)
async def test_a_hostile_answer_costs_that_offer_and_nothing_else(answer: Description) -> None:
    await WebRtcTransport(ClientConfig()).warm()
    before = udp_sockets()
    peer = Peer(LOW)
    (offer,) = await peer.dialer.make_offers(1)
    peer.dialer.answered(HIGH, offer.offer_id, answer)
    await peer.idle()
    await sockets_left(before)
    assert peer.met.empty()
    await finish(peer)


async def test_offers_that_are_not_wanted_cost_nothing() -> None:
    peer, full = Peer(LOW), Peer(HIGH, wants=0)
    (offer,) = await peer.dialer.make_offers(1)
    full.offered_by(peer, offer)

    async def answer(_answer: Description) -> None:
        pytest.fail("it answers itself")

    peer.dialer.offered(LOW, offer.offer_id, offer.description, answer)  # our own, come back
    assert not full.dialer._dials
    assert not peer.dialer._dials
    await finish(peer, full)


async def test_a_flood_of_offers_is_answered_a_few_at_a_time() -> None:
    peer, stranger = Peer(LOW), Peer(HIGH)
    (offer,) = await stranger.dialer.make_offers(1)

    async def lost(_answer: Description) -> None:
        pass

    for _ in range(3 * MAX_ANSWERING):
        peer.dialer.offered(os.urandom(20), offer.offer_id, offer.description, lost)
    assert len(peer.dialer._dials) == MAX_ANSWERING
    # What comes through another tracker is not kept out.
    peer.dialer.offered(HIGH, offer.offer_id, offer.description, lost, tracker="another")
    assert HIGH in peer.dialer._dials
    await finish(peer, stranger)


async def test_what_travels_is_sealed_and_a_stranger_gets_no_answer() -> None:
    ours, theirs = (
        Peer(LOW, signaling=SealedSignaling(SWARM, KEY)),
        Peer(HIGH, signaling=SealedSignaling(SWARM, KEY)),
    )
    stranger = Peer(b"c" * 20)
    sealed, plain = await ours.dialer.make_offers(1), await stranger.dialer.make_offers(1)
    assert not sealed[0].description["sdp"].startswith("v=0")
    theirs.offered_by(ours, sealed[0])
    theirs.offered_by(stranger, plain[0])
    await soon(asyncio.gather(ours.met.get(), theirs.met.get()))
    await theirs.idle()
    assert theirs.met.empty()
    assert theirs.connected == {LOW}
    await finish(ours, theirs, stranger)


async def test_settings_that_allow_no_offer_are_told() -> None:
    dialer = Dialer(
        signaling=PlainSignaling(SWARM),
        peer_id=LOW,
        roads=Transports(ClientConfig(relay_only=True)).by(no_relay),
        met=lambda _met: None,
        wants_peers=lambda: 5,
    )
    with pytest.raises(ChannelFailed, match="TURN"):
        await dialer.make_offers(2)
    assert isinstance(dialer.failure, NoWay), "who misses a peer is told why"
    await dialer.close()


async def test_what_allows_offers_again_is_no_obstacle_any_more() -> None:
    peer = Peer(LOW)
    peer.dialer.failure = NoWay("The relay named no TURN server.")
    await peer.dialer.make_offers(1)
    assert peer.dialer.failure is None
    await finish(peer)


@pytest.mark.parametrize("late", [0, 0.005, 0.01, 0.015, 0.02, 0.03])
@pytest.mark.parametrize("whose", [0, 1])
async def test_the_direct_road_too_is_met_on_once_whosever_answer_comes_late(
    late: float, whose: int
) -> None:
    """Each could take another of the two for the one that stays, and so both be lost."""
    signaling = SealedSignaling(SWARM, KEY)
    both = [Peer(LOW, signaling=signaling), Peer(HIGH, signaling=signaling)]
    offers = [(await peer.dialer.make_offers(1))[0] for peer in both]

    def carry(offerer: int) -> None:
        here, there, offer = both[offerer], both[1 - offerer], offers[offerer]

        async def reply(answer: Description) -> None:
            asyncio.get_running_loop().call_later(
                late if offerer == whose else 0,
                lambda: here.dialer.answered(there.peer_id, offer.offer_id, answer),
            )

        there.dialer.offered(here.peer_id, offer.offer_id, offer.description, reply)

    carry(0)
    carry(1)
    here, there = await soon(asyncio.gather(both[0].met.get(), both[1].met.get()))
    await here.channel.send(b"the same one")
    assert await read_exactly(there.channel, 12) == b"the same one"
    await finish(*both)


async def test_an_answer_kept_back_keeps_no_other_out() -> None:
    """A tracker hands on an offer and keeps the answer; another tracker is honest."""
    signaling = SealedSignaling(SWARM, KEY)
    low, high = Peer(LOW, signaling=signaling), Peer(HIGH, signaling=signaling)
    (kept,) = await low.dialer.make_offers(1)
    (passed,) = await high.dialer.make_offers(1)
    answered = asyncio.Event()

    async def keep(_answer: Description) -> None:
        answered.set()

    high.dialer.offered(LOW, kept.offer_id, kept.description, keep)
    await soon(answered.wait())
    low.offered_by(high, passed)
    here, there = await soon(asyncio.gather(low.met.get(), high.met.get()))
    await here.channel.send(b"the other one")
    assert await read_exactly(there.channel, 13) == b"the other one"
    await finish(low, high)


async def test_a_false_answer_leaves_the_offer_to_the_true_one() -> None:
    signaling = SealedSignaling(SWARM, KEY)
    ours, theirs = Peer(LOW, signaling=signaling), Peer(HIGH, signaling=signaling)
    (offer,) = await ours.dialer.make_offers(1)
    for false in ({"type": "answer", "sdp": "x"}, {**offer.description, "type": "answer"}):
        ours.dialer.answered(HIGH, offer.offer_id, false)
    theirs.offered_by(ours, offer)
    await soon(asyncio.gather(ours.met.get(), theirs.met.get()))
    await finish(ours, theirs)
