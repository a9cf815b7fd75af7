"""Downloads that a later client goes on with, in the lab: what is fetched, and what is told."""

from __future__ import annotations

import asyncio
import os
import random
import threading
from pathlib import Path
from typing import BinaryIO

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.torrent import torrent as torrent_module
from filesend_tui.core.torrent.storage.part_folder import owner_record
from filesend_tui.core.torrent.torrent import only
from tests.torrent.lab import Hub, Node, read_tree, write_tree
from tests.torrent.test_engine import fetched, node, seeded

RNG = random.Random(11)
SIZE = 3_000_000
CONTENT = RNG.randbytes(SIZE)


def sent(seeder: Node) -> int:
    return max((event.uploaded_bytes for event in seeder.of(e.Upload)), default=0)


def got(receiver: Node) -> int:
    return max((event.downloaded_bytes for event in receiver.of(e.Download)), default=0)


async def has_some(receiver: Node, more: int = 1) -> None:
    before = got(receiver)
    await receiver.until(lambda: got(receiver) >= before + more)


async def _begin(tmp_path: Path, *, share: float = 0.3) -> tuple[str, int]:
    """Fetch a part of it and end; return the magnet, and how much was verified."""
    slow = Node(ClientConfig(output=tmp_path, upload_limit=600_000))
    async with slow as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, tmp_path / "src")
        await receiver.engine.add(magnet, folder=tmp_path / "out")
        await receiver.until(lambda: got(receiver) > share * SIZE)
    return magnet, got(receiver)


