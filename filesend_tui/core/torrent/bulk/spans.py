"""Whole pieces between this side and one peer over a bulk channel: requested and served.

Combines both directions, their wire messages and the peer's record. Receiving bytes is
receiver.py's, sending them sender.py's, which pieces to request the picker's.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Generic, Protocol, TypeVar

from filesend_tui.core.errors import ChannelFailed, FileSendError
from filesend_tui.core.torrent.bulk.receiver import BulkReceiver
from filesend_tui.core.torrent.bulk.sender import BulkSender
from filesend_tui.core.torrent.pieces.pipeline import RequestPipeline
from filesend_tui.core.torrent.rates.limiter import RateLimit
from filesend_tui.core.torrent.rates.rates import RateMeter
from filesend_tui.core.torrent.storage.disk import Disk, Paused
from filesend_tui.core.transports.base import BulkChannel
from filesend_tui.core.wire.connection import WireConnection
from filesend_tui.core.wire.extensions import MAX_SPAN, SpanReject, SpanRequest
from filesend_tui.core.wire.shape import TorrentShape

#: Seconds of data to keep requested, and bytes at least and at most. The most costs no memory:
#: requested data waits on the other side's disk.
WINDOW_S: Final = 1.0
LEAST_WINDOW: Final = 8 * 1024 * 1024
#: Bytes at least where there are several peers: each piece that a slow one was asked for, and that
#: another gets from it meanwhile, leaves it twice.
LEAST_OF_SEVERAL: Final = 512 * 1024
MOST_WINDOW: Final = 64 * 1024 * 1024
#: A span is this share of the window.
_SHARE: Final = 4


class SpanPeer(Protocol):
    """The peer that spans are requested from and sent to."""

    @property
    def wire(self) -> WireConnection:
        """Its connection."""

    @property
    def pipeline(self) -> RequestPipeline:
        """Its request window, and whether it is snubbed."""

    @property
    def download(self) -> RateMeter:
        """Its download rate."""

    @property
    def given(self) -> Counter[int]:
        """Bytes sent to it, by piece."""

    def flush(self) -> None:
        """Wake the writer: messages were queued on the wire."""

    def asked_in_vain(self) -> None:
        """Count a request that is not served."""


P = TypeVar("P", bound=SpanPeer)
P_contra = TypeVar("P_contra", contravariant=True)


class SpanHost(Protocol[P_contra]):
    """What spans report to the exchange of pieces; called on the event loop."""

    @property
    def several(self) -> bool:
        """Whether there are other peers beside this one."""

    def pieces_received(self, peer: P_contra, size: int) -> None:
        """Count received bytes of requested pieces."""

    def pieces_settled(self, peer: P_contra, pieces: Sequence[int], wrong: Sequence[int]) -> None:
        """Handle pieces that are on the disk, except the wrong ones."""

    def pieces_lost(self, peer: P_contra, pieces: Sequence[int]) -> None:
        """Free pieces that the peer will not send."""

    def pieces_here(self, pieces: range) -> bool:
        """Return whether all of these pieces may be served."""

    def bulk_sent(self, peer: P_contra, size: int) -> None:
        """Count bytes that were handed to its channel."""


class Spans(Generic[P]):
    """One peer's spans, both ways; made once the torrent's shape is known.

    Args:
        peer: The peer.
        channel: To it.
        shape: The torrent's pieces.
        disk: Where they are.
        limit: The client's upload limit.
        host: The exchange of pieces.
        failed: Called where the disk cannot be read or written, which ends the torrent.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        peer: P,
        channel: BulkChannel,
        *,
        shape: TorrentShape,
        disk: Disk,
        limit: RateLimit | None,
        host: SpanHost[P],
        failed: Callable[[FileSendError], None],
        clock: Callable[[], float],
    ) -> None:
        self._peer = peer
        self._channel = channel
        self._shape = shape
        self._disk = disk
        self._host = host
        self._failed = failed
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        #: Bytes that were requested and have not arrived.
        self.due = 0
        self._intake: BulkReceiver | None = None
        self._outlet = BulkSender(channel, shape, limit, self, clock)
        self._serving: asyncio.Task[None] | None = None

    # -- requests

    @property
    def room(self) -> int:
        """Bytes to request now beside those due: 0, or one span."""
        piece = self._shape.piece_length
        if self._peer.pipeline.snubbed:
            return 0 if self.due else piece
        wanted = int(self._peer.download.rate(self._clock()) * WINDOW_S)
        least = LEAST_OF_SEVERAL if self._host.several else LEAST_WINDOW
        window = max(min(max(wanted, least), MOST_WINDOW), 2 * piece)
        span = max(piece, min(window // _SHARE, MAX_SPAN))
        return span if self.due + span <= window else 0

    def ask(self, pieces: range) -> None:
        """Request these pieces from the peer, at most `room` bytes or one piece."""
        if self._intake is None:
            self._intake = BulkReceiver(
                self._shape, self._disk.keep_pieces, self, failed=self._failed
            )
            self._channel.take_bulk(self._intake)
        self._intake.expect(pieces)
        self.due += self.size(pieces)
        self._peer.wire.send_span(SpanRequest(pieces.start, len(pieces)))
        self._peer.pipeline.sent(self._clock())
        self._peer.flush()

    def size(self, pieces: range) -> int:
        """Return the bytes of a run of pieces."""
        return (len(pieces) - 1) * self._shape.piece_length + self._shape.piece_size(pieces[-1])

    def rejected(self, message: SpanReject) -> bool:
        """Free a span that the peer rejected; return whether it was requested."""
        pieces = range(message.first, message.first + message.count)
        if self._intake is None or not self._intake.forget(pieces):
            return False
        self.due -= self.size(pieces)
        self._host.pieces_lost(self._peer, pieces)
        return True

    # -- serving

    def requested(self, message: SpanRequest) -> bool:
        """Queue a span or reject it; return False where far too many are waiting."""
        pieces = range(message.first, message.first + message.count)
        if self._peer.wire.am_choking or not self._host.pieces_here(pieces):
            self._peer.asked_in_vain()
            self._refuse(message)
            return True
        if self._serving is None:
            self._serving = asyncio.create_task(self._outlet.run())
        return self._outlet.add(message)

    def choke(self) -> None:
        """Reject every span that has not begun."""
        for span in self._outlet.drop():
            self._refuse(span)

    def pause(self, paused: bool) -> None:
        """Set whether nothing more is sent for now."""
        self._outlet.pause(paused)

    @property
    def stuck_since(self) -> float | None:
        """Since when the channel has accepted nothing of what is served; None: it accepts."""
        return self._outlet.stuck_since

    def _refuse(self, span: SpanRequest) -> None:
        if self._peer.wire.spans:  # else the peer withdrew fs_span
            self._peer.wire.send_span(SpanReject(span.first, span.count))
            self._peer.flush()

    async def close(self) -> None:
        """Accept and serve nothing more; write what is whole."""
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.wait({self._serving})
            if not self._serving.cancelled():
                self._serving.exception()  # the channel's, which the reader gets too
        if self._intake is not None:
            await self._intake.close()

    # -- BulkReceiverHost, BulkSenderHost

    def bulk_received(self, size: int) -> None:
        """See BulkReceiverHost."""
        self.due -= size
        self._host.pieces_received(self._peer, size)

    def pieces_settled(self, pieces: Sequence[int], wrong: Sequence[int]) -> None:
        """See BulkReceiverHost."""
        self._host.pieces_settled(self._peer, pieces, wrong)

    def pieces_dropped(self, pieces: Sequence[int]) -> None:
        """See BulkReceiverHost."""
        self._host.pieces_lost(self._peer, pieces)

    def fill(self, start: int, view: memoryview) -> None:
        """See BulkSenderHost."""
        try:
            self._disk.read_into(start, view)
        except Paused as error:
            raise ChannelFailed("What is being passed on cannot be read for now.") from error
        except FileSendError as error:
            self._loop.call_soon_threadsafe(partial(self._failed, error))
            raise ChannelFailed("What is being sent can no longer be read.") from error

    def bulk_sent(self, size: int) -> None:
        """See BulkSenderHost."""
        self._host.bulk_sent(self._peer, size)

    def span_sent(self, span: SpanRequest) -> None:
        """See BulkSenderHost."""
        for index in range(span.first, span.first + span.count):
            self._peer.given[index] += self._shape.piece_size(index)
