"""Two ends of a real direct connection on this machine, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from filesend_tui.core.transports.direct.road import DirectRoad
from filesend_tui.core.transports.framed_channel import FramedChannel
from tests.transports.pairs import soon

HERE = ("127.0.0.1",)


@asynccontextmanager
async def roads(
    *addresses: tuple[str, ...],
) -> AsyncIterator[tuple[DirectRoad, DirectRoad]]:
    """Two clients' roads that listen."""
    one, two = addresses or (HERE, HERE)
    ours, theirs = DirectRoad(addresses=one), DirectRoad(addresses=two)
    try:
        await soon(asyncio.gather(ours.start(), theirs.start()))
        yield ours, theirs
    finally:
        await soon(asyncio.gather(ours.close(), theirs.close()))


async def meet(ours: DirectRoad, theirs: DirectRoad) -> tuple[FramedChannel, FramedChannel]:
    """Return both ends of one connection."""
    here, there = ours.offer(), theirs.offer()
    return await soon(
        asyncio.gather(
            ours.meet(here, there, chooses=True), theirs.meet(there, here, chooses=False)
        )
    )


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[FramedChannel, FramedChannel]]:
    """Two open channels that are closed at the end."""
    async with roads() as (ours, theirs):
        here, there = await meet(ours, theirs)
        try:
            yield here, there
        finally:
            await soon(asyncio.gather(here.close(), there.close()))
