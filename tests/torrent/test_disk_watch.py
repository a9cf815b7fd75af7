"""Disks that cannot be written to for a while: downloads wait, say what for, and go on again.

A real small disk where tests may mount one; the system's own errors, said in its place, elsewhere.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import NoSpace, StorageFailed
from filesend_tui.core.torrent import disk_watch
from filesend_tui.core.torrent.storage import file_sync
from filesend_tui.core.torrent.storage.file_handles import Handle
from filesend_tui.core.torrent.storage.part_folder.part_folder import PartFolder
from filesend_tui.core.util.folder_sync import sync_folder
from tests.torrent.lab import Hub, Node, write_tree
from tests.torrent.small_disk import fill_up, mounted
from tests.torrent.test_engine import node, seeded
from tests.torrent.test_resuming import got, sent

CONTENT = random.Random(3).randbytes(3_000_000)
MAGNET_TRACKERS = ("ws://lab.invalid/announce",)


class BadDisk:
    """A disk that fails each write with an error while it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.number: int | None = None
        self.tries = 0
        write, probe, sync = Handle.write_at, PartFolder.probe, sync_folder

        def write_at(handle: Handle, offset: int, data: memoryview) -> None:
            self.check()
            write(handle, offset, data)

        def probe_it(part: PartFolder, size: int) -> None:
            self.check()
            probe(part, size)

        def sync_it(descriptor: int) -> None:
            self.check()
            sync(descriptor)

        monkeypatch.setattr(Handle, "write_at", write_at)
        monkeypatch.setattr(PartFolder, "probe", probe_it)
        monkeypatch.setattr(file_sync, "sync_folder", sync_it)

    def check(self) -> None:
        if self.number is not None:
            self.tries += 1
            raise OSError(self.number, os.strerror(self.number))


@pytest.fixture(autouse=True)
def no_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested here takes its time by the clock, and not by the disk of this machine."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def bad_disk(monkeypatch: pytest.MonkeyPatch) -> BadDisk:
    monkeypatch.setattr(disk_watch, "LOOK_AGAIN", 0.05)
    return BadDisk(monkeypatch)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_tree(tmp_path, {"big.bin": CONTENT}) / "big.bin"


TROUBLES = [
    (errno.ENOSPC, "full", "full"),
    (getattr(errno, "EDQUOT", errno.ENOSPC), "full", "full"),
    (errno.EROFS, "readOnly", "it is read-only"),
    (errno.EIO, "away", "does not answer: Input/output error"),
    (getattr(errno, "ESTALE", errno.EIO), "away", "does not answer"),
]


@pytest.mark.parametrize(("number", "reason", "words"), TROUBLES)
async def test_a_download_waits_and_goes_on_by_itself(
    hub: Hub,
    tmp_path: Path,
    source: Path,
    bad_disk: BadDisk,
    number: int,
    reason: str,
    words: str,
) -> None:
    slow = Node(ClientConfig(output=tmp_path, upload_limit=2_000_000))
    async with slow as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, source)
        torrent = await receiver.engine.add(magnet, folder=tmp_path / "out")
        await receiver.until(lambda: got(receiver))
        bad_disk.number = number
        await receiver.until(lambda: receiver.of(e.StorageWaits))
        (told,) = receiver.of(e.StorageWaits)
        assert (told.torrent, told.reason) == (torrent, reason)
        assert words in told.message
        assert str(tmp_path / "out") in told.message
        assert told.hint.startswith("It goes on by itself")
        # It is looked at again and again, and nobody is blamed.
        tries = bad_disk.tries
        await receiver.until(lambda: bad_disk.tries > tries + 3 or poke(receiver))
        assert not receiver.of(e.PeerDropped)
        assert not receiver.of(e.StorageBack)
        bad_disk.number = None
        path = await asyncio.wait_for(receiver.engine.wait_done(torrent), 30)
        assert path is not None
        assert path.read_bytes() == CONTENT
        assert len(receiver.of(e.StorageBack)) == 1
        assert not receiver.of(e.Error)
        assert not receiver.of(e.PeerDropped) or receiver.of(e.DownloadComplete)


def told(receiver: Node, kind: type[e.Event], before: int) -> bool:
    return len(receiver.of(kind)) > before


def has_more(receiver: Node, before: int) -> bool:
    return got(receiver) > before


async def until_or_done(receiver: Node, holds: Callable[[], bool]) -> None:
    await receiver.until(lambda: holds() or receiver.of(e.DownloadComplete))


def poke(receiver: Node) -> bool:
    """Have `until` look again soon: nothing is told while a download waits."""
    asyncio.get_running_loop().call_later(0.02, receiver._news.set)
    return False


