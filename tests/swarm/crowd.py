"""A seeder and receivers of one file in virtual time, and what each sent and how long it took."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

from filesend_tui.core import events as e
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.meeting.rendezvous import MetPeer
from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from tests import virtual_time
from tests.swarm.lines import Line, Wan, line
from tests.torrent.lab import TRACKERS, Node

#: Seconds in which any download must be over.
TIMEOUT = 3_000


def now() -> float:
    return asyncio.get_running_loop().time()


class Member:
    """One client of the crowd. seconds: what its download took, once it is done."""

    def __init__(self, node: Node, torrent: str, output: Path | None = None) -> None:
        self.node = node
        self.torrent = torrent
        self.output = output
        self.began = now()
        self.seconds = 0.0

    @property
    def sent(self) -> int:
        """Bytes of file data sent; to the byte once the torrent is removed."""
        return max((event.uploaded_bytes for event in self.node.of(e.Upload)), default=0)

    @property
    def stored(self) -> int:
        """Bytes verified and on disk."""
        return max((event.downloaded_bytes for event in self.node.of(e.Download)), default=0)

    @property
    def pieces(self) -> int:
        """The pieces it told of last, as a set of bits."""
        states = self.node.of(e.SwarmState)
        return int.from_bytes(states[-1].pieces, "big") if states else 0

    async def done(self) -> None:
        await asyncio.wait_for(self.node.engine.wait_done(self.torrent), TIMEOUT)
        self.seconds = now() - self.began

    async def leave(self) -> None:
        await self.node.engine.remove(self.torrent, delete_data=True)


class Crowd:
    """See the module. Peers that join get a line to everybody who is there."""

    def __init__(self, wan: Wan, folder: Path, size: int) -> None:
        self.size = size
        self.magnet = ""
        self.members: list[Member] = []
        self._wan = wan
        self._folder = folder
        self.content = random.Random(size).randbytes(size)
        self._source = folder / "file.bin"
        self._source.write_bytes(self.content)
        self._stack = AsyncExitStack()

    def run(self, play: Callable[[Crowd], Coroutine[Any, Any, None]]) -> None:
        """Play it in virtual time; then every file that is there must be right."""

        async def main() -> None:
            async with self._stack:
                await play(self)
                # Removing a torrent flushes its last figures.
                await asyncio.gather(*(member.leave() for member in self.members))

        virtual_time.run(main())
        for member in self.members:
            if member.seconds and member.output:
                (path,) = member.output.iterdir()
                assert path.read_bytes() == self.content

    async def seed(self, upload: int | None = None) -> Member:
        node = await self._node(upload=upload)
        torrent = await node.engine.seed([self._source], trackers=TRACKERS)
        self.magnet = node.engine.magnet(torrent)
        self.members.append(Member(node, torrent))
        return self.members[-1]

    async def join(self, upload: int | None = None, download: int | None = None) -> Member:
        node = await self._node(upload=upload, download=download)
        output = self._folder / f"out{len(self.members)}"
        torrent = await node.engine.add(self.magnet, folder=output)
        self.members.append(Member(node, torrent, output))
        return self.members[-1]

    async def info(self) -> TorrentInfo:
        first = self.members[0]
        return await first.node.engine.wait_metadata(first.torrent)

    def intrude(self, peer_id: bytes) -> list[Line]:
        """Let a scripted peer in; return its lines, one to each member that is there."""
        lines = []
        for there in self._wan.members[bytes.fromhex(self.members[0].torrent)]:
            ours, theirs = line("script", there.name)
            there._met.put_nowait(MetPeer(theirs))
            lines.append(ours)
        return lines

    async def _node(self, **limits: int | None) -> Node:
        config = ClientConfig(
            output=self._folder,
            upload_limit=limits["upload"],
            download_limit=limits.get("download"),
        )
        return await self._stack.enter_async_context(Node(config))

    @staticmethod
    def all_pieces(members: list[Member]) -> int:
        """The pieces that are in at least one place among these."""
        return reduce(or_, (member.pieces for member in members), 0)

    @property
    def needless(self) -> float:
        """Share of what was sent that nobody needed: sent and not stored."""
        sent = sum(member.sent for member in self.members)
        stored = sum(member.stored for member in self.members)
        return (sent - stored) / sent
