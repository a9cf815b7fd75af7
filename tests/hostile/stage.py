"""Real torrents, and villains that meet them; played in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from filesend_tui.core import events as e
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.peer.peer import Peer
from filesend_tui.core.torrent.swarm import Swarm
from filesend_tui.core.wire.handshake import OUR_RESERVED
from tests import virtual_time
from tests.hostile.villain import Villain
from tests.torrent.lab import TRACKERS, Hub, Node

#: Seconds, virtual, in which whatever is waited for must have happened.
PATIENCE = 600


class Stage:
    """One torrent, who seeds it, who downloads it, and who means harm.

    Args:
        hub: Where they meet.
        folder: Where files stand.
        size: Bytes of the torrent's file; 40 pieces of one block and a bit where not said.
        empty_files: Besides; their names make the description long.
    """

    def __init__(
        self, hub: Hub, folder: Path, *, size: int = 40 * 16384 + 100, empty_files: int = 0
    ) -> None:
        self.content = random.Random(3).randbytes(size)
        self.info: TorrentInfo
        self.magnet = ""
        self._hub = hub
        self._folder = folder
        self._stack = AsyncExitStack()
        self._nodes: list[Node] = []
        self._source = folder / "source"
        self._source.mkdir()
        (self._source / "file.bin").write_bytes(self.content)
        for number in range(empty_files):
            (self._source / f"{'z' * 100}{number}").touch()
        self._count = 0

    def play(self, act: Callable[[], Coroutine[Any, Any, None]]) -> None:
        lost: list[dict[str, Any]] = []

        async def main() -> None:
            asyncio.get_running_loop().set_exception_handler(
                lambda _, context: lost.append(context)
            )
            async with self._stack:
                author = await self.node()
                torrent = await author.engine.seed([self._source], trackers=TRACKERS)
                self.magnet = author.engine.magnet(torrent)
                self.info = await author.engine.wait_metadata(torrent)
                await author.engine.remove(torrent)
                await act()

        virtual_time.run(main())
        assert not lost, "an exception that nobody heard of"
        for node in self._nodes:
            faults = [d for d in node.of(e.PeerDropped) if d.reason == "internalError"]
            assert not faults, "a villain brought a fault of this program to light"

    async def node(self, **config: Any) -> Node:
        node = Node(ClientConfig(output=self._folder, **config))
        self._nodes.append(node)
        return await self._stack.enter_async_context(node)

    async def seeder(self, **config: Any) -> Node:
        node = await self.node(**config)
        await node.engine.seed([self._source], trackers=TRACKERS)
        return node

    async def receiver(self, **config: Any) -> Node:
        """A node that downloads; `arrived` waits for it."""
        node = await self.node(**config)
        self._count += 1
        await node.engine.add(self.magnet, folder=self._folder / f"out{self._count}")
        return node

    async def arrived(self, node: Node) -> None:
        """Wait until the node has the file, and see that it is right."""
        path = await asyncio.wait_for(node.engine.wait_done(self.torrent), PATIENCE)
        assert path is not None
        assert (path / "file.bin").read_bytes() == self.content

    async def villain(
        self,
        node: Node,
        name: str = "villain",
        *,
        peer_id: bytes | None = None,
        reserved: bytes = OUR_RESERVED,
        reads: bool = True,
    ) -> Villain:
        """Connect a villain to one node. One that does not read takes a single chunk."""
        own = peer_id or b"-XX0001-" + name.encode().ljust(12, b"-")
        channel = self._hub.connect_to(self.rendezvous_id(node), own, name)
        if not reads:
            channel._inbox = asyncio.Queue(1)
        villain = Villain(channel, self.info, own, reserved=reserved, reads=reads)
        self._stack.push_async_callback(villain.close)
        return villain

    async def drops(self, node: Node, name: str = "villain") -> str:
        """Wait until the node has dropped the villain; return why."""

        def reasons() -> list[str]:
            return [event.reason for event in node.of(e.PeerDropped) if event.address == name]

        await node.until(reasons, PATIENCE)
        (reason,) = reasons()
        return reason

    @property
    def torrent(self) -> str:
        return self.info.info_hash.hex()

    def swarm(self, node: Node) -> Swarm:
        return node.engine._torrents[self.torrent]._swarm

    def rendezvous_id(self, node: Node) -> bytes:
        """The peer_id under which the node is in the swarm."""
        return self.swarm(node)._peer_id

    def peer(self, node: Node, villain: Villain) -> Peer | None:
        """What the node knows of the villain, while it is in."""
        peers = self.swarm(node)._roster
        return next((peer for peer in peers if peer.wire.peer_id == villain.peer_id), None)
