"""Which road a private swarm takes, and that a transfer outlives the one it is on.

Real engines, the real tracker of a real relay, real connections on this machine.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.config import ClientConfig, RoadChoice
from filesend_tui.core.errors import ChannelFailed, TrackerFailed
from filesend_tui.core.event_stream import EventStream
from filesend_tui.core.events import SessionId, TransferId
from filesend_tui.core.torrent import roster, swarm
from filesend_tui.core.torrent.engine import Engine
from filesend_tui.core.transports.base import RelayAccess, RelayEntry
from filesend_tui.core.transports.direct import road
from filesend_tui.core.transports.direct.transport import DirectTransport
from filesend_tui.core.transports.framed_channel import FramedChannel
from relay.server import listen
from tests.conftest import RunningRelay, running_relay
from tests.frozen_roads import frozen_roads
from tests.meeting.test_rendezvous import serving
from tests.torrent.lab import Node
from tests.transports.relays import ScriptedRelay
from tests.waiting import until

pytestmark = pytest.mark.webrtc

MIB = 1024 * 1024
A, D, W = RoadChoice.AUTO, RoadChoice.DIRECT, RoadChoice.WEBRTC


@asynccontextmanager
async def two(
    tmp_path: Path, seeder: RoadChoice = A, receiver: RoadChoice = A, **config: object
) -> AsyncIterator[tuple[Node, Node]]:
    async with (
        Node(ClientConfig(output=tmp_path, road=seeder, **config)) as one,  # type: ignore[arg-type]
        Node(ClientConfig(output=tmp_path, road=receiver)) as other,
    ):
        yield one, other


async def send(
    seeder: Node, receiver: Node, path: Path, tracker: str, folder: Path, *, private: bool = True
) -> str:
    """Seed a file and begin to fetch it; return the torrent's id."""
    key = secrets.token_bytes(32) if private else None
    torrent = await seeder.engine.seed([path], trackers=[tracker], swarm_key=key)
    magnet = seeder.engine.magnet(torrent)
    await receiver.engine.add(magnet, folder=folder, trackers=[tracker], swarm_key=key)
    return torrent


async def arrived(receiver: Node, torrent: str) -> Path:
    path = await asyncio.wait_for(receiver.engine.wait_done(torrent), 60)
    assert path is not None
    return path


