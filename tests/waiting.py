"""Waiting for what nobody tells: conditions that are looked at time and again, never for a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(holds: Callable[[], object], seconds: float = 20) -> None:
    """Return once this holds. Raises TimeoutError after so many seconds."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)


async def other_tasks_ended() -> None:
    """Wait until no task but this test's own is left; aiortc's own last one sleeps for 20 ms."""
    await until(lambda: len(asyncio.all_tasks()) == 1, 5)
