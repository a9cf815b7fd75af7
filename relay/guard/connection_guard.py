"""The guard of a relay: TCP connections, and limits on the cost of each, whatever it asks for.

uvicorn bounds neither the time in which a request arrives nor the pings, fragments and unread
answers of a WebSocket client; the guard does, by connection and by address. What is read of each is
http_guard.py's and what it passes it on to. Nothing of what the relay does ever lives here.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import Enum

from relay.guard.addresses import Network, Proxies, networks
from relay.guard.buckets import AddressBuckets, AddressTally, TokenBucket
from relay.guard.limits import Limits
from relay.guard.loop_time import LoopTime
from relay.metrics import Metrics

logger = logging.getLogger(__name__)


class Awaited(Enum):
    """What a connection must do before a deadline."""

    HEAD = "head"
    MESSAGE = "message"
    CLOSE = "close"


class Connection:
    """One connection, whatever its protocol.

    address: under which it is counted; None while it is unknown, behind a trusted proxy.
    """

    def __init__(
        self, guard: ConnectionGuard, transport: asyncio.Transport, address: str | None
    ) -> None:
        now = guard.now()
        self.transport = transport
        self.address = address
        #: Returns how many bytes that it sent are buffered.
        self.kept: Callable[[], int] = lambda: 0
        self._guard = guard
        self._bytes = TokenBucket(guard.limits.socket_bytes, now)
        self._frames = TokenBucket(guard.limits.socket_frames, now)
        self._awaited: Awaited | None = None
        self._due = float("inf")
        self._unread_since: float | None = None
        self._ended = False
        self._is_spending = False

    def awaits(self, what: Awaited | None) -> None:
        """Set the deadline for something; the same again does not extend it."""
        if what is not self._awaited:
            self._awaited = what
            seconds = self._guard.limits.message_seconds
            if what is not Awaited.MESSAGE:
                seconds = self._guard.limits.head_seconds
            self._due = self._guard.now() + seconds if what else float("inf")

    def take_bytes(self, count: int) -> bool:
        """Count received bytes; over the rate, end the connection and return False."""
        own = self._bytes.take(self._guard.now(), count)
        return self._unless(not (own and self._guard.take_bytes(self.address, count)), "bytes")

    def take_frame(self) -> bool:
        """Count a WebSocket frame; over the rate, end the connection and return False."""
        own = self._frames.take(self._guard.now())
        return self._unless(not (own and self._guard.take_frame(self.address)), "frames")

    def seconds_in_debt(self) -> float:
        """Return the seconds until its address may have time of the event loop again; 0: now."""
        if self.address is None:
            return 0.0
        debt = self._guard.loop_time.debt(self.address)
        return debt / self._guard.limits.address_loop_time.per_second

    @contextmanager
    def spends(self) -> Iterator[None]:
        """Charge the time of a block without await to its address, if known at the block's end."""
        if self._is_spending:
            yield
            return
        self._is_spending = True
        try:
            with self._guard.loop_time.spent_by(lambda: self.address):
                yield
        finally:
            self._is_spending = False

    @contextmanager
    def ends_where_it_fails(self) -> Iterator[None]:
        """End the connection if a library raises on its data.

        Out of a protocol's callback an exception would log a traceback, for each connection.
        """
        try:
            yield
        except Exception:
            logger.debug("a connection brought a fault to light", exc_info=True)
            self.end("invalid")

    def held(self) -> int:
        """Return the bytes of memory for incomplete messages and for unread ones to the client."""
        return self.kept() + self.transport.get_write_buffer_size()

    def is_late(self, now: float) -> bool:
        """Return whether it has missed a deadline."""
        if self.transport.is_closing():
            self.awaits(Awaited.CLOSE)  # the client may never read the rest
        if not self.transport.get_write_buffer_size():
            self._unread_since = None
        elif self._unread_since is None:
            self._unread_since = now
        unread = now - self._unread_since if self._unread_since is not None else 0
        return now > self._due or unread > self._guard.limits.message_seconds

    def has_read(self) -> None:
        """Note that its client reads, though there may always be more for it."""
        self._unread_since = None

    def end(self, why: str) -> None:
        """End the connection at once, and free its buffers."""
        if not self._ended:
            self._ended = True
            self._guard.refused(why)
            self.transport.abort()

    def _unless(self, too_much: bool, why: str) -> bool:
        if too_much:
            self.end(why)
        return not self._ended


