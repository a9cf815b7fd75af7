"""A data channel of aiortc as a byte stream: the stack that runs wherever Python does."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, NamedTuple

from filesend_tui.core.transports.base import Abuse
from filesend_tui.core.transports.webrtc.ice import chosen_path
from filesend_tui.core.transports.webrtc.webrtc import (
    CLOSE_TIMEOUT,
    LINGER,
    LOW_WATER,
    MESSAGE,
    UNREAD_LIMIT,
    WebRtcChannel,
)
from filesend_tui.core.util.tasks import at_most

if TYPE_CHECKING:
    from aiortc import RTCDataChannel, RTCPeerConnection

#: Bytes of unfinished messages that a peer may leave in aiortc, which has no limit of its own. The
#: window it advertises is 1 MiB; a lost packet holds up what was in flight, for a second or two.
UNFINISHED_LIMIT: Final = 4 * 1024 * 1024
#: Most chunks of them: aiortc scans each again and again, however few bytes it has.
UNFINISHED_CHUNKS: Final = 8192
#: Seconds between checks of both; two in a row over a limit are a flood.
WATCH_INTERVAL: Final = 1.0

log = logging.getLogger(__name__)


class AiortcChannel(WebRtcChannel):
    """A WebRtcChannel over aiortc.

    Args:
        connection: The peer connection; this channel owns and closes it.
        data_channel: Its only data channel.
    """

    def __init__(
        self,
        connection: RTCPeerConnection,
        data_channel: RTCDataChannel,
        *,
        max_message: int = MESSAGE,
        unread_limit: int = UNREAD_LIMIT,
    ) -> None:
        super().__init__(max_message=max_message, unread_limit=unread_limit)
        self._connection = connection
        self._data_channel = data_channel
        self._look_at_path()
        self._over_limit = False
        self._watch = asyncio.get_running_loop().call_later(WATCH_INTERVAL, self._look)
        data_channel.bufferedAmountLowThreshold = LOW_WATER
        # Plain functions: aiortc makes a task per message of an async handler, which loses order.
        data_channel.on("message", self._take_in)
        data_channel.on("bufferedamountlow", self._room.set)
        data_channel.on("close", self._on_close)
        connection.on("connectionstatechange", self._on_state)

    def _put(self, message: bytes) -> None:
        self._data_channel.send(message)

    def _queued(self) -> int:
        return int(self._data_channel.bufferedAmount)

    def _look_at_path(self) -> None:
        self._path = chosen_path(self._connection) or self._path

    def _check_open(self) -> None:
        super()._check_open()
        if self._data_channel.readyState != "open":
            raise self._failed()

    def _on_close(self) -> None:
        if self.address and chosen_path(self._connection) is None:
            # aiortc closes the channel before it reports why: ICE lost the peer (RFC 7675).
            self.cut_off("The connection to a peer was lost.")
        self._end()

    def _on_state(self) -> None:
        if self._connection.connectionState == "failed":
            self.cut_off("The connection to a peer was lost.")

    def _look(self) -> None:
        """Cut off a peer that never ends a message: aiortc bounds neither its memory nor time."""
        size, chunks = unfinished(self._connection)
        over = size > UNFINISHED_LIMIT or chunks > UNFINISHED_CHUNKS
        if over and self._over_limit:
            self.cut_off("A peer sent a message without an end.", Abuse.ENDLESS_MESSAGE)
            return
        self._over_limit = over
        self._watch = asyncio.get_running_loop().call_later(WATCH_INTERVAL, self._look)

    def _start_closing(self, *, flush: bool) -> None:
        self._watch.cancel()
        super()._start_closing(flush=flush)

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
        if not await at_most(CLOSE_TIMEOUT, connection.close()):
            log.debug("a peer connection did not close in time")
    except Exception:
        # Whatever aiortc raises here: the peer is closed, and nothing waits for the result.
        log.debug("a peer connection did not close cleanly", exc_info=True)


class Unfinished(NamedTuple):
    """Incomplete messages in aiortc: bytes over its window, and chunks (RFC 9260)."""

    size: int
    chunks: int


def unfinished(connection: RTCPeerConnection) -> Unfinished:
    """Return the size of a peer's incomplete or out-of-order messages in aiortc."""
    sctp = connection.sctp
    streams = getattr(sctp, "_inbound_streams", {})
    return Unfinished(
        size=-min(0, getattr(sctp, "_advertised_rwnd", 0)),
        chunks=len(getattr(sctp, "_sack_misordered", ()))
        + sum(len(stream.reassembly) for stream in streams.values()),
    )
