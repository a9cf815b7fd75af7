"""Peers that keep us busy: each is dropped for it, and what waits for them stays small."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import count, cycle, islice

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.torrent.peer.misbehaviour import METADATA_REQUESTS, MOST_BARREN_CHOKES
from filesend_tui.core.torrent.peer.serving import OUR_REQQ
from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.handshake import OUR_RESERVED
from filesend_tui.core.wire.shape import BLOCK
from tests.hostile.stage import Stage
from tests.hostile.test_broken_rules import TAKES_METADATA, extended
from tests.hostile.villain import NO_FAST, Villain

WANTS_METADATA = extended(1, {b"msg_type": 0, b"piece": 0})


async def pour(villain: Villain, messages: Iterable[m.Message]) -> None:
    """Say them, a thousand at a time, until the other side has had enough."""
    source = iter(messages)
    while not villain.gone.is_set() and (some := list(islice(source, 1000))):
        await villain.say(*some)
        await asyncio.sleep(0)


FLOODS: dict[str, Iterable[m.Message]] = {
    "keep-alives": cycle([m.KeepAlive()]),
    "the same have": cycle([m.Have(0)]),
    "interest that comes and goes": cycle([m.Interested(), m.NotInterested()]),
    "interest again and again": cycle([m.Interested()]),
    "chokes and unchokes": cycle([m.Choke(), m.Unchoke()]),
    "unchokes": cycle([m.Unchoke()]),
    "requests while choked, repeated when rejected": cycle([m.Request(0, 0, BLOCK)]),
    "cancels": cycle([m.Cancel(0, 0, BLOCK)]),
    "suggestions": cycle([m.SuggestPiece(0)]),
    "allowed-fast": cycle([m.AllowedFast(0)]),
    "DHT ports": cycle([m.Port(6881)]),
    "other extensions": cycle([m.Extended(77, b"x" * 10)]),
    "extended handshakes": cycle([TAKES_METADATA]),
    "sizes that change": (
        extended(0, {b"m": {b"ut_metadata": 3}, b"metadata_size": size}) for size in count(1)
    ),
}


@pytest.mark.parametrize(
    ("side", "kind"),
    [
        (side, kind)
        for side in ("seeder", "receiver")
        for kind in FLOODS
        # A seeder knows the size: the first lie about it is the last.
        if (side, kind) != ("seeder", "sizes that change")
    ],
)
def test_messages_that_move_nothing(stage: Stage, kind: str, side: str) -> None:
    async def act() -> None:
        target = await (stage.seeder() if side == "seeder" else stage.receiver())
        villain = await stage.villain(target)
        await villain.hello()
        await pour(villain, FLOODS[kind])
        assert await stage.drops(target) == "messageFlood"
        if side == "seeder":
            target = await stage.receiver()
        else:
            await stage.seeder()
        await stage.arrived(target)

    stage.play(act)


def test_unknown_messages(stage: Stage) -> None:
    async def act() -> None:
        seeder = await stage.seeder()
        villain = await stage.villain(seeder)
        await villain.hello()
        while not villain.gone.is_set():
            await villain.raw(b"\x00\x00\x00\x02\x63x" * 1000)
            await asyncio.sleep(0)
        assert await stage.drops(seeder) == "messageFlood"

    stage.play(act)


def test_a_lively_peer_is_not_taken_for_a_flood(stage: Stage) -> None:
    """All the requests that it may have waiting, rejected by a choke, every half a minute."""

    async def act() -> None:
        seeder = await stage.seeder()
        villain = await stage.villain(seeder)
        await villain.hello()
        for _ in range(20):
            await villain.say(*[m.Request(0, 0, BLOCK)] * OUR_REQQ)
            await asyncio.sleep(30)
        assert not seeder.of(e.PeerDropped)

    stage.play(act)


async def until_unchoked(villain: Villain) -> None:
    await villain.hello(m.Interested())
    await villain.until(m.Unchoke)


def test_more_requests_waiting_than_anybody_is_allowed(stage: Stage) -> None:
    async def act() -> None:
        seeder = await stage.seeder()
        villain = await stage.villain(seeder)
        await until_unchoked(villain)
        different = (m.Request(n % 40, begin, 1) for n in range(40) for begin in range(16384))
        await pour(villain, islice(different, 4 * OUR_REQQ))
        assert await stage.drops(seeder) == "requestFlood"
        await stage.arrived(await stage.receiver())

    stage.play(act)


def test_one_request_over_and_over(stage: Stage) -> None:
    """It waits once however often it comes."""

    async def act() -> None:
        seeder = await stage.seeder()
        villain = await stage.villain(seeder)
        await until_unchoked(villain)
        await villain.say(*[m.Request(0, 0, BLOCK)] * 5000)
        await villain.until(m.Piece)
        assert sum(isinstance(message, m.Piece) for message in villain.heard) < 10
        await pour(villain, cycle([m.Request(0, 0, BLOCK)] * 1000 + [m.Cancel(0, 0, BLOCK)]))
        assert await stage.drops(seeder) == "messageFlood"

    stage.play(act)


def test_requests_for_what_is_not_here_yet(stage: Stage) -> None:
    """They are refused, and the download is not hurt by them."""

    async def act() -> None:
        receiver = await stage.receiver()
        villain = await stage.villain(receiver)
        await villain.seem_good()
        await villain.until(m.Interested)
        await villain.say(m.Interested())
        await villain.until(m.Unchoke)
        await villain.say(m.Request(3, 0, BLOCK))
        await villain.until(m.RejectRequest)
        await pour(villain, cycle([m.Request(3, 0, BLOCK)]))
        assert await stage.drops(receiver) == "messageFlood"
        await stage.seeder()
        await stage.arrived(receiver)
        assert not receiver.of(e.Error)

    stage.play(act)


def test_the_description_over_and_over(stage: Stage) -> None:
    async def act() -> None:
        seeder = await stage.seeder()
        villain = await stage.villain(seeder)
        await villain.hello(TAKES_METADATA)
        await pour(villain, cycle([WANTS_METADATA] * 10))
        assert await stage.drops(seeder) == "metadataFlood"
        await stage.arrived(await stage.receiver())

    stage.play(act)


def test_the_description_waits_once_for_a_peer_that_does_not_read(stage: Stage) -> None:
    async def act() -> None:
        seeder = await stage.seeder()
        villain = await stage.villain(seeder, reads=False)
        await villain.hello(TAKES_METADATA, *[WANTS_METADATA] * METADATA_REQUESTS)
        seen = 0
        for _ in range(100):
            await asyncio.sleep(0)
            if peer := stage.peer(seeder, villain):
                seen += 1
                assert peer.wire.queued_bytes < 2 * BLOCK
        assert seen

    stage.play(act)


@pytest.mark.parametrize("reserved", [OUR_RESERVED, NO_FAST])
def test_chokes_that_take_back_every_request(stage: Stage, reserved: bytes) -> None:
    """Few enough not to be a flood: each unchoke is answered with requests, and no block comes."""

    async def act() -> None:
        receiver = await stage.receiver()
        villain = await stage.villain(receiver, reserved=reserved)
        await villain.seem_good()
        rounds = 0
        while not receiver.of(e.PeerDropped):
            await villain.until(m.Request)
            asked = [r for r in villain.heard if isinstance(r, m.Request)]
            villain.heard.clear()
            rounds += 1
            rejected = [m.RejectRequest(r.index, r.begin, r.length) for r in asked]
            await villain.say(m.Choke(), *rejected * (reserved == OUR_RESERVED), m.Unchoke())
            await asyncio.sleep(1)
        assert await stage.drops(receiver) == "flapping"
        assert rounds == MOST_BARREN_CHOKES + 1
        await stage.seeder()
        await stage.arrived(receiver)

    stage.play(act)


def test_rejecting_everything(stage: Stage) -> None:
    async def act() -> None:
        receiver = await stage.receiver()
        villain = await stage.villain(receiver)
        villain.on[m.Request] = lambda r: [m.RejectRequest(r.index, r.begin, r.length)]
        await villain.seem_good()
        assert await stage.drops(receiver) == "rejectsAll"
        await stage.seeder()
        await stage.arrived(receiver)

    stage.play(act)


def test_every_block_twice(stage: Stage) -> None:
    """More answers than requests: the second of each is what nobody asked for."""

    async def act() -> None:
        receiver = await stage.receiver()
        villain = await stage.villain(receiver)

        def twice(r: m.Request) -> list[m.Message]:
            start = r.index * stage.info.shape.piece_length + r.begin
            block = stage.content[start : start + r.length]
            return [m.Piece(r.index, r.begin, block)] * 2

        villain.on[m.Request] = twice
        await villain.seem_good()
        assert await stage.drops(receiver) == "unrequested"
        await stage.seeder()
        await stage.arrived(receiver)

    stage.play(act)


def test_blocks_nobody_asked_for_in_a_stream(stage: Stage) -> None:
    """They may not pass for those it owes, nor put off the day of reckoning."""

    async def act() -> None:
        receiver = await stage.receiver()
        villain = await stage.villain(receiver)
        await villain.seem_good()
        await villain.until(m.Request)
        (first, *_) = [r for r in villain.heard if isinstance(r, m.Request)]
        start = first.index * stage.info.shape.piece_length
        right = m.Piece(first.index, 0, stage.content[start : start + BLOCK])
        await pour(villain, islice(cycle([right]), 5000))
        assert await stage.drops(receiver) == "unrequested"
        await stage.seeder()
        await stage.arrived(receiver)

    stage.play(act)
