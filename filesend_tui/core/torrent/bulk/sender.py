"""Whole pieces that one peer requested as bulk: which to send next, how much, and when.

The bytes themselves are read and sent on the channel's thread; the event loop only schedules them.
Whether to serve at all is piece_exchange.py's.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from filesend_tui.core.torrent.bulk.receiver import TAG
from filesend_tui.core.torrent.rates.limiter import RateLimit
from filesend_tui.core.torrent.rates.throttle import Throttle
from filesend_tui.core.transports.base import BulkChannel
from filesend_tui.core.wire.extensions import SpanRequest
from filesend_tui.core.wire.shape import TorrentShape

#: Bytes of one bulk frame.
PART: Final = 1024 * 1024
#: Most spans that a peer may have waiting.
MOST_WAITING: Final = 1024


class BulkSenderHost(Protocol):
    """Reads the bytes to send, and counts them."""

    def fill(self, start: int, view: memoryview) -> None:
        """Write the torrent's bytes from `start` on. Called on the channel's thread; blocks.

        Raises:
            ChannelFailed: They cannot be read; the cause was reported.
        """

    def bulk_sent(self, size: int) -> None:
        """Count bytes that were handed to the channel."""

    def span_sent(self, span: SpanRequest) -> None:
        """Record that all of a span was handed to the channel."""


class BulkSender:
    """Serves one peer's spans, in the order of its requests.

    Args:
        channel: To the peer.
        shape: The torrent's pieces.
        limit: The client's upload limit.
        host: Reads and counts.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        channel: BulkChannel,
        shape: TorrentShape,
        limit: RateLimit | None,
        host: BulkSenderHost,
        clock: Callable[[], float],
    ) -> None:
        self._channel = channel
        self._shape = shape
        self._host = host
        self._clock = clock
        self._waiting: deque[SpanRequest] = deque()
        self._wake = asyncio.Event()
        self._turns = Throttle(limit, self._wake.set)
        self._paused = False
        #: Since when the channel has accepted nothing of what is offered to it; None: it accepts.
        self.stuck_since: float | None = None

    def add(self, span: SpanRequest) -> bool:
        """Queue a span; return False where too many wait."""
        if len(self._waiting) >= MOST_WAITING:
            return False
        self._waiting.append(span)
        self._wake.set()
        return True

    def drop(self) -> list[SpanRequest]:
        """Drop the spans that have not begun, and return them."""
        dropped = list(self._waiting)
        self._waiting.clear()
        return dropped

    def pause(self, paused: bool) -> None:
        """Set whether nothing more is sent for now, also of a span that has begun."""
        self._paused = paused
        self._wake.set()

    async def run(self) -> None:
        """Serve until cancelled. Raises ChannelFailed."""
        try:
            while True:
                while not self._waiting:
                    self._wake.clear()
                    await self._wake.wait()
                await self._serve(self._waiting.popleft())
        finally:
            self._turns.close()

    async def _serve(self, span: SpanRequest) -> None:
        start = span.first * self._shape.piece_length
        end = min((span.first + span.count) * self._shape.piece_length, self._shape.total_length)
        at = start
        while at < end:
            size = min(PART, end - at, await self._turn(min(PART, end - at)))
            self.stuck_since = self._clock()
            await self._channel.send_bulk(
                TAG.pack(span.first, at - start), size, partial(self._host.fill, at)
            )
            self.stuck_since = None
            self._turns.settle(size)
            self._host.bulk_sent(size)
            at += size
        self._host.span_sent(span)

    async def _turn(self, size: int) -> int:
        """Wait until some of `size` bytes may be sent; return how many."""
        while self._paused or not (allowed := self._turns.take(size)):
            self._wake.clear()
            await self._wake.wait()
        return allowed
