"""A better connection to the same peer takes the place of one, at any moment. Real engines."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.meeting.rendezvous import MetPeer
from tests.torrent.lab import TRACKERS, Hub, LabRendezvous, Node, channel_pair, write_tree

CONTENT = b"a film" * 200_000


def meet_again(hub: Hub, *, improves: bool) -> None:
    """Let the two of the only swarm have another connection to each other."""
    ((one, other),) = hub.members.values()
    for each, channel in zip((one, other), channel_pair(one.name, other.name), strict=True):
        assert isinstance(each, LabRendezvous)
        each._met.put_nowait(MetPeer(channel, None, improves))


@pytest.mark.parametrize("after", ["at once", "when it is known what there is", "with bytes"])
async def test_it_does(
    hub: Hub, tmp_path: Path, caplog: pytest.LogCaptureFixture, after: str
) -> None:
    write_tree(tmp_path, {"src/film.mkv": CONTENT})
    key = secrets.token_bytes(32)
    limit = None if after == "at once" else 1_000_000
    config = ClientConfig(output=tmp_path, upload_limit=limit)
    async with Node(config) as ours, Node(ClientConfig(output=tmp_path)) as theirs:
        torrent = await ours.engine.seed(
            [tmp_path / "src/film.mkv"], trackers=TRACKERS, swarm_key=key
        )
        magnet = ours.engine.magnet(torrent)
        await theirs.engine.add(magnet, folder=tmp_path / "out", trackers=TRACKERS, swarm_key=key)
        if after == "at once":
            for node in (ours, theirs):
                await node.until(lambda node=node: node.of(e.PeerConnected))  # type: ignore[misc]
        elif after == "with bytes":
            await theirs.until(lambda: any(d.downloaded_bytes for d in theirs.of(e.Download)))
        else:
            await theirs.until(lambda: theirs.of(e.Metadata))
        meet_again(hub, improves=True)
        path = await theirs.engine.wait_done(torrent)
        assert path is not None
        assert path.read_bytes() == CONTENT
        for node in (ours, theirs):
            await node.until(lambda node=node: len(node.of(e.PeerDropped)) == 1)  # type: ignore[misc]
            assert len(node.of(e.PeerConnected)) == 2
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_one_that_left_before_it_was_known_what_there_is(hub: Hub, tmp_path: Path) -> None:
    """It was replaced meanwhile, and so was never asked for a piece."""
    write_tree(tmp_path, {"src/film.mkv": CONTENT})
    async with Node(ClientConfig(output=tmp_path)) as node:
        torrent = await node.engine.seed([tmp_path / "src/film.mkv"], trackers=TRACKERS)
        swarm = node.engine._torrents[torrent]._swarm
        here, _ = channel_pair("here", "there")
        swarm.peer_left(swarm.make_peer(MetPeer(here)))
    assert hub.members


async def test_another_that_is_no_better_does_not(hub: Hub, tmp_path: Path) -> None:
    write_tree(tmp_path, {"src/film.mkv": CONTENT})
    key = secrets.token_bytes(32)
    config = ClientConfig(output=tmp_path, upload_limit=1_000_000)
    async with Node(config) as ours, Node(ClientConfig(output=tmp_path)) as theirs:
        torrent = await ours.engine.seed(
            [tmp_path / "src/film.mkv"], trackers=TRACKERS, swarm_key=key
        )
        magnet = ours.engine.magnet(torrent)
        await theirs.engine.add(magnet, folder=tmp_path / "out", trackers=TRACKERS, swarm_key=key)
        await theirs.until(lambda: any(d.downloaded_bytes for d in theirs.of(e.Download)))
        meet_again(hub, improves=False)
        await theirs.until(lambda: theirs.of(e.PeerDropped))
        assert len(theirs.of(e.PeerConnected)) == 1
        assert (await theirs.engine.wait_done(torrent)) is not None
