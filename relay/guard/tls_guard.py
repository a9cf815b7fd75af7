"""TLS in front of the relay's HTTP: a connection is counted before its handshake, and so is that.

asyncio tells a protocol of a TLS connection once its handshake is done, so that handshakes which
never end would be nobody's. Here the guard admits the TCP connection, with the deadline of its
first request. The certificate is relay/certificate.py's; HTTP never lives here.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any, Final, cast

from relay.guard.connection_guard import Awaited, Connection, ConnectionGuard
from relay.guard.http_guard import HttpGuard

_log = logging.getLogger(__name__)

#: Seconds of the event loop that a handshake is taken to cost: an RSA signature of 2048 bits takes
#: one to two milliseconds. It is nothing that a callback of ours could measure.
HANDSHAKE_COST: Final = 0.002
# Seconds for the other side to take the end of a TLS connection.
_SHUTDOWN: Final = 2.0


class TlsGuard(asyncio.Protocol):
    """A TCP connection on which a client is expected to begin TLS, and HTTP in it.

    Args:
        guard: Admits it.
        context: Returns the TLS context of the certificate that is good now.
        uvicorn: What uvicorn makes its protocols with.
    """

    def __init__(
        self, guard: ConnectionGuard, context: Callable[[], ssl.SSLContext], **uvicorn: Any
    ) -> None:
        self._guard = guard
        self._context = context
        self._uvicorn = uvicorn
        self._connection: Connection | None = None
        self._shaking: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the connection and begin the handshake."""
        tcp = cast("asyncio.Transport", transport)
        self._connection = self._guard.enter(tcp)
        if self._connection is None:
            return
        self._connection.awaits(Awaited.HEAD)
        tcp.pause_reading()  # or what comes before TLS is there would be lost
        self._shaking = asyncio.get_running_loop().create_task(self._shake(tcp, self._connection))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection that ended before its handshake began."""
        del exc
        self._leave()

    async def _shake(self, tcp: asyncio.Transport, connection: Connection) -> None:
        if seconds := connection.seconds_in_debt():
            await asyncio.sleep(seconds)
        if connection.address is not None:
            self._guard.loop_time.charge(connection.address, HANDSHAKE_COST)
        early, tls = _Early(), None
        try:
            tls = await asyncio.get_running_loop().start_tls(
                tcp,
                early,
                self._context(),
                server_side=True,
                ssl_handshake_timeout=self._guard.limits.head_seconds,
                ssl_shutdown_timeout=_SHUTDOWN,
            )
        except (OSError, EOFError) as error:  # ssl.SSLError is an OSError, a timeout too
            _log.debug("a handshake failed: %s", error)
        finally:
            if early.lost:  # it ended just then
                tls = None
            if tls is None:
                connection.end("tls")
                self._leave()
        if tls is None:
            return
        connection.transport = tls
        self._connection = None
        protocol = HttpGuard(self._guard, connection, **self._uvicorn)
        tls.set_protocol(protocol)
        protocol.connection_made(tls)
        if early.data:
            protocol.data_received(bytes(early.data))

    def _leave(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._guard.leave(connection)


class _Early(asyncio.Protocol):
    """Takes what a client sent with the end of its handshake, until HTTP is there."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.lost = True
