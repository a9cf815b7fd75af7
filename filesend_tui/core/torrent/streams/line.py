"""One connection to the peer as a line for a stream; a swarm may have several, one after another.

Over which of them the stream goes is the receiver's choice (inflow.py). A line moves bytes as bulk
where its channel can, beside the event loop, and else as messages of the wire.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import Final, Protocol

from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.base import BulkChannel, BulkSink, Channel
from filesend_tui.core.wire.streams.messages import STREAM_BLOCK, StreamBlock, StreamMessage

#: Bytes of one bulk frame, and of messages that are queued on the wire at a time.
PART: Final = 1024 * 1024
QUEUED: Final = 256 * 1024
#: A bulk frame's tag: where it begins in the stream.
TAG: Final = struct.Struct(">Q")


class LineHost(Protocol):
    """What a line needs of its peer."""

    @property
    def channel(self) -> Channel:
        """Its channel."""

    def send_stream(self, message: StreamMessage) -> int:
        """Queue a message on the wire; return how many bytes are queued there in all."""

    def flush(self) -> None:
        """Wake the writer, which calls `drained`."""

    def bulk_arrived(self, size: int) -> None:
        """Count bytes that arrived."""

    def bulk_left(self, size: int) -> None:
        """Count bytes that were handed to the channel."""


class Flow(Protocol):
    """One side of a stream, as its lines see it; every method returns at once."""

    def opened(self, line: StreamLine) -> None:
        """Use a line, if this side is the one to choose."""

    def closed(self, line: StreamLine) -> None:
        """Use a line no more; what it carried may be lost."""

    def heard(self, line: StreamLine, message: StreamMessage) -> bool:
        """Take what the peer said over a line; return whether it may say that."""


class StreamLine:
    """One peer connection that carries the stream of its swarm.

    Args:
        host: The peer.
        flow: This side of the stream.
    """

    def __init__(self, host: LineHost, flow: Flow) -> None:
        self._host = host
        self._flow = flow
        self._open = False
        self._drained = asyncio.Event()

    def open(self) -> None:
        """Offer the line, once: the peer takes streams."""
        if not self._open:
            self._open = True
            self._flow.opened(self)

    def close(self) -> None:
        """Take it back; the connection ends. Idempotent."""
        self._drained.set()
        if self._open:
            self._open = False
            self._flow.closed(self)

    def heard(self, message: StreamMessage) -> bool:
        """Take a message of the peer's; return whether it may say that."""
        return self._open and self._flow.heard(self, message)

    def drained(self) -> None:
        """Note that the wire has sent what was queued."""
        self._drained.set()

    # -- for the flow

    @property
    def road(self) -> str:
        """How its bytes travel."""
        return self._host.channel.road

    def say(self, message: StreamMessage) -> None:
        """Send a message about the stream."""
        self._host.send_stream(message)
        self._host.flush()

    def take_bulk(self, sink: BulkSink) -> None:
        """Set where the peer's bulk goes, if the channel moves any."""
        if isinstance(self._host.channel, BulkChannel):
            self._host.channel.take_bulk(sink)

    def arrived(self, size: int) -> None:
        """Count bytes of the stream that arrived over it."""
        self._host.bulk_arrived(size)

    async def put(self, offset: int, size: int, fill: Callable[[int, memoryview], None]) -> int:
        """Send bytes of the stream; return how many, once there is room for more behind them.

        Args:
            offset: Where they begin in it.
            size: How many at most, PART or fewer.
            fill: Fills a view with bytes from a position on; called in another thread where the
                channel moves bulk. Raises ChannelFailed where it cannot.

        Raises:
            ChannelFailed: The connection ended.
        """
        channel = self._host.channel
        if isinstance(channel, BulkChannel):
            await channel.send_bulk(TAG.pack(offset), size, lambda view: fill(offset, view))
        else:
            size = min(size, STREAM_BLOCK)
            data = bytearray(size)
            fill(offset, memoryview(data))
            self._drained.clear()
            queued = self._host.send_stream(StreamBlock(offset, bytes(data)))
            self._host.flush()
            if queued > QUEUED:
                await self._drained.wait()
            if not self._open:
                raise ChannelFailed("The connection to a peer is closed.")
        self._host.bulk_left(size)
        return size
