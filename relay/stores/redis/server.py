"""The Redis or Valkey server of a relay: its address, and how it is reached. No step lives here."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

# Seconds for a connection, for an answer, and for one of the connections to be free. With what
# scripts take, a step ends within all of them together.
_CONNECT: Final = 2.0
_ANSWER: Final = 3.0
_TURN: Final = 2.0
# Each step takes a fraction of a millisecond there; more connections would only wait there.
_CONNECTIONS: Final = 16


class _InTurn(BlockingConnectionPool):
    """A pool whose connections are given out in the order in which they are asked for.

    By itself whoever comes as one gets free has it before all who wait, so that somebody may wait
    for ever though each step takes a moment.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._turns = asyncio.Semaphore(self.max_connections)
        self._given: set[AbstractConnection] = set()

    async def get_connection(self, *_: Any, **__: Any) -> AbstractConnection:
        """Return a connection. Raises TimeoutError where none gets free in time."""
        async with asyncio.timeout(self.timeout):
            await self._turns.acquire()
        try:
            connection: AbstractConnection = await super().get_connection()
        except BaseException:
            self._turns.release()
            raise
        self._given.add(connection)
        return connection

    async def release(self, connection: AbstractConnection) -> None:
        """Take a connection back."""
        try:
            await super().release(connection)
        finally:
            if connection in self._given:  # else it was never given out, as it failed
                self._given.discard(connection)
                self._turns.release()


def client_of(url: str) -> Redis:
    """Return a client of a server; it connects when it is first used.

    url: `redis://`, `rediss://` (TLS) or `unix://`, as redis-py reads it.

    Raises:
        ValueError: It is none.
    """
    pool = _InTurn.from_url(
        url,
        max_connections=_CONNECTIONS,
        timeout=_TURN,
        socket_connect_timeout=_CONNECT,
        socket_timeout=_ANSWER,
        # A step that got no answer may have happened: see Scripts.step.
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)
