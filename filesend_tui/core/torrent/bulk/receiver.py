"""Whole pieces that one peer sends as bulk: from the channel's thread to the disk, verified.

The work is done in threads other than the event loop's: the channel's thread decrypts into a
buffer here, a keeper thread hashes and writes it, and the loop only gets the results. A few buffers
are reused, so a slow disk slows the peer and does not fill the memory. Which pieces to request, and
what follows from a wrong one, is piece_exchange.py's.
"""

from __future__ import annotations

import asyncio
import os
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple, Protocol

from filesend_tui.core.errors import ChannelFailed, FileSendError
from filesend_tui.core.torrent.storage.disk import Paused
from filesend_tui.core.transports.base import Abuse, ChannelAbused
from filesend_tui.core.wire.shape import TorrentShape

#: Bytes of one buffer, unless a piece is longer; and of all of them, but at least MIN_BUFFERS: with
#: half as many, threads that share two cores wait for each other.
BUFFER: Final = 1024 * 1024
ALL_BUFFERS: Final = 16 * 1024 * 1024
MIN_BUFFERS: Final = 3
#: Most bytes that are requested from the channel at a time.
STEP: Final = 256 * 1024
#: The loop is notified after so many bytes, or seconds, and at the end of a span.
TELL_BYTES: Final = 4 * 1024 * 1024
TELL_SECONDS: Final = 0.1
#: Threads that hash and write; one leaves a core for decrypting where there are few.
KEEPERS: Final = 2 if (os.cpu_count() or 1) >= 4 else 1

#: A bulk frame's tag: the span's first piece, and how many bytes of the span precede it.
TAG: Final = struct.Struct(">II")


class BulkReceiverHost(Protocol):
    """The callbacks of a receiver, on the event loop."""

    def bulk_received(self, size: int) -> None:
        """Count received bytes of a span."""

    def pieces_settled(self, pieces: Sequence[int], wrong: Sequence[int]) -> None:
        """Handle pieces that are on the disk, except the wrong ones."""

    def pieces_dropped(self, pieces: Sequence[int]) -> None:
        """Handle pieces that arrived and could not be kept."""


class _Filled(NamedTuple):
    """A buffer whose first `size` bytes are whole pieces."""

    pieces: range
    buffer: bytearray
    size: int


class BulkReceiver:
    """A BulkSink for the spans of one peer; see transports/base.py.

    Args:
        shape: The torrent's pieces.
        keep: Verifies a run of pieces and writes the good ones; returns the wrong ones. Blocks.
            Raises Paused where the disk takes nothing for now.
        host: Gets the results.
        failed: Called, on the event loop, where nothing more can be written.
    """

    def __init__(
        self,
        shape: TorrentShape,
        keep: Callable[[range, memoryview], list[int]],
        host: BulkReceiverHost,
        *,
        failed: Callable[[FileSendError], None],
    ) -> None:
        self._shape = shape
        self._keep = keep
        self._host = host
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._pieces_a_buffer = max(1, BUFFER // shape.piece_length)
        self._buffer_size = self._pieces_a_buffer * shape.piece_length
        self._unmade = max(MIN_BUFFERS, ALL_BUFFERS // self._buffer_size)
        # Guarded by _changed.
        self._changed = threading.Condition()
        self._expected: deque[range] = deque()
        self._free: list[bytearray] = []
        self._full: deque[_Filled] = deque()
        self._closed = False
        # Used by the channel's thread alone.
        self._span = range(0)
        self._span_size = 0
        self._at = 0
        self._buffer: bytearray | None = None
        self._held = 0
        self._untold = 0
        self._told = 0.0
        self._keepers = [
            threading.Thread(target=self._run, name="filesend-keeper", daemon=True)
            for _ in range(KEEPERS)
        ]
        for keeper in self._keepers:
            keeper.start()

    # -- on the event loop

    def expect(self, pieces: range) -> None:
        """Register a span that is about to be requested."""
        with self._changed:
            self._expected.append(pieces)

    def forget(self, pieces: range) -> bool:
        """Remove a span that was rejected; return whether it was requested and has not begun."""
        with self._changed:
            if pieces not in self._expected:
                return False
            self._expected.remove(pieces)
            return True

    async def close(self) -> None:
        """Accept nothing more; write what is whole, and end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for keeper in self._keepers:
            await asyncio.to_thread(keeper.join)

    # -- BulkSink, on the channel's thread

    def space(self, tag: bytes, at: int, left: int) -> memoryview:
        """See BulkSink."""
        first, before = TAG.unpack(tag)
        if self._at == self._span_size:
            self._begin(first)
        if (first, before + at) != (self._span.start, self._at) or left > self._span_left:
            raise _unasked()
        if self._buffer is None:
            self._buffer = self._take_buffer()
        size = min(left, STEP, self._buffer_size - self._held)
        return memoryview(self._buffer)[self._held : self._held + size]

    def filled(self, count: int) -> None:
        """See BulkSink."""
        self._at += count
        self._held += count
        if self._held == self._buffer_size or not self._span_left:
            self._hand_on()
        self._untold += count
        now = time.monotonic()
        if not self._span_left or self._untold >= TELL_BYTES or now - self._told >= TELL_SECONDS:
            self._tell(self._host.bulk_received, self._untold)
            self._untold = 0
            self._told = now

    @property
    def _span_left(self) -> int:
        return self._span_size - self._at

    def _begin(self, first: int) -> None:
        with self._changed:
            for span in self._expected:
                if span.start == first:
                    break
            else:
                raise _unasked()
            self._expected.remove(span)
        self._span = span
        self._span_size = (len(span) - 1) * self._shape.piece_length
        self._span_size += self._shape.piece_size(span[-1])
        self._at = 0

    def _take_buffer(self) -> bytearray:
        with self._changed:
            self._changed.wait_for(lambda: self._free or self._unmade or self._closed)
            if self._closed:
                raise ChannelFailed("The connection to a peer is closed.")
            if self._free:
                return self._free.pop()
            self._unmade -= 1
        return bytearray(self._buffer_size)

    def _hand_on(self) -> None:
        assert self._buffer is not None
        start = (self._at - self._held) // self._shape.piece_length
        pieces = self._span[start : start + self._pieces_a_buffer]
        with self._changed:
            self._full.append(_Filled(pieces, self._buffer, self._held))
            self._changed.notify_all()
        self._buffer = None
        self._held = 0

    # -- keepers

    def _run(self) -> None:
        while (filled := self._next()) is not None:
            try:
                wrong = self._keep(filled.pieces, memoryview(filled.buffer)[: filled.size])
            except Paused:
                self._reuse(filled.buffer)
                self._tell(self._host.pieces_dropped, filled.pieces)
                continue
            except FileSendError as error:
                self._tell(self._failed, error)
                self._give_up()
                return
            self._reuse(filled.buffer)
            self._tell(self._host.pieces_settled, filled.pieces, wrong)

    def _reuse(self, buffer: bytearray) -> None:
        with self._changed:
            self._free.append(buffer)
            self._changed.notify_all()

    def _next(self) -> _Filled | None:
        with self._changed:
            self._changed.wait_for(lambda: self._full or self._closed)
            return self._full.popleft() if self._full else None

    def _give_up(self) -> None:
        with self._changed:
            self._closed = True
            self._full.clear()
            self._changed.notify_all()

    def _tell(self, call: Callable[..., None], *args: object) -> None:
        with suppress(RuntimeError):  # the event loop is closed
            self._loop.call_soon_threadsafe(call, *args)


def _unasked() -> ChannelAbused:
    return ChannelAbused("A peer sent what nobody asked for.", Abuse.UNASKED_BULK)
