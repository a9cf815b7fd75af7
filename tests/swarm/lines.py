"""The lab of tests/torrent with lines that take time: a message arrives LATENCY seconds later.

Meant for tests/virtual_time.py. Everything but channels and tracker is the product's own.
"""

from __future__ import annotations

import asyncio
from collections import deque

from filesend_tui.core.errors import ChannelFailed
from tests.torrent.lab import Hub, LabRendezvous

#: Seconds one way.
LATENCY = 0.02
#: Bytes on their way or unread at which a sender waits; what WebRtcChannel's HIGH_WATER is.
WINDOW = 256 * 1024


class Line:
    """One end of a byte stream to another machine. See Channel."""

    road = "webrtc"

    def __init__(self, address: str) -> None:
        self.address = address
        self.other: Line
        self.closed = False
        self._coming: deque[bytes] = deque()  # timers of the same moment may fire in any order
        self._unread: list[bytes] = []
        self._load = 0
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def send(self, data: bytes) -> None:
        if self.closed:
            raise ChannelFailed("closed")
        self.other._load += len(data)
        self.other._coming.append(data)
        self._loop.call_later(LATENCY, self.other._arrive)
        while self.other._load >= WINDOW:
            self._room.clear()
            await self._room.wait()
            if self.closed:
                raise ChannelFailed("closed")

    async def receive(self) -> bytes:
        while not self._unread:
            if self.closed:
                return b""
            self._arrived.clear()
            await self._arrived.wait()
        data = b"".join(self._unread)
        self._unread.clear()
        self._load -= len(data)
        self.other._room.set()
        return data

    async def close(self) -> None:
        if not self.closed:
            self._end()
            self._loop.call_later(LATENCY, self.other._end)

    def _arrive(self) -> None:
        self._unread.append(self._coming.popleft())
        self._arrived.set()

    def _end(self) -> None:
        self.closed = True
        self._arrived.set()
        self._room.set()


def line(left: str, right: str) -> tuple[Line, Line]:
    a, b = Line(right), Line(left)
    a.other, b.other = b, a
    return a, b


class Wan(Hub):
    """Stands in for every tracker: whoever comes gets a line to everybody who is there."""

    def join(self, newcomer: LabRendezvous) -> None:
        members = self.members.setdefault(newcomer.swarm, [])
        for member in members:
            ours, theirs = line(newcomer.name, member.name)
            newcomer.meet(ours)
            member.meet(theirs)
        members.append(newcomer)
