from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from filesend_tui.core.errors import StorageFailed
from filesend_tui.core.torrent.lanes import lane as lane_module
from filesend_tui.core.torrent.lanes.lane import Lane
from filesend_tui.core.wire.errors import Reason, WireError
from filesend_tui.core.wire.messages import Have, Piece, encode
from tests.torrent.lab import MemoryChannel, channel_pair


class Host:
    """A peer with blocks to send."""

    def __init__(self, blocks: Sequence[Piece] = ()) -> None:
        self.to_send = list(blocks)
        self.heard: list[Piece] = []
        self.refuses: WireError | None = None
        self.news = asyncio.Event()

    async def next_blocks(self) -> list[Piece] | None:
        return [self.to_send.pop(0)] if self.to_send else None

    def lane_heard(self, pieces: Sequence[Piece]) -> None:
        if self.refuses:
            raise self.refuses
        self.heard += pieces
        self.news.set()


def blocks(count: int) -> list[Piece]:
    return [Piece(index, 0, bytes([index]) * 16384) for index in range(count)]


async def soon(task: asyncio.Task[bool]) -> bool:
    return await asyncio.wait_for(task, 10)


async def until_heard(host: Host, count: int) -> None:
    async with asyncio.timeout(10):
        while len(host.heard) < count:
            host.news.clear()
            await host.news.wait()


async def test_blocks_go_both_ways_and_none_is_lost_when_one_side_gives_it_up() -> None:
    there, here = Host(blocks(20)), Host(blocks(30))
    a, b = channel_pair("there", "here")
    lanes = Lane(a, there), Lane(b, here)
    running = [asyncio.create_task(lane.run()) for lane in lanes]
    await until_heard(there, 1)
    lanes[0].retire()
    assert [await soon(task) for task in running] == [True, True]
    assert here.heard == blocks(20)[: len(here.heard)]
    assert len(here.heard) + len(there.to_send) == 20
    assert len(there.heard) + len(here.to_send) == 30
    assert a.closed
    assert b.closed


async def test_it_sends_what_is_there_later() -> None:
    there, here = Host(), Host()
    a, b = channel_pair("there", "here")
    lanes = Lane(a, there), Lane(b, here)
    running = [asyncio.create_task(lane.run()) for lane in lanes]
    await asyncio.sleep(0)
    there.to_send += blocks(3)
    lanes[0].wake()
    await until_heard(here, 3)
    lanes[1].retire()
    assert [await soon(task) for task in running] == [True, True]


@pytest.mark.parametrize("word", [False, True])
async def test_a_channel_that_closes_without_a_word_may_have_lost_something(word: bool) -> None:
    here = Host()
    a, b = channel_pair("there", "here")
    running = asyncio.create_task(Lane(b, here).run())
    if word:
        await a.send(bytes(4))
    await a.close()
    assert await soon(running) is word


async def test_a_peer_that_keeps_a_given_up_lane_open_does_not_hold_us(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lane_module, "FAREWELL", 0.05)
    _a, b = channel_pair("there", "here")
    lane = Lane(b, Host())
    lane.retire()
    assert await soon(asyncio.create_task(lane.run())) is False
    assert b.closed


async def attacked(by: bytes, host: Host) -> tuple[MemoryChannel, BaseException | None]:
    a, b = channel_pair("there", "here")
    running = asyncio.create_task(Lane(b, host).run())
    await a.send(by)
    await asyncio.wait({running}, timeout=10)
    return b, running.exception()


async def test_nothing_but_blocks_belongs_on_it() -> None:
    channel, error = await attacked(encode(Have(1)), Host())
    assert isinstance(error, WireError)
    assert error.reason is Reason.BAD_EXTENSION
    assert channel.closed


async def test_a_block_nobody_asked_for_is_the_hosts_to_judge() -> None:
    host = Host()
    host.refuses = WireError(Reason.UNREQUESTED)
    _, error = await attacked(encode(blocks(1)[0]), host)
    assert error is host.refuses


async def test_a_message_that_is_too_long_ends_it() -> None:
    _, error = await attacked(b"\x7f\xff\xff\xff\x07", Host())
    assert isinstance(error, WireError)


async def test_a_fault_of_this_sides_disk_is_told() -> None:
    class Broken(Host):
        async def next_blocks(self) -> list[Piece] | None:
            raise StorageFailed("gone")

    _a, b = channel_pair("there", "here")
    with pytest.raises(StorageFailed):
        await soon(asyncio.create_task(Lane(b, Broken()).run()))
