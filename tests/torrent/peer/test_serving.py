from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from filesend_tui.core.torrent.peer.serving import (
    LANE_BYTES,
    OUR_REQQ,
    READ_BYTES,
    SERVE_BYTES,
    Serving,
)
from filesend_tui.core.torrent.rates.limiter import RateLimit
from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.shape import BLOCK, BlockRequest

#: A piece that is not here.
ABSENT = 9


class Asker:
    """The peer that asks, and its wire: what reaches it, and what was held against it."""

    def __init__(self, *, fast: bool = True) -> None:
        self.wire = self
        self.fast = fast
        self.am_choking = False
        self.lane_count = 0
        self.said: list[m.Message] = []
        self.left: list[int] = []
        self.vain = 0
        self.woken = asyncio.Event()

    def send(self, message: m.Message) -> None:
        self.said.append(message)

    def flush(self) -> None:
        self.woken.set()

    def asked_in_vain(self) -> None:
        self.vain += 1

    def block_left(self, index: int, size: int) -> None:
        self.left.append(size)

    @property
    def peer_takes_metadata(self) -> bool:
        return False


class Store:
    """Has every piece but one; its disk waits where it is told to."""

    def __init__(self) -> None:
        self.reading = asyncio.Event()
        self.spins = asyncio.Event()
        self.spins.set()
        self.times = 0
        self.fails = False

    def can_serve(self, index: int) -> bool:
        return index != ABSENT

    async def read_blocks(self, requests: Sequence[BlockRequest]) -> list[bytes]:
        self.reading.set()
        self.times += 1
        await self.spins.wait()
        if self.fails:
            return []
        return [bytes([request.index]) * request.length for request in requests]


def serving(asker: Asker, store: Store | None = None, limit: RateLimit | None = None) -> Serving:
    ours = Serving(asker, limit=limit)  # type: ignore[arg-type]
    ours.source = store or Store()
    return ours


def ask(what: Serving, count: int) -> None:
    for index in range(count):
        assert what.requested(m.Request(index // 4 * 10, index % 4 * BLOCK, BLOCK))


async def test_what_cannot_be_read_for_now_is_rejected() -> None:
    asker, store = Asker(), Store()
    ours = serving(asker, store)
    store.fails = True
    ask(ours, 3)
    while await ours.put():
        pass
    assert [type(message) for message in asker.said] == [m.RejectRequest] * 3
    store.fails = False
    ask(ours, 1)
    assert await ours.put()
    assert asker.said[3:] == [m.Piece(0, 0, bytes(BLOCK))]


async def test_what_is_asked_for_twice_is_sent_once() -> None:
    asker = Asker()
    ours = serving(asker)
    ask(ours, 1)
    ask(ours, 1)
    assert asker.vain == 1
    assert await ours.put()
    assert asker.said == [m.Piece(0, 0, bytes(BLOCK))]
    assert asker.left == [BLOCK]
    assert not ours.waits
    assert not await ours.put()


@pytest.mark.parametrize("fast", [True, False])
async def test_what_is_not_served_is_refused_where_the_peer_understands(fast: bool) -> None:
    asker = Asker(fast=fast)
    ours = serving(asker)
    assert ours.requested(m.Request(ABSENT, 0, BLOCK))
    ask(ours, 2)
    ours.cancelled(m.Cancel(0, 0, BLOCK))
    ours.cancelled(m.Cancel(0, 0, BLOCK))
    ours.choke()
    asker.am_choking = True
    ask(ours, 1)
    refused = [(ABSENT, 0), (0, 0), (0, BLOCK), (0, 0)]
    assert asker.said == [m.RejectRequest(*where, BLOCK) for where in refused if fast]
    assert asker.vain == 2
    assert not ours.waits


async def test_while_nothing_is_here_every_request_is_refused() -> None:
    asker = Asker()
    ours = serving(asker)
    ours.source = None
    ask(ours, 1)
    assert asker.said == [m.RejectRequest(0, 0, BLOCK)]
    assert asker.vain == 1
    assert not ours.waits


async def test_a_flood_of_requests_is_told() -> None:
    ours = serving(Asker())
    ask(ours, 2 * OUR_REQQ)
    assert not ours.requested(m.Request(7, 0, BLOCK))
    assert ours.requested(m.Request(0, 0, BLOCK))


async def test_a_choke_while_the_disk_is_read_sends_nothing() -> None:
    asker, store = Asker(), Store()
    store.spins.clear()
    ours = serving(asker, store)
    ask(ours, 2)
    blocks = asyncio.create_task(ours.next_blocks())
    await asyncio.wait_for(store.reading.wait(), 5)
    ours.choke()
    store.spins.set()
    assert await asyncio.wait_for(blocks, 5) == []
    assert asker.left == []


@pytest.mark.parametrize(("lanes", "most"), [(0, SERVE_BYTES), (3, LANE_BYTES)])
async def test_several_senders_take_turns_of_a_bounded_size(lanes: int, most: int) -> None:
    asker = Asker()
    asker.lane_count = lanes
    ours = serving(asker)
    ask(ours, 2 * SERVE_BYTES // BLOCK)
    one, other = await asyncio.gather(ours.next_blocks(), ours.next_blocks())
    assert one and other
    assert sum(len(piece.block) for piece in one) == most
    assert sum(len(piece.block) for piece in other) == most
    assert not set(one) & set(other)


async def test_the_disk_is_read_once_for_several_turns_and_what_was_taken_back_is_not_sent() -> (
    None
):
    asker, store = Asker(), Store()
    asker.lane_count = 3
    ours = serving(asker, store)
    ask(ours, READ_BYTES // BLOCK + 1)
    first = await ours.next_blocks()
    assert first
    taken_back = m.Cancel(10, 2 * BLOCK, BLOCK)
    ours.cancelled(taken_back)
    sent = list(first)
    while len(asker.left) < READ_BYTES // BLOCK - 1:
        sent += await ours.next_blocks() or []
    assert store.times == 1
    sent += await ours.next_blocks() or []
    assert store.times == 2
    assert len(sent) == len(set(sent)) == READ_BYTES // BLOCK
    assert (taken_back.index, taken_back.begin) not in {(p.index, p.begin) for p in sent}
    assert not ours.waits


async def test_a_limit_makes_it_wait_and_wakes_the_senders() -> None:
    asker = Asker()
    ours = serving(asker, limit=RateLimit(BLOCK * 20))
    ask(ours, 40)
    while await ours.next_blocks() is not None:
        pass
    assert 0 < len(asker.left) < 40
    await asyncio.wait_for(asker.woken.wait(), 5)
    assert await ours.next_blocks()
    ours.close()
    assert await ours.next_blocks() is None
