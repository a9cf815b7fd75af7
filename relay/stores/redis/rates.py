"""Rate limits on the server: a RateStore whose steps for addresses are rates.lua's.

The buckets of connections are this process's, whose connections they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis

from relay.guard.addresses import networks
from relay.guard.buckets import KeyBuckets
from relay.guard.limits import Limits, Rate
from relay.stores.base import Counted, CountedByAddress
from relay.stores.redis.scripts import SERVER_CLOCK, Scripts


class RedisRates:
    """A RateStore.

    Beyond max_addresses of a kind, the bucket that is full soonest is evicted; of connections, the
    least recently used one. clock: Lua, see Scripts. own_clock: monotonic seconds.
    """

    def __init__(
        self,
        client: Redis,
        limits: Limits,
        clock: str = SERVER_CLOCK,
        own_clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._scripts = Scripts(client, "rates", limits, clock)
        self._limits = limits
        self._clock = own_clock
        self._connections = {
            what: KeyBuckets(getattr(limits, what.value), limits.max_addresses) for what in Counted
        }

    async def take(self, what: Counted, connection: str, count: float = 1) -> bool:
        """Take so many tokens of a connection; False, and none taken, where there are fewer."""
        return self._connections[what].take(connection, self._clock(), count)

    async def take_of_address(self, what: CountedByAddress, address: str) -> bool:
        """Take one token of an address; False, and none taken, where there is none."""
        [taken] = await self._step(what, 1, address)
        return bool(taken)

    async def give_back(self, what: CountedByAddress, address: str) -> None:
        """Give one token of an address back."""
        await self._step(what, -1, address)

    async def expire(self) -> None:
        """Drop the buckets of connections that are full again; those of addresses end there."""
        now = self._clock()
        for buckets in self._connections.values():
            buckets.forget(now)

    async def _step(self, what: CountedByAddress, count: int, address: str) -> list[Any]:
        rate: Rate = getattr(self._limits, what.value)
        counted = (each for network in networks(address) for each in network)
        _, *answer = await self._scripts.step(
            "take", what.value, rate.burst, rate.per_second, count, *counted
        )
        return answer
