"""A data channel of libdatachannel as a byte stream: the fast stack, where it is installed.

libdatachannel runs its callbacks in threads of its own. They queue received messages for the event
loop, and wake it once for all that are queued; nothing else happens in those threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from filesend_tui.core.transports.webrtc.native.library import MAX_MESSAGE, chosen_path
from filesend_tui.core.transports.webrtc.webrtc import (
    CLOSE_TIMEOUT,
    LINGER,
    LOW_WATER,
    MESSAGE,
    UNREAD_LIMIT,
    UNREAD_MESSAGES,
    WebRtcChannel,
)

if TYPE_CHECKING:
    from aiolibdatachannel._core import DataChannel

#: States of a connection, and of its gathering, in the C API (rtcState, rtcGatheringState).
FAILED: Final = 4
CLOSED: Final = 5
GATHERED: Final = 2

log = logging.getLogger(__name__)


class NativeChannel(WebRtcChannel):
    """A WebRtcChannel over libdatachannel.

    Args:
        connection: The peer connection; this channel owns and closes it.
        data_channel: Its only data channel, which is open.
    """

    def __init__(
        self,
        connection: NativeConnection,
        data_channel: DataChannel,
        *,
        max_message: int = MESSAGE,
        unread_limit: int = UNREAD_LIMIT,
    ) -> None:
        super().__init__(max_message=max_message, unread_limit=unread_limit)
        self._connection = connection
        self._data_channel = data_channel
        self._look_at_path()
        #: Received and unprocessed messages: filled in other threads, emptied on the loop.
        self._mail: deque[bytes | str] = deque()
        #: Bytes ever put into the queue, and taken out: each is counted in one thread only.
        self._mail_in = self._mail_out = 0
        self._overflowed = False
        self._called = False
        data_channel.set_buffered_amount_low_threshold(LOW_WATER)
        data_channel.set_on_buffered_amount_low(lambda: connection.call(self._room.set))
        data_channel.set_on_closed(lambda: connection.call(self._end))
        data_channel.set_on_message(self._leave)
        if data_channel.is_closed():
            connection.call(self._end)

    def _leave(self, message: bytes | str) -> None:
        """Queue a message for the loop; in a thread of libdatachannel."""
        waiting = self._mail_in - self._mail_out
        if len(self._mail) < UNREAD_MESSAGES and waiting + len(message) <= self._unread_limit:
            self._mail_in += len(message)
            self._mail.append(message)
        else:
            self._overflowed = True
        # Set here after the put, cleared in `_take_mail` before the gets: no message is missed.
        if not self._called:
            self._called = True
            self._connection.call(self._take_mail)

    def _take_mail(self) -> None:
        self._called = False
        while self._mail:
            message = self._mail.popleft()
            self._mail_out += len(message)
            self._take_in(message)
        if self._overflowed and not self.closed:
            self._flooded()

    def _end(self) -> None:
        self._take_mail()
        super()._end()

    def _put(self, message: bytes) -> None:
        try:
            self._data_channel.send_bytes(message)
        except RuntimeError:
            raise self._failed() from None

    def _queued(self) -> int:
        return 0 if self.closed else self._data_channel.buffered_amount()

    def _look_at_path(self) -> None:
        self._path = chosen_path(self._connection.native.handle) or self._path

    async def _shut(self, *, flush: bool) -> None:
        await self._connection.close(flush=flush)


class NativeConnection:
    """A peer connection of libdatachannel: its state, and freeing it.

    Args:
        ice_servers: URLs in libdatachannel's form, with user and password.
        on_state: Called on the loop with each new state (rtcState).
    """

    def __init__(self, ice_servers: list[str], on_state: Callable[[int], None]) -> None:
        from aiolibdatachannel import _core

        self._loop = asyncio.get_running_loop()
        self._on_state = on_state
        self._gathered = asyncio.Event()
        self._closed = asyncio.Event()
        self._data_channels: list[DataChannel] = []
        self.native = _core.PeerConnection(ice_servers, max_message_size=MAX_MESSAGE)
        self.native.set_on_state_change(lambda state: self.call(self._entered, state))
        self.native.set_on_gathering_state_change(lambda state: self.call(self._gathering, state))

    def call(self, what: Callable[..., object], *arguments: object) -> None:
        """Call something on the event loop; from any thread."""
        # The loop may be closed: the program ends, and a thread of the library is late.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(what, *arguments)

    def wrap(self, handle: int) -> DataChannel:
        """Return the data channel with this handle; it is freed with the connection."""
        from aiolibdatachannel import _core

        data_channel = _core.DataChannel(handle)
        self._data_channels.append(data_channel)
        return data_channel

    async def describe(self, kind: str) -> str:
        """Return the local description once gathering has ended."""
        self.native.set_local_description(kind)
        await self._gathered.wait()
        return self.native.get_local_description() or ""

    async def close(self, *, flush: bool) -> None:
        """Free everything; never raises. flush: first deliver queued bytes, in LINGER seconds."""
        try:
            if flush:
                # SCTP's shutdown (RFC 9260, section 9.2) waits until everything has arrived.
                self.native.close()
                await asyncio.wait_for(self._closed.wait(), LINGER)
        except TimeoutError:
            log.debug("a peer did not take the last bytes in time")
        try:
            # In a thread: it waits for callbacks that run in others.
            await asyncio.wait_for(asyncio.to_thread(self._free), CLOSE_TIMEOUT)
        except Exception:
            log.debug("a peer connection did not close cleanly", exc_info=True)

    def _free(self) -> None:
        for data_channel in self._data_channels:
            data_channel.destroy()
        self.native.destroy()

    def _gathering(self, state: int) -> None:
        if state == GATHERED:
            self._gathered.set()

    def _entered(self, state: int) -> None:
        if state == CLOSED:
            self._closed.set()
        self._on_state(state)
