"""Torrents among real engines over channels of memory: good swarms, bad peers, every ending."""

from __future__ import annotations

import asyncio
import random
import threading
from pathlib import Path
from typing import Any

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import BadMagnet, BadMetadata, BadSource, StorageFailed
from filesend_tui.core.torrent import torrent as torrent_module
from filesend_tui.core.torrent.sources.create import scan
from filesend_tui.core.torrent.storage.download_files import DownloadFiles
from filesend_tui.core.torrent.storage.part_folder.part_folder import PartFolder
from filesend_tui.core.torrent.torrent import only
from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.connection import WireConnection
from filesend_tui.core.wire.events import Handshook
from filesend_tui.core.wire.extensions import MetadataRequest
from tests.torrent.lab import (
    TRACKERS,
    Hub,
    MemoryChannel,
    Node,
    read_tree,
    write_tree,
)

RNG = random.Random(7)
CONTENT = RNG.randbytes(3_000_000)
MEGABYTE = random.Random(8).randbytes(1_000_000)
TREE = {
    "album/one.bin": RNG.randbytes(400_000),
    "album/deep/er/two.bin": RNG.randbytes(70_001),
    "album/empty": b"",
    "album/naïve name 🎈.txt": b"x" * 17,
}


def node(tmp_path: Path) -> Node:
    return Node(ClientConfig(output=tmp_path))


async def fetched(receiver: Node, magnet: str, folder: Path, **options: object) -> Path | None:
    torrent = await receiver.engine.add(magnet, folder=folder, **options)  # type: ignore[arg-type]
    return await asyncio.wait_for(receiver.engine.wait_done(torrent), 30)


async def seeded(seeder: Node, *paths: Path) -> tuple[str, str]:
    torrent = await seeder.engine.seed(paths, trackers=TRACKERS)
    return torrent, seeder.engine.magnet(torrent)


async def test_a_folder_arrives_whole(hub: Hub, tmp_path: Path) -> None:
    write_tree(tmp_path / "src", TREE)
    out = tmp_path / "out"
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, tmp_path / "src/album")
        path = await fetched(receiver, magnet, out)
        assert path == out / "album"
        (complete,) = receiver.of(e.DownloadComplete)
        assert complete.url == path.as_uri()
        assert complete.bytes == sum(map(len, TREE.values()))
        last = receiver.of(e.Download)[-1]
        assert last.progress == 1.0
        assert last.time_remaining == 0
        await seeder.until(lambda: seeder.of(e.Upload)[-1].uploaded_bytes == complete.bytes)
    assert read_tree(out) == TREE


@pytest.mark.parametrize("content", [b"", b"x", CONTENT[:16384], CONTENT[:16385]])
async def test_small_files(hub: Hub, tmp_path: Path, content: bytes) -> None:
    write_tree(tmp_path, {"small": content})
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, tmp_path / "small")
        path = await fetched(receiver, magnet, tmp_path / "out")
        assert path is not None
        assert path.read_bytes() == content


async def test_only_what_was_chosen_appears(hub: Hub, tmp_path: Path) -> None:
    write_tree(tmp_path / "src", TREE)
    out = tmp_path / "out"
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        torrent, magnet = await seeded(seeder, tmp_path / "src/album")
        info = await seeder.engine.wait_metadata(torrent)
        chosen = [n for n, file in enumerate(info.files) if file.path[-1] == "two.bin"]
        await fetched(receiver, magnet, out, choose=only(chosen))
    name = "album/deep/er/two.bin"
    assert read_tree(out) == {name: TREE[name]}


