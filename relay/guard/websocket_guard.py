"""WebSockets within the guard's limits: their frames, fragments, pings, and who does not read."""

from __future__ import annotations

from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from relay.guard.connection_guard import Awaited, Connection, ConnectionGuard

# Bytes that are processed between two checks of the limits.
_SLICE: Final = 16 * 1024
# Bytes that a fragment costs beside its data.
_FRAGMENT: Final = 100


class WebSocketGuard(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, with the guard's limits."""

    def __init__(self, guard: ConnectionGuard, connection: Connection, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self._guard = guard
        self._guarded = connection
        self._fragments = 0
        self._resting = False
        connection.kept = lambda: len(self.conn.reader.buffer) + self._fragments

    def connection_lost(self, exc: Exception | None) -> None:
        self._guard.leave(self._guarded)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._takes_bytes(len(data)):
            return
        with self._guarded.spends(), self._guarded.ends_where_it_fails():
            for start in range(0, len(data), _SLICE):
                super().data_received(data[start : start + _SLICE])
                if self.transport.is_closing():
                    return
        self._wait_out_debt()
        if not self.handshake_initiated:  # websockets found no valid one, and raises nothing
            self._guarded.end("invalid")
        unfinished = self.conn.reader.buffer or self._fragments
        self._guarded.awaits(Awaited.MESSAGE if unfinished else None)

    def _wait_out_debt(self) -> None:
        """Pause reading while its address has used up its time; messages wait for their turn."""
        seconds = self._guarded.seconds_in_debt()
        if seconds and not self._resting:
            self._resting = True
            self.transport.pause_reading()
            self.loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._resting = False
        if self._may_read and not self.transport.is_closing():
            self.transport.resume_reading()

    @property
    def _may_read(self) -> bool:
        # The app may not have taken the last message yet: then it resumes reading itself.
        return not self.read_paused

    def handle_text(self, event: Frame) -> None:
        if self._takes(event):
            super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        if self._takes(event):
            super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        if self._takes(event):
            super().handle_cont(event)

    def handle_ping(self) -> None:
        if not self._guarded.take_frame():
            return
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()  # no pong to a client that does not read: it would pile up

    def handle_pong(self, event: Frame) -> None:
        if self._guarded.take_frame():
            super().handle_pong(event)

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:  # uvicorn would log a traceback for each
                self._guarded.end("invalid")
                return
        super().send_receive_event_to_app()

    def _takes(self, event: Frame) -> bool:
        self._fragments = 0 if event.fin else self._fragments + len(event.data) + _FRAGMENT
        return self._counts(event)

    def _takes_bytes(self, count: int) -> bool:
        return self._guarded.take_bytes(count)

    def _counts(self, _event: Frame) -> bool:
        return self._guarded.take_frame()