async def test_nothing_is_asked_for_meanwhile(hub: Hub, tmp_path: Path, bad_disk: BadDisk) -> None:
    big = random.Random(4).randbytes(16_000_000)
    source = write_tree(tmp_path, {"big.bin": big}) / "big.bin"
    slow = Node(ClientConfig(output=tmp_path, upload_limit=2_000_000))
    async with slow as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, source)
        torrent = await receiver.engine.add(magnet, folder=tmp_path / "out")
        await receiver.until(lambda: got(receiver))
        bad_disk.number = errno.ENOSPC
        await receiver.until(lambda: receiver.of(e.StorageWaits))
        # What was asked for before comes still: two seconds' worth of it.
        quiet, before = 0, -1
        async with asyncio.timeout(30):
            while quiet < 10:
                await asyncio.sleep(0.1)
                quiet, before = quiet + 1 if sent(seeder) == before else 0, sent(seeder)
        assert before < len(big) // 2
        bad_disk.number = None
        seeder.engine.limit(upload=None, download=None)
        path = await asyncio.wait_for(receiver.engine.wait_done(torrent), 30)
        assert path is not None
        assert path.read_bytes() == big
        await seeder.until(lambda: sent(seeder) >= len(big))
        assert sent(seeder) <= len(big) + before


async def test_what_arrives_meanwhile_is_asked_for_again_and_is_right(
    hub: Hub, tmp_path: Path, source: Path, bad_disk: BadDisk
) -> None:
    """Over and over, at any moment."""
    slow = Node(ClientConfig(output=tmp_path, upload_limit=3_000_000))
    async with slow as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, source)
        torrent = await receiver.engine.add(magnet, folder=tmp_path / "out")
        for turn in range(5):
            have = got(receiver)
            await until_or_done(receiver, partial(has_more, receiver, have))
            bad_disk.number = errno.ENOSPC
            await until_or_done(receiver, partial(told, receiver, e.StorageWaits, turn))
            bad_disk.number = None
            await until_or_done(receiver, partial(told, receiver, e.StorageBack, turn))
        path = await asyncio.wait_for(receiver.engine.wait_done(torrent), 30)
        assert path is not None
        assert path.read_bytes() == CONTENT
        assert not receiver.of(e.Error)


async def test_the_end_waits_too(
    hub: Hub, tmp_path: Path, source: Path, bad_disk: BadDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written is put in place where that can be done."""

    def full_at_the_end(descriptor: int) -> None:
        monkeypatch.setattr(file_sync, "sync_folder", sync_folder)
        bad_disk.number = errno.ENOSPC
        bad_disk.check()

    monkeypatch.setattr(file_sync, "sync_folder", full_at_the_end)
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, source)
        torrent = await receiver.engine.add(magnet, folder=tmp_path / "out")
        await receiver.until(lambda: receiver.of(e.StorageWaits))
        assert not receiver.of(e.DownloadComplete)
        bad_disk.number = None
        path = await asyncio.wait_for(receiver.engine.wait_done(torrent), 30)
        assert path is not None
        assert path.read_bytes() == CONTENT


async def test_it_fails_for_the_first_cause_at_last_and_keeps_what_it_has(
    hub: Hub, tmp_path: Path, source: Path, bad_disk: BadDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_watch, "PATIENCE", 0.3)
    slow = Node(ClientConfig(output=tmp_path, upload_limit=2_000_000))
    async with slow as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, source)
        torrent = await receiver.engine.add(magnet, folder=tmp_path / "out")
        await receiver.until(lambda: got(receiver))
        bad_disk.number = errno.ENOSPC
        await receiver.until(lambda: receiver.of(e.StorageWaits))
        bad_disk.number = errno.EROFS
        with pytest.raises(NoSpace, match="became full"):
            await asyncio.wait_for(receiver.engine.wait_done(torrent), 30)
        assert {told.reason for told in receiver.of(e.StorageWaits)} == {"full", "readOnly"}
    bad_disk.number = None
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        await seeded(seeder, source)
        torrent = await receiver.engine.add(magnet, folder=tmp_path / "out")
        await asyncio.wait_for(receiver.engine.wait_done(torrent), 30)
        (told,) = receiver.of(e.Metadata)
        assert told.resumed_bytes + told.doubted_bytes > 0
    assert (tmp_path / "out" / "big.bin").read_bytes() == CONTENT


async def test_an_error_that_does_not_pass_ends_it(
    hub: Hub, tmp_path: Path, source: Path, bad_disk: BadDisk
) -> None:
    bad_disk.number = errno.EACCES
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, source)
        torrent = await receiver.engine.add(magnet, folder=tmp_path / "out")
        with pytest.raises(StorageFailed):
            await asyncio.wait_for(receiver.engine.wait_done(torrent), 30)
        assert not receiver.of(e.StorageWaits)


async def test_a_place_that_always_fails_is_tried_ever_more_rarely(
    hub: Hub, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad sector: the disk takes everything but one piece."""
    monkeypatch.setattr(disk_watch, "LOOK_AGAIN", 0.01)
    monkeypatch.setattr(disk_watch, "PATIENCE", 1.0)
    write = Handle.write_at
    failed: list[int] = []

    def write_at(handle: Handle, offset: int, data: memoryview) -> None:
        if len(data) > 1000 and offset <= 1_000_000 < offset + len(data):
            failed.append(offset)
            raise OSError(errno.EIO, "Input/output error")
        write(handle, offset, data)

    monkeypatch.setattr(Handle, "write_at", write_at)
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, source)
        torrent = await receiver.engine.add(magnet, folder=tmp_path / "out")
        with pytest.raises(StorageFailed, match="Input/output"):
            await asyncio.wait_for(receiver.engine.wait_done(torrent), 30)
        info = await receiver.engine.wait_metadata(torrent)
        assert got(receiver) == len(CONTENT) - info.shape.piece_length
    assert 1 < len(failed) < 50