async def test_receivers_serve_each_other(hub: Hub, tmp_path: Path) -> None:
    write_tree(tmp_path, {"big.bin": CONTENT})
    async with (
        node(tmp_path) as seeder,
        node(tmp_path) as one,
        node(tmp_path) as two,
        node(tmp_path) as three,
    ):
        torrent, magnet = await seeded(seeder, tmp_path / "big.bin")
        receivers = [one, two, three]
        paths = await asyncio.gather(
            *(fetched(r, magnet, tmp_path / f"out{n}") for n, r in enumerate(receivers))
        )
        assert all(path is not None and path.read_bytes() == CONTENT for path in paths)
        assert any(r.of(e.Upload) for r in receivers), "nobody passed a piece on"
        # A finished receiver serves on when the seeder has left.
        await seeder.engine.remove(torrent)
        late = await fetched(seeder, magnet, tmp_path / "late")
        assert late is not None
        assert late.read_bytes() == CONTENT


async def test_a_peer_that_lies_is_banned_and_the_file_is_right(hub: Hub, tmp_path: Path) -> None:
    write_tree(tmp_path, {"big.bin": CONTENT})
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        torrent, magnet = await seeded(seeder, tmp_path / "big.bin")
        info = await seeder.engine.wait_metadata(torrent)
        await seeder.engine.remove(torrent)
        added = await receiver.engine.add(magnet, folder=tmp_path / "out")
        (channel,) = hub.connect(info.info_hash, b"-XX0001-liar--------", "liar")
        liar = asyncio.create_task(serve_lies(channel, info.info_hash, info.raw))
        await receiver.until(lambda: receiver.of(e.PeerDropped))
        (dropped,) = receiver.of(e.PeerDropped)
        assert (dropped.address, dropped.reason) == ("liar", "badPiece")
        await liar
        await seeder.engine.seed([tmp_path / "big.bin"], trackers=TRACKERS)
        path = await asyncio.wait_for(receiver.engine.wait_done(added), 30)
        assert path is not None
        assert path.read_bytes() == CONTENT
        # It may not come back under the same name.
        channels = hub.connect(info.info_hash, b"-XX0001-liar--------", "liar")
        wire = WireConnection(
            info_hash=info.info_hash, peer_id=b"-XX0001-liar--------", reqq=10, client="liar"
        )
        wire.open()
        await channels[0].send(wire.data_to_send()[0])
        async with asyncio.timeout(10):
            while await channels[0].receive():
                pass


async def serve_lies(channel: MemoryChannel, info_hash: bytes, raw: bytes) -> None:
    """A peer with the right description that answers every request with zeros."""
    wire = WireConnection(
        info_hash=info_hash,
        peer_id=b"-XX0001-liar--------",
        reqq=250,
        client="liar",
        metadata_size=len(raw),
    )
    wire.open()
    for chunk in wire.data_to_send():
        await channel.send(chunk)
    while data := await channel.receive():
        for event in wire.receive_data(data):
            match event:
                case Handshook():
                    wire.send_extended_handshake()
                    wire.send(m.HaveAll())
                    wire.send(m.Unchoke())
                case MetadataRequest(piece):
                    block = raw[piece * 16384 : (piece + 1) * 16384]
                    wire.send_metadata(piece, len(raw), block)
                case m.Request(index, begin, length):
                    wire.send(m.Piece(index, begin, bytes(length)))
        try:
            for chunk in wire.data_to_send():
                await channel.send(chunk)
        except Exception:
            return


async def test_a_peer_that_leaves_in_mid_piece_costs_nothing(hub: Hub, tmp_path: Path) -> None:
    write_tree(tmp_path, {"big.bin": CONTENT})
    async with node(tmp_path) as first, node(tmp_path) as second, node(tmp_path) as receiver:
        torrent, magnet = await seeded(first, tmp_path / "big.bin")
        added = await receiver.engine.add(magnet, folder=tmp_path / "out")
        await receiver.until(lambda: receiver.of(e.Download))
        await first.engine.remove(torrent)
        await second.engine.seed([tmp_path / "big.bin"], trackers=TRACKERS)
        path = await asyncio.wait_for(receiver.engine.wait_done(added), 30)
        assert path is not None
        assert path.read_bytes() == CONTENT


