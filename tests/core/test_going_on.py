"""Clients that end in mid-transfer and begin again: what was going on goes on, from their journals.

The relay, the disks, the channels and the journals are real.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from filesend_tui.core import events as e
from filesend_tui.core.client import Client
from filesend_tui.core.config import ClientConfig, RoadChoice
from filesend_tui.core.errors import StorageFailed
from filesend_tui.core.events import TransferPhase
from filesend_tui.core.exchange import offer, patience, transfer_task
from filesend_tui.core.journal.journal import Journal
from filesend_tui.core.journal.records import KeptWord
from filesend_tui.core.torrent import disk_watch
from filesend_tui.core.torrent.sources import create
from filesend_tui.core.torrent.sources.hashing import hash_pieces
from filesend_tui.core.util import keeping
from filesend_tui.runtime.open_share import seed_at_relay
from tests.conftest import RunningRelay
from tests.core.test_client import BIG, SLOW, Person, yes
from tests.torrent.lab import read_tree, write_tree
from tests.torrent.small_disk import fill_up, mounted
from tests.waiting import until

pytestmark = pytest.mark.webrtc


class Lasting(Person):
    """A person with a journal, who can end and begin again."""

    def __init__(self, name: str, folder: Path, **config: Any) -> None:
        self.state = folder / f"{name} state"
        self._config = ClientConfig(
            name=name, output=folder / name.lower(), road=RoadChoice.DIRECT, **config
        )
        super().__init__(name, folder / name.lower())
        self._begin()

    def _begin(self) -> None:
        self._reader.cancel()
        self.journal = Journal.open(self.state)
        self.client = Client(self._config, self.journal)
        self.log = []
        self._reader = asyncio.create_task(self._read(self.client.subscribe()))

    async def again(self, relay: RunningRelay, *, keep: bool = True) -> None:
        """End as a program that is terminated does, and begin again with the same journal."""
        await self.end(keep=keep)
        await self.begin(relay)

    async def end(self, *, keep: bool = True) -> None:
        await self.client.destroy(keep=keep)
        await self.journal.close()

    async def begin(self, relay: RunningRelay) -> None:
        self._begin()
        await self.client.connect(relay.url)

    async def go_on(self) -> str:
        """Go on with the one thing that is unfinished."""
        (left,) = await self.client.unfinished()
        assert left.session is not None
        assert await self.client.resume(left.session, left.transfer)
        return left.transfer

    async def close(self) -> None:
        await super().close()
        await self.journal.close()


async def meet(relay: RunningRelay, ann: Lasting, bob: Lasting) -> None:
    for person in (ann, bob):
        await person.client.connect(relay.url)
    await bob.client.join(await ann.client.create_code())
    await ann.until(partial(ann.of, e.Paired))


async def under_way(ann: Lasting, bob: Lasting, source: Path) -> str:
    transfer = await ann.client.request([source])
    await yes(bob)
    await bob.until(lambda: [d for d in bob.of(e.Download) if d.downloaded_bytes > 2_000_000])
    return transfer


@pytest.mark.parametrize("who", ["sender", "receiver"])
async def test_what_was_recorded_stays_while_it_is_found_again(
    relay: RunningRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    """A process that is killed while it looks for folder and files leaves them to the next one."""
    write_tree(tmp_path, {"src/big.bin": BIG})
    ann, bob = Lasting("Ann", tmp_path, upload_limit=SLOW), Lasting("Bob", tmp_path)
    await meet(relay, ann, bob)
    await under_way(ann, bob, tmp_path / "src/big.bin")
    person = ann if who == "sender" else bob
    await person.again(relay)
    (left,) = await person.client.unfinished()
    assert left.session is not None
    before = await person.journal.transfer(left.session, left.transfer)
    looking, found = threading.Event(), threading.Event()

    def look(*_: Any, **_kept: Any) -> Any:
        looking.set()
        assert found.wait(30)
        raise StorageFailed("It was looked for.")

    for where, what in ((offer, "look_through"), (transfer_task, "check_room")):
        monkeypatch.setattr(where, what, look)
    going = asyncio.create_task(person.client.resume(left.session, left.transfer))
    await until(looking.is_set)
    meanwhile = await person.journal.transfer(left.session, left.transfer)
    assert before is not None
    assert meanwhile is not None
    for what in ("folder", "chosen", "sources", "info", "magnet", "swarm_key", "request"):
        assert getattr(meanwhile, what) == getattr(before, what), what
    assert meanwhile.folder or meanwhile.sources
    found.set()
    await going
    await asyncio.gather(ann.close(), bob.close())


@pytest.mark.parametrize("who", ["sender", "receiver", "both"])
async def test_a_transfer_goes_on_where_it_was(
    relay: RunningRelay, tmp_path: Path, who: str
) -> None:
    write_tree(tmp_path, {"src/big.bin": BIG})
    ann, bob = Lasting("Ann", tmp_path, upload_limit=SLOW), Lasting("Bob", tmp_path)
    await meet(relay, ann, bob)
    transfer = await under_way(ann, bob, tmp_path / "src/big.bin")
    ended = [p for p, role in ((ann, "sender"), (bob, "receiver")) if who in (role, "both")]
    for person in ended:
        await person.again(relay)
    for person in ended:
        assert await person.go_on() == transfer
    for person in (ann, bob):
        assert await person.ended(transfer) is TransferPhase.DONE
    assert read_tree(tmp_path / "bob") == {"big.bin": BIG}
    (complete,) = bob.of(e.DownloadComplete)
    if bob in ended:
        assert complete.resumed_bytes > 1_000_000
    for person in (ann, bob):
        assert not person.of(e.Error) + person.of(e.PartnerGone)
        await person.until(lambda: True)
        assert await person.client.unfinished() == ()
    await asyncio.gather(ann.close(), bob.close())


@asynccontextmanager
async def full_when_it_goes_on(
    relay: RunningRelay, tmp_path: Path
) -> AsyncIterator[tuple[Lasting, Lasting, str, Path]]:
    """Ann, Bob, what Bob goes on with on a full disk, and what fills that; all of it ends well."""
    write_tree(tmp_path, {"src/big.bin": BIG})
    ann, bob = Lasting("Ann", tmp_path, upload_limit=SLOW), Lasting("Bob", tmp_path)
    with mounted(tmp_path / "bob", len(BIG) + 1024 * 1024) as disk:
        await meet(relay, ann, bob)
        transfer = await under_way(ann, bob, tmp_path / "src/big.bin")
        await bob.end()
        hog = fill_up(disk)
        await bob.begin(relay)
        assert await bob.go_on() == transfer
        yield ann, bob, transfer, hog
        for person in (ann, bob):
            assert await person.ended(transfer) is TransferPhase.DONE
            assert not person.of(e.Error)
        assert read_tree(disk) == {"big.bin": BIG}
        await asyncio.gather(ann.close(), bob.close())


async def test_it_goes_on_once_a_full_disk_has_room(
    relay: RunningRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is neither dropped nor cancelled meanwhile, at either side."""
    monkeypatch.setattr(disk_watch, "LOOK_AGAIN", 0.05)
    async with full_when_it_goes_on(relay, tmp_path) as (_, bob, transfer, hog):
        await bob.until(lambda: bob.of(e.StorageWaits))
        assert bob.of(e.StorageWaits)[0].transfer == transfer
        (left,) = await bob.client.unfinished()
        assert left.transfer == transfer
        hog.unlink()


