"""The Redis or Valkey server of a relay: its address, and how it is reached. No step lives here."""

from __future__ import annotations

from typing import Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

# Seconds for a connection, for an answer, and for one of the connections to be free. With what
# scripts take, a step ends within all of them together.
_CONNECT: Final = 2.0
_ANSWER: Final = 3.0
_TURN: Final = 2.0
# Each step takes a fraction of a millisecond there; more connections would only wait there.
_CONNECTIONS: Final = 16


def client_of(url: str) -> Redis:
    """Return a client of a server; it connects when it is first used.

    url: `redis://`, `rediss://` (TLS) or `unix://`, as redis-py reads it.

    Raises:
        ValueError: It is none.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=_CONNECTIONS,
        timeout=_TURN,
        socket_connect_timeout=_CONNECT,
        socket_timeout=_ANSWER,
        # A step that got no answer may have happened: see Scripts.step.
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)