async def test_whoever_brought_a_part_and_left_is_not_said_to_have_never_come(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torrent_module, "LONELY", 0.1)
    write_tree(tmp_path, {"big.bin": CONTENT})
    slow = Node(ClientConfig(output=tmp_path, upload_limit=200_000))
    async with slow as seeder, node(tmp_path) as receiver, node(tmp_path) as lonely:
        torrent, magnet = await seeded(seeder, tmp_path / "big.bin")
        await receiver.engine.add(magnet, folder=tmp_path / "out")
        await receiver.until(lambda: receiver.of(e.Download))
        await seeder.engine.remove(torrent)
        await receiver.until(lambda: receiver.of(e.Error))
        assert "has left" in receiver.of(e.Error)[0].message
        nobody = magnet.replace(torrent, "0" * 40)
        await lonely.engine.add(nobody, folder=tmp_path / "other")
        await lonely.until(lambda: lonely.of(e.Error))
        assert "answered yet" in lonely.of(e.Error)[0].message


async def test_removing_an_unfinished_download_leaves_nothing(hub: Hub, tmp_path: Path) -> None:
    write_tree(tmp_path, {"big.bin": CONTENT})
    out = tmp_path / "out"
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, tmp_path / "big.bin")
        torrent = await receiver.engine.add(magnet, folder=out)
        await receiver.until(lambda: receiver.of(e.Download))
        waiting = asyncio.ensure_future(receiver.engine.wait_done(torrent))
        await asyncio.sleep(0)
        await receiver.engine.remove(torrent, delete_data=True)
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert list(out.iterdir()) == []
        assert [d.torrent for d in receiver.of(e.TorrentDestroyed)] == [torrent]
    assert (tmp_path / "big.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("delete_data", [True, False])
async def test_removing_a_download_while_its_files_are_made_frees_them(
    hub: Hub, tmp_path: Path, delete_data: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tree(tmp_path, {"big.bin": CONTENT})
    create, begun, may_go_on = DownloadFiles.create, threading.Event(), threading.Event()

    def slowly(*args: Any, **options: Any) -> DownloadFiles:
        begun.set()
        assert may_go_on.wait(20)
        return create(*args, **options)

    monkeypatch.setattr(DownloadFiles, "create", slowly)
    out = tmp_path / "out"
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, tmp_path / "big.bin")
        torrent = await receiver.engine.add(magnet, folder=out)
        await asyncio.to_thread(begun.wait, 20)
        removing = asyncio.ensure_future(receiver.engine.remove(torrent, delete_data=delete_data))
        await asyncio.sleep(0)
        may_go_on.set()
        await asyncio.wait_for(removing, 20)
        assert len(list(out.iterdir())) == (not delete_data)
        # Nobody holds it any more.
        assert await fetched(receiver, magnet, out) == out / "big.bin"


async def test_a_description_that_is_refused_ends_the_torrent(hub: Hub, tmp_path: Path) -> None:
    write_tree(tmp_path, {"big.bin": CONTENT})

    def refuse(_info: object) -> None:
        raise BadMetadata("This is not what was offered.")

    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, tmp_path / "big.bin")
        torrent = await receiver.engine.add(
            magnet,
            folder=tmp_path / "out",
            choose=refuse,  # type: ignore[arg-type]
        )
        with pytest.raises(BadMetadata):
            await asyncio.wait_for(receiver.engine.wait_metadata(torrent), 10)
        with pytest.raises(BadMetadata):
            await receiver.engine.wait_done(torrent)
        assert not (tmp_path / "out").exists()


async def test_a_source_that_changes_ends_the_seed_with_its_name(hub: Hub, tmp_path: Path) -> None:
    write_tree(tmp_path, {"big.bin": CONTENT})
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        torrent, magnet = await seeded(seeder, tmp_path / "big.bin")
        (tmp_path / "big.bin").write_bytes(CONTENT + b"more")
        await receiver.engine.add(magnet, folder=tmp_path / "out")
        with pytest.raises(BadSource, match=r"big\.bin"):
            await asyncio.wait_for(seeder.engine.wait_done(torrent), 10)


