"""Both sides of a stream over lines in memory: windows, credit, another line, hashes, the end."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable

import pytest

from filesend_tui.core.errors import FileSendError, ReaderGone, StreamDamaged
from filesend_tui.core.torrent.rates.limiter import RateLimit
from filesend_tui.core.torrent.streams import outflow
from filesend_tui.core.torrent.streams.inflow import Inflow
from filesend_tui.core.torrent.streams.outflow import Outflow
from filesend_tui.core.wire.streams.messages import (
    StreamBlock,
    StreamCredit,
    StreamEnd,
    StreamFrom,
)
from tests.torrent.streams.ends import Feed, Host, Keep, Told, joined
from tests.waiting import until

KIB = 1024
SIZE = 64 * KIB


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outflow, "GRACE", 0.0)


class Pair:
    """A stream from one side to the other, with small windows."""

    def __init__(self, source: Feed, target: Keep, limit: RateLimit | None = None) -> None:
        self.sender, self.receiver = Told(), Told()
        self.source, self.target = source, target
        self.out = Outflow(source, self.sender, size=SIZE)
        self.into = Inflow(target, self.receiver, limit, size=SIZE)

    def join(self) -> tuple[Host, Host]:
        """Open a line between the two."""
        theirs, ours, sends, receives = joined(self.out, self.into)
        theirs.open()
        ours.open()
        self.lines = theirs, ours
        return sends, receives

    def part(self) -> None:
        """Break it."""
        for line in self.lines:
            line.close()

    async def close(self) -> None:
        self.target.gate.set()
        self.source.end()
        await self.out.close()
        await self.into.close()


@pytest.fixture
async def pair() -> AsyncIterator[Callable[..., Pair]]:
    made: list[Pair] = []

    def make(*ends: object, **how: object) -> Pair:
        made.append(Pair(*ends, **how))  # type: ignore[arg-type]
        made[-1].out.begin()
        return made[-1]

    yield make
    for each in made:
        await each.close()


@pytest.mark.parametrize("size", [0, 1, SIZE - 1, SIZE, 20 * SIZE + 7], ids=str)
async def test_all_of_it_arrives_in_order(pair: Callable[..., Pair], size: int) -> None:
    data = os.urandom(size)
    two = pair(Feed(data, most=10_007), Keep())
    two.join()
    await until(lambda: two.receiver.done)
    assert two.target.got == data
    assert two.target.finished
    assert two.out.digest == two.into.digest == hashlib.sha256(data).digest()
    assert two.out.length == two.into.length == two.receiver.written == two.sender.sent == size


async def test_a_reader_that_takes_nothing_stops_the_reading_at_the_other_end(
    pair: Callable[..., Pair],
) -> None:
    data = os.urandom(10 * SIZE)
    two = pair(Feed(data), Keep(open_gate=False))
    two.join()
    await until(lambda: two.receiver.arrived == two.source.read == SIZE)
    two.target.gate.set()
    await until(lambda: two.receiver.done)
    assert two.target.got == data


async def test_it_goes_on_over_another_line_from_what_arrived(pair: Callable[..., Pair]) -> None:
    data = os.urandom(12 * SIZE)
    two = pair(Feed(data, most=3001), Keep())
    for _ in range(5):
        sends, receives = two.join()
        begun = two.into.length
        await until(lambda begun=begun: two.into.length > begun or two.receiver.done)  # type: ignore[misc]
        two.part()
        assert isinstance(receives.said[0], StreamFrom)
        assert not sends.refused
        assert not receives.refused
    two.join()
    await until(lambda: two.receiver.done)
    assert two.target.got == data
    assert two.sender.sent == len(data), "what was sent again counts once"


async def test_what_is_written_slowly_is_sent_as_it_comes(pair: Callable[..., Pair]) -> None:
    two = pair(Feed(ended=False), Keep())
    two.join()
    for text in (b"one\n", b"two\n", b"three\n"):
        two.source.give(text)
        await until(lambda text=text: two.target.got.endswith(text))  # type: ignore[misc]
    assert not two.receiver.done
    two.source.end()
    await until(lambda: two.receiver.done)


async def test_a_download_limit_paces_the_sender(pair: Callable[..., Pair]) -> None:
    data = os.urandom(2 * SIZE)
    limit = RateLimit(4 * SIZE)
    two = pair(Feed(data), Keep(), limit=limit)
    began = asyncio.get_running_loop().time()
    two.join()
    await until(lambda: two.receiver.done)
    assert asyncio.get_running_loop().time() - began > 0.15, "half a second's, less the burst"


async def test_a_pause_stops_it_and_nothing_is_lost(pair: Callable[..., Pair]) -> None:
    data = os.urandom(4 * SIZE)
    two = pair(Feed(data), Keep())
    two.out.pause(True)
    two.join()
    await until(lambda: two.source.read == SIZE)
    assert not two.receiver.arrived
    two.out.pause(False)
    await until(lambda: two.receiver.done)


async def test_a_hash_that_differs_fails_it(pair: Callable[..., Pair]) -> None:
    two = pair(Feed(ended=False), Keep())
    two.join()
    assert two.lines[1].heard(StreamBlock(0, b"something"))
    assert two.lines[1].heard(StreamEnd(9, hashlib.sha256(b"anything!").digest()))
    await until(lambda: two.receiver.failures)
    assert isinstance(two.receiver.failures[0], StreamDamaged)
    assert not two.target.finished
    await two.into.close()
    assert two.target.discarded


async def test_a_target_that_fails_fails_it(pair: Callable[..., Pair]) -> None:
    two = pair(Feed(b"abc"), Keep())
    two.target.fails = ReaderGone("gone")
    two.join()
    await until(lambda: two.receiver.failures)
    assert not two.receiver.done


async def test_a_source_that_cannot_be_read_never_looks_complete(
    pair: Callable[..., Pair],
) -> None:
    two = pair(Feed(ended=False), Keep())
    sends, _ = two.join()
    two.source.give(b"the first half")
    await until(lambda: two.receiver.arrived)
    two.source.end(OSError(5, "Input/output error"))
    await until(lambda: two.sender.failures)
    assert isinstance(two.sender.failures[0], FileSendError)
    assert not any(isinstance(each, StreamEnd) for each in sends.said)


async def test_a_fault_in_the_reading_ends_it_too(pair: Callable[..., Pair]) -> None:
    class Broken(Feed):
        def read_into(self, view: memoryview) -> int:
            raise ValueError("a secret")

    two = pair(Broken(), Keep())
    sends, _ = two.join()
    await until(lambda: two.sender.failures)
    assert "secret" not in str(two.sender.failures[0])
    assert not any(isinstance(each, StreamEnd) for each in sends.said)


async def test_the_end_waits_a_moment_for_a_signal(
    pair: Callable[..., Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outflow, "GRACE", 3600.0)
    two = pair(Feed(b"all"), Keep())
    sends, _ = two.join()
    await until(lambda: two.target.got == b"all" and two.out.digest)
    assert not any(isinstance(each, StreamEnd) for each in sends.said)


@pytest.mark.parametrize(
    "message",
    [
        StreamFrom(1, 10),
        StreamCredit(10**6, 10**7),
        StreamBlock(0, b"x"),
        StreamEnd(0, bytes(32)),
    ],
    ids=["from-beyond", "credit-beyond", "block", "end"],
)
async def test_a_sender_refuses_what_no_receiver_says(
    pair: Callable[..., Pair], message: StreamFrom | StreamCredit | StreamBlock | StreamEnd
) -> None:
    two = pair(Feed(ended=False), Keep())
    two.join()
    assert not two.lines[0].heard(message)
