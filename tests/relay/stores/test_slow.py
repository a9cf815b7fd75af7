"""A relay whose stores are far away: what happens between two steps must not show."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from relay.guard.limits import Limits
from relay.server import RelayServer, listen
from relay.stores.base import Stores, SwarmTotals
from relay.stores.memory.stores import memory_stores
from tests.relay.stores.slow import Slow
from tests.security.raw import TEXT, Town, announce, frame, town


@asynccontextmanager
async def relay_here(limits: Limits, stores: Stores) -> AsyncIterator[Town]:
    """Serve a relay in this event loop, where its stores can be held up."""
    with listen("127.0.0.1", 0) as listener:
        ready = asyncio.Event()
        server = RelayServer(
            listener, limits=limits, stores=stores, on_ready=lambda _url: ready.set()
        )
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]
        serving = asyncio.create_task(server.serve([listener]))
        await ready.wait()
        try:
            async with town(server.url) as here:
                yield here
        finally:
            server.should_exit = True
            await serving


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


async def test_the_frames_of_a_socket_are_taken_in_their_order():
    limits = Limits()
    stores = Stores(*map(Slow, memory_stores(limits)))
    async with relay_here(limits, stores) as here:
        socket = await here.tracker()
        await socket.send(b"".join(frame(TEXT, announce(f"{number}")) for number in range(50)))
        replies = [json.loads(await socket.hear()) for _ in range(50)]
        assert [each["incomplete"] for each in replies] == [*range(1, 51)]


async def test_a_socket_that_is_closed_while_it_announces_leaves_no_peer():
    """It is closed for having been in no swarm, while its first announce is on its way."""
    limits = Limits(swarm_sweep_every=0.02, tracker_idle=0.05)
    swarms = Slow(memory_stores(limits).swarms)
    stores = memory_stores(limits)._replace(swarms=swarms)
    gate = swarms.hold("announce")
    async with relay_here(limits, stores) as here:
        socket = await here.tracker()
        await socket.send(frame(TEXT, announce("a")))
        await until(lambda: swarms.begun["announce"])
        await here.until("tracker_sockets", 0)
        gate.set()
        await until(lambda: swarms.begun["drop"] and not swarms.under_way)
        assert await swarms.totals() == SwarmTotals(swarms=0, peers=0)


async def test_a_store_that_was_away_is_swept_again_once_it_is_back():
    limits = Limits(sweep_every=0.02, swarm_sweep_every=0.02)
    stores = Stores(*map(Slow, memory_stores(limits)))
    for store in stores:
        store.fail("expire")
    async with relay_here(limits, stores):
        await until(lambda: all(store.begun["expire"] > 2 for store in stores))
