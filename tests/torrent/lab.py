"""A swarm in one process: real torrents, disks and wires; channels of memory; no tracker.

Hostile peers speak through the same channels. Real channels and trackers are tested in tests/core.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from filesend_tui.core import events as e
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.event_stream import EventStream
from filesend_tui.core.meeting.rendezvous import MetPeer
from filesend_tui.core.torrent.engine import Engine
from filesend_tui.core.transports.base import Channel, Transport
from filesend_tui.core.transports.registry import Roads


class MemoryChannel:
    """One end of a byte stream in memory, with back-pressure."""

    road = "webrtc"

    def __init__(self, name: str) -> None:
        self.address = name
        self.other: MemoryChannel
        self.closed = False
        self._inbox: asyncio.Queue[bytes] = asyncio.Queue(64)

    async def send(self, data: bytes) -> None:
        if self.closed or self.other.closed:
            raise ChannelFailed("closed")
        await self.other._inbox.put(data)

    async def receive(self) -> bytes:
        if self.closed:
            return b""
        return await self._inbox.get()

    async def close(self) -> None:
        if not self.closed:
            self.closed = True
            # Room for the mark of the end, whatever was not read.
            if self.other._inbox.full():
                self.other._inbox.get_nowait()
            self.other._inbox.put_nowait(b"")
            if self._inbox.full():
                self._inbox.get_nowait()
            self._inbox.put_nowait(b"")


def channel_pair(left: str, right: str) -> tuple[MemoryChannel, MemoryChannel]:
    a, b = MemoryChannel(right), MemoryChannel(left)
    a.other, b.other = b, a
    return a, b


class Hub:
    """Stands in for every tracker: whoever meets here gets a channel to everybody else."""

    def __init__(self) -> None:
        self.members: dict[bytes, list[LabRendezvous]] = {}

    def join(self, newcomer: LabRendezvous) -> None:
        members = self.members.setdefault(newcomer.swarm, [])
        for member in members:
            ours, theirs = channel_pair(newcomer.name, member.name)
            newcomer.meet(ours)
            member.meet(theirs)
        members.append(newcomer)

    def connect(self, swarm: bytes, peer_id: bytes, name: str) -> list[MemoryChannel]:
        """Let a scripted peer in; return its channels, one to each member."""
        channels = []
        for member in self.members.get(swarm, []):
            ours, theirs = channel_pair(name, member.name)
            member.meet(theirs)
            channels.append(ours)
        return channels

    def connect_to(self, member_id: bytes, peer_id: bytes, name: str) -> MemoryChannel:
        """Let a scripted peer in to one member alone; return its channel."""
        (member,) = (
            member
            for members in self.members.values()
            for member in members
            if member.peer_id == member_id
        )
        ours, theirs = channel_pair(name, member.name)
        member.meet(theirs)
        return ours


class LabRendezvous:
    """Where a real swarm gets its channels from in the lab."""

    hub: Hub
    trouble = None
    #: Says what the lanes of this engine's torrents are made by, if by anything.
    lanes: Callable[[Roads], Transport | None] = staticmethod(lambda _roads: None)

    def __init__(self, *, signaling: Any, peer_id: bytes, roads: Roads, **_: Any) -> None:
        self.swarm: bytes = signaling.rendezvous
        self.peer_id = peer_id
        self.name = f"lab-{peer_id[-4:].hex()}"
        self._met: asyncio.Queue[MetPeer] = asyncio.Queue()
        self._transport = self.lanes(roads)
        self.completions = 0

    def meet(self, channel: Channel) -> None:
        self._met.put_nowait(MetPeer(channel, self._transport))

    async def start(self, invitation: object = None, reach: object = None) -> None:
        self.hub.join(self)

    async def announced(self, timeout: float, *, patient: bool) -> None:
        pass

    async def completed(self) -> None:
        self.completions += 1

    def add_tracker(self, url: str) -> bool:
        return url in TRACKERS

    def more_peers(self) -> None:
        pass

    async def stop(self) -> None:
        members = self.hub.members.get(self.swarm, [])
        if self in members:  # else it was never started
            members.remove(self)

    async def __aiter__(self) -> AsyncIterator[MetPeer]:
        while True:
            yield await self._met.get()


class Node:
    """One engine of the lab and what it said."""

    def __init__(self, config: ClientConfig) -> None:
        self.events = EventStream()
        self.log: list[e.Event] = []
        self.engine = Engine(config, self.events)
        self._news = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for event in self.events.subscribe():
            self.log.append(event)
            self._news.set()

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.log if isinstance(event, kind)]

    async def until(self, holds: Callable[[], Any], seconds: float = 20) -> None:
        async with asyncio.timeout(seconds):
            while not holds():
                self._news.clear()
                await self._news.wait()

    async def __aenter__(self) -> Node:
        await asyncio.sleep(0)  # subscribed before the first event
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self.engine.destroy()
        self.events.close()
        await self._reader


def write_tree(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def read_tree(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


TRACKERS: Sequence[str] = ("ws://lab.invalid/announce",)