async def test_a_write_that_does_not_come_back_is_told(
    hub: Hub, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_watch, "HANGS", 0.5)
    write, released = Handle.write_at, threading.Event()

    def write_at(handle: Handle, offset: int, data: memoryview) -> None:
        assert released.wait(60)
        write(handle, offset, data)

    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, source)
        monkeypatch.setattr(Handle, "write_at", write_at)
        torrent = await receiver.engine.add(magnet, folder=tmp_path / "out")
        try:
            await receiver.until(lambda: receiver.of(e.StorageWaits))
        finally:
            released.set()
        (told,) = receiver.of(e.StorageWaits)
        assert told.reason == "hangs"
        assert "has not finished a write" in told.message
        path = await asyncio.wait_for(receiver.engine.wait_done(torrent), 30)
        assert path is not None
        assert path.read_bytes() == CONTENT


async def test_a_transfer_waits_for_its_disk_though_nothing_comes(
    hub: Hub, tmp_path: Path, source: Path, bad_disk: BadDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its partner is not blamed for standing still."""
    from filesend_tui.core.torrent import torrent as torrent_module

    monkeypatch.setattr(torrent_module, "STANDSTILL", 0.5)
    slow = Node(ClientConfig(output=tmp_path, upload_limit=1_000_000))
    async with slow as seeder, node(tmp_path) as receiver:
        seeds = await seeder.engine.seed([source], trackers=MAGNET_TRACKERS, transfer="ab" * 8)
        torrent = await receiver.engine.add(
            seeder.engine.magnet(seeds), folder=tmp_path / "out", transfer="ab" * 8
        )
        await receiver.until(lambda: got(receiver))
        bad_disk.number = errno.ENOSPC
        await receiver.until(lambda: receiver.of(e.StorageWaits))
        await asyncio.sleep(2.5)  # the watch over the partner looks once a second
        bad_disk.number = None
        await asyncio.wait_for(receiver.engine.wait_done(torrent), 30)
        (told,) = receiver.of(e.StorageWaits)
        assert told.transfer == "ab" * 8


# --- a real disk

SMALL = 4 * 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 4 MiB, in memory."""
    with mounted(tmp_path / "small", SMALL) as place:
        yield place


async def test_a_full_disk_says_how_much_is_missing_and_goes_on_with_room(
    hub: Hub, tmp_path: Path, source: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_watch, "LOOK_AGAIN", 0.05)
    monkeypatch.delattr(os, "posix_fallocate")  # as on macOS and on many file systems
    slow = Node(ClientConfig(output=tmp_path, upload_limit=1_500_000))
    async with slow as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, source)
        torrent = await receiver.engine.add(magnet, folder=small_disk)
        await receiver.until(lambda: got(receiver))
        hog = fill_up(small_disk)
        await receiver.until(lambda: receiver.of(e.StorageWaits))
        told = receiver.of(e.StorageWaits)[0]
        assert told.reason == "full"
        assert 0 < told.missing_bytes <= len(CONTENT)
        assert told.message.startswith(f"The disk of {small_disk} is full: ")
        assert told.message.endswith(" MB more are needed.")
        # Too little room is not enough, and what is missing now is told.
        os.truncate(hog, hog.stat().st_size - 200_000)
        await receiver.until(lambda: len(receiver.of(e.StorageWaits)) > 1 or poke(receiver))
        assert receiver.of(e.StorageWaits)[-1].missing_bytes < told.missing_bytes
        assert not receiver.of(e.StorageBack)
        hog.unlink()
        path = await asyncio.wait_for(receiver.engine.wait_done(torrent), 30)
        assert path == small_disk / "big.bin"
        assert path.read_bytes() == CONTENT
        assert not receiver.of(e.Error)


