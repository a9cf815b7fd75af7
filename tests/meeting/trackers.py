"""Trackers that a test scripts: a real WebSocket server, and what it heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from websockets.asyncio.server import ServerConnection, serve

from relay.protocol.tracker_json import (
    Announce,
    AnnounceReply,
    ClientFrame,
    encode,
    parse_client_frame,
)

Script = Callable[[ClientFrame], list[str | bytes]]


@dataclass
class ScriptedTracker:
    """What came in, connection by connection, and where it listens."""

    url: str = ""
    heard: asyncio.Queue[ClientFrame] = field(default_factory=asyncio.Queue)
    sockets: list[ServerConnection] = field(default_factory=list)

    async def announces(self, count: int) -> list[Announce]:
        """Wait for that many announces."""
        found: list[Announce] = []
        async with asyncio.timeout(10):
            while len(found) < count:
                frame = await self.heard.get()
                if isinstance(frame, Announce):
                    found.append(frame)
        return found


def accepts(interval: float = 120) -> Script:
    """A script that takes every announce."""

    def script(frame: ClientFrame) -> list[str | bytes]:
        if isinstance(frame, Announce):
            return [encode(AnnounceReply(info_hash=frame.info_hash, interval=interval))]
        return []

    return script


@asynccontextmanager
async def tracker(script: Script) -> AsyncIterator[ScriptedTracker]:
    """Serve a tracker that answers each frame with what the script returns for it."""
    scripted = ScriptedTracker()

    async def talk(socket: ServerConnection) -> None:
        scripted.sockets.append(socket)
        async for text in socket:
            frame = parse_client_frame(text)
            scripted.heard.put_nowait(frame)
            for answer in script(frame):
                await socket.send(answer)

    async with serve(talk, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        scripted.url = f"ws://127.0.0.1:{port}/announce"
        yield scripted
