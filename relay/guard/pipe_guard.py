"""An end of a pipe within the guard's limits: a WebSocket whose messages need no ASGI.

Between two ends of the transit a message is handed on as soon as it is there, by the two protocols
themselves: a task, a queue and a dictionary for each would cost more than the bytes. Whose end it
is, and what is counted, is relay/transit's.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from typing import Any, Final, cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request

from relay.guard.connection_guard import Awaited, Connection, ConnectionGuard
from relay.guard.websocket_guard import WebSocketGuard
from relay.protocol.transit import MAX_MESSAGE

try:
    from websockets.speedups import apply_mask
except ImportError:  # where its wheel has no machine code
    from websockets.utils import apply_mask

#: Key of this protocol among the extensions of an ASGI scope.
PIPE_EXTENSION: Final = "filesend.pipe"

# Headers (RFC 6455, section 5.2). First byte: a whole binary message. Second: the mask's bit, and
# a length, or what says in how many bytes it follows.
_WHOLE: Final = 0x82
_MASKED: Final = 0x80
_TWO: Final = 126
_EIGHT: Final = 127
_MASK: Final = 4


class PipeGuard(WebSocketGuard):
    """A WebSocket whose whole messages are bounded by what it is read at.

    Pings, texts and fragments count as ever, and time of the event loop is charged.
    """

    def __init__(self, guard: ConnectionGuard, connection: Connection, **uvicorn: Any) -> None:
        uvicorn["config"] = config = copy.copy(uvicorn["config"])
        config.ws_max_size = MAX_MESSAGE
        super().__init__(guard, connection, **uvicorn)
        self._take: Callable[[bytes], bool] | None = None
        self._drained: Callable[[], None] = lambda: None
        self._unread = bytearray()
        self._held = False
        kept = connection.kept
        connection.kept = lambda: kept() + len(self._unread)

    def begin(self, take: Callable[[bytes], bool], drained: Callable[[], None]) -> bool:
        """Pass on each whole binary message by itself from now on; anything else goes to the app.

        Args:
            take: Takes a message; returns whether the next may follow now, else at `go_on`.
            drained: Called when there is room for more again after `put` said that there is none.

        Returns:
            False where its client has said something already.
        """
        self._take, self._drained = take, drained
        return not (self.conn.reader.buffer or self._fragments or not self.queue.empty())

    def put(self, data: bytes) -> bool:
        """Send a message; return whether there is room for another."""
        if self.close_sent or self.transport.is_closing():
            return True  # its own end is about to be noticed
        size = len(data)
        if size < _TWO:
            head = bytes((_WHOLE, size))
        elif size < 1 << 16:
            head = bytes((_WHOLE, _TWO)) + size.to_bytes(2, "big")
        else:
            head = bytes((_WHOLE, _EIGHT)) + size.to_bytes(8, "big")
        self.transport.writelines((head, data))
        return self.writable.is_set()

    def go_on(self) -> None:
        """Take what follows, after a message that was not to be followed at once."""
        self._held = False
        with self._guarded.spends(), self._guarded.ends_where_it_fails():
            self._hand_on()
        if self._may_read and not (self._resting or self.transport.is_closing()):
            self.transport.resume_reading()

    def finish(self) -> None:
        """Pass on nothing more, but read on: whoever is told that it is over may say goodbye."""
        self._take = lambda _message: True
        self._drained = lambda: None
        self.go_on()

    # -- uvicorn's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        cast("asyncio.Transport", transport).set_write_buffer_limits(MAX_MESSAGE)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        cast("dict[str, Any]", self.scope["extensions"])[PIPE_EXTENSION] = self

    def resume_writing(self) -> None:
        self._guarded.has_read()
        super().resume_writing()
        self._drained()

    def data_received(self, data: bytes) -> None:
        if self._take is None:
            super().data_received(data)
            return
        with self._guarded.spends(), self._guarded.ends_where_it_fails():
            self._unread += data
            self._hand_on()
        self._wait_out_debt()

    @property
    def _may_read(self) -> bool:
        return super()._may_read and not self._held

    def _counts(self, event: Frame) -> bool:
        return (event.opcode is Opcode.BINARY and event.fin) or super()._counts(event)

    def _takes_bytes(self, _count: int) -> bool:
        return True

    # -- frames

    def _hand_on(self) -> None:
        while not self._held and not self.transport.is_closing() and self._hand_on_one():
            pass
        self._guarded.awaits(Awaited.MESSAGE if self._unread and not self._held else None)

    def _hand_on_one(self) -> bool:
        """Hand on the first frame that was read; return whether all of it was there."""
        unread = self._unread
        if len(unread) < 2:
            return False
        first, second = unread[0], unread[1]
        length, start = second & ~_MASKED, 2
        if length >= _TWO:
            start = 4 if length == _TWO else 10
            if len(unread) < start:
                return False
            length = int.from_bytes(unread[2:start], "big")
        end = start + _MASK + length
        # What is not masked, or too long, is refused by its header.
        allowed = second & _MASKED and length <= MAX_MESSAGE
        if allowed and len(unread) < end:
            return False
        if not (allowed and length and first == _WHOLE):
            frame = bytes(unread[:end])
            del unread[:end]
            super().data_received(frame)
            return True
        with memoryview(unread) as view:
            data = apply_mask(view[start + _MASK : end], bytes(view[start : start + _MASK]))
        del unread[:end]
        assert self._take is not None
        if not self._take(data):
            self._held = True
            self.transport.pause_reading()
        return True
