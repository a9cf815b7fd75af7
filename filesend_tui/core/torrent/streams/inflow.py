"""The receiving side of a stream: taken as it was allowed, written in a thread, compared.

The other side may send as far as it was told, which is as far as there is room: so a slow reader
slows the pipe at the other end, and nobody can fill the memory. Bytes come in order, over the
connection that was chosen last. At the end the hash of what was written must be the sender's, else
it failed. Where the bytes go is pipes.py's and into_folder.py's, the connection line.py's.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import threading
from pathlib import Path
from typing import Final, Protocol

from filesend_tui.core.errors import ChannelFailed, FileSendError, StreamDamaged, broken
from filesend_tui.core.torrent.rates.limiter import RateLimit
from filesend_tui.core.torrent.rates.throttle import Throttle
from filesend_tui.core.torrent.streams.line import TAG, StreamLine
from filesend_tui.core.torrent.streams.nudge import Nudge
from filesend_tui.core.torrent.streams.window import WINDOW, Window
from filesend_tui.core.transports.base import Abuse, ChannelAbused
from filesend_tui.core.wire.streams.messages import (
    StreamBlock,
    StreamCredit,
    StreamEnd,
    StreamFrom,
    StreamMessage,
)

log = logging.getLogger(__name__)

#: Most bytes that are taken from a channel, and written, at a time.
STEP: Final = 256 * 1024
#: Room is told once it is this share of the window: each time costs a message and a wake-up.
_SHARE: Final = 4
#: Seconds to wait for the writing to end: a reader that takes nothing cannot be interrupted.
LINGER: Final = 0.5


class StreamTarget(Protocol):
    """Where a stream goes; every method blocks, and is called in one thread at a time."""

    def open(self) -> None:
        """Prepare it, once. Raises FileSendError."""

    def write(self, view: memoryview) -> None:
        """Write all of a view. Raises FileSendError."""

    def finish(self) -> Path | None:
        """Complete it: all of it was written, and is right. Return where it is, if anywhere.

        Raises:
            FileSendError: It cannot be put in place.
        """

    def discard(self) -> None:
        """Leave nothing of it behind, unless `finish` has returned. Idempotent; never raises."""


class InflowHost(Protocol):
    """What a receiving side tells its swarm, on the event loop."""

    def stream_received(self, arrived: int, written: int) -> None:
        """Count bytes that arrived, and bytes that were written."""

    def stream_done(self, path: Path | None) -> None:
        """Handle that all of it arrived, is right, and is where it was to go."""

    def stream_failed(self, error: FileSendError) -> None:
        """Handle that it cannot go on."""


class _Sink:
    """A BulkSink for one line; on the channel's thread."""

    def __init__(self, flow: Inflow, line: StreamLine) -> None:
        self._flow = flow
        self._line = line

    def space(self, tag: bytes, at: int, left: int) -> memoryview:
        """See BulkSink."""
        (offset,) = TAG.unpack(tag)
        return self._flow.space(self._line, offset + at, left)

    def filled(self, count: int) -> None:
        """See BulkSink."""
        self._flow.filled(self._line, count)


