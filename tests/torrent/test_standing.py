"""Where a torrent stands: whose turn it is, should nothing move."""

from __future__ import annotations

import asyncio
import random
import threading
from pathlib import Path

import pytest
import websockets

from filesend_tui.core import events as e
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.torrent import torrent
from filesend_tui.core.torrent.sources.seed_files import SeedFiles
from filesend_tui.core.torrent.storage.download_files import DownloadFiles
from filesend_tui.core.torrent.storage.piece_store import PieceStore
from filesend_tui.core.torrent.torrent import Standing
from tests.torrent.lab import TRACKERS, Hub, Node, write_tree

KEY = bytes(range(32))
TRANSFER = "0123456789abcdef"
CONTENT = random.Random(3).randbytes(300_000)


class Gate:
    """Holds up every call of a store's method, as a disk that hangs does, until it is opened."""

    def __init__(self, store: type[PieceStore], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open = threading.Event()
        self.reached = threading.Event()
        method = getattr(store, name)

        def held(*what: object, **how: object) -> object:
            self.reached.set()
            assert self.open.wait(60)
            return method(*what, **how)

        monkeypatch.setattr(store, name, held)


async def standing(node: Node, what: Standing) -> None:
    async with asyncio.timeout(20):
        while node.engine.standing(TRANSFER) is not what:
            await asyncio.sleep(0.01)


async def under_way(tmp_path: Path, sender: Node, receiver: Node) -> str:
    source = write_tree(tmp_path, {"big.bin": CONTENT}) / "big.bin"
    found = await sender.engine.look_through([source])
    id = await sender.engine.serve(found, trackers=TRACKERS, transfer=TRANSFER, swarm_key=KEY)
    await receiver.engine.add(
        sender.engine.magnet(id), folder=tmp_path / "out", transfer=TRANSFER, swarm_key=KEY
    )
    return id


async def test_nobody_is_there_before_somebody_is(hub: Hub, tmp_path: Path) -> None:
    source = write_tree(tmp_path, {"big.bin": CONTENT}) / "big.bin"
    async with Node(ClientConfig(output=tmp_path)) as node:
        assert node.engine.standing(TRANSFER) is Standing.ABSENT
        found = await node.engine.look_through([source])
        id = await node.engine.serve(found, trackers=TRACKERS, transfer=TRANSFER, swarm_key=KEY)
        assert node.engine.standing(TRANSFER) is Standing.ALONE
        hub.connect(node.engine._torrents[id].magnet.info_hash, b"x" * 20, "other")
        await node.engine.remove(id)
        assert node.engine.standing(TRANSFER) is Standing.ABSENT


async def test_a_disk_that_hangs_while_a_peer_waits_for_it(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del hub
    monkeypatch.setattr(torrent, "SLOW_READ", 0.05)
    gate = Gate(SeedFiles, "read", monkeypatch)
    async with (
        Node(ClientConfig(output=tmp_path)) as sender,
        Node(ClientConfig(output=tmp_path)) as receiver,
    ):
        id = await under_way(tmp_path, sender, receiver)
        await standing(sender, Standing.READING)
        assert receiver.engine.standing(TRANSFER) is Standing.CONNECTED
        gate.open.set()
        assert await asyncio.wait_for(receiver.engine.wait_done(id), 20)
        await standing(sender, Standing.CONNECTED)


async def test_a_disk_that_hangs_when_all_is_to_be_put_in_place(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del hub
    gate = Gate(DownloadFiles, "finish", monkeypatch)
    async with (
        Node(ClientConfig(output=tmp_path)) as sender,
        Node(ClientConfig(output=tmp_path)) as receiver,
    ):
        id = await under_way(tmp_path, sender, receiver)
        assert await asyncio.to_thread(gate.reached.wait, 20)
        await standing(receiver, Standing.WORKING)
        gate.open.set()
        assert await asyncio.wait_for(receiver.engine.wait_done(id), 20)
        await standing(receiver, Standing.CONNECTED)


async def test_a_tracker_that_never_answers_is_waited_for_for_a_while(tmp_path: Path) -> None:
    async def says_nothing(socket: websockets.ServerConnection) -> None:
        await socket.wait_closed()

    source = write_tree(tmp_path, {"big.bin": CONTENT}) / "big.bin"
    async with (
        websockets.serve(says_nothing, "127.0.0.1", 0) as server,
        Node(ClientConfig(output=tmp_path)) as node,
    ):
        port = server.sockets[0].getsockname()[1]
        found = await node.engine.look_through([source])
        serving = asyncio.create_task(
            node.engine.serve(
                found, trackers=[f"ws://127.0.0.1:{port}"], transfer=TRANSFER, swarm_key=KEY
            )
        )
        await standing(node, Standing.TRACKER)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        assert node.engine.standing(TRANSFER) is Standing.ABSENT
        assert not node.of(e.Seeding)
