"""What one peer asked of us and was not sent yet: blocks, and pieces of the description.

Taken in, refused, taken back, and put on the wire when their turn comes. Nothing of what we ask of
the peer lives here; whom to serve is the choker's, how fast the limiter's, bulk spans.py's.
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

#: Requests a peer may have waiting here; told to it in the extended handshake (BEP 10 `reqq`).
OUR_REQQ: Final = 1024
#: Bytes read from the disk at a time: each time costs a thread's waking, and the event loop's.
READ_BYTES: Final = 512 * 1024
#: Bytes sent at a time.
SERVE_BYTES: Final = 256 * 1024
#: The same while several channels take turns: the slowest then holds the end up for less long.
LANE_BYTES: Final = 64 * 1024
#: Pieces of the description put on the wire at a time; they wait for their turn as blocks do.
METADATA_BATCH: Final = 4


class BlockSource(Protocol):
    """Where blocks come from; called on the event loop."""

    def can_serve(self, index: int) -> bool:
        """Whether a piece is here."""

    async def read_blocks(self, requests: Sequence[BlockRequest]) -> list[bytes]:
        """Return blocks to send."""


class ServedPeer(Protocol):
    """Whom they go to."""

    @property
    def wire(self) -> WireConnection:
        """Its connection."""

    @property
    def lane_count(self) -> int:
        """How many channels there are to it beside its own."""

    def send(self, message: m.Message) -> None:
        """Queue a message."""

    def flush(self) -> None:
        """Let what is served go out soon."""

    def asked_in_vain(self) -> None:
        """It asked for what it is not served."""

    def block_left(self, index: int, size: int) -> None:
        """A block of so many bytes of a piece is on its way out."""

    def description_left(self) -> None:
        """Pieces of the description are on their way out."""


class Serving:
    """One peer's requests.

    Args:
        peer: Whose.
        limit: The client's for uploads.
    """

    def __init__(self, peer: ServedPeer, *, limit: RateLimit | None) -> None:
        self._peer = peer
        self._wire = peer.wire
        #: Where blocks come from; until it is known, every request is refused.
        self.source: BlockSource | None = None
        self._blocks: dict[BlockRequest, None] = {}
        #: Blocks that were read; they are still asked for, unless they were taken back.
        self._ready: deque[tuple[BlockRequest, bytes]] = deque()
        self._description = b""
        self._description_pieces: dict[int, None] = {}
        self._turns = Throttle(limit, peer.flush)
        self._reading = asyncio.Lock()

    @property
    def waits(self) -> bool:
        """Whether blocks are asked for."""
        return bool(self._blocks)

    def requested(self, message: m.Request) -> bool:
        """Keep a request or refuse it; return False where the peer asks for far too much."""
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
        """The peer takes a request back."""
        request = BlockRequest(message.index, message.begin, message.length)
        if request in self._blocks:
            del self._blocks[request]
            self._refuse(request)

    def choke(self) -> None:
        """Forget what is waiting: refused (BEP 6) or dropped (BEP 3)."""
        for request in self._blocks:
            self._refuse(request)
        self._blocks.clear()
        self._ready.clear()

    def describe(self, description: bytes, piece: int) -> None:
        """Keep a piece of the description to be sent; asking twice makes no difference."""
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

        None: there is nothing to send now. Where a limit says later, it wakes the senders.
        """
        async with self._reading:  # one at a time: each block goes one way
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
        assert self.source is not None  # nothing is asked for before
        batch: list[BlockRequest] = []
        size = 0
        for request in self._blocks:
            if size + request.length > READ_BYTES and batch:
                break
            batch.append(request)
            size += request.length
        self._ready.extend(zip(batch, await self.source.read_blocks(batch), strict=True))

    def _take(self, allowed: int) -> list[m.Piece]:
        """Return so many bytes of what was read, or one block; not what was taken back since."""
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
        """Put the next pieces of the description on the wire; return whether there were any."""
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
