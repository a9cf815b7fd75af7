"""The connections to a server: whoever asked first for one has it first."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from relay.stores.redis.server import client_of
from tests.relay.stores.redis_server import running_redis


async def test_whoever_waits_has_a_connection_before_whoever_comes_later(tmp_path: Path) -> None:
    with running_redis(tmp_path) as server:
        async with server.client() as client:
            pool = client.connection_pool
            taken = [await pool.get_connection() for _ in range(pool.max_connections)]
            order: list[int] = []

            async def ask(number: int) -> None:
                connection = await pool.get_connection()
                order.append(number)
                # Someone else comes at the very moment at which it is free again.
                again.append(asyncio.create_task(late(number)))
                await pool.release(connection)

            async def late(number: int) -> None:
                connection = await pool.get_connection()
                order.append(100 + number)
                await pool.release(connection)

            again: list[asyncio.Task[None]] = []
            waiting = [asyncio.create_task(ask(number)) for number in range(5)]
            await asyncio.sleep(0)
            await pool.release(taken.pop())
            await asyncio.gather(*waiting)
            await asyncio.gather(*again)
            assert order == [0, 1, 2, 3, 4, 100, 101, 102, 103, 104]
            for connection in taken:
                await pool.release(connection)


async def test_connections_that_fail_are_given_back(tmp_path: Path) -> None:
    client = client_of(f"unix://{tmp_path}/nobody.sock")
    for _ in range(3 * client.connection_pool.max_connections):
        with pytest.raises((RedisError, OSError)):
            await asyncio.wait_for(client.ping(), 1)
    await client.aclose()


async def test_whoever_gives_up_waiting_takes_nothing_along(tmp_path: Path) -> None:
    with running_redis(tmp_path) as server:
        async with server.client() as client:
            await _give_up(client)
            assert await client.ping()


async def _give_up(client: Redis) -> None:
    pool = client.connection_pool
    taken = [await pool.get_connection() for _ in range(pool.max_connections)]
    waiting = [asyncio.create_task(client.ping()) for _ in range(3)]
    await asyncio.sleep(0)
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    for connection in taken:
        await pool.release(connection)
    taken = [await pool.get_connection() for _ in range(pool.max_connections)]
    for connection in taken:
        await pool.release(connection)
