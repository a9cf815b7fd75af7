"""The WebRTC road: one data channel as a byte stream, on either stack.

What both stacks have in common lives here: unread bytes, how a channel ends and why. What is
aiortc's is in aiortc/channel.py, what is libdatachannel's in native/channel.py; opening a channel
is attempt.py's. Nothing about torrents.
"""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections import deque
from typing import Final

from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.base import Abuse, ChannelAbused
from filesend_tui.core.transports.webrtc.ice import WEBRTC

#: Largest message that is sent, in bytes; every implementation takes this much.
MESSAGE: Final = 65536
#: Bytes queued in the data channel at which `send` waits, and at which it goes on. Small, because
#: a queue delays the small messages behind it; measured no slower than 1 MiB.
HIGH_WATER: Final = 256 * 1024
LOW_WATER: Final = 128 * 1024
#: Most bytes returned by one `receive`, so that a long backlog is processed in short steps.
TAKE: Final = 256 * 1024
#: Unread bytes at which a peer floods us: above what this side ever requests at once (32 MiB).
UNREAD_LIMIT: Final = 40 * 1024 * 1024
#: Unread messages at which it does so too: each costs memory, however short it is.
UNREAD_MESSAGES: Final = 256 * 1024
#: Timeouts in seconds for queued bytes to arrive at closing, and for sockets to close.
LINGER: Final = 3.0
CLOSE_TIMEOUT: Final = 5.0
#: Seconds for which the path is cached: a lookup is slow, and each block asks for its road.
PATH_PERIOD: Final = 1.0

log = logging.getLogger(__name__)


class WebRtcChannel(ABC):
    """A Channel over one ordered, reliable data channel (RFC 8831). See transports/base.py.

    Args:
        max_message: Most bytes the peer takes in one message.
        unread_limit: Bytes received and not read at which the peer is cut off: SCTP here has no
            flow control towards the reader, so it must keep reading.
    """

    def __init__(self, *, max_message: int, unread_limit: int) -> None:
        self._max_message = min(max_message, MESSAGE)
        self._unread_limit = unread_limit
        self._path: tuple[str, str] = (WEBRTC, "")
        self._path_until = 0.0
        self._unread: deque[bytes] = deque()
        self._unread_size = 0
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._ended = False
        self._failure = ""
        self._abuse: Abuse | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def road(self) -> str:
        """WEBRTC, or RELAYED if a TURN server forwards the bytes; the last known once closed."""
        return self._known_path()[0]

    @property
    def address(self) -> str:
        """The peer's address of the nominated candidate pair, such as `192.0.2.7:51413`."""
        return self._known_path()[1]

    def _known_path(self) -> tuple[str, str]:
        now = time.monotonic()
        if now >= self._path_until:
            self._path_until = now + PATH_PERIOD
            self._look_at_path()
        return self._path

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more: closed by either side, or failed."""
        return self._ended or bool(self._failure) or self._closing is not None

    async def send(self, data: bytes) -> None:
        """Queue all bytes, then wait for the backlog; see Channel.send."""
        self._check_open()
        size = self._max_message
        if len(data) <= size:
            self._put(data)
        else:
            for start in range(0, len(data), size):
                self._put(data[start : start + size])
        while self._queued() >= HIGH_WATER:
            self._room.clear()
            # It may have drained between the check and the clear, in another thread.
            if self._queued() >= HIGH_WATER:
                await self._room.wait()
            self._check_open()

    async def receive(self) -> bytes:
        """Return the next bytes, at most TAKE of them; see Channel.receive."""
        while not self._unread:
            if self._failure:
                raise self._failed()
            if self._ended or self._closing:
                return b""
            self._arrived.clear()
            await self._arrived.wait()
        taken = [self._unread.popleft()]
        size = len(taken[0])
        while self._unread and size + len(self._unread[0]) <= TAKE:
            taken.append(self._unread.popleft())
            size += len(taken[-1])
        self._unread_size -= size
        return taken[0] if len(taken) == 1 else b"".join(taken)

    async def close(self) -> None:
        """Deliver queued bytes, if the peer reads them within LINGER seconds; free everything."""
        if self._closing is None:
            self._forget_unread()
            self._start_closing(flush=not self._failure and not self._ended)
        assert self._closing is not None
        await asyncio.shield(self._closing)

    def cut_off(self, why: str, abuse: Abuse | None = None) -> None:
        """End it at once; `receive` raises with this sentence: ChannelAbused if there is abuse."""
        if not self.closed:
            self._failure = why
            self._abuse = abuse
            self._start_closing(flush=False)

    @abstractmethod
    def _put(self, message: bytes) -> None:
        """Queue one message. Raises ChannelFailed if that is impossible."""

    @abstractmethod
    def _queued(self) -> int:
        """Return the number of bytes queued and not sent."""

    @abstractmethod
    def _look_at_path(self) -> None:
        """Set the path if the stack has one; it may change while the channel is open."""

    @abstractmethod
    async def _shut(self, *, flush: bool) -> None:
        """Close the connection; never raises. flush: deliver queued bytes before."""

    def _check_open(self) -> None:
        if self.closed:
            raise self._failed()

    def _failed(self) -> ChannelFailed:
        if self._abuse:
            return ChannelAbused(self._failure, self._abuse)
        return ChannelFailed(self._failure or "The connection to a peer is closed.")

    def _take_in(self, message: bytes | str) -> None:
        """Queue a received message for `receive`, or cut off a peer that floods."""
        if self.closed:
            return
        if isinstance(message, str):
            self.cut_off("A peer sent text where bytes belong.", Abuse.TEXT_MESSAGE)
        elif (
            self._unread_size + len(message) > self._unread_limit
            or len(self._unread) >= UNREAD_MESSAGES
        ):
            self._flooded()
        else:
            for start in range(0, len(message), TAKE):
                self._unread.append(message[start : start + TAKE])
            self._unread_size += len(message)
            self._arrived.set()

    def _flooded(self) -> None:
        """Drop all unread messages and cut the peer off: it exceeded the unread limits."""
        self._forget_unread()
        self.cut_off("A peer sent more than it was asked for.", Abuse.UNREAD_FLOOD)

    def _end(self) -> None:
        """End the channel: the peer closed it, our own close was answered, or it failed."""
        self._ended = True
        self._wake()
        if self._closing is None:
            self._start_closing(flush=False)

    def _start_closing(self, *, flush: bool) -> None:
        # The path is gone once ICE is closed; faces still name the peer that left.
        self._look_at_path()
        self._closing = asyncio.create_task(self._shut(flush=flush))
        self._wake()

    def _forget_unread(self) -> None:
        self._unread.clear()
        self._unread_size = 0

    def _wake(self) -> None:
        self._arrived.set()
        self._room.set()
