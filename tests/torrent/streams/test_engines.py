"""Streams between real engines at a real relay: each road, broken connections, folders."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import threading
from pathlib import Path

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.config import ClientConfig, RoadChoice
from filesend_tui.core.torrent.metainfo.magnet import Magnet
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.torrent.streams.into_folder import FolderTarget
from filesend_tui.core.torrent.torrent import Standing
from filesend_tui.core.transports.framed_channel import FramedChannel
from tests.conftest import RunningRelay
from tests.torrent.lab import Node
from tests.torrent.streams.ends import Feed, Keep
from tests.waiting import until

pytestmark = pytest.mark.webrtc

MIB = 1024 * 1024


def node(folder: Path, road: RoadChoice = RoadChoice.DIRECT) -> Node:
    return Node(ClientConfig(output=folder, road=road))


async def begin(sender: Node, receiver: Node, source: object, target: object, at: str) -> str:
    key = secrets.token_bytes(32)
    torrent = await sender.engine.serve_stream(
        source,  # type: ignore[arg-type]
        name="a stream",
        trackers=[at],
        transfer="t",
        swarm_key=key,
    )
    return await receiver.engine.add_stream(
        sender.engine.magnet(torrent),
        target=target,  # type: ignore[arg-type]
        trackers=[at],
        transfer="t",
        swarm_key=key,
    )


@pytest.mark.parametrize("road", [RoadChoice.DIRECT, RoadChoice.WEBRTC], ids=str)
async def test_a_stream_arrives_by_each_road(
    relay: RunningRelay, tmp_path: Path, road: RoadChoice
) -> None:
    data = os.urandom(MIB // 4 + 11)
    async with node(tmp_path, road) as ours, node(tmp_path, road) as theirs:
        target = Keep()
        torrent = await begin(ours, theirs, Feed(data), target, relay.tracker)
        await asyncio.wait_for(theirs.engine.wait_done(torrent), 60)
        assert target.got == data
        assert ours.engine.stream_digest(torrent) == hashlib.sha256(data).digest()
        (done,) = theirs.of(e.DownloadComplete)
        assert (done.bytes, done.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert (done.road, done.url) == (road.value, "")
        last = theirs.of(e.Download)[-1]
        assert last.stream
        assert (last.progress, last.downloaded_bytes) == (0.0, len(data))


async def test_it_outlives_the_connection_it_is_on(relay: RunningRelay, tmp_path: Path) -> None:
    data = os.urandom(2 * MIB)
    source, target = Feed(ended=False), Keep()
    async with node(tmp_path) as ours, node(tmp_path) as theirs:
        torrent = await begin(ours, theirs, source, target, relay.tracker)
        for start in range(0, len(data), MIB):
            source.give(data[start : start + MIB])
            await until(lambda start=start: len(target.got) > start)  # type: ignore[misc]
            assert theirs.engine.standing("t") is Standing.FLOWING
            (peer,) = theirs.engine._torrents[torrent]._swarm._roster
            assert isinstance(peer.channel, FramedChannel)
            peer.channel._link.sever()
            await until(lambda start=start: len(target.got) == start + MIB)  # type: ignore[misc]
        source.end()
        await asyncio.wait_for(theirs.engine.wait_done(torrent), 60)
        assert target.got == data
        assert len(theirs.of(e.PeerConnected)) >= 2


async def test_a_folder_gets_a_file_at_the_end_and_nothing_before(
    relay: RunningRelay, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a stream").write_text("mine")
    source = Feed(ended=False)
    async with node(tmp_path) as ours, node(tmp_path) as theirs:
        target = FolderTarget(Target.of(out), "a stream", bytes(20))
        torrent = await begin(ours, theirs, source, target, relay.tracker)
        source.give(b"first half ")
        await until(lambda: theirs.of(e.Download))
        assert [each.name for each in out.iterdir() if not each.name.startswith(".")] == [
            "a stream"
        ]
        source.give(b"second half")
        source.end()
        path = await asyncio.wait_for(theirs.engine.wait_done(torrent), 60)
        assert path == out / "a stream (1)"
        assert path.read_bytes() == b"first half second half"
        assert (out / "a stream").read_text() == "mine"
    assert len(list(out.iterdir())) == 2, "no part folder is left"


async def test_a_stream_that_is_given_up_leaves_nothing(
    relay: RunningRelay, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    source = Feed(b"half", ended=False)
    async with node(tmp_path) as ours, node(tmp_path) as theirs:
        target = FolderTarget(Target.of(out), "a stream", bytes(20))
        torrent = await begin(ours, theirs, source, target, relay.tracker)
        await until(lambda: theirs.of(e.Download))
        await theirs.engine.remove(torrent, delete_data=True)
        assert list(out.iterdir()) == []
        source.end()


async def test_one_that_is_cancelled_while_its_target_is_opened_leaves_nothing(
    tmp_path: Path,
) -> None:
    reached, go = threading.Event(), threading.Event()

    class Slow(FolderTarget):
        def open(self) -> None:
            reached.set()
            assert go.wait(60)
            super().open()

    out = tmp_path / "out"
    out.mkdir()
    magnet = str(Magnet(info_hash=bytes(20), name="a stream", trackers=()))
    async with node(tmp_path) as ours:
        adding = asyncio.create_task(
            ours.engine.add_stream(
                magnet,
                target=Slow(Target.of(out), "a stream", bytes(20)),
                trackers=[],
                transfer="t",
                swarm_key=bytes(32),
            )
        )
        await asyncio.to_thread(reached.wait, 60)
        adding.cancel()
        go.set()
        await asyncio.wait({adding})
        assert adding.cancelled()
        assert list(out.iterdir()) == []
