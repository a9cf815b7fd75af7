"""The tracker's sockets: WebSocket frames in, swarms asked, frames out.

Each socket has a bounded queue and a writer of its own, so that one slow reader holds nobody up.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Callable, Iterable

from starlette.websockets import WebSocket, WebSocketDisconnect

from relay.limits import Limits, TokenBucket
from relay.metrics import Metrics
from relay.swarms import Delivery, Swarms
from relay.tracker_protocol import (
    Announce,
    Answer,
    Failure,
    FrameError,
    OfferFrame,
    Scrape,
    ServerFrame,
    encode,
    parse_client_frame,
)

logger = logging.getLogger(__name__)

# WebSocket close codes (RFC 6455, section 7.4.1).
_POLICY_VIOLATION = 1008
_TRY_AGAIN_LATER = 1013


class _Socket:
    """One connected client: what waits for it, and how much it asks."""

    def __init__(self, websocket: WebSocket, limits: Limits, now: float) -> None:
        self.websocket = websocket
        self.frames = TokenBucket(limits.tracker_frames, now)
        self._outgoing: asyncio.Queue[ServerFrame] = asyncio.Queue(limits.max_tracker_queue)
        self._too_slow = asyncio.Event()

    def put(self, frame: ServerFrame) -> None:
        """Queue a frame; a socket whose queue is full is given up."""
        try:
            self._outgoing.put_nowait(frame)
        except asyncio.QueueFull:
            logger.info("letting go of a tracker socket that does not read")
            self._too_slow.set()

    async def write(self) -> None:
        """Send what is queued for as long as the socket is open."""
        while True:
            await self.websocket.send_text(encode(await self._outgoing.get()))

    async def too_slow(self) -> None:
        """Return when the socket is given up."""
        await self._too_slow.wait()


class Tracker:
    """All tracker sockets and the swarms behind them. clock: monotonic seconds."""

    def __init__(
        self,
        swarms: Swarms,
        limits: Limits,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._swarms = swarms
        self._limits = limits
        self._metrics = metrics
        self._clock = clock
        self._sockets: dict[int, _Socket] = {}
        self._keys = itertools.count()

    @property
    def count(self) -> int:
        """How many sockets are open."""
        return len(self._sockets)

    async def keep(self) -> None:
        """Take silent peers out for as long as the relay lives."""
        while True:
            await asyncio.sleep(self._limits.swarm_sweep_every)
            self._swarms.expire(self._clock())

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one socket until it closes or is closed."""
        if len(self._sockets) >= self._limits.max_tracker_sockets:
            await websocket.close(_TRY_AGAIN_LATER)
            return
        await websocket.accept()
        key = next(self._keys)
        socket = self._sockets[key] = _Socket(websocket, self._limits, self._clock())
        tasks = [
            asyncio.create_task(work)
            for work in (self._read(key, socket), socket.write(), socket.too_slow())
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            del self._sockets[key]
            self._swarms.closed(key)
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception) and not isinstance(end, WebSocketDisconnect):
                logger.error("serving a tracker socket failed", exc_info=end)

    async def _read(self, key: int, socket: _Socket) -> None:
        while True:
            message = await socket.websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            frame = text if text is not None else message.get("bytes") or b""
            if len(frame) > self._limits.max_tracker_frame:
                self._metrics.rejected.labels("oversized").inc()
                await socket.websocket.close(_POLICY_VIOLATION, "frame too long")
                return
            if not socket.frames.take(self._clock()):
                self._metrics.rejected.labels("rate").inc()
                socket.put(Failure(reason="too many frames", action="announce"))
                continue
            self._take(key, socket, frame)

    def _take(self, key: int, socket: _Socket, text: str | bytes) -> None:
        try:
            match parse_client_frame(text):
                case Announce() as announce:
                    self._deliver(self._swarms.announce(key, announce, self._clock()))
                case Answer() as answer:
                    self._deliver(self._swarms.answer(key, answer))
                case Scrape() as scrape:
                    socket.put(self._swarms.scrape(scrape))
        except FrameError as error:
            self._metrics.rejected.labels("invalid").inc()
            socket.put(Failure(reason=error.reason, action=error.action, info_hash=error.info_hash))

    def _deliver(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            self._sockets[delivery.to].put(delivery.frame)
            if isinstance(delivery.frame, OfferFrame):
                self._metrics.offers.inc()
