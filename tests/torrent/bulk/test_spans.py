"""Whole pieces among real engines over real direct channels, and bad peers on them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import ChannelFailed, FileSendError, NoSpace
from filesend_tui.core.torrent.bulk.receiver import TAG
from filesend_tui.core.torrent.bulk.sender import MOST_WAITING
from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.storage.download_files import DownloadFiles
from filesend_tui.core.torrent.torrent import only
from filesend_tui.core.transports.direct.road import DirectRoad
from filesend_tui.core.transports.framed_channel import FramedChannel
from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.connection import WireConnection
from filesend_tui.core.wire.events import ExtendedHandshook, Handshook
from filesend_tui.core.wire.extensions import MetadataRequest, SpanReject, SpanRequest
from tests.torrent.lab import TRACKERS, Hub, LabRendezvous, Node, read_tree, write_tree
from tests.transports.direct_pairs import HERE, meet

RNG = random.Random(5)
MIB = 1024 * 1024
CONTENT = RNG.randbytes(9 * MIB + 321)
TREE = {
    **{f"album/{n:03}.bin": RNG.randbytes(40_000 + n) for n in range(60)},
    "album/deep/er/two.bin": RNG.randbytes(700_001),
    "album/empty": b"",
}
VILLAIN = b"-XX0001-villain-----"


class DirectHub(Hub):
    """Everybody who meets here gets a direct channel to everybody else."""

    def __init__(self, one: DirectRoad, other: DirectRoad) -> None:
        super().__init__()
        self.roads = one, other
        self.bulk_frames = 0
        self._tasks: list[asyncio.Task[None]] = []

    def join(self, newcomer: LabRendezvous) -> None:
        members = self.members.setdefault(newcomer.swarm, [])
        for member in members:
            self._tasks.append(asyncio.create_task(self._introduce(newcomer, member)))
        members.append(newcomer)

    async def _introduce(self, newcomer: LabRendezvous, member: LabRendezvous) -> None:
        ours, theirs = await meet(*self.roads)
        newcomer.meet(ours)
        member.meet(theirs)

    async def intrude(self, swarm: bytes) -> FramedChannel:
        """Let a scripted peer in to the only member; return its channel."""
        (member,) = self.members[swarm]
        ours, theirs = await meet(*self.roads)
        member.meet(theirs)
        return ours


@pytest.fixture
async def direct(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DirectHub]:
    one, other = DirectRoad(addresses=HERE), DirectRoad(addresses=HERE)
    await asyncio.gather(one.start(), other.start())
    direct_hub = DirectHub(one, other)
    monkeypatch.setattr(LabRendezvous, "hub", direct_hub)
    send_bulk = FramedChannel.send_bulk

    async def counted(self: FramedChannel, *args: Any) -> None:
        direct_hub.bulk_frames += 1
        await send_bulk(self, *args)

    monkeypatch.setattr(FramedChannel, "send_bulk", counted)
    yield direct_hub
    await asyncio.gather(one.close(), other.close())


def node(tmp_path: Path, **config: Any) -> Node:
    return Node(ClientConfig(output=tmp_path, **config))


async def seeded(seeder: Node, *paths: Path) -> tuple[str, str]:
    torrent = await seeder.engine.seed(paths, trackers=TRACKERS)
    return torrent, seeder.engine.magnet(torrent)


async def fetched(receiver: Node, magnet: str, folder: Path, **options: Any) -> Path:
    torrent = await receiver.engine.add(magnet, folder=folder, **options)
    path = await asyncio.wait_for(receiver.engine.wait_done(torrent), 30)
    assert path is not None
    return path


class Script:
    """A peer on a direct channel that does as it is told.

    Args:
        on_span: Answers a request for pieces.
    """

    def __init__(
        self,
        channel: FramedChannel,
        info: TorrentInfo,
        on_span: Callable[[SpanRequest], object],
        *,
        seeds: bool = True,
    ) -> None:
        self.channel = channel
        self.info = info
        self._on_span = on_span
        self._seeds = seeds
        self.heard: list[object] = []
        self.news = asyncio.Event()
        self.wire = WireConnection(
            info_hash=info.info_hash,
            peer_id=VILLAIN,
            reqq=250,
            client="villain",
            metadata_size=len(info.raw),
            spans=True,
        )
        self.wire.set_shape(info.shape)
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        self.wire.open()
        try:
            await self.flush()
            while data := await self.channel.receive():
                for event in self.wire.receive_data(data):
                    self.heard.append(event)
                    self.news.set()
                    match event:
                        case Handshook():
                            self.wire.send_extended_handshake()
                            self.wire.send(m.HaveAll() if self._seeds else m.HaveNone())
                            self.wire.send(m.Unchoke())
                        case MetadataRequest(piece):
                            block = self.info.raw[piece * 16384 : (piece + 1) * 16384]
                            self.wire.send_metadata(piece, len(self.info.raw), block)
                        case SpanRequest():
                            answer = self._on_span(event)
                            if asyncio.iscoroutine(answer):
                                await answer
                await self.flush()
        except ChannelFailed:
            pass
        finally:
            await self.channel.close()

    async def flush(self) -> None:
        for chunk in self.wire.data_to_send():
            await self.channel.send(chunk)

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(15):
            while not holds():
                self.news.clear()
                await self.news.wait()

    async def bulk(self, span: SpanRequest, content: bytes) -> None:
        start = span.first * self.info.shape.piece_length
        end = min((span.first + span.count) * self.info.shape.piece_length, len(content))
        for at in range(start, end, MIB):
            part = content[at : min(at + MIB, end)]
            tag = TAG.pack(span.first, at - start)
            await self.channel.send_bulk(tag, len(part), partial(_put, part))


def _put(data: bytes, view: memoryview) -> None:
    view[:] = data


async def described(tmp_path: Path) -> tuple[TorrentInfo, str]:
    """Return the description of CONTENT, and a magnet link to it."""
    write_tree(tmp_path, {"big.bin": CONTENT})
    async with node(tmp_path) as maker:
        torrent, magnet = await seeded(maker, tmp_path / "big.bin")
        return await maker.engine.wait_metadata(torrent), magnet


# -- good swarms


async def test_a_folder_arrives_whole_and_as_bulk(direct: DirectHub, tmp_path: Path) -> None:
    write_tree(tmp_path / "src", TREE)
    out = tmp_path / "out"
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, tmp_path / "src/album")
        await fetched(receiver, magnet, out)
        (complete,) = receiver.of(e.DownloadComplete)
        assert complete.road == "direct"
        assert complete.bytes == sum(map(len, TREE.values()))
        assert receiver.of(e.Download)[-1].progress == 1.0
        await seeder.until(lambda: seeder.of(e.Upload)[-1].uploaded_bytes == complete.bytes)
    assert read_tree(out) == TREE
    assert direct.bulk_frames


@pytest.mark.parametrize("content", [b"", b"x", CONTENT[:16384], CONTENT[: MIB + 1]])
async def test_files_of_any_size(direct: DirectHub, tmp_path: Path, content: bytes) -> None:
    write_tree(tmp_path, {"small": content})
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, tmp_path / "small")
        path = await fetched(receiver, magnet, tmp_path / "out")
        assert path.read_bytes() == content


async def test_only_what_was_chosen_is_fetched(direct: DirectHub, tmp_path: Path) -> None:
    write_tree(tmp_path / "src", TREE)
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        torrent, magnet = await seeded(seeder, tmp_path / "src/album")
        info = await seeder.engine.wait_metadata(torrent)
        chosen = [n for n, file in enumerate(info.files) if file.path[-1] in {"007.bin", "050.bin"}]
        await fetched(receiver, magnet, tmp_path / "out", choose=only(chosen))
        assert seeder.of(e.Upload)[-1].uploaded_bytes < 400_000
    names = ["album/007.bin", "album/050.bin"]
    assert read_tree(tmp_path / "out") == {name: TREE[name] for name in names}


async def test_receivers_serve_each_other(direct: DirectHub, tmp_path: Path) -> None:
    content = CONTENT * 5  # more than two windows
    write_tree(tmp_path, {"big.bin": content})
    async with (
        node(tmp_path, upload_limit=24 * MIB) as seeder,
        node(tmp_path) as one,
        node(tmp_path) as two,
    ):
        _, magnet = await seeded(seeder, tmp_path / "big.bin")
        paths = await asyncio.gather(
            *(fetched(r, magnet, tmp_path / f"out{n}") for n, r in enumerate([one, two]))
        )
        assert all(path.read_bytes() == content for path in paths)
        assert one.of(e.Upload) or two.of(e.Upload), "nobody passed a piece on"


@pytest.mark.parametrize("limit", ["upload_limit", "download_limit"])
async def test_limits_hold(direct: DirectHub, tmp_path: Path, limit: str) -> None:
    write_tree(tmp_path, {"big.bin": CONTENT})
    rate = 4 * MIB
    limits = [{limit: rate} if limit.startswith(side) else {} for side in ("upload", "download")]
    async with node(tmp_path, **limits[0]) as seeder, node(tmp_path, **limits[1]) as receiver:
        _, magnet = await seeded(seeder, tmp_path / "big.bin")
        began = time.monotonic()
        await fetched(receiver, magnet, tmp_path / "out")
        seconds = time.monotonic() - began
        # A quarter of a second of unused allowance is not lost.
        assert seconds > len(CONTENT) / rate - 0.6
        assert seconds < 4 * len(CONTENT) / rate


async def test_what_is_here_is_not_asked_for_again(direct: DirectHub, tmp_path: Path) -> None:
    """Half of it came over one connection, and the rest over the next."""
    info, magnet = await described(tmp_path)
    half = info.shape.piece_count // 2
    asked: list[int] = []

    async def serve_half(span: SpanRequest) -> None:
        await script.bulk(span, CONTENT)
        if span.first + span.count >= half:
            least = half * info.shape.piece_length
            await receiver.until(
                lambda: any(d.downloaded_bytes >= least for d in receiver.of(e.Download))
            )
            script.channel._link.sever()

    async def serve_rest(span: SpanRequest) -> None:
        asked.extend(range(span.first, span.first + span.count))
        await again.bulk(span, CONTENT)

    async with node(tmp_path) as receiver:
        added = await receiver.engine.add(magnet, folder=tmp_path / "out")
        script = Script(await direct.intrude(info.info_hash), info, serve_half)
        await receiver.until(lambda: receiver.of(e.PeerDropped))
        assembly = receiver.engine._torrents[added]._swarm.assembly
        assert assembly is not None
        bits = assembly.have.to_bytes()
        have = int.from_bytes(bits).bit_count()
        assert have >= half
        again = Script(await direct.intrude(info.info_hash), info, serve_rest)
        path = await asyncio.wait_for(receiver.engine.wait_done(added), 30)
        assert path is not None
        assert path.read_bytes() == CONTENT
        assert len(asked) == len(set(asked)) == info.shape.piece_count - have


# -- faults and bad peers


async def test_a_peer_that_lies_is_banned_and_the_file_is_right(
    direct: DirectHub, tmp_path: Path
) -> None:
    info, magnet = await described(tmp_path)
    false = bytes(len(CONTENT))
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        added = await receiver.engine.add(magnet, folder=tmp_path / "out")
        liar = Script(
            await direct.intrude(info.info_hash), info, lambda span: liar.bulk(span, false)
        )
        await receiver.until(lambda: receiver.of(e.PeerDropped))
        assert receiver.of(e.PeerDropped)[0].reason == "badPiece"
        await liar.task
        await seeder.engine.seed([tmp_path / "big.bin"], trackers=TRACKERS)
        path = await asyncio.wait_for(receiver.engine.wait_done(added), 30)
        assert path is not None
        assert path.read_bytes() == CONTENT


async def dropped_for(
    direct: DirectHub, tmp_path: Path, misdeed: Callable[[Script, SpanRequest], object]
) -> str:
    """Return why a peer was dropped that answers requests for pieces so."""
    info, magnet = await described(tmp_path)
    async with node(tmp_path) as receiver:
        await receiver.engine.add(magnet, folder=tmp_path / "out")
        villain = Script(
            await direct.intrude(info.info_hash), info, lambda span: misdeed(villain, span)
        )
        await receiver.until(lambda: receiver.of(e.PeerDropped))
        await villain.task
        return receiver.of(e.PeerDropped)[0].reason


async def test_bulk_that_nobody_asked_for_ends_the_connection(
    direct: DirectHub, tmp_path: Path
) -> None:
    reason = await dropped_for(
        direct, tmp_path, lambda peer, span: peer.bulk(SpanRequest(span.first + 1, 1), CONTENT)
    )
    assert reason == "unaskedBulk"


async def test_the_same_pieces_twice_end_the_connection(direct: DirectHub, tmp_path: Path) -> None:
    async def twice(peer: Script, span: SpanRequest) -> None:
        await peer.bulk(span, CONTENT)
        await peer.bulk(span, CONTENT)

    assert await dropped_for(direct, tmp_path, twice) == "unaskedBulk"


async def test_refusing_what_was_not_asked_for_ends_the_connection(
    direct: DirectHub, tmp_path: Path
) -> None:
    reason = await dropped_for(
        direct,
        tmp_path,
        lambda peer, span: peer.wire.send_span(SpanReject(span.first, span.count + 1)),
    )
    assert reason == "unrequested"


async def test_a_peer_that_refuses_everything_is_left(direct: DirectHub, tmp_path: Path) -> None:
    reason = await dropped_for(
        direct,
        tmp_path,
        lambda peer, span: peer.wire.send_span(SpanReject(span.first, span.count)),
    )
    assert reason == "rejectsAll"


async def test_what_one_refuses_is_asked_again_later(direct: DirectHub, tmp_path: Path) -> None:
    refused: list[SpanRequest] = []

    async def at_first_no(span: SpanRequest) -> None:
        if len(refused) < 5:
            refused.append(span)
            peer.wire.send_span(SpanReject(span.first, span.count))
        else:
            await peer.bulk(span, CONTENT)

    info, magnet = await described(tmp_path)
    async with node(tmp_path) as receiver:
        added = await receiver.engine.add(magnet, folder=tmp_path / "out")
        peer = Script(await direct.intrude(info.info_hash), info, at_first_no)
        path = await asyncio.wait_for(receiver.engine.wait_done(added), 30)
        assert path is not None
        assert path.read_bytes() == CONTENT


async def leech(direct: DirectHub, tmp_path: Path, seeder: Node) -> Script:
    """Return a scripted peer that downloads, unchoked."""
    write_tree(tmp_path, {"big.bin": CONTENT})
    torrent, _ = await seeded(seeder, tmp_path / "big.bin")
    info = await seeder.engine.wait_metadata(torrent)
    script = Script(await direct.intrude(info.info_hash), info, lambda _span: None, seeds=False)
    await script.until(lambda: any(isinstance(h, ExtendedHandshook) for h in script.heard))
    return script


async def test_a_peer_that_asks_for_too_much_is_dropped(direct: DirectHub, tmp_path: Path) -> None:
    async with node(tmp_path, upload_limit=64 * 1024) as seeder:
        script = await leech(direct, tmp_path, seeder)
        script.channel.take_bulk(_Nowhere())
        script.wire.send(m.Interested())
        await script.flush()
        await script.until(lambda: any(isinstance(h, m.Unchoke) for h in script.heard))
        for _ in range(MOST_WAITING + 2):
            script.wire.send_span(SpanRequest(0, 1))
        await script.flush()
        await seeder.until(lambda: seeder.of(e.PeerDropped))
        assert seeder.of(e.PeerDropped)[0].reason == "requestFlood"
        await script.task


async def test_who_is_choked_is_refused_pieces(direct: DirectHub, tmp_path: Path) -> None:
    async with node(tmp_path) as seeder:
        script = await leech(direct, tmp_path, seeder)
        script.wire.send_span(SpanRequest(0, 1))
        await script.flush()
        await script.until(lambda: SpanReject(0, 1) in script.heard)
        await script.channel.close()


class _Nowhere:
    """A sink that throws away."""

    def space(self, _tag: bytes, _at: int, left: int) -> memoryview:
        return memoryview(bytearray(left))

    def filled(self, _count: int) -> None:
        pass


async def test_a_file_that_changed_while_it_was_sent_is_told(
    direct: DirectHub, tmp_path: Path
) -> None:
    write_tree(tmp_path, {"big.bin": CONTENT})
    async with node(tmp_path, upload_limit=2 * MIB) as seeder, node(tmp_path) as receiver:
        torrent, magnet = await seeded(seeder, tmp_path / "big.bin")
        await receiver.engine.add(magnet, folder=tmp_path / "out")
        await receiver.until(lambda: receiver.of(e.Download))
        (tmp_path / "big.bin").write_bytes(b"something else")
        with pytest.raises(FileSendError, match="changed while it was being sent"):
            await asyncio.wait_for(seeder.engine.wait_done(torrent), 15)


async def test_a_disk_that_is_full_ends_the_download(
    direct: DirectHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise NoSpace("The disk is full.")

    monkeypatch.setattr(DownloadFiles, "write_pieces", full)
    write_tree(tmp_path, {"big.bin": CONTENT})
    async with node(tmp_path) as seeder, node(tmp_path) as receiver:
        _, magnet = await seeded(seeder, tmp_path / "big.bin")
        with pytest.raises(NoSpace):
            await fetched(receiver, magnet, tmp_path / "out")
