"""The tracker's sockets: WebSocket frames in, calls to the swarm store, frames out.

Each socket has a bounded queue and a writer of its own, so that a slow reader delays no other.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from relay.bus.base import Bus, BusAway
from relay.guard.limits import Limits
from relay.guard.loop_time import LoopTime
from relay.guard.pacing import paced
from relay.metrics import Metrics
from relay.protocol.tracker_json import (
    Announce,
    Answer,
    Event,
    Failure,
    FrameError,
    OfferFrame,
    Scrape,
    encode,
    parse_client_frame,
)
from relay.stores.base import Counted, Delivery, SocketKey, StoreAway, Stores

logger = logging.getLogger(__name__)

# WebSocket close codes (RFC 6455, section 7.4.1).
_POLICY_VIOLATION = 1008
_TRY_AGAIN_LATER = 1013
_KIND: Final = "tracker"
# Seconds for what a closed socket has said before.
_PARTING: Final = 5.0


class _Socket:
    """One connected client, and its send queue."""

    def __init__(self, websocket: WebSocket, limits: Limits, now: float) -> None:
        self.websocket = websocket
        #: Held while a frame is handled.
        self.busy = asyncio.Lock()
        #: Since when it is in no swarm.
        self.idle_since: float | None = now
        self._limits = limits
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()
        self._waiting = 0
        self._given_up = asyncio.Event()

    def put(self, text: str) -> None:
        """Queue a frame; give up a socket whose queue exceeds its bounds."""
        if self._given_up.is_set():
            return
        self._waiting += len(text)
        self._outgoing.put_nowait(text)
        too_many = self._outgoing.qsize() > self._limits.max_tracker_queue
        if too_many or self._waiting > self._limits.max_tracker_backlog:
            self.give_up()

    async def write(self) -> None:
        """Send queued frames for as long as the socket is open."""
        while True:
            text = await self._outgoing.get()
            self._waiting -= len(text)
            await self.websocket.send_text(text)

    def give_up(self) -> None:
        """Make `serve` close the socket."""
        self._given_up.set()

    async def given_up(self) -> None:
        """Return when the socket is given up."""
        await self._given_up.wait()


class Tracker:
    """All tracker sockets and the swarms behind them. clock: monotonic seconds."""

    def __init__(
        self,
        stores: Stores,
        limits: Limits,
        metrics: Metrics,
        loop_time: LoopTime,
        *,
        bus: Bus,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._swarms = stores.swarms
        self._rates = stores.rates
        self._limits = limits
        self._metrics = metrics
        self._loop_time = loop_time
        self._clock = clock
        self._bus = bus
        #: By what this process calls them on the bus.
        self._sockets: dict[str, _Socket] = {}
        self._numbers = itertools.count()
        bus.receive(_KIND, self._receive)

    @property
    def count(self) -> int:
        """The number of open sockets."""
        return len(self._sockets)

    async def move(self, seconds: float) -> None:
        """Give up every socket within so many seconds; peers come back by another process."""
        async for socket in paced(list(self._sockets.values()), seconds):
            socket.give_up()

    async def keep(self) -> None:
        """Remove expired peers and idle sockets for as long as the relay runs."""
        while True:
            await asyncio.sleep(self._limits.swarm_sweep_every)
            await self._swarms.expire()
            keys = [self._bus.key(own) for own in self._sockets]
            members = await self._swarms.members(keys)
            now = self._clock()
            for own, socket in self._sockets.items():
                if self._bus.key(own) in members:
                    socket.idle_since = None
                elif socket.idle_since is None:
                    socket.idle_since = now
                elif now - socket.idle_since > self._limits.tracker_idle:
                    socket.give_up()

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one socket until it closes or is closed."""
        if len(self._sockets) >= self._limits.max_tracker_sockets:
            await websocket.close(_TRY_AGAIN_LATER)
            return
        await websocket.accept()
        own = str(next(self._numbers))
        key = self._bus.key(own)
        address = websocket.client.host if websocket.client else ""
        socket = self._sockets[own] = _Socket(websocket, self._limits, self._clock())
        reading, writing, _ = tasks = [
            asyncio.ensure_future(work)
            for work in (
                self._loop_time.metered(address, self._read(key, address, socket)),
                self._loop_time.metered(address, socket.write()),
                socket.given_up(),
            )
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if writing.done() and isinstance(writing.exception(), WebSocketDisconnect):
                # It was closed; what it said before is still to be read, such as a goodbye.
                await asyncio.wait({reading}, timeout=_PARTING)
        finally:
            del self._sockets[own]
            try:
                # A frame that is being handled may still add peers: wait for it, and bar others.
                await socket.busy.acquire()
            finally:
                for task in tasks:
                    task.cancel()
                ends = await asyncio.gather(*tasks, return_exceptions=True)
                with suppress(StoreAway):  # its peers expire by themselves
                    await self._swarms.drop(key)
        for end in ends:
            if isinstance(end, Exception) and not isinstance(end, WebSocketDisconnect):
                logger.error("serving a tracker socket failed", exc_info=end)

    async def _read(self, key: SocketKey, address: str, socket: _Socket) -> None:
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
            async with socket.busy:
                await self._take(key, address, socket, frame)

    async def _take(self, key: SocketKey, address: str, socket: _Socket, text: str | bytes) -> None:
        if not await self._rates.take(Counted.TRACKER_FRAMES, key):
            self._metrics.rejected.labels("rate").inc()
            socket.put(encode(Failure(reason="too many frames", action="announce")))
            return
        try:
            match parse_client_frame(text):
                case Announce() as announce:
                    await self._count_offers(key, announce)
                    lifetime = self._limits.peer_timeout
                    deliveries = await self._swarms.announce(key, address, announce, lifetime)
                    await self._deliver(deliveries)
                    if announce.event is not Event.STOPPED:
                        socket.idle_since = None  # also if `keep` looked its swarms up before
                case Answer() as answer:
                    await self._deliver(await self._swarms.answer(key, answer))
                case Scrape() as scrape:
                    socket.put(encode(await self._swarms.scrape(scrape)))
        except StoreAway as away:
            logger.debug("a frame is refused: %s", away)
            socket.put(
                encode(Failure(reason="the tracker is away for a moment", action="announce"))
            )
        except FrameError as error:
            self._metrics.rejected.labels("invalid").inc()
            failure = Failure(reason=error.reason, action=error.action, info_hash=error.info_hash)
            socket.put(encode(failure))

    async def _count_offers(self, key: SocketKey, frame: Announce) -> None:
        if not await self._rates.take(Counted.TRACKER_OFFERS, key, len(frame.offers)):
            self._metrics.rejected.labels("rate").inc()
            raise FrameError("too many offers", action="announce", info_hash=frame.info_hash)

    async def _deliver(self, deliveries: Iterable[Delivery]) -> None:
        elsewhere: list[Delivery] = []
        for delivery in deliveries:
            own = self._bus.own(delivery.to)
            if own is None:
                elsewhere.append(delivery)
            elif self._hand_on(own, encode(delivery.frame)):
                self._count(delivery)
        if elsewhere:
            await asyncio.gather(*map(self._send, elsewhere))

    async def _send(self, delivery: Delivery) -> None:
        with suppress(BusAway):  # peers make offers again and again
            if await self._bus.send(_KIND, delivery.to, encode(delivery.frame).encode()):
                self._count(delivery)

    def _count(self, delivery: Delivery) -> None:
        if isinstance(delivery.frame, OfferFrame):
            self._metrics.offers.inc()

    def _receive(self, own: str, message: bytes) -> None:
        self._hand_on(own, message.decode(errors="replace"))

    def _hand_on(self, own: str, text: str) -> bool:
        """Queue a frame; False if the socket was closed after the store returned the delivery."""
        socket = self._sockets.get(own)
        if socket is not None:
            socket.put(text)
        return socket is not None
