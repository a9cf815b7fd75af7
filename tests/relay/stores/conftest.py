"""Every way of keeping a relay's state, for tests of what all of them promise."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import pytest

from relay.guard.limits import Limits
from relay.stores.base import Stores
from relay.stores.memory.stores import memory_stores
from relay.stores.redis.stores import redis_stores
from tests.relay.stores.redis_server import STILL_CLOCK, RedisServer, running_redis

MIB = 1024 * 1024


class Kept(NamedTuple):
    """Empty stores, what moves their clock on by so many seconds, and the bytes that they take.

    That of stores in memory is known while tracemalloc traces. most: what all rooms may take.
    """

    stores: Stores
    forward: Callable[[float], None]
    size: Callable[[], int]
    most: int


#: Returns empty stores of such bounds, in one of the ways.
Keep = Callable[[Limits], Awaitable[Kept]]


@asynccontextmanager
async def in_memory(limits: Limits, _: pytest.FixtureRequest) -> AsyncIterator[Kept]:
    now = 1_000.0

    def forward(seconds: float) -> None:
        nonlocal now
        now += seconds

    stores = memory_stores(limits, lambda: now, random.Random(7))
    yield Kept(stores, forward, lambda: tracemalloc.get_traced_memory()[0], 48 * MIB)


@asynccontextmanager
async def in_redis(limits: Limits, request: pytest.FixtureRequest) -> AsyncIterator[Kept]:
    """On the real server, whose clock stands still but for `forward`."""
    server: RedisServer = request.getfixturevalue("redis_server")
    now = 1_000.0

    def forward(seconds: float) -> None:
        nonlocal now
        now += seconds
        server.set_clock(now)

    server.flush()
    server.set_clock(now)
    async with server.client() as client:
        stores = redis_stores(client, limits, STILL_CLOCK, lambda: now)
        yield Kept(stores, forward, server.size, 96 * MIB)


#: Each way of keeping; another one is a line here.
WAYS: dict[str, Callable[[Limits, pytest.FixtureRequest], AbstractAsyncContextManager[Kept]]] = {
    "memory": in_memory,
    "redis": in_redis,
}


@pytest.fixture(params=list(WAYS.values()), ids=list(WAYS))
async def keep(request: pytest.FixtureRequest) -> AsyncIterator[Keep]:
    async with AsyncExitStack() as kept:
        yield lambda limits: kept.enter_async_context(request.param(limits, request))


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A real server of these tests alone."""
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server
