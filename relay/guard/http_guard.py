"""HTTP requests within the guard's limits: uvicorn's protocol, and what it is upgraded to."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from relay.guard.addresses import Headers
from relay.guard.connection_guard import Awaited, Connection, ConnectionGuard
from relay.guard.http_rules import OneRequest
from relay.guard.pipe_guard import PipeGuard
from relay.guard.websocket_guard import WebSocketGuard
from relay.protocol.transit import TRANSIT_PATH


class HttpGuard(H11Protocol):
    """uvicorn's HTTP protocol, with the guard's limits.

    admitted: the connection, where the guard has admitted it already.
    """

    def __init__(
        self, guard: ConnectionGuard, admitted: Connection | None = None, **uvicorn: Any
    ) -> None:
        super().__init__(**uvicorn)
        self.conn = OneRequest()
        self._guard = guard
        self._guarded = admitted
        self._is_websocket = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        if self._guarded is None:
            self._guarded = self._guard.enter(transport)
        if self._guarded is not None:
            super().connection_made(transport)
            self._look()
            if seconds := self._guarded.seconds_in_debt():
                # Soon: uvloop ignores a pause before it has begun to read.
                self.loop.call_soon(self._pause, transport)
                self.loop.call_later(seconds, self._begin, transport)

    def _pause(self, transport: asyncio.Transport) -> None:
        if not transport.is_closing():
            transport.pause_reading()

    def _begin(self, transport: asyncio.Transport) -> None:
        if not transport.is_closing():
            transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._guarded is not None:
            self._guard.leave(self._guarded)
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        connection = self._guarded
        # A proxy's bytes for many clients cannot be counted against one of them here.
        if connection is None or (
            connection.address is not None and not connection.take_bytes(len(data))
        ):
            return
        with connection.spends(), connection.ends_where_it_fails():
            super().data_received(data)
        self._look()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        connection = self._guarded
        assert connection is not None
        if not self._guard.name(
            connection, self._guard.proxies.client(*_who(self.client, self.headers))
        ):
            return
        self._is_websocket = True
        path = event.target.partition(b"?")[0]
        kind = PipeGuard if path == TRANSIT_PATH.encode() else WebSocketGuard
        self.ws_protocol_class = partial(kind, self._guard, connection)  # type: ignore[assignment]
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        self._guard.refused("request")
        super().send_400_response(msg)

    def _look(self) -> None:
        if self._guarded is not None and not self._is_websocket:
            self._guarded.awaits(Awaited.HEAD if self.conn.their_state is h11.IDLE else None)


def _who(client: tuple[str, int] | None, headers: Headers) -> tuple[str, Headers]:
    return (client[0] if client else ""), headers