async def test_a_transfer_whose_relay_is_away_when_it_begins_waits_for_it(tmp_path: Path) -> None:
    """An open torrent has nobody to wait for, and says at once what is wrong."""
    path = tmp_path / "a.bin"
    path.write_bytes(os.urandom(MIB // 4))
    with listen("127.0.0.1", 0) as nobody:
        port = nobody.getsockname()[1]
    at, key = f"ws://127.0.0.1:{port}/announce", secrets.token_bytes(32)
    async with two(tmp_path) as (seeder, receiver):
        with pytest.raises(TrackerFailed):
            await seeder.engine.seed([path], trackers=[at])
        transfer = TransferId("1f")
        found = await seeder.engine.look_through([path])
        begun = asyncio.create_task(
            seeder.engine.serve(found, trackers=[at], transfer=transfer, swarm_key=key)
        )
        await until(lambda: [each for each in seeder.of(e.Error) if each.transfer == transfer])
        assert not begun.done()
        with serving(port):
            torrent = await asyncio.wait_for(begun, 60)
            await receiver.engine.add(
                seeder.engine.magnet(torrent),
                folder=tmp_path / "out",
                trackers=[at],
                transfer=transfer,
                swarm_key=key,
            )
            assert (await arrived(receiver, torrent)).read_bytes() == path.read_bytes()


def roads_taken(node: Node) -> list[str]:
    return [event.road for event in node.of(e.PeerConnected)]


def direct_of(node: Node) -> DirectTransport:
    direct = node.engine._transports.usable(private=True, proxied=False)[0]
    assert isinstance(direct, DirectTransport)
    return direct


def break_connections(node: Node, torrent: str) -> None:
    """As a cable that is pulled, or a machine on the way that forgot."""
    for peer in node.engine._torrents[torrent]._swarm._roster:
        assert isinstance(peer.channel, FramedChannel)
        peer.channel._link.sever()


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "big.bin"
    path.write_bytes(os.urandom(6 * MIB + 12345))
    return path


@pytest.mark.parametrize(
    ("seeder", "receiver", "road"),
    [
        (A, A, "direct"),
        (D, D, "direct"),
        (A, D, "direct"),
        (D, A, "direct"),
        (W, A, "webrtc"),
        (A, W, "webrtc"),
        (W, W, "webrtc"),
    ],
)
async def test_the_road_that_both_sides_allow_is_taken(
    relay: RunningRelay,
    tmp_path: Path,
    big: Path,
    seeder: RoadChoice,
    receiver: RoadChoice,
    road: str,
) -> None:
    async with two(tmp_path, seeder, receiver) as (ours, theirs):
        torrent = await send(ours, theirs, big, relay.tracker, tmp_path / "out")
        path = await arrived(theirs, torrent)
        assert path.read_bytes() == big.read_bytes()
        assert roads_taken(ours) == roads_taken(theirs) == [road]
        assert theirs.of(e.DownloadComplete)[0].road == road


async def test_a_public_swarm_never_takes_the_direct_road(
    relay: RunningRelay, tmp_path: Path, big: Path
) -> None:
    async with two(tmp_path) as (ours, theirs):
        torrent = await send(ours, theirs, big, relay.tracker, tmp_path / "out", private=False)
        await arrived(theirs, torrent)
        assert roads_taken(theirs) == ["webrtc"]
        for node in (ours, theirs):
            assert not direct_of(node).road._listeners, "it listens for nobody"


async def test_a_transfer_whose_two_sides_know_no_tracker_in_common_begins_once_they_do(
    relay: RunningRelay, tmp_path: Path, big: Path
) -> None:
    key = secrets.token_bytes(32)
    with running_relay() as here, running_relay() as there:
        async with two(tmp_path) as (ours, theirs):
            torrent = await ours.engine.seed([big], trackers=[here.tracker], swarm_key=key)
            magnet = f"magnet:?xt=urn:btih:{torrent}"
            await theirs.engine.add(
                magnet, folder=tmp_path / "out", trackers=[there.tracker], swarm_key=key
            )
            for node in (ours, theirs):
                assert node.engine.add_tracker(torrent, relay.tracker)
            path = await arrived(theirs, torrent)
            assert path.read_bytes() == big.read_bytes()
            assert relay.tracker not in ours.engine.magnet(torrent)
            assert not ours.engine.add_tracker("0" * 40, relay.tracker)


async def test_each_session_asks_its_own_relay(tmp_path: Path) -> None:
    """Also where what it was made of is shared with all others."""
    asked: list[SessionId | None] = []

    def relay_of(session: SessionId | None) -> RelayAccess:
        async def ask() -> RelayEntry:
            asked.append(session)
            raise ChannelFailed("There is no relay.")

        return ScriptedRelay(ask)

    config, events = ClientConfig(output=tmp_path, road=D), EventStream()
    engine = Engine(config, events, relay_of)
    sessions = SessionId("ann"), None, SessionId("bob"), SessionId("ann")
    for session in sessions:
        invitation = await engine.invite(session)
        assert invitation is not None
        await invitation.close()
    await engine.destroy()
    events.close()
    assert asked == [*sessions]


async def test_who_hides_behind_turn_has_no_direct_road(tmp_path: Path) -> None:
    async with two(tmp_path, relay_only=True) as (ours, _):
        for private in (True, False):
            usable = ours.engine._transports.usable(private=private, proxied=False)
            assert [each.name for each in usable] == ["webrtc", "relayed"][: 1 + private]


async def test_a_transfer_goes_on_when_its_connection_breaks(
    relay: RunningRelay, tmp_path: Path, big: Path
) -> None:
    async with two(tmp_path, upload_limit=2 * MIB) as (ours, theirs):
        torrent = await send(ours, theirs, big, relay.tracker, tmp_path / "out")
        await theirs.until(lambda: [d for d in theirs.of(e.Download) if d.progress > 0.2])
        break_connections(theirs, torrent)
        path = await arrived(theirs, torrent)
        assert path.read_bytes() == big.read_bytes()
        assert len(roads_taken(theirs)) == 2
        dropped = theirs.of(e.PeerDropped)
        assert dropped[0].reason in {"channelFailed", "closed"}
        # What was there already did not come again.
        assert ours.of(e.Upload)[-1].uploaded_bytes < 1.6 * big.stat().st_size


async def test_a_connection_that_died_in_silence_is_replaced_by_who_comes_back(
    relay: RunningRelay, tmp_path: Path, big: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither end hears that it died: it stands, under the peer id that comes back."""
    monkeypatch.setattr(roster, "SILENT_PAIR", 2.0)
    monkeypatch.setattr(swarm, "KEEP_ALIVE_PAIR", 0.5)
    async with (
        frozen_roads(monkeypatch) as roads,
        two(tmp_path, D, D, upload_limit=MIB // 2) as (ours, theirs),
    ):
        torrent = await send(ours, theirs, big, relay.tracker, tmp_path / "out")
        await theirs.until(lambda: [d for d in theirs.of(e.Download) if d.progress > 0.2])
        there = theirs.of(e.Download)[-1].downloaded_bytes
        assert roads.freeze()
        await ours.until(lambda: ours.of(e.PeerDropped))
        before = ours.of(e.Upload)[-1].uploaded_bytes
        ours.engine.limit(upload=None, download=None)  # the dead one took not all
        path = await arrived(theirs, torrent)
        assert path.read_bytes() == big.read_bytes()
        assert roads_taken(ours) == roads_taken(theirs) == ["direct", "direct"]
        for node in (ours, theirs):
            assert [dropped.reason for dropped in node.of(e.PeerDropped)][:1] == ["replaced"]
        # What was there already did not come again; figures are told four times a second.
        after = ours.of(e.Upload)[-1].uploaded_bytes - before
        assert after < big.stat().st_size - there + MIB


async def test_when_the_direct_road_is_gone_the_transfer_goes_on_over_webrtc(
    relay: RunningRelay, tmp_path: Path, big: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def blocked(_endpoint: object) -> None:
        raise OSError("no way through")

    async with two(tmp_path, upload_limit=2 * MIB) as (ours, theirs):
        torrent = await send(ours, theirs, big, relay.tracker, tmp_path / "out")
        await theirs.until(lambda: [d for d in theirs.of(e.Download) if d.progress > 0.2])
        # As a firewall that was switched on: the connection dies, no new one comes through.
        monkeypatch.setattr(road, "_connect", blocked)
        break_connections(ours, torrent)
        path = await arrived(theirs, torrent)
        assert path.read_bytes() == big.read_bytes()
        assert roads_taken(theirs) == ["direct", "webrtc"]


async def test_the_road_is_told_too_where_nothing_but_the_description_went_over_it(
    relay: RunningRelay, tmp_path: Path
) -> None:
    source = tmp_path / "src" / "nothing"
    source.mkdir(parents=True)
    (source / "one").touch()
    (source / "two").touch()
    async with two(tmp_path) as (ours, theirs):
        torrent = await send(ours, theirs, source, relay.tracker, tmp_path / "out")
        await arrived(theirs, torrent)
        assert roads_taken(theirs) == ["direct"]
        assert theirs.of(e.DownloadComplete)[0].road == "direct"
