"""Every way of keeping a relay's state, for tests of what all of them promise."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import pytest

from relay.guard.limits import Limits
from relay.stores.base import Stores
from relay.stores.memory.stores import memory_stores


class Kept(NamedTuple):
    """Empty stores, and what moves their clock on by so many seconds."""

    stores: Stores
    forward: Callable[[float], None]


#: Returns empty stores of such bounds, in one of the ways.
Keep = Callable[[Limits], Awaitable[Kept]]


@asynccontextmanager
async def in_memory(limits: Limits) -> AsyncIterator[Kept]:
    now = 1_000.0

    def forward(seconds: float) -> None:
        nonlocal now
        now += seconds

    yield Kept(memory_stores(limits, lambda: now, random.Random(7)), forward)


#: Each way of keeping; another one is a line here.
WAYS: dict[str, Callable[[Limits], AbstractAsyncContextManager[Kept]]] = {
    "memory": in_memory,
}


@pytest.fixture(params=list(WAYS.values()), ids=list(WAYS))
async def keep(request: pytest.FixtureRequest) -> AsyncIterator[Keep]:
    async with AsyncExitStack() as kept:
        yield lambda limits: kept.enter_async_context(request.param(limits))
