"""Client to client: the real relay, real trackers, real WebRTC channels, real disks."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.client import Client
from filesend_tui.core.config import ClientConfig, RoadChoice, WebRtcStack
from filesend_tui.core.errors import FileSendError, NotPaired
from filesend_tui.core.event_stream import Subscription
from filesend_tui.core.events import Direction, TransferPhase
from tests.conftest import RunningRelay
from tests.torrent.lab import read_tree, write_tree

pytestmark = pytest.mark.webrtc

RNG = random.Random(11)
ALBUM = {
    "album/one.bin": RNG.randbytes(900_000),
    "album/sub/two with spaces.bin": RNG.randbytes(300_001),
    "album/empty": b"",
    "album/🎈 cafe\u0301.txt": b"not NFC",
}
BIG = RNG.randbytes(12_000_000)
#: Bytes a second by which BIG takes seconds, whatever the road.
SLOW = 4_000_000


class Person:
    """A client, where its files go, and everything it was told."""

    def __init__(self, name: str, output: Path, **config: Any) -> None:
        self.name = name
        self.output = output
        self.client = Client(ClientConfig(name=name, output=output, **config))
        self.log: list[e.Event] = []
        self._news = asyncio.Event()
        self._reader = asyncio.create_task(self._read(self.client.subscribe()))

    async def _read(self, stream: Subscription) -> None:
        async for event in stream:
            self.log.append(event)
            self._news.set()

    def of(self, kind: type[Any], **fields: Any) -> list[Any]:
        return [
            event
            for event in self.log
            if isinstance(event, kind) and all(getattr(event, k) == v for k, v in fields.items())
        ]

    async def until(self, holds: Callable[[], Any], seconds: float = 60) -> Any:
        async with asyncio.timeout(seconds):
            while not (found := holds()):
                self._news.clear()
                await self._news.wait()
            return found

    async def asked(self, nth: int = 1) -> e.FileRequest:
        def requests() -> list[e.FileRequest]:
            found = self.of(e.FileRequest, direction=Direction.RECEIVE)
            return found[nth - 1 : nth]

        return (await self.until(requests))[0]

    async def ended(self, transfer: str) -> TransferPhase:
        endings = {
            TransferPhase.DONE,
            TransferPhase.FAILED,
            TransferPhase.CANCELLED,
            TransferPhase.DECLINED,
        }

        def found() -> list[e.TransferState]:
            states = self.of(e.TransferState, transfer=transfer)
            return [state for state in states if state.phase in endings]

        (state,) = await self.until(found)
        return state.phase

    async def close(self) -> None:
        await self.client.destroy()
        await self._reader


@asynccontextmanager
async def pair(
    relay: RunningRelay, tmp_path: Path, **config: Any
) -> AsyncIterator[tuple[Person, Person]]:
    ann, bob = (Person(name, tmp_path / name.lower(), **config) for name in ("Ann", "Bob"))
    try:
        await asyncio.gather(ann.client.connect(relay.url), bob.client.connect(relay.url))
        code = await ann.client.create_code()
        await bob.client.join(code)
        await ann.until(lambda: ann.of(e.Paired, partner="Bob"))
        yield ann, bob
    finally:
        await asyncio.gather(ann.close(), bob.close())


async def yes(person: Person, nth: int = 1) -> str:
    request = await person.asked(nth)
    await person.client.answer(request.transfer, [True] * len(request.files))
    return request.transfer


@pytest.mark.parametrize(
    ("road", "webrtc"),
    [
        (RoadChoice.DIRECT, WebRtcStack.AUTO),
        (RoadChoice.RELAYED, WebRtcStack.AUTO),
        (RoadChoice.WEBRTC, WebRtcStack.AIORTC),
        pytest.param(RoadChoice.WEBRTC, WebRtcStack.NATIVE, marks=pytest.mark.native),
    ],
)
async def test_a_folder_goes_over_and_everything_is_freed(
    relay: RunningRelay, tmp_path: Path, road: RoadChoice, webrtc: WebRtcStack
) -> None:
    write_tree(tmp_path / "src", ALBUM)
    async with pair(relay, tmp_path, road=road, webrtc=webrtc) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src/album"])
        assert await yes(bob) == transfer
        assert await bob.ended(transfer) is TransferPhase.DONE
        assert await ann.ended(transfer) is TransferPhase.DONE
        await ann.until(lambda: ann.of(e.TorrentDestroyed))
        await bob.until(lambda: bob.of(e.TorrentDestroyed))
        # The workflow, in its words and order.
        kinds = [type(event) for event in ann.log]
        order = [e.FileRequest, e.FileAnswer, e.Seeding, e.FileReady, e.TorrentDone]
        assert [k for k in kinds if k in order] == order
        kinds = [type(event) for event in bob.log]
        order = [e.FileRequest, e.AddTorrent, e.Metadata, e.DownloadComplete]
        assert [k for k in kinds if k in order] == order
        (complete,) = bob.of(e.DownloadComplete)
        assert complete.road == road
        assert complete.transfer == transfer
        assert ann.of(e.ProgressUpdate)[-1].progress == 1.0
    assert read_tree(tmp_path / "bob") == ALBUM
    assert read_tree(tmp_path / "src") == ALBUM
    assert bob.log[-1] == e.ClientDestroyed()


async def test_declined_files_leave_no_trace(relay: RunningRelay, tmp_path: Path) -> None:
    write_tree(tmp_path / "src", ALBUM)
    async with pair(relay, tmp_path) as (ann, bob):
        await ann.client.request([tmp_path / "src/album"])
        request = await bob.asked()
        wanted = [file.path.endswith("two with spaces.bin") for file in request.files]
        await bob.client.answer(request.transfer, wanted)
        assert await bob.ended(request.transfer) is TransferPhase.DONE
    name = "album/sub/two with spaces.bin"
    assert read_tree(tmp_path / "bob") == {name: ALBUM[name]}


async def test_several_selections_stand_side_by_side(relay: RunningRelay, tmp_path: Path) -> None:
    write_tree(tmp_path / "src", {**ALBUM, "loose.txt": b"loose"})
    async with pair(relay, tmp_path) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src/album", tmp_path / "src/loose.txt"])
        await yes(bob)
        assert await bob.ended(transfer) is TransferPhase.DONE
    assert read_tree(tmp_path / "bob") == {**ALBUM, "loose.txt": b"loose"}


async def test_the_same_file_both_ways_and_twice(relay: RunningRelay, tmp_path: Path) -> None:
    write_tree(tmp_path, {"src/same.bin": BIG[:2_000_000]})
    source = tmp_path / "src/same.bin"
    async with pair(relay, tmp_path) as (ann, bob):
        sent = await asyncio.gather(
            ann.client.request([source]), ann.client.request([source]), bob.client.request([source])
        )
        await asyncio.gather(yes(bob, 1), yes(bob, 2), yes(ann, 1))
        for transfer in sent:
            assert await ann.ended(transfer) is TransferPhase.DONE
            assert await bob.ended(transfer) is TransferPhase.DONE
    same = BIG[:2_000_000]
    assert read_tree(tmp_path / "bob") == {"same.bin": same, "same (1).bin": same}
    assert read_tree(tmp_path / "ann") == {"same.bin": same}


@pytest.mark.parametrize("who", ["sender", "receiver"])
async def test_cancel_in_mid_transfer_frees_both(
    relay: RunningRelay, tmp_path: Path, who: str
) -> None:
    write_tree(tmp_path, {"src/big.bin": BIG})
    async with pair(relay, tmp_path, upload_limit=SLOW) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src/big.bin"])
        await yes(bob)
        await bob.until(lambda: [d for d in bob.of(e.Download) if d.downloaded_bytes])
        await (ann if who == "sender" else bob).client.cancel(transfer)
        assert await ann.ended(transfer) is TransferPhase.CANCELLED
        assert await bob.ended(transfer) is TransferPhase.CANCELLED
        await ann.until(lambda: ann.of(e.TorrentDestroyed))
        await bob.until(lambda: bob.of(e.TorrentDestroyed))
        assert list((tmp_path / "bob").iterdir()) == []
        # Nothing is spoiled: the next request goes through.
        again = await ann.client.request([tmp_path / "src/big.bin"])
        await yes(bob, 2)
        assert await bob.ended(again) is TransferPhase.DONE
    assert read_tree(tmp_path / "bob") == {"big.bin": BIG}


async def test_a_partner_who_vanishes_fails_the_transfer(
    relay: RunningRelay, tmp_path: Path
) -> None:
    write_tree(tmp_path, {"src/big.bin": BIG})
    async with pair(relay, tmp_path, upload_limit=SLOW) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src/big.bin"])
        await yes(bob)
        await bob.until(lambda: [d for d in bob.of(e.Download) if d.downloaded_bytes])
        await ann.client.destroy()
        assert await bob.ended(transfer) in {TransferPhase.FAILED, TransferPhase.CANCELLED}
        await bob.until(lambda: bob.of(e.PartnerGone, partner="Ann"))
        await bob.until(lambda: bob.of(e.TorrentDestroyed))
        assert list((tmp_path / "bob").iterdir()) == []
        with pytest.raises(NotPaired):
            await bob.client.request([tmp_path / "src/big.bin"])


async def test_an_open_seed_serves_several(relay: RunningRelay, tmp_path: Path) -> None:
    write_tree(tmp_path / "src", ALBUM)
    people = [Person(str(n), tmp_path / str(n)) for n in range(3)]
    try:
        seeder, *receivers = people
        torrent = await seeder.client.seed([tmp_path / "src/album"], trackers=[relay.tracker])
        (seeding,) = await seeder.until(lambda: seeder.of(e.Seeding))
        assert seeding.info_hash == torrent
        for receiver in receivers:
            await receiver.client.add(seeding.magnet_uri)
        for receiver in receivers:
            await receiver.until(partial(receiver.of, e.DownloadComplete))
        await seeder.client.remove(torrent)
    finally:
        await asyncio.gather(*(person.close() for person in people))
    for n in (1, 2):
        assert read_tree(tmp_path / str(n)) == ALBUM


async def test_no_task_or_thread_outlives_a_client(relay: RunningRelay, tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    async with pair(relay, tmp_path) as (ann, _bob):
        with pytest.raises(FileSendError):
            await ann.client.request([tmp_path / "not there"])
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
