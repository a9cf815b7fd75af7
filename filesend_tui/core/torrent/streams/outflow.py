"""The sending side of a stream: read in a thread of its own, held until the other side has it.

What was read and is not acknowledged stays in the window, and is sent again over the next
connection: the receiver says from where on. A full window stops the reading, which stops whoever
writes into the pipe. Where the bytes come from is pipes.py's, the connection line.py's.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
from typing import Final, Protocol, runtime_checkable

from filesend_tui.core.errors import BadSource, ChannelFailed, FileSendError, broken
from filesend_tui.core.torrent.rates.limiter import RateLimit
from filesend_tui.core.torrent.rates.throttle import Throttle
from filesend_tui.core.torrent.streams.line import PART, StreamLine
from filesend_tui.core.torrent.streams.nudge import Nudge
from filesend_tui.core.torrent.streams.window import WINDOW, Window
from filesend_tui.core.wire.streams.messages import (
    StreamCredit,
    StreamEnd,
    StreamFrom,
    StreamMessage,
)

log = logging.getLogger(__name__)

#: Seconds between the end of what is read and saying so: a Ctrl-C ends a whole pipeline, and must
#: be heard before its first half looks as if it had come to a good end.
GRACE: Final = 0.3


@runtime_checkable
class StreamSource(Protocol):
    """Where a stream is read from; called in a thread of its own."""

    def read_into(self, view: memoryview) -> int:
        """Read what is there, at least one byte; wait for it. 0 at the end.

        Raises:
            OSError: It cannot be read.
        """


class OutflowHost(Protocol):
    """What a sending side tells its swarm, on the event loop."""

    def stream_sent(self, size: int) -> None:
        """Count bytes that were handed to a channel for the first time."""

    def stream_failed(self, error: FileSendError) -> None:
        """Handle that it cannot go on."""


class Outflow:
    """A stream that is sent.

    Args:
        source: Where it comes from.
        host: Told what happens.
        limit: The client's upload limit.
        size: Bytes that are held at most.
    """

    def __init__(
        self,
        source: StreamSource,
        host: OutflowHost,
        limit: RateLimit | None = None,
        *,
        size: int = WINDOW,
    ) -> None:
        self._source = source
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._hash = hashlib.sha256()
        self._turns = Throttle(limit, self._wake_up)
        self._nudge = Nudge(self._look)
        self._wake = asyncio.Event()
        # Guarded by _changed.
        self._changed = threading.Condition()
        self._window = Window(size)
        self._ended = False
        self._closed = False
        # Used on the event loop only.
        self._ends = False
        self._ending: asyncio.TimerHandle | None = None
        self._paused = False
        self._line: StreamLine | None = None
        self._pumping: asyncio.Task[None] | None = None
        self._at = 0
        self._limit = 0
        self._highest = 0
        self._reading: threading.Thread | None = None

    @property
    def digest(self) -> bytes:
        """SHA-256 of all of it; empty while it goes on."""
        return self._hash.digest() if self._ended else b""

    @property
    def length(self) -> int:
        """Bytes that were read so far."""
        return self._window.end

    def begin(self) -> None:
        """Begin to read. Idempotent."""
        if self._reading is None:
            # A daemon: a read from a pipe cannot be interrupted.
            self._reading = threading.Thread(
                target=self._read, name="filesend-stream-in", daemon=True
            )
            self._reading.start()

    def pause(self, paused: bool) -> None:
        """Set whether nothing is sent for now."""
        self._paused = paused
        self._wake.set()

    async def close(self) -> None:
        """Send nothing more, and read nothing more once the present read returns."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._ending is not None:
            self._ending.cancel()
        self._turns.close()
        if self._pumping is not None:
            self._pumping.cancel()
            await asyncio.wait({self._pumping})

    # -- Flow

    def opened(self, line: StreamLine) -> None:
        """See Flow: the receiver says which line it takes."""

    def closed(self, line: StreamLine) -> None:
        """See Flow."""
        if self._line is line:
            self._line = None
            if self._pumping is not None:
                self._pumping.cancel()

    def heard(self, line: StreamLine, message: StreamMessage) -> bool:
        """See Flow."""
        if not isinstance(message, StreamFrom | StreamCredit):
            return False
        if isinstance(message, StreamCredit) and line is not self._line:
            return True  # it crossed with the change to another
        # What was never sent cannot have arrived.
        had = self._highest if isinstance(message, StreamFrom) else self._at
        if not self._window.base <= message.offset <= had:
            return False
        with self._changed:
            self._window.drop(message.offset)
            self._changed.notify_all()
        if isinstance(message, StreamFrom):
            if line is self._line:
                return False
            self._take(line, message)
        else:
            self._limit = max(self._limit, message.limit)
        self._wake.set()
        return True

    # -- on the event loop

    def _take(self, line: StreamLine, message: StreamFrom) -> None:
        if self._pumping is not None:
            self._pumping.cancel()
        self._line, self._at, self._limit = line, message.offset, message.limit
        self._pumping = asyncio.create_task(self._pump(line))

    def _wake_up(self) -> None:
        self._wake.set()

    async def _pump(self, line: StreamLine) -> None:
        told = False
        try:
            while self._line is line:
                self._wake.clear()
                size = min(PART, self._window.end - self._at, self._limit - self._at)
                if size > 0 and not self._paused and (allowed := self._turns.take(size)):
                    await self._put(line, min(size, allowed))
                    continue
                if self._ends and not told and self._at == self._window.end:
                    told = True
                    line.say(StreamEnd(self._at, self.digest))
                await self._wake.wait()
        except ChannelFailed:
            pass  # the next connection goes on
        except Exception as error:
            log.exception("the sending of a stream broke")
            self._host.stream_failed(broken(error))

    async def _put(self, line: StreamLine, size: int) -> None:
        put = 0
        # It counts from now on: the other side may have it before this goes on.
        at, self._at = self._at, self._at + size
        news = self._at - max(self._highest, at)
        self._highest = max(self._highest, self._at)
        try:
            while put < size:
                put += await line.put(at + put, size - put, self._fill)
        finally:
            self._turns.settle(put)
        if news > 0:
            self._host.stream_sent(news)

    def _look(self) -> None:
        if self._ended and self._ending is None and not self._closed:
            self._ending = self._loop.call_later(GRACE, self._end)
        self._wake.set()

    def _end(self) -> None:
        self._ends = True
        self._wake.set()

    def _failed(self, error: FileSendError) -> None:
        if not self._closed:
            self._host.stream_failed(error)

    # -- in other threads

    def _fill(self, offset: int, view: memoryview) -> None:
        """Fill a view with bytes from a position on; on the channel's thread."""
        self._check(offset, len(view))
        self._window.copy(offset, view)
        self._check(offset, len(view))  # what was dropped meanwhile may have been written over

    def _check(self, offset: int, size: int) -> None:
        with self._changed:
            if not self._window.base <= offset <= offset + size <= self._window.end:
                raise ChannelFailed("The other side has this part of the stream already.")

    def _read(self) -> None:
        window = self._window
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: window.free or self._closed)
                    if self._closed:
                        return
                    view = window.space(PART)
                count = self._source.read_into(view)
                if not count:
                    break
                self._hash.update(view[:count])
                with self._changed:
                    window.added(count)
                self._nudge.give()
        except OSError as error:
            why = BadSource(
                f"What is sent cannot be read: {error.strerror or error}.",
                "Look at the program that writes into the pipe.",
                told="The sender could not read what was to be sent.",
            )
            self._nudge.call(self._failed, why)
        except Exception as error:
            log.exception("the reading of a stream broke")
            self._nudge.call(self._failed, broken(error))
        else:
            with self._changed:
                self._ended = True
            self._nudge.give()