async def test_a_disk_that_refuses_ends_the_download(hub: Hub, tmp_path: Path) -> None:
    write_tree(tmp_path, {"big.bin": CONTENT, "out": b"a file where a folder should be"})
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, tmp_path / "big.bin")
        torrent = await receiver.engine.add(magnet, folder=tmp_path / "out")
        with pytest.raises(StorageFailed):
            await asyncio.wait_for(receiver.engine.wait_done(torrent), 10)
        (error,) = receiver.of(e.Error)
        assert error.code == "storageFailed"


async def test_what_cannot_be_deleted_is_told_and_stops_nothing(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tree(tmp_path, {"big.bin": CONTENT})

    def refuse(_part: PartFolder) -> None:
        raise PermissionError(13, "Permission denied")

    slow = ClientConfig(output=tmp_path, upload_limit=16384)
    async with Node(slow) as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, tmp_path / "big.bin")
        torrent = await receiver.engine.add(magnet, folder=tmp_path / "out")
        await receiver.until(lambda: receiver.of(e.Metadata))
        with monkeypatch.context() as patch:
            patch.setattr(PartFolder, "remove", refuse)
            await receiver.engine.remove(torrent, delete_data=True)
        (error,) = receiver.of(e.Error)
        assert (error.code, error.torrent) == ("storageFailed", torrent)
        assert "deleting" in error.message
        assert receiver.of(e.TorrentDestroyed)


async def test_the_same_torrent_is_not_added_twice(hub: Hub, tmp_path: Path) -> None:
    write_tree(tmp_path, {"a": b"a"})
    async with node(tmp_path) as seeder:
        _, magnet = await seeded(seeder, tmp_path / "a")
        with pytest.raises(BadMagnet):
            await seeder.engine.add(magnet, folder=tmp_path / "out")


async def test_one_file_both_ways_at_once(hub: Hub, tmp_path: Path) -> None:
    """A transfer's torrent is its own, so the same bytes may cross themselves."""
    write_tree(tmp_path, {"big.bin": CONTENT})
    source = tmp_path / "big.bin"
    async with node(tmp_path) as left, node(tmp_path) as right:
        to_right = await left.engine.seed([source], trackers=TRACKERS, transfer="aa" * 8)
        to_left = await right.engine.seed([source], trackers=TRACKERS, transfer="bb" * 8)
        assert to_right != to_left
        paths = await asyncio.gather(
            fetched(right, left.engine.magnet(to_right), tmp_path / "right"),
            fetched(left, right.engine.magnet(to_left), tmp_path / "left"),
        )
        assert all(path is not None and path.read_bytes() == CONTENT for path in paths)


async def test_what_is_not_approved_is_hashed_and_nothing_more(hub: Hub, tmp_path: Path) -> None:
    write_tree(tmp_path, {"file": CONTENT})
    async with node(tmp_path) as seeder:
        approved: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        seeding = asyncio.create_task(
            seeder.engine.serve(scan([tmp_path / "file"]), trackers=TRACKERS, approved=approved)
        )
        await seeder.until(lambda: any(each.progress == 1.0 for each in seeder.of(e.Hashing)))
        await asyncio.sleep(0)
        assert not seeding.done()
        assert not seeder.of(e.Seeding)
        approved.set_result(None)
        torrent = await asyncio.wait_for(seeding, 30)
        assert seeder.of(e.Seeding)[0].torrent == torrent


async def test_cancelled_hashing_stops(hub: Hub, tmp_path: Path) -> None:
    big = tmp_path / "big"
    with big.open("wb") as file:
        for _ in range(400):  # no holes: those are not read
            file.write(MEGABYTE)
    async with node(tmp_path) as seeder:
        job = asyncio.create_task(seeder.engine.seed([big], trackers=TRACKERS))
        await seeder.until(lambda: [h for h in seeder.of(e.Hashing) if h.progress > 0])
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        async with asyncio.timeout(5):
            await seeder.engine.destroy()  # waits for the hashing thread
    assert not seeder.of(e.Seeding)