@pytest.fixture
def source(tmp_path: Path) -> None:
    files = {"src/a": CONTENT[: SIZE // 2], "src/d/b": CONTENT[SIZE // 2 :], "src/empty": b""}
    write_tree(tmp_path, files)


def arrived(tmp_path: Path) -> bool:
    return read_tree(tmp_path / "out") == {
        name: content for name, content in read_tree(tmp_path).items() if name.startswith("src/")
    }


async def test_only_what_is_missing_is_fetched(hub: Hub, tmp_path: Path, source: None) -> None:
    magnet, verified = await _begin(tmp_path)
    (part,) = (tmp_path / "out").iterdir()
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        await seeded(seeder, tmp_path / "src")
        await fetched(receiver, magnet, tmp_path / "out")
        (told,) = receiver.of(e.Metadata)
        assert told.wanted_bytes == SIZE
        # A piece whose write was under way at the end may have been finished.
        left = told.resumed_bytes + told.doubted_bytes
        assert verified <= left < SIZE
        if owner_record._boot():
            assert told.resumed_bytes == left
        assert receiver.of(e.Download)[0].downloaded_bytes >= told.resumed_bytes
        assert receiver.of(e.Download)[-1].progress == 1.0
        (done,) = receiver.of(e.DownloadComplete)
        assert (done.bytes, done.resumed_bytes) == (SIZE, left)
        await seeder.until(lambda: sent(seeder) >= SIZE - left)
        assert sent(seeder) == SIZE - left
    assert arrived(tmp_path)
    assert not part.exists()


async def test_what_is_doubted_is_verified_while_the_rest_is_fetched(
    hub: Hub, tmp_path: Path, source: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner_record, "_machine", lambda: "this machine")
    magnet, verified = await _begin(tmp_path)
    monkeypatch.setattr(owner_record, "_boot", lambda: "another start")
    monkeypatch.setattr(torrent_module, "RECHECKED", 1)
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        await seeded(seeder, tmp_path / "src")
        await fetched(receiver, magnet, tmp_path / "out")
        (told,) = receiver.of(e.Metadata)
        assert told.resumed_bytes == 0
        assert verified <= told.doubted_bytes < SIZE
        (done,) = receiver.of(e.DownloadComplete)
        assert done.resumed_bytes == told.doubted_bytes
        await seeder.until(lambda: sent(seeder) >= SIZE - told.doubted_bytes)
        assert sent(seeder) == SIZE - told.doubted_bytes
    assert arrived(tmp_path)


def _holds(file: BinaryIO, start: int, length: int) -> bool:
    """Whether a piece has arrived in its file."""
    file.seek(start)
    return file.read(length) == CONTENT[start : start + length]


async def test_damage_costs_its_pieces_alone(
    hub: Hub, tmp_path: Path, source: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner_record, "_machine", lambda: "this machine")
    magnet, _ = await _begin(tmp_path, share=0.9)
    (place,) = (tmp_path / "out").glob(".filesend-*/tree/src/a")
    monkeypatch.setattr(owner_record, "_boot", lambda: "another start")
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        torrent, _ = await seeded(seeder, tmp_path / "src")
        info = await seeder.engine.wait_metadata(torrent)
        length = info.shape.piece_length
        with place.open("r+b") as file:
            # Of the first pieces, each may be among the few that did not come.
            came = next(at for at in range(0, SIZE, length) if _holds(file, at, length))
            file.seek(came + 5)
            file.write(bytes([CONTENT[came + 5] ^ 1]))
        await fetched(receiver, magnet, tmp_path / "out")
        (told,) = receiver.of(e.Metadata)
        missing = SIZE - told.doubted_bytes + length
        await seeder.until(lambda: sent(seeder) >= missing)
        assert sent(seeder) == missing
    assert arrived(tmp_path)


async def test_where_all_is_there_nobody_is_needed(hub: Hub, tmp_path: Path, source: None) -> None:
    magnet, _ = await _begin(tmp_path, share=0.9)
    # What ends between the last piece and its end has everything.
    part = next((tmp_path / "out").iterdir())
    for name in ("a", "d/b"):
        data = (tmp_path / "src" / name).read_bytes()
        (part / "tree" / "src" / name).write_bytes(data)
    (part / "pieces").unlink()  # so that all is verified
    async with node(tmp_path) as receiver:
        await fetched(receiver, magnet, tmp_path / "out")
        (done,) = receiver.of(e.DownloadComplete)
        assert (done.resumed_bytes, done.road) == (SIZE, "")
    assert arrived(tmp_path)


async def test_another_choice_keeps_what_it_has_in_common(
    hub: Hub, tmp_path: Path, source: None
) -> None:
    magnet, _ = await _begin(tmp_path, share=0.9)
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        await seeded(seeder, tmp_path / "src")
        await fetched(receiver, magnet, tmp_path / "out", choose=only([0]))
        (told,) = receiver.of(e.Metadata)
        assert told.doubted_bytes > told.wanted_bytes // 2
    assert read_tree(tmp_path / "out") == {"src/a": CONTENT[: SIZE // 2]}


async def test_a_start_that_is_cancelled_can_be_made_again(
    hub: Hub, tmp_path: Path, source: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_go_on = threading.Event(), threading.Event()

    def slowly(*_: object) -> None:
        begun.set()
        assert may_go_on.wait(20)

    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, tmp_path / "src")
        with monkeypatch.context() as patch:
            patch.setattr(torrent_module, "peek", slowly)
            adding = asyncio.ensure_future(receiver.engine.add(magnet, folder=tmp_path / "out"))
            await asyncio.to_thread(begun.wait, 20)
            adding.cancel()
            may_go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await adding
        await fetched(receiver, magnet, tmp_path / "out")
    assert arrived(tmp_path)


async def test_who_cancels_keeps_nothing(hub: Hub, tmp_path: Path, source: None) -> None:
    magnet, _ = await _begin(tmp_path)
    async with node(tmp_path) as receiver:
        torrent = await receiver.engine.add(magnet, folder=tmp_path / "out")
        await receiver.until(lambda: receiver.of(e.Metadata))
        await receiver.engine.remove(torrent, delete_data=True)
        assert not list((tmp_path / "out").iterdir())


async def test_a_transfer_is_kept_only_where_that_is_asked_for(
    hub: Hub, tmp_path: Path, source: None
) -> None:
    slow = Node(ClientConfig(output=tmp_path, upload_limit=300_000))
    async with slow as seeder:
        torrent = await seeder.engine.seed(
            [tmp_path / "src"], trackers=("ws://lab.invalid/announce",), transfer="ab" * 8
        )
        magnet = seeder.engine.magnet(torrent)
        for keep in (None, False, True):
            async with node(tmp_path) as receiver:
                await receiver.engine.add(
                    magnet, folder=tmp_path / "out", transfer="ab" * 8, keep=keep
                )
                await has_some(receiver)
            assert bool(list((tmp_path / "out").iterdir())) == bool(keep)


async def test_garbage_in_its_place_is_begun_anew(hub: Hub, tmp_path: Path, source: None) -> None:
    magnet, _ = await _begin(tmp_path)
    part = next((tmp_path / "out").iterdir())
    (part / "info").write_bytes(os.urandom(500))
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        await seeded(seeder, tmp_path / "src")
        await fetched(receiver, magnet, tmp_path / "out")
        (told,) = receiver.of(e.Metadata)
        assert (told.resumed_bytes, told.doubted_bytes) == (0, 0)
    assert arrived(tmp_path)


async def test_the_same_client_goes_on_with_what_it_left(
    hub: Hub, tmp_path: Path, source: None
) -> None:
    slow = Node(ClientConfig(output=tmp_path, upload_limit=600_000))
    async with slow as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, tmp_path / "src")
        for _ in range(3):
            torrent = await receiver.engine.add(magnet, folder=tmp_path / "out")
            await has_some(receiver, 100_000)
            await receiver.engine.remove(torrent)
        seeder.engine.limit(upload=None, download=None)
        await asyncio.wait_for(fetched(receiver, magnet, tmp_path / "out"), 30)
    assert arrived(tmp_path)