async def test_the_sender_is_told_that_the_receivers_disk_is_full(
    relay: RunningRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_watch, "LOOK_AGAIN", 0.05)
    soon = {key: wait._replace(tells=0.2) for key, wait in patience.WAITS.items()}
    monkeypatch.setattr(patience, "WAITS", soon)
    async with full_when_it_goes_on(relay, tmp_path) as (ann, _, _, hog):
        told = "Bob's disk is full"
        await ann.until(lambda: [w for w in ann.of(e.Waiting) if w.message.startswith(told)])
        hog.unlink()


async def test_without_a_journal_that_lasts_whoever_stops_leaves(
    relay: RunningRelay, tmp_path: Path
) -> None:
    """They cannot come back, so nobody waits for them."""
    write_tree(tmp_path, {"src/big.bin": BIG, "Bob state": b"in the place of the folder"})
    ann, bob = Lasting("Ann", tmp_path, upload_limit=SLOW), Lasting("Bob", tmp_path)
    await meet(relay, ann, bob)
    transfer = await under_way(ann, bob, tmp_path / "src/big.bin")
    await bob.until(partial(bob.of, e.JournalTrouble))
    await bob.end(keep=True)
    assert await ann.ended(transfer) is TransferPhase.CANCELLED
    await ann.until(lambda: [gone for gone in ann.of(e.PartnerGone) if gone.reason == "left"])
    await asyncio.gather(ann.close(), bob.close())


