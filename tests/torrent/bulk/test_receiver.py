"""Bulk to verified pieces, driven as the channel's thread drives it."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from filesend_tui.core.errors import ChannelFailed, FileSendError, NoSpace
from filesend_tui.core.torrent.bulk import receiver as module
from filesend_tui.core.torrent.bulk.receiver import ALL_BUFFERS, TAG, BulkReceiver
from filesend_tui.core.torrent.storage.disk import Paused
from filesend_tui.core.transports.base import Abuse, ChannelAbused
from filesend_tui.core.wire.shape import TorrentShape
from tests.waiting import until

KIB = 1024
MIB = 1024 * KIB


class Host:
    """Keeps what comes, and hears of it."""

    def __init__(self, shape: TorrentShape, content: bytes) -> None:
        self.shape = shape
        self.content = content
        self.kept: dict[int, bytes] = {}
        self.settled: list[int] = []
        self.wrong: list[int] = []
        self.received = 0
        self.failure: FileSendError | None = None
        self.may_keep = threading.Event()
        self.may_keep.set()
        self.fails_with: FileSendError | None = None
        self.paused = False
        self.dropped: list[int] = []
        self.news = asyncio.Event()

    def keep(self, pieces: range, data: memoryview) -> list[int]:
        assert self.may_keep.wait(10)
        if self.paused:
            raise Paused(NoSpace("full"))
        if self.fails_with:
            raise self.fails_with
        wrong = []
        for position, index in enumerate(pieces):
            start = position * self.shape.piece_length
            piece = bytes(data[start : start + self.shape.piece_size(index)])
            whole = index * self.shape.piece_length
            expected = self.content[whole : whole + self.shape.piece_size(index)]
            if hashlib.sha1(piece).digest() == hashlib.sha1(expected).digest():
                self.kept[index] = piece
            else:
                wrong.append(index)
        return wrong

    def bulk_received(self, size: int) -> None:
        self.received += size
        self.news.set()

    def pieces_settled(self, pieces: Sequence[int], wrong: Sequence[int]) -> None:
        self.settled += pieces
        self.wrong += wrong
        self.news.set()

    def pieces_dropped(self, pieces: Sequence[int]) -> None:
        self.dropped += pieces
        self.news.set()

    def failed(self, error: FileSendError) -> None:
        self.failure = error
        self.news.set()

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                self.news.clear()
                await self.news.wait()


async def exhausted(intake: BulkReceiver) -> None:
    """Return once every buffer is in use."""
    await until(lambda: not (intake._unmade or intake._free), 10)


def content_of(size: int) -> bytes:
    return b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(size // 32 + 1))[:size]


@asynccontextmanager
async def taking(
    pieces: int, piece_length: int, short: int = 0
) -> AsyncIterator[tuple[Host, BulkReceiver]]:
    shape = TorrentShape(pieces, piece_length, pieces * piece_length - short)
    host = Host(shape, content_of(shape.total_length))
    intake = BulkReceiver(shape, host.keep, host, failed=host.failed)
    try:
        yield host, intake
    finally:
        host.may_keep.set()
        await intake.close()
        assert not any(keeper.is_alive() for keeper in intake._keepers)


def push(intake: BulkReceiver, span: range, data: bytes, frame: int = MIB) -> None:
    """Deliver one span in frames, as a channel does."""
    for start in range(0, len(data), frame):
        part = data[start : start + frame]
        at = 0
        while at < len(part):
            view = intake.space(TAG.pack(span.start, start), at, len(part) - at)
            assert 0 < len(view) <= len(part) - at
            view[:] = part[at : at + len(view)]
            at += len(view)
            intake.filled(len(view))


def of(host: Host, span: range) -> bytes:
    return host.content[span.start * host.shape.piece_length :][
        : sum(map(host.shape.piece_size, span))
    ]


@pytest.mark.parametrize(
    ("pieces", "piece_length", "short", "frame"),
    [(7, MIB, 5, MIB), (100, 16 * KIB, 16383, MIB), (4, 4 * MIB, 0, MIB), (9, 192 * KIB, 7, 1000)],
)
async def test_what_comes_is_verified_and_kept(
    pieces: int, piece_length: int, short: int, frame: int
) -> None:
    async with taking(pieces, piece_length, short) as (host, intake):
        spans = [range(2), range(2, pieces - 1), range(pieces - 1, pieces)]
        for span in (spans[1], spans[2], spans[0]):
            intake.expect(span)
        for span in spans:
            await asyncio.to_thread(push, intake, span, of(host, span), frame)
        await host.until(lambda: len(host.settled) == pieces)
        assert sorted(host.settled) == list(range(pieces))
        assert b"".join(host.kept[n] for n in range(pieces)) == host.content
        assert not host.wrong
        await host.until(lambda: host.received == len(host.content))


async def test_a_wrong_piece_is_told_and_the_others_count() -> None:
    async with taking(8, 64 * KIB) as (host, intake):
        intake.expect(range(8))
        data = bytearray(of(host, range(8)))
        data[3 * 64 * KIB + 17] ^= 1
        await asyncio.to_thread(push, intake, range(8), bytes(data))
        await host.until(lambda: len(host.settled) == 8)
        assert host.wrong == [3]
        assert sorted(host.kept) == [0, 1, 2, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("expected", "tag", "left"),
    [
        ([], (0, 0), 10),
        ([range(4)], (1, 0), 10),
        ([range(4)], (0, 1), 10),
        ([range(4)], (0, 0), 4 * 64 * KIB + 1),
        ([range(2, 4)], (3, 0), 10),
    ],
    ids=["never asked", "another piece", "not from its start", "too long", "inside a span"],
)
async def test_what_was_not_asked_for_is_abuse(
    expected: list[range], tag: tuple[int, int], left: int
) -> None:
    async with taking(8, 64 * KIB) as (_, intake):
        for span in expected:
            intake.expect(span)
        with pytest.raises(ChannelAbused) as caught:
            intake.space(TAG.pack(*tag), 0, left)
        assert caught.value.abuse is Abuse.UNASKED_BULK


async def test_a_span_comes_once_and_in_one_go() -> None:
    async with taking(8, 64 * KIB) as (host, intake):
        intake.expect(range(2))
        intake.expect(range(2, 4))
        await asyncio.to_thread(push, intake, range(2), of(host, range(2)))
        with pytest.raises(ChannelAbused):
            intake.space(TAG.pack(0, 0), 0, 10)
        push(intake, range(2, 3), of(host, range(2, 3)))  # half of what was asked for
        with pytest.raises(ChannelAbused):
            intake.space(TAG.pack(2, 0), 0, 10)


async def test_a_span_that_was_refused_may_not_come() -> None:
    async with taking(8, 64 * KIB) as (_, intake):
        intake.expect(range(4))
        assert intake.forget(range(4))
        assert not intake.forget(range(4))
        with pytest.raises(ChannelAbused):
            intake.space(TAG.pack(0, 0), 0, 10)


@pytest.mark.parametrize("piece_length", [64 * KIB, MIB, 4 * MIB])
async def test_a_slow_disk_holds_the_peer_back_and_not_the_memory(piece_length: int) -> None:
    pieces = 64 * MIB // piece_length
    async with taking(pieces, piece_length) as (host, intake):
        host.may_keep.clear()
        intake.expect(range(pieces))
        pushing = asyncio.create_task(
            asyncio.to_thread(push, intake, range(pieces), of(host, range(pieces)))
        )
        await exhausted(intake)
        await until(lambda: intake._buffer is None or pushing.done(), 10)  # it waits for the next
        assert not pushing.done()
        assert host.received <= max(ALL_BUFFERS, 3 * piece_length)
        host.may_keep.set()
        await asyncio.wait_for(pushing, 20)
        await host.until(lambda: len(host.settled) == pieces)


async def test_a_disk_that_fails_ends_it_for_both_threads() -> None:
    async with taking(64, MIB) as (host, intake):
        host.fails_with = NoSpace("full")
        intake.expect(range(64))
        with pytest.raises(ChannelFailed):
            await asyncio.to_thread(push, intake, range(64), of(host, range(64)))
        await host.until(lambda: host.failure)
        assert isinstance(host.failure, NoSpace)


async def test_what_the_disk_does_not_take_for_now_is_dropped_and_may_come_again() -> None:
    async with taking(64, MIB) as (host, intake):
        host.paused = True
        intake.expect(range(64))
        # More than there are buffers: they are used again, and nobody waits for the disk.
        await asyncio.to_thread(push, intake, range(64), of(host, range(64)))
        await host.until(lambda: len(host.dropped) == 64)
        assert not host.settled
        assert host.failure is None
        host.paused = False
        intake.expect(range(3))
        await asyncio.to_thread(push, intake, range(3), of(host, range(3)))
        await host.until(lambda: len(host.settled) == 3)


async def test_closing_wakes_who_waits_and_keeps_what_is_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "KEEPERS", 1)
    async with taking(64, MIB) as (host, intake):
        host.may_keep.clear()
        intake.expect(range(64))
        pushing = asyncio.create_task(
            asyncio.to_thread(push, intake, range(64), of(host, range(64)))
        )
        await exhausted(intake)
        closing = asyncio.create_task(intake.close())
        with pytest.raises(ChannelFailed):
            await asyncio.wait_for(pushing, 10)
        host.may_keep.set()
        await asyncio.wait_for(closing, 10)
        assert len(host.kept) >= 7


async def test_a_trickle_is_told_before_a_buffer_is_full() -> None:
    async with taking(4, MIB) as (host, intake):
        intake.expect(range(4))
        intake.space(TAG.pack(0, 0), 0, 1000)
        intake.filled(1000)
        await host.until(lambda: host.received == 1000)