class ConnectionGuard:
    """Admits connections and bounds their cost. clock: monotonic seconds.

    bans: whether an address is shut out: its connections end at once.
    """

    def __init__(
        self,
        limits: Limits,
        proxies: Proxies,
        metrics: Metrics,
        loop_time: LoopTime,
        *,
        bans: Callable[[str], bool] = lambda _: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits
        self.proxies = proxies
        self.loop_time = loop_time
        self.now = clock
        self._bans = bans
        self._metrics = metrics
        self._connections: set[Connection] = set()
        self._crowd = AddressTally()
        self._bytes = AddressBuckets(limits.address_bytes, limits.max_addresses)
        self._frames = AddressBuckets(limits.address_frames, limits.max_addresses)
        self._requests = AddressBuckets(limits.address_requests, limits.max_addresses)

    @property
    def count(self) -> int:
        """The number of open connections."""
        return len(self._connections)

    async def keep(self) -> None:
        """Sweep all connections for as long as the relay runs."""
        while True:
            await asyncio.sleep(self.limits.sweep_every)
            self.sweep()

    def sweep(self) -> None:
        """End late connections and, if too much memory is held, those that hold most."""
        now = self.now()
        holders: list[Connection] = []
        by_network: defaultdict[Network, list[Connection]] = defaultdict(list)
        for connection in list(self._connections):
            if connection.is_late(now):
                connection.end("late")
            elif connection.held():
                holders.append(connection)
                for network in (
                    networks(connection.address) if connection.address is not None else ()
                ):
                    by_network[network].append(connection)
        for network, connections in by_network.items():
            _relieve(connections, self.limits.max_address_held * network.share)
        _relieve(holders, self.limits.max_held)
        for buckets in (self._bytes, self._frames, self._requests):
            buckets.forget(now)
        self.loop_time.forget()

    def enter(self, transport: asyncio.Transport) -> Connection | None:
        """Admit a connection; if there are too many, end it and return None."""
        peer = transport.get_extra_info("peername")
        host = str(peer[0]) if peer else ""
        connection = Connection(self, transport, None if self.proxies.trusts(host) else host)
        if connection.address is not None and self._bans(connection.address):
            connection.end("banned")
            return None
        if len(self._connections) >= self.limits.max_connections or not self._has_room(
            connection.address
        ):
            connection.end("crowd")
            return None
        self._connections.add(connection)
        if connection.address is not None:
            self._crowd.add(connection.address)
        return connection

    def name(self, connection: Connection, address: str) -> bool:
        """Set the client's address of a proxy's connection.

        If that is shut out, or has too many, end it and return False.
        """
        if connection.address is None and connection in self._connections:
            if self._bans(address):
                connection.end("banned")
                return False
            if not self._has_room(address):
                connection.end("crowd")
                return False
            connection.address = address
            self._crowd.add(address)
        return True

    def leave(self, connection: Connection) -> None:
        """Remove a closed connection."""
        if connection in self._connections:
            self._connections.remove(connection)
            if connection.address is not None:
                self._crowd.remove(connection.address)

    def take_bytes(self, address: str | None, count: int) -> bool:
        """Count bytes of an address; False: too many."""
        return address is None or self._bytes.take(address, self.now(), count)

    def take_frame(self, address: str | None) -> bool:
        """Count a WebSocket frame of an address; False: too many."""
        return address is None or self._frames.take(address, self.now())

    def take_request(self, address: str) -> bool:
        """Count a request of an address; False: too many."""
        taken = self._requests.take(address, self.now())
        if not taken:
            self.refused("requests")
        return taken

    def refused(self, why: str) -> None:
        """Count a refusal."""
        self._metrics.rejected.labels(why).inc()

    def _has_room(self, address: str | None) -> bool:
        bound = self.limits.max_address_connections
        return address is None or self._crowd.has_room(address, bound)


def _relieve(connections: Iterable[Connection], bound: int) -> None:
    sizes = sorted(
        ((connection.held(), connection) for connection in connections), key=lambda each: -each[0]
    )
    held = sum(size for size, _ in sizes)
    for size, connection in sizes:
        if held <= bound:
            return
        connection.end("memory")
        held -= size