async def test_an_old_copy_of_a_journal_is_told_and_ends_the_session(
    relay: RunningRelay, tmp_path: Path
) -> None:
    write_tree(tmp_path, {"src/big.bin": BIG})
    ann, bob = Lasting("Ann", tmp_path, upload_limit=SLOW), Lasting("Bob", tmp_path)
    await meet(relay, ann, bob)
    transfer = await ann.client.request([tmp_path / "src/big.bin"])
    await bob.asked()
    await ann.client.settle(10)
    await ann.end()
    shutil.copytree(ann.state, tmp_path / "copy")
    await ann.begin(relay)
    await ann.go_on()
    await yes(bob)
    await bob.until(lambda: bob.of(e.Download))
    await ann.end()
    shutil.rmtree(ann.state)
    shutil.copytree(tmp_path / "copy", ann.state)
    await ann.begin(relay)
    await ann.go_on()
    for person in (ann, bob):
        await person.until(partial(person.of, e.Error, code="outOfStep"))
        assert await person.ended(transfer) is TransferPhase.FAILED
        assert await person.client.unfinished() == ()
    await asyncio.gather(ann.close(), bob.close())


async def test_a_stream_that_ends_with_its_program_is_told_of(
    relay: RunningRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the word of it is recorded before it is sent, which takes a busy disk a while."""
    ann, bob = Lasting("Ann", tmp_path), Lasting("Bob", tmp_path)
    await meet(relay, ann, bob)
    out_of, into = os.pipe()
    transfer = ann.client.request_stream(out_of, "dump")
    await bob.until(partial(bob.of, e.FileRequest))
    keep = ann.journal.keep_word

    def slowly(word: KeptWord) -> Awaitable[bool]:
        async def recorded(recording: Awaitable[bool]) -> bool:
            await asyncio.sleep(0.3)
            return await recording

        return asyncio.ensure_future(recorded(keep(word)))

    monkeypatch.setattr(ann.journal, "keep_word", slowly)
    await ann.end()
    told = partial(bob.of, e.TransferState, transfer=transfer, phase=TransferPhase.CANCELLED)
    await bob.until(told)
    for each in (out_of, into):
        os.close(each)
    await asyncio.gather(ann.close(), bob.close())


async def test_what_nobody_went_on_with_for_a_month_is_forgotten_and_named(
    relay: RunningRelay, tmp_path: Path
) -> None:
    write_tree(tmp_path, {"src/big.bin": BIG})
    ann, bob = Lasting("Ann", tmp_path, upload_limit=SLOW), Lasting("Bob", tmp_path)
    await meet(relay, ann, bob)
    transfer = await under_way(ann, bob, tmp_path / "src/big.bin")
    (part,) = (tmp_path / "bob").iterdir()
    for person in (ann, bob):
        await person.client.destroy(keep=True)
        await person.journal.close()
        long_ago = time.time() - keeping.UNFINISHED - 60
        with closing(sqlite3.connect(person.state / "journal.sqlite")) as database, database:
            database.execute("UPDATE session SET seen = ?", (long_ago,))
            database.execute("UPDATE transfer SET updated = ?", (long_ago,))
        person._begin()
        assert await person.client.unfinished() == ()
        (gone,) = await person.until(partial(person.of, e.Forgotten))
        assert (gone.transfer, gone.name, gone.expired) == (transfer, "big.bin", True)
        assert gone.path == (str(part) if person is bob else None)
    assert read_tree(tmp_path / "bob") == {}
    assert read_tree(tmp_path / "src") == {"big.bin": BIG}
    await asyncio.gather(ann.close(), bob.close())


async def test_what_was_shared_before_is_not_hashed_again(
    relay: RunningRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its magnet is the same; what changed in between is hashed, as is what nobody kept."""
    write_tree(tmp_path, {"src/big.bin": BIG, "src/small.bin": b"small"})
    hashings: list[int] = []

    def counting(sources: Any, *arguments: Any, **how: Any) -> bytes:
        hashings.append(len(sources))
        return hash_pieces(sources, *arguments, **how)

    monkeypatch.setattr(create, "hash_pieces", counting)
    ann = Lasting("Ann", tmp_path)

    async def share() -> str:
        torrent = await seed_at_relay(ann.client, relay.url, [tmp_path / "src"])
        await ann.client.destroy()
        ann._begin()
        return torrent

    first = await share()
    assert await share() == first
    assert await share() == first
    assert hashings == [2]
    (tmp_path / "src/small.bin").write_bytes(b"other")
    second = await share()
    assert second != first
    assert await share() == second
    assert hashings == [2, 2]
    assert await ann.client.unfinished() == ()
    await ann.client.destroy()
    ann._config = replace(ann._config, history=False)
    ann._begin()
    assert await share() == second
    assert hashings == [2, 2, 2], "without a history nothing is kept of it"
    await ann.close()
