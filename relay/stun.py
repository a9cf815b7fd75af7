"""STUN beside the relay: tells who asks by UDP under which address and port they are seen.

Binding requests alone (RFC 8489), without credentials, on the relay's own port number. Whoever
forges a sender has that one get at most a few short answers: they are counted by address and in
all, and no more than twelve bytes longer than what asked, 24 for IPv6.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from relay.guard.buckets import AddressBuckets, TokenBucket
from relay.guard.limits import Limits
from relay.metrics import Metrics

logger = logging.getLogger(__name__)

# A request without attributes, and the most that one has (section 6.1: what every network carries).
_SHORTEST: Final = 20
_LONGEST: Final = 548
# A binding request, its length left out, and the magic cookie (section 5).
_BINDING: Final = b"\x00\x01"
_COOKIE: Final = b"\x21\x12\xa4\x42"


#: Seconds between two tries to have the port, and the try after which the log says that it is not.
AGAIN: Final = 5.0
_TELL_AFTER: Final = 3


class StunServer(asyncio.DatagramProtocol):
    """Answers binding requests. admits: whether an address is let in. clock: monotonic seconds."""

    def __init__(
        self,
        limits: Limits,
        metrics: Metrics,
        admits: Callable[[str], bool] = lambda _: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._admits = admits
        self._now = clock
        self._metrics = metrics
        self._all = TokenBucket(limits.stun_requests, clock())
        self._addresses = AddressBuckets(limits.address_stun_requests, limits.max_addresses)
        self._stun: Any = None
        self._transport: asyncio.DatagramTransport | None = None
        self._loading: asyncio.Task[None] | None = None
        self._trying: asyncio.Task[None] | None = None

    async def listen(self, beside: socket.socket, listening: Callable[[int], None]) -> None:
        """Listen on the address of a TCP listener, now or as soon as its port is free.

        Any program may have it for a moment, for something that it asks: a relay that has just been
        restarted would then have no STUN for as long as it runs.

        Args:
            beside: The TCP listener.
            listening: Called with the port, once it listens.
        """
        if (error := await self._try(beside, listening)) is not None:
            self._trying = asyncio.create_task(self._keep_trying(beside, listening, error))

    async def _keep_trying(
        self, beside: socket.socket, listening: Callable[[int], None], error: OSError | None
    ) -> None:
        for tries in itertools.count(1):
            if tries == _TELL_AFTER and error is not None:
                logger.warning("no STUN so far: its UDP port cannot be had: %s", error.strerror)
            await asyncio.sleep(AGAIN)
            error = await self._try(beside, listening)
            if error is None:
                return

    async def _try(self, beside: socket.socket, listening: Callable[[int], None]) -> OSError | None:
        """Listen; return why that cannot be."""
        loop = asyncio.get_running_loop()
        try:
            sock = udp_like(beside)
            transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=sock)
        except OSError as error:
            return error
        self._transport = transport
        # Importing the codec takes a moment, for which nobody waits; who asks meanwhile asks again.
        self._loading = asyncio.create_task(self._load())
        listening(int(sock.getsockname()[1]))
        return None

    async def _load(self) -> None:
        self._stun = await asyncio.to_thread(import_module, "aioice.stun")

    async def close(self) -> None:
        """Answer no more."""
        if self._trying is not None:
            self._trying.cancel()
            await asyncio.wait({self._trying})
        if self._transport is not None:
            self._transport.close()
        if self._loading is not None:
            await asyncio.wait({self._loading})

    def forget(self) -> None:
        """Drop counts that are full again; called every second or so."""
        self._addresses.forget(self._now())

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        """Answer a request, if it is one and not one too many."""
        shaped = _SHORTEST <= len(data) <= _LONGEST and data[:2] == _BINDING
        if not shaped or data[4:8] != _COOKIE or self._stun is None:
            return
        host, port = str(addr[0]).removeprefix("::ffff:"), addr[1]
        now = self._now()
        taken = self._addresses.take(host, now) and self._all.take(now)
        if not taken or not self._admits(host):
            self._metrics.rejected.labels("stun").inc()
            return
        try:
            request = self._stun.parse_message(data)
        except ValueError:
            return
        answer = self._stun.Message(
            message_method=self._stun.Method.BINDING,
            message_class=self._stun.Class.RESPONSE,
            transaction_id=request.transaction_id,
        )
        answer.attributes["XOR-MAPPED-ADDRESS"] = (host, port)
        assert self._transport is not None
        self._transport.sendto(bytes(answer), addr)
        self._metrics.stun.inc()

    def error_received(self, exc: Exception) -> None:
        """Do nothing: whoever asked is gone."""


def udp_like(listener: socket.socket) -> socket.socket:
    """Return a UDP socket at the address of a TCP listener. Raises OSError."""
    sock = socket.socket(listener.family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if listener.family == socket.AF_INET6:
            only = listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        sock.bind(listener.getsockname())
    except BaseException:
        sock.close()
        raise
    return sock