async def test_what_is_in_place_on_a_full_disk_is_done(
    hub: Hub, tmp_path: Path, source: Path, small_disk: Path
) -> None:
    """All of its room was taken beforehand, and nothing else is worth waiting for at its end."""
    slow = Node(ClientConfig(output=tmp_path, upload_limit=1_500_000))
    async with slow as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, source)
        torrent = await receiver.engine.add(magnet, folder=small_disk)
        await receiver.until(lambda: got(receiver))
        hog = fill_up(small_disk)
        path = await asyncio.wait_for(receiver.engine.wait_done(torrent), 30)
        assert path == small_disk / "big.bin"
        assert path.read_bytes() == CONTENT
        assert set(small_disk.iterdir()) == {path, hog}
        assert not receiver.of(e.StorageWaits)
        assert not receiver.of(e.Error)


async def _left_on_a_full_disk(tmp_path: Path, source: Path, disk: Path) -> tuple[str, Path]:
    """Fetch a part of it, end, and fill up the disk; return the magnet and what fills it."""
    slow = Node(ClientConfig(output=tmp_path, upload_limit=1_500_000))
    async with slow as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, source)
        await receiver.engine.add(magnet, folder=disk)
        await receiver.until(lambda: got(receiver))
    return magnet, fill_up(disk)


@pytest.mark.parametrize("promises", [True, False])
async def test_what_is_gone_on_with_waits_for_a_full_disk_too(
    hub: Hub,
    tmp_path: Path,
    source: Path,
    small_disk: Path,
    promises: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether its room was taken beforehand or not: a full disk takes not even a record."""
    monkeypatch.setattr(disk_watch, "LOOK_AGAIN", 0.05)
    if not promises:
        monkeypatch.delattr(os, "posix_fallocate")
    magnet, hog = await _left_on_a_full_disk(tmp_path, source, small_disk)
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        await seeded(seeder, source)
        torrent = await receiver.engine.add(magnet, folder=small_disk)
        await receiver.until(lambda: receiver.of(e.StorageWaits))
        told = receiver.of(e.StorageWaits)[0]
        assert (told.torrent, told.reason) == (torrent, "full")
        assert told.hint.startswith("It goes on by itself")
        if not promises:
            assert told.message.startswith(f"The disk of {small_disk} is full: ")
            assert 0 < told.missing_bytes < len(CONTENT)
        assert not receiver.of(e.Metadata)
        hog.unlink()
        path = await asyncio.wait_for(receiver.engine.wait_done(torrent), 30)
        assert path is not None
        assert path.read_bytes() == CONTENT
        (metadata,) = receiver.of(e.Metadata)
        assert metadata.resumed_bytes + metadata.doubted_bytes > 0
        assert len(receiver.of(e.StorageBack)) == 1
        assert not receiver.of(e.Error)


@pytest.mark.parametrize("patience", [None, 0.3])
async def test_what_ends_while_it_waits_to_go_on_keeps_what_it_has(
    hub: Hub,
    tmp_path: Path,
    source: Path,
    small_disk: Path,
    patience: float | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ended by a person (None), or by itself."""
    monkeypatch.setattr(disk_watch, "LOOK_AGAIN", 0.05)
    magnet, hog = await _left_on_a_full_disk(tmp_path, source, small_disk)
    with monkeypatch.context() as patch:
        if patience is not None:
            patch.setattr(disk_watch, "PATIENCE", patience)
        async with node(tmp_path) as receiver:
            torrent = await receiver.engine.add(magnet, folder=small_disk)
            await receiver.until(lambda: receiver.of(e.StorageWaits))
            if patience is not None:
                with pytest.raises(NoSpace):
                    await asyncio.wait_for(receiver.engine.wait_done(torrent), 30)
    hog.unlink()
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        await seeded(seeder, source)
        torrent = await receiver.engine.add(magnet, folder=small_disk)
        await asyncio.wait_for(receiver.engine.wait_done(torrent), 30)
        (metadata,) = receiver.of(e.Metadata)
        assert metadata.resumed_bytes + metadata.doubted_bytes > 0
    assert (small_disk / "big.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("free", [0, 1_000_000])
async def test_what_is_new_does_not_wait_for_a_full_disk(
    hub: Hub, tmp_path: Path, source: Path, small_disk: Path, free: int
) -> None:
    hog = fill_up(small_disk)
    os.truncate(hog, hog.stat().st_size - free)
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, source)
        torrent = await receiver.engine.add(magnet, folder=small_disk)
        with pytest.raises(NoSpace):
            await asyncio.wait_for(receiver.engine.wait_done(torrent), 30)
        assert not receiver.of(e.StorageWaits)
        assert not receiver.of(e.Download)
    assert list(small_disk.iterdir()) == [hog]
