"""tasks.py: work that is given up is waited for no longer, whatever it does."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from filesend_tui.core.util.tasks import at_most


async def test_what_ignores_that_it_is_cancelled_is_left_behind() -> None:
    ended = asyncio.Event()

    async def stubborn() -> None:
        with suppress(asyncio.CancelledError):  # as of a task that it has cancelled itself
            await asyncio.Event().wait()
        await ended.wait()

    async with asyncio.timeout(5):
        assert not await at_most(0.05, stubborn())
    ended.set()
    await asyncio.sleep(0)


async def test_what_ends_in_time_is_told() -> None:
    assert await at_most(5, asyncio.sleep(0))

    async def fails() -> None:
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        await at_most(5, fails())


async def test_whoever_waits_may_be_cancelled() -> None:
    cancelled = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    waiting = asyncio.create_task(at_most(60, work()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(5):
        await cancelled.wait()
