"""The WebRTC road: one data channel as a byte stream, over aiortc.

Here live the channel and nothing of how it came to be (attempt.py). Nothing about torrents.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, NamedTuple

from filesend_tui.core.channels.base import Abuse, ChannelAbused, Road
from filesend_tui.core.channels.ice import chosen_path
from filesend_tui.core.errors import ChannelFailed

if TYPE_CHECKING:
    from aiortc import RTCDataChannel, RTCPeerConnection

#: Largest message that is sent, in bytes; every implementation takes this much.
MESSAGE: Final = 65536
#: Bytes queued in the data channel at which `send` waits, and at which it goes on. Small, because
#: what is queued here delays the small messages behind it; measured no slower than 1 MiB.
HIGH_WATER: Final = 256 * 1024
LOW_WATER: Final = 128 * 1024
#: Most bytes handed out by one `receive`, so that a long backlog is worked off in short steps.
TAKE: Final = 256 * 1024
#: Unread bytes at which a peer floods us: above what this side ever asks for at once (32 MiB).
UNREAD_LIMIT: Final = 40 * 1024 * 1024
#: Bytes of unfinished messages that a peer may leave in aiortc, which has no limit of its own. The
#: window it advertises is 1 MiB; a lost packet holds up what was in flight, for a second or two.
UNFINISHED_LIMIT: Final = 4 * 1024 * 1024
#: Packets' worth of it: aiortc looks at each again and again, however few bytes it has.
UNFINISHED_CHUNKS: Final = 8192
#: Seconds between looks at it; two in a row over the limit are a flood.
WATCH_INTERVAL: Final = 1.0
#: Seconds that closing waits for queued bytes to arrive, and for sockets to close.
LINGER: Final = 3.0
CLOSE_TIMEOUT: Final = 5.0

log = logging.getLogger(__name__)


class WebRtcChannel:
    """A Channel over one ordered, reliable data channel (RFC 8831). See channels/base.py.

    Args:
        connection: The peer connection; this channel owns and closes it.
        data_channel: Its only data channel.
        max_message: Most bytes the peer takes in one message.
        unread_limit: Bytes received and not read at which the peer is cut off: SCTP here cannot
            hold a sender back, so a reader must read.
    """

    def __init__(
        self,
        connection: RTCPeerConnection,
        data_channel: RTCDataChannel,
        *,
        max_message: int = MESSAGE,
        unread_limit: int = UNREAD_LIMIT,
    ) -> None:
        self._connection = connection
        self._data_channel = data_channel
        self._max_message = min(max_message, MESSAGE)
        self._unread_limit = unread_limit
        self._path = chosen_path(connection) or (Road.WEBRTC, "")
        self._unread = bytearray()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._ended = False
        self._failure = ""
        self._abuse: Abuse | None = None
        self._closing: asyncio.Task[None] | None = None
        self._over_limit = False
        self._watch = asyncio.get_running_loop().call_later(WATCH_INTERVAL, self._look)
        data_channel.bufferedAmountLowThreshold = LOW_WATER
        # Plain functions: aiortc makes an async handler a task a message, which loses their order.
        data_channel.on("message", self._on_message)
        data_channel.on("bufferedamountlow", self._room.set)
        data_channel.on("close", self._on_close)
        connection.on("connectionstatechange", self._on_state)

    @property
    def road(self) -> Road:
        """WEBRTC, or RELAYED where a TURN server carries the bytes; the last known once closed."""
        self._path = chosen_path(self._connection) or self._path
        return self._path[0]

    @property
    def address(self) -> str:
        """The peer's address of the nominated candidate pair, such as `192.0.2.7:51413`."""
        self._path = chosen_path(self._connection) or self._path
        return self._path[1]

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more: closed by either side, or broken."""
        return self._ended or bool(self._failure) or self._closing is not None

    async def send(self, data: bytes) -> None:
        """Queue bytes, all of them before anything waits; see Channel.send."""
        self._check_open()
        size = self._max_message
        if len(data) <= size:
            self._data_channel.send(data)
        else:
            for start in range(0, len(data), size):
                self._data_channel.send(data[start : start + size])
        while self._data_channel.bufferedAmount >= HIGH_WATER:
            self._room.clear()
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
        if len(self._unread) <= TAKE:
            data = bytes(self._unread)
            self._unread.clear()
        else:
            data = bytes(self._unread[:TAKE])
            del self._unread[:TAKE]
        return data

    async def close(self) -> None:
        """Deliver what was queued, if the peer takes it within LINGER seconds; free everything."""
        if self._closing is None:
            self._unread.clear()
            self._start_closing(flush=not self._failure and not self._ended)
        assert self._closing is not None
        await asyncio.shield(self._closing)

    def cut_off(self, why: str, abuse: Abuse | None = None) -> None:
        """End it at once; `receive` raises with this sentence: ChannelAbused where it was abuse."""
        if not self.closed:
            self._failure = why
            self._abuse = abuse
            self._start_closing(flush=False)

    def _check_open(self) -> None:
        if self.closed or self._data_channel.readyState != "open":
            raise self._failed()

    def _failed(self) -> ChannelFailed:
        if self._abuse:
            return ChannelAbused(self._failure, self._abuse)
        return ChannelFailed(self._failure or "The connection to a peer is closed.")

    def _on_message(self, message: bytes | str) -> None:
        if self.closed:
            return
        if isinstance(message, str):
            self.cut_off("A peer sent text where bytes belong.", Abuse.TEXT_MESSAGE)
        elif len(self._unread) + len(message) > self._unread_limit:
            self._unread.clear()
            self.cut_off("A peer sent more than it was asked for.", Abuse.UNREAD_FLOOD)
        else:
            self._unread += message
            self._arrived.set()

    def _on_close(self) -> None:
        """The peer closed the channel, our own closing was answered, or everything broke down."""
        if self.address and chosen_path(self._connection) is None:
            # aiortc closes the channel before it says why: ICE lost the peer (RFC 7675).
            self.cut_off("The connection to a peer was lost.")
        self._ended = True
        self._wake()
        if self._closing is None:
            self._start_closing(flush=False)

    def _on_state(self) -> None:
        if self._connection.connectionState == "failed":
            self.cut_off("The connection to a peer was lost.")

    def _look(self) -> None:
        """Cut off a peer that never ends a message: aiortc gives it memory and time unbounded."""
        size, chunks = unfinished(self._connection)
        over = size > UNFINISHED_LIMIT or chunks > UNFINISHED_CHUNKS
        if over and self._over_limit:
            self.cut_off("A peer sent a message without an end.", Abuse.ENDLESS_MESSAGE)
            return
        self._over_limit = over
        self._watch = asyncio.get_running_loop().call_later(WATCH_INTERVAL, self._look)

    def _start_closing(self, *, flush: bool) -> None:
        self._watch.cancel()
        # The path is gone once ICE is closed; faces still name the peer that left.
        self._path = chosen_path(self._connection) or self._path
        self._closing = asyncio.create_task(self._shut(flush=flush))
        self._wake()

    def _wake(self) -> None:
        self._arrived.set()
        self._room.set()

    async def _shut(self, *, flush: bool) -> None:
        if flush and self._data_channel.readyState == "open":
            # The stream reset (RFC 6525) is answered once everything before it arrived.
            reset = asyncio.Event()
            self._data_channel.on("close", reset.set)
            self._data_channel.close()
            try:
                await asyncio.wait_for(reset.wait(), LINGER)
            except TimeoutError:
                log.debug("a peer did not take the last bytes in time")
        await close_connection(self._connection)


async def close_connection(connection: RTCPeerConnection) -> None:
    """Close a peer connection and its sockets; never raises, gives up after CLOSE_TIMEOUT."""
    try:
        await asyncio.wait_for(connection.close(), CLOSE_TIMEOUT)
    except Exception:
        # Whatever aiortc meets here, the peer is done with and nobody waits for the answer.
        log.debug("a peer connection did not close cleanly", exc_info=True)


class Unfinished(NamedTuple):
    """What aiortc holds that is not whole: bytes over its window, and chunks (RFC 9260)."""

    size: int
    chunks: int


def unfinished(connection: RTCPeerConnection) -> Unfinished:
    """Return what of a peer waits in aiortc for the end of a message, or behind a gap."""
    sctp = connection.sctp
    streams = getattr(sctp, "_inbound_streams", {})
    return Unfinished(
        size=-min(0, getattr(sctp, "_advertised_rwnd", 0)),
        chunks=len(getattr(sctp, "_sack_misordered", ()))
        + sum(len(stream.reassembly) for stream in streams.values()),
    )
