"""The stores of relays that share a server: each behind the interface of a store."""

from __future__ import annotations

import time
from collections.abc import Callable

from redis.asyncio import Redis

from relay.guard.limits import Limits
from relay.stores.base import Stores
from relay.stores.redis.people import RedisPeople
from relay.stores.redis.rates import RedisRates
from relay.stores.redis.scripts import SERVER_CLOCK
from relay.stores.redis.swarms import RedisSwarms


def redis_stores(
    client: Redis,
    limits: Limits,
    clock: str = SERVER_CLOCK,
    own_clock: Callable[[], float] = time.monotonic,
) -> Stores:
    """Return the stores on a server; relays that share it have the same limits.

    clock: Lua that defines `now`, the seconds of the server's clock. own_clock: monotonic seconds.
    """
    return Stores(
        people=RedisPeople(client, limits, clock),
        swarms=RedisSwarms(client, limits, clock),
        rates=RedisRates(client, limits, clock, own_clock),
    )
