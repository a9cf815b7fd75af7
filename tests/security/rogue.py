"""A tracker that does its work and means harm: everything it passes on, it may see and change."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from relay.guard.limits import Limits
from relay.protocol.tracker_json import (
    Announce,
    Answer,
    AnswerFrame,
    FrameError,
    OfferFrame,
    encode,
    parse_client_frame,
)
from relay.stores.base import Delivery
from relay.stores.memory.stores import MemorySwarms

#: What becomes of a frame that is due to somebody: the frames that go out in its place.
Trick = Callable[["RogueTracker", Delivery], Iterable[Delivery]]


def honest(_: RogueTracker, due: Delivery) -> Iterable[Delivery]:
    """Pass everything on."""
    yield due


class RogueTracker:
    """A tracker by the relay's own rules, but for its trick.

    seen: every frame's text, both ways. announces, offers, answers: what came, in order.
    """

    def __init__(self, trick: Trick) -> None:
        self.trick = trick
        self.url = ""
        self.seen: list[str] = []
        self.announces: list[tuple[str, Announce]] = []
        self.answers: list[tuple[str, Answer]] = []
        self.passed: list[Delivery] = []
        self._swarms = MemorySwarms(Limits(announce_interval=1))
        self._sockets: dict[str, ServerConnection] = {}
        self._keys = itertools.count()
        self._news = asyncio.Event()

    async def until(self, holds: Callable[[], object], seconds: float = 20) -> None:
        """Wait until what was heard is enough."""
        async with asyncio.timeout(seconds):
            while not holds():
                self._news.clear()
                await self._news.wait()

    def offers_made(self) -> int:
        """How many offers were announced."""
        return sum(len(announce.offers) for _, announce in self.announces)

    async def send(self, deliveries: Iterable[Delivery]) -> None:
        """Send frames, whoever is to get them."""
        for delivery in deliveries:
            text = encode(delivery.frame)
            self.seen.append(text)
            if socket := self._sockets.get(delivery.to):
                try:
                    await socket.send(text)
                except ConnectionClosed:
                    continue

    async def talk(self, socket: ServerConnection) -> None:
        """Serve one client."""
        key = str(next(self._keys))
        self._sockets[key] = socket
        try:
            async for text in socket:
                assert isinstance(text, str)
                self.seen.append(text)
                for due in await self._take(key, text):
                    self.passed.append(due)
                    await self.send(self.trick(self, due))
                self._news.set()
        finally:
            del self._sockets[key]
            await self._swarms.drop(key)

    async def _take(self, key: str, text: str) -> list[Delivery]:
        frame = parse_client_frame(text)
        try:
            if isinstance(frame, Announce):
                self.announces.append((key, frame))
                return await self._swarms.announce(key, "", frame, 360)
            if isinstance(frame, Answer):
                self.answers.append((key, frame))
                return await self._swarms.answer(key, frame)
        except FrameError:
            pass  # who was thrown out of a swarm may still speak
        return []

    def abort(self) -> None:
        """Hang up on everybody."""
        for socket in self._sockets.values():
            socket.transport.abort()


@asynccontextmanager
async def rogue_tracker(trick: Trick = honest) -> AsyncIterator[RogueTracker]:
    """Serve such a tracker on a free port."""
    rogue = RogueTracker(trick)
    async with serve(rogue.talk, "127.0.0.1", 0, max_size=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        rogue.url = f"ws://127.0.0.1:{port}/announce"
        try:
            yield rogue
        finally:
            rogue.abort()  # a polite closing takes as long as the other side likes


__all__ = ["AnswerFrame", "Delivery", "OfferFrame", "RogueTracker", "Trick", "rogue_tracker"]