class Inflow:
    """A stream that is received.

    Args:
        target: Where it goes; opened already.
        host: Told what happens.
        limit: The client's download limit.
        size: Bytes that are held at most.
    """

    def __init__(
        self,
        target: StreamTarget,
        host: InflowHost,
        limit: RateLimit | None = None,
        *,
        size: int = WINDOW,
    ) -> None:
        self._target = target
        self._host = host
        self._hash = hashlib.sha256()
        self._rate = limit
        self._turns = Throttle(limit, self._grant)
        self._nudge = Nudge(self._look)
        # Guarded by _changed.
        self._changed = threading.Condition()
        self._window = Window(size)
        self._granted = 0
        self._end: StreamEnd | None = None
        self._line: StreamLine | None = None
        self._closed = False
        # Used on the event loop only.
        #: The road of its present connection, or of the last.
        self.road = ""
        self._told_arrived = 0
        self._told_written = 0
        self._over = False
        self._writing = threading.Thread(
            target=self._write, name="filesend-stream-out", daemon=True
        )
        self._writing.start()

    @property
    def digest(self) -> bytes:
        """SHA-256 of what was written so far."""
        return self._hash.digest()

    @property
    def length(self) -> int:
        """Bytes that were written so far."""
        return self._window.base

    async def close(self) -> None:
        """Take and write nothing more; nothing is left behind of what is not complete."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._turns.close()
        await asyncio.to_thread(self._writing.join, LINGER)
        await asyncio.to_thread(self._target.discard)

    # -- Flow

    def opened(self, line: StreamLine) -> None:
        """See Flow: the newest line is taken, and the one before it no more."""
        self.road = line.road
        with self._changed:
            self._line = line
        line.take_bulk(_Sink(self, line))
        self._allow()
        line.say(StreamFrom(self._window.end, self._granted))

    def closed(self, line: StreamLine) -> None:
        """See Flow."""
        with self._changed:
            if self._line is line:
                self._line = None

    def heard(self, line: StreamLine, message: StreamMessage) -> bool:
        """See Flow."""
        if not isinstance(message, StreamBlock | StreamEnd):
            return False
        if line is not self._line:
            return True  # it crossed with the change to another
        if isinstance(message, StreamEnd):
            return self._ends(message)
        data = memoryview(message.data)
        try:
            while data:
                space = self.space(line, message.offset + len(message.data) - len(data), len(data))
                space[:] = data[: len(space)]
                self.filled(line, len(space))
                data = data[len(space) :]
        except ChannelFailed:
            return False
        return True

    def _ends(self, end: StreamEnd) -> bool:
        with self._changed:
            if end.length < self._window.end or self._end not in (None, end):
                return False
            self._end = end
            self._changed.notify_all()
        return True

    # -- on the event loop

    def _allow(self) -> bool:
        """Allow as much more as there is room for, and as the limit lets; return whether any."""
        with self._changed:
            room = self._window.base + self._window.size - self._granted
        limited = self._rate is not None and self._rate.rate is not None
        if self._closed or room < (1 if limited else self._window.size // _SHARE):
            return False
        allowed = min(room, self._turns.take(room))
        if allowed:
            self._turns.settle(allowed)
            with self._changed:
                self._granted += allowed
        return allowed > 0

    def _grant(self) -> None:
        if self._allow() and self._line is not None:
            self._line.say(StreamCredit(self._window.end, self._granted))

    def _look(self) -> None:
        with self._changed:
            arrived, written, line = self._window.end, self._window.base, self._line
        news = arrived - self._told_arrived
        if line is not None and news:
            line.arrived(news)
        if news or written != self._told_written:
            self._host.stream_received(news, written - self._told_written)
        self._told_arrived, self._told_written = arrived, written
        self._grant()

    def _done(self, path: Path | None) -> None:
        self._look()
        if not self._over:
            self._over = True
            self._host.stream_done(path)

    def _failed(self, error: FileSendError) -> None:
        if not (self._over or self._closed):
            self._over = True
            self._host.stream_failed(error)

    # -- in other threads

    def space(self, line: StreamLine, offset: int, left: int) -> memoryview:
        """Return where the next bytes go, of `left` that are to come.

        Raises:
            ChannelAbused: They are not the next, or more than was allowed.
            ChannelFailed: The stream goes over another line by now, or is over.
        """
        with self._changed:
            if self._closed or line is not self._line:
                raise ChannelFailed("The stream goes another way.")
            most = self._granted if self._end is None else self._end.length
            if offset != self._window.end or offset + left > min(most, self._granted):
                raise ChannelAbused("A peer sent what nobody asked for.", Abuse.UNASKED_BULK)
            return self._window.space(min(left, STEP))

    def filled(self, line: StreamLine, count: int) -> None:
        """Take so many bytes that were put into `space`."""
        with self._changed:
            if line is not self._line:
                raise ChannelFailed("The stream goes another way.")
            self._window.added(count)
            self._changed.notify_all()
        self._nudge.give()

    def _write(self) -> None:
        try:
            while self._write_next():
                pass
            if self._closed:
                return
            assert self._end is not None
            if not hmac.compare_digest(self._hash.digest(), self._end.digest):
                raise StreamDamaged("What arrived of the stream is not what was sent.")
            path = self._target.finish()
        except FileSendError as error:
            self._nudge.call(self._failed, error)
        except Exception as error:
            log.exception("the writing of a stream broke")
            self._nudge.call(self._failed, broken(error))
        else:
            self._nudge.call(self._done, path)

    def _write_next(self) -> bool:
        """Write what has arrived; return False at the end."""
        window = self._window
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or window.end > window.base or self._is_all_there
            )
            if self._closed or window.end == window.base:
                return False
            view = window.at(window.base, STEP)
        self._hash.update(view)
        self._target.write(view)
        with self._changed:
            window.drop(window.base + len(view))
        self._nudge.give()
        return True

    @property
    def _is_all_there(self) -> bool:
        return self._end is not None and self._window.end == self._end.length
