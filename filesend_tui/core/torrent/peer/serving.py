"""One peer's requests that wait to be served: blocks, and pieces of the info dictionary.

They are queued, rejected, cancelled, and answered in turn. Our own requests never live here; which
peers to serve is the choker's, how fast the limiter's, bulk spans.py's.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from filesend_tui.core.torrent.rates.limiter import RateLimit
from filesend_tui.core.torrent.rates.throttle import Throttle
from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.connection import WireConnection
from filesend_tui.core.wire.extensions import METADATA_PIECE
from filesend_tui.core.wire.shape import BlockRequest

#: Requests a peer may have waiting here; sent in the extended handshake (BEP 10 `reqq`).
OUR_REQQ: Final = 1024
#: Bytes read from the disk at a time: each read wakes a worker thread and the event loop.
READ_BYTES: Final = 512 * 1024
#: Bytes sent at a time.
SERVE_BYTES: Final = 256 * 1024
#: The same while several channels take turns: the slowest then delays the end less.
LANE_BYTES: Final = 64 * 1024
#: Metadata pieces put on the wire at a time; they wait for their turn as blocks do.
METADATA_BATCH: Final = 4


class BlockSource(Protocol):
    """Where blocks come from; called on the event loop."""

    def can_serve(self, index: int) -> bool:
        """Return whether we have a piece."""

    async def read_blocks(self, requests: Sequence[BlockRequest]) -> list[bytes]:
        """Return blocks to send."""


class ServedPeer(Protocol):
    """The peer that blocks are sent to."""

    @property
    def wire(self) -> WireConnection:
        """Its connection."""

    @property
    def lane_count(self) -> int:
        """How many lanes to it are open."""

    def send(self, message: m.Message) -> None:
        """Queue a message."""

    def flush(self) -> None:
        """Wake the writers."""

    def asked_in_vain(self) -> None:
        """Count a request that is not served."""

    def block_left(self, index: int, size: int) -> None:
        """Count a block of `size` bytes of a piece that is about to be sent."""

    def description_left(self) -> None:
        """Record that metadata pieces are about to be sent."""


class Serving:
    """One peer's requests.

    Args:
        peer: The peer that sent them.
        limit: The client's upload limit.
    """

    def __init__(self, peer: ServedPeer, *, limit: RateLimit | None) -> None:
        self._peer = peer
        self._wire = peer.wire
        #: Where blocks come from; while it is None, every request is rejected.
        self.source: BlockSource | None = None
        self._blocks: dict[BlockRequest, None] = {}
        #: Blocks that were read; those whose request was cancelled since are skipped.
        self._ready: deque[tuple[BlockRequest, bytes]] = deque()
        self._description = b""
        self._description_pieces: dict[int, None] = {}
        self._turns = Throttle(limit, peer.flush)
        self._reading = asyncio.Lock()

    @property
    def waits(self) -> bool:
        """Whether requests for blocks are waiting."""
        return bool(self._blocks)

    def requested(self, message: m.Request) -> bool:
        """Queue a request or reject it; return False where far too many are waiting."""
        request = BlockRequest(message.index, message.begin, message.length)
        source = self.source
        if source is None or self._wire.am_choking or not source.can_serve(request.index):
            self._peer.asked_in_vain()
            self._refuse(request)
        elif request in self._blocks:
            self._peer.asked_in_vain()
        elif len(self._blocks) >= 2 * OUR_REQQ:
            return False
        else:
            self._blocks[request] = None
        return True

    def cancelled(self, message: m.Cancel) -> None:
        """Remove a request that the peer cancels."""
        request = BlockRequest(message.index, message.begin, message.length)
        if request in self._blocks:
            del self._blocks[request]
            self._refuse(request)

    def choke(self) -> None:
        """Reject (BEP 6) or drop (BEP 3) every waiting request."""
        for request in self._blocks:
            self._refuse(request)
        self._blocks.clear()
        self._ready.clear()

    def describe(self, description: bytes, piece: int) -> None:
        """Queue a piece of the info dictionary to be sent; idempotent while it waits."""
        self._description = description
        self._description_pieces[piece] = None

    async def put(self) -> bool:
        """Put what comes next on the wire; return whether there was anything."""
        if self._put_description():
            return True
        blocks = await self.next_blocks()
        for block in blocks or ():
            self._wire.send(block)
        return blocks is not None

    async def next_blocks(self) -> list[m.Piece] | None:
        """Return the next blocks, to be sent at once; see LaneHost.

        None: nothing to send now. Where the rate limit delays it, the writers are woken later.
        """
        async with self._reading:  # one at a time: each block goes over one channel
            allowed = self._turns.take(self._slice) if self._blocks else 0
            if not allowed:
                return None
            pieces = self._take(allowed)
            if not pieces:
                await self._read()
                pieces = self._take(allowed)
            self._turns.settle(sum(len(piece.block) for piece in pieces))
            return pieces

    async def _read(self) -> None:
        """Read the blocks that come next."""
        assert self.source is not None  # every request is rejected before
        batch: list[BlockRequest] = []
        size = 0
        for request in self._blocks:
            if size + request.length > READ_BYTES and batch:
                break
            batch.append(request)
            size += request.length
        blocks = await self.source.read_blocks(batch)
        if blocks:
            self._ready.extend(zip(batch, blocks, strict=True))
        else:
            self.choke()  # the disk fails for now: they may be asked for elsewhere

    def _take(self, allowed: int) -> list[m.Piece]:
        """Dequeue at most `allowed` bytes of read blocks, or one block; skip cancelled ones."""
        pieces: list[m.Piece] = []
        while self._ready:
            request, block = self._ready[0]
            if request in self._blocks:
                if pieces and len(block) > allowed:
                    break
                allowed -= len(block)
                del self._blocks[request]
                pieces.append(m.Piece(index=request.index, begin=request.begin, block=block))
                self._peer.block_left(request.index, len(block))
            self._ready.popleft()
        return pieces

    def close(self) -> None:
        """Serve no more."""
        self._ready.clear()
        self._turns.close()

    @property
    def _slice(self) -> int:
        """Bytes to send at a time: fewer where several channels share them."""
        return LANE_BYTES if self._peer.lane_count else SERVE_BYTES

    def _put_description(self) -> bool:
        """Put the next metadata pieces on the wire; return whether there were any."""
        if not self._description_pieces or not self._wire.peer_takes_metadata:
            return False
        whole = self._description
        for piece in tuple(self._description_pieces)[:METADATA_BATCH]:
            del self._description_pieces[piece]
            start = piece * METADATA_PIECE
            self._wire.send_metadata(piece, len(whole), whole[start : start + METADATA_PIECE])
        self._peer.description_left()
        return True

    def _refuse(self, request: BlockRequest) -> None:
        if self._wire.fast:
            self._peer.send(m.RejectRequest(*request))
