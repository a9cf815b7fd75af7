"""Assembly of blocks into verified pieces: requests, buffers, failed hashes.

Holds the only copy of half-received pieces. Peers are opaque keys: no channel, no wire, no choking
ever lives here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

from filesend_tui.core.errors import FileSendError
from filesend_tui.core.torrent.pieces.partial import PeerKey
from filesend_tui.core.torrent.pieces.picker import PiecePicker
from filesend_tui.core.torrent.storage.disk import Disk, Paused
from filesend_tui.core.wire.bitfield import Bitfield
from filesend_tui.core.wire.shape import BlockRequest, TorrentShape

#: Bytes of complete pieces waiting for the disk at which requests pause.
DISK_BACKLOG = 16 * 1024 * 1024


_PeerKey_contra = TypeVar("_PeerKey_contra", contravariant=True)


class AssemblyHost(Protocol[_PeerKey_contra]):
    """What an assembly reports to the exchange of pieces."""

    def piece_verified(self, index: int) -> None:
        """Announce a piece that is verified and on disk."""

    def peer_lied(self, peer: _PeerKey_contra, index: int) -> None:
        """Handle a piece with a wrong hash that this peer alone sent."""

    def withdraw(self, peer: _PeerKey_contra, request: BlockRequest) -> None:
        """Cancel a request: the block came from another peer."""

    def room_again(self) -> None:
        """Send further requests, as a piece was settled."""


class Assembly(Generic[PeerKey]):
    """The missing part of one torrent.

    Args:
        shape: Pieces and blocks.
        disk: Where verified pieces go.
        host: The exchange of pieces.
        failed: Called where a piece cannot be written, which ends the torrent.
        wanted: Piece indices to fetch.
        have: Piece indices that are verified already.
        held: Wanted piece indices that may be here; see PiecePicker.
    """

    def __init__(
        self,
        shape: TorrentShape,
        disk: Disk,
        host: AssemblyHost[PeerKey],
        *,
        failed: Callable[[FileSendError], None],
        wanted: Iterable[int] | None = None,
        have: Iterable[int] = (),
        held: Iterable[int] = (),
    ) -> None:
        self.shape = shape
        self.picker: PiecePicker[PeerKey] = PiecePicker(shape, wanted=wanted, have=have, held=held)
        self._disk = disk
        self._host = host
        self._failed = failed
        self._buffers: dict[int, bytearray] = {}
        self._settling: dict[int, asyncio.Task[None]] = {}
        self._waiting_bytes = 0

    @property
    def have(self) -> Bitfield:
        """The verified pieces."""
        return self.picker.have

    @property
    def complete(self) -> bool:
        """Whether every wanted piece is verified and on disk."""
        return self.picker.complete

    @property
    def rests(self) -> bool:
        """Whether nothing is missing but pieces that are postponed."""
        return self.picker.rests

    def pick(self, peer: PeerKey, count: int) -> list[BlockRequest]:
        """Return at most `count` blocks to request from a peer; none while the disk is behind."""
        if self._waiting_bytes >= DISK_BACKLOG:
            return []
        return self.picker.pick(peer, count)

    def outstanding(self, peer: PeerKey) -> int:
        """Return how many blocks and whole pieces are in flight from this peer."""
        return len(self.picker.in_flight(peer)) + len(self.picker.outstanding_pieces(peer))

    def block(self, peer: PeerKey, index: int, begin: int, block: bytes | memoryview) -> bool:
        """Copy a block that arrived; return whether it was requested and new."""
        outcome = self.picker.received(peer, index, begin, len(block))
        for other, request in outcome.cancel:
            self._host.withdraw(other, request)
        if not outcome.accepted:
            return False
        buffer = self._buffers.get(index)
        if buffer is None:
            buffer = self._buffers[index] = bytearray(self.shape.piece_size(index))
        buffer[begin : begin + len(block)] = block
        if outcome.piece_complete:
            del self._buffers[index]
            self._waiting_bytes += len(buffer)
            self._settling[index] = asyncio.create_task(self._settle(index, buffer))
        return True

    async def _settle(self, index: int, data: bytearray) -> None:
        """Verify one complete piece and account for it."""
        try:
            good = await self._disk.keep_piece(index, data)
        except Paused:
            self.picker.dropped(index)
            return
        except FileSendError as error:
            self._failed(error)
            return
        finally:
            self._settling.pop(index, None)
            self._waiting_bytes -= len(data)
        if good:
            self.picker.verified(index)
            self._host.piece_verified(index)
        else:
            contributors = self.picker.failed(index)
            # A sole contributor is the culprit; of several the picker next time uses just one.
            if len(contributors) == 1:
                self._host.peer_lied(contributors[0], index)
        # The picker bounds the pieces in work, so the end of one may let the next begin.
        self._host.room_again()

    def dropped(self, peer: PeerKey) -> None:
        """Remove a peer and free its requests."""
        for index in self.picker.peer_left(peer):
            self._buffers.pop(index, None)

    async def close(self) -> None:
        """Wait for writes under way, and free the buffers."""
        self._buffers.clear()
        if self._settling:
            await asyncio.gather(*self._settling.values(), return_exceptions=True)
