"""A makeshift channel and the better one that takes its place. Transports are pipes in memory."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import pytest

from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.meeting.dialer import MetPeer
from filesend_tui.core.meeting.invitation import Invitation
from filesend_tui.core.meeting.signaling import SealedSignaling, Use
from filesend_tui.core.meeting.transport_race import TransportRace, Winner
from filesend_tui.core.transports import registry
from filesend_tui.core.transports.base import OPEN_TIMEOUT, Attempt, Channel, RelayAccess
from filesend_tui.core.transports.clues import NoRoadLed, Outcome, Tried
from tests.meeting.test_dialer import HIGH, KEY, LOW, SWARM, Peer
from tests.torrent.lab import MemoryChannel
from tests.transports.pairs import soon
from tests.transports.pipe import PipeAttempt, PipeTransport
from tests.waiting import until


class Gated(PipeTransport):
    """One that opens when the test lets it, or fails."""

    name = "gated"
    opens: ClassVar[asyncio.Event]
    fails: ClassVar[asyncio.Event]

    async def offer(self, _relay: RelayAccess) -> Attempt:
        return GatedAttempt.offering()

    async def answer(self, text: str, _relay: RelayAccess) -> Attempt:
        return GatedAttempt.answering(text)


class GatedAttempt(PipeAttempt):
    async def opened(self, timeout: float = OPEN_TIMEOUT) -> Channel:
        opens, fails = (asyncio.create_task(e.wait()) for e in (Gated.opens, Gated.fails))
        try:
            await asyncio.wait({opens, fails}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            opens.cancel()
            fails.cancel()
        if not Gated.opens.is_set():
            raise ChannelFailed("it is closed")
        return await super().opened(timeout)


class Makeshift(PipeTransport):
    """One that opens at once, and gives way."""

    name = "makeshift"
    makeshift = lasting = True
    grace = 0.0


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    Gated.opens, Gated.fails = asyncio.Event(), asyncio.Event()
    monkeypatch.setattr(registry, "KINDS", {"gated": Gated, "makeshift": Makeshift})


def member(peer_id: bytes) -> Peer:
    return Peer(peer_id, signaling=SealedSignaling(SWARM, KEY))


async def offered(ours: Peer, theirs: Peer) -> None:
    """Have an offer answered, and both meet."""
    (offer,) = await ours.dialer.make_offers(1)
    theirs.offered_by(ours, offer)


async def met(ours: Peer, theirs: Peer) -> tuple[MetPeer, MetPeer]:
    here, there = await soon(asyncio.gather(ours.met.get(), theirs.met.get()))
    return here, there


def names(*met: MetPeer) -> list[str]:
    return [each.transport.name for each in met if each.transport is not None]


async def finish(*peers: Peer) -> None:
    await soon(asyncio.gather(*(peer.dialer.close() for peer in peers)))
    channels = [channel for peer in peers for channel in peer.channels]
    await soon(asyncio.gather(*(channel.close() for channel in channels)))
    await until(lambda: not PipeAttempt._offers and not PipeAttempt._answers)


async def test_the_better_one_of_the_same_race_takes_its_place() -> None:
    ours, theirs = member(LOW), member(HIGH)
    await offered(ours, theirs)
    first = await met(ours, theirs)
    assert names(*first) == ["makeshift", "makeshift"]
    assert not any(each.improves for each in first)
    Gated.opens.set()
    second = await met(ours, theirs)
    assert names(*second) == ["gated", "gated"]
    assert all(each.improves for each in second)
    assert not any(each.channel.closed for each in first), "whoever uses it closes it"
    await finish(ours, theirs)


async def test_where_none_led_to_a_peer_what_became_of_each_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "KINDS", {"gated": Gated})
    ours, theirs = member(LOW), member(HIGH)
    Gated.fails.set()
    await offered(ours, theirs)
    await until(lambda: ours.dialer.failure is not None and theirs.dialer.failure is not None)
    for each in (ours, theirs):
        assert isinstance(each.dialer.failure, NoRoadLed)
        assert each.dialer.failure.message == "gated failed: it is closed."
        assert each.dialer.failure.hint == ""
    await finish(ours, theirs)


async def test_a_later_offer_is_answered_by_better_ones_alone() -> None:
    ours, theirs = member(LOW), member(HIGH)
    Gated.fails.set()
    await offered(ours, theirs)
    assert names(*await met(ours, theirs)) == ["makeshift", "makeshift"]
    await asyncio.gather(ours.idle(), theirs.idle())
    Gated.fails.clear()
    Gated.opens.set()
    await offered(theirs, ours)
    second = await met(ours, theirs)
    assert names(*second) == ["gated", "gated"]
    await offered(ours, theirs)
    await asyncio.gather(ours.idle(), theirs.idle())
    assert ours.met.empty(), "nothing is better than that"
    assert theirs.met.empty()
    await finish(ours, theirs)


async def test_another_makeshift_one_is_of_no_use() -> None:
    """Such as where two races were under way when the first of them led to one."""
    ours, theirs = member(LOW), member(HIGH)
    await offered(ours, theirs)
    await met(ours, theirs)
    signaling = SealedSignaling(SWARM, KEY)
    (offer,) = await ours.dialer.make_offers(1)
    answers = []

    async def reply(answer: object) -> None:
        answers.append(answer)

    theirs.dialer.offered(LOW, offer.offer_id, offer.description, reply)
    await until(lambda: bool(answers))
    use = Use(offer.offer_id, offerer=LOW, answerer=HIGH)
    assert set(signaling.open(answers[0], use)) == {"gated"}  # type: ignore[arg-type]
    assert ours.met.empty()
    assert theirs.met.empty()
    await finish(ours, theirs)


async def test_that_nothing_better_came_is_no_failure_and_it_is_sought_again() -> None:
    missed = 0

    def miss() -> None:
        nonlocal missed
        missed += 1

    ours, theirs = member(LOW), member(HIGH)
    for each in (ours, theirs):
        each.dialer._missed = miss
    await offered(ours, theirs)
    first = await met(ours, theirs)
    Gated.fails.set()
    await asyncio.gather(ours.idle(), theirs.idle())
    assert missed == 2, "by both, as often as an announce may be made"
    await offered(ours, theirs)
    await asyncio.gather(ours.idle(), theirs.idle())
    assert missed == 4
    assert ours.dialer.failure is None
    assert theirs.dialer.failure is None
    assert not any(each.channel.closed for each in first)
    await finish(ours, theirs)


async def test_what_became_of_better_ones_is_told_as_it_comes() -> None:
    ours, theirs = member(LOW), member(HIGH)
    told: list[tuple[Channel, tuple[Tried, ...]]] = []
    ours.dialer._learned = lambda channel, tried: told.append((channel, tried))
    await offered(ours, theirs)
    first, _ = await met(ours, theirs)
    going_on, taken = Tried("gated", Outcome.GOING_ON), Tried("makeshift", Outcome.TAKEN)
    assert first.tried == (going_on, taken)
    Gated.fails.set()
    await asyncio.gather(ours.idle(), theirs.idle())
    failed = Tried("gated", Outcome.FAILED, said="it is closed")
    assert told == [(first.channel, (failed, taken))]
    await offered(ours, theirs)
    await asyncio.gather(ours.idle(), theirs.idle())
    assert len(told) == 1, "it failed again, in the same way"
    Gated.fails.clear()
    Gated.opens.set()
    await offered(ours, theirs)
    second, _ = await met(ours, theirs)
    assert second.tried == (Tried("gated", Outcome.TAKEN),)
    await finish(ours, theirs)


async def test_what_was_in_no_invitation_was_not_left_out_by_the_other_side() -> None:
    ours, theirs = member(LOW), member(HIGH)
    invitation = await Invitation.make(LOW, ours.roads)
    assert invitation is not None
    reach = await theirs.dialer.answer_reach(invitation.reach)
    assert reach is not None
    await soon(ours.dialer.reach(invitation, reach))
    for each in await met(ours, theirs):
        assert each.tried == (
            Tried("gated", Outcome.GOING_ON),
            Tried("makeshift", Outcome.TAKEN),
        )
    await finish(ours, theirs)


async def test_in_an_open_swarm_nothing_is_told() -> None:
    ours, theirs = Peer(LOW), Peer(HIGH)
    winner = Winner(MemoryChannel("a"), ours.roads.usable(private=True)[0])
    race = TransportRace([])
    assert ours.dialer._tried(winner, race) == ()
    await finish(ours, theirs)


async def test_closing_waits_for_nothing_better() -> None:
    ours, theirs = member(LOW), member(HIGH)
    await offered(ours, theirs)
    await met(ours, theirs)
    assert ours.dialer._improving
    await finish(ours, theirs)
    assert not ours.dialer._improving
    assert not ours.dialer._tasks


async def test_an_invitation_holds_what_lasts_and_what_gives_way() -> None:
    ours = member(LOW)
    invitation = await Invitation.make(LOW, ours.roads)
    assert invitation is not None
    assert set(invitation.reach.texts) == {"makeshift"}, "the other one does not last"
    await invitation.close()
    await finish(ours)
