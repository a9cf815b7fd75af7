"""throttle.py: one slice at a time, a call when the turn has come, nothing lost or kept."""

from __future__ import annotations

import asyncio

import pytest

from filesend_tui.core.torrent.rates.limiter import RateLimit
from filesend_tui.core.torrent.rates.throttle import Throttle
from filesend_tui.core.wire.shape import BLOCK
from tests import virtual_time

RATE = 10 * BLOCK


async def move(allowance: Throttle, again: asyncio.Event, total: int) -> float:
    """Move so many bytes in whole blocks; return the time at the end."""
    while total > 0:
        while not (allowed := allowance.take(total)):
            again.clear()
            await again.wait()
        allowance.settle(allowed)
        total -= allowed
    return asyncio.get_running_loop().time()


def test_two_share_a_limit_equally() -> None:
    async def main() -> None:
        start = asyncio.get_running_loop().time()
        limit = RateLimit(RATE)
        events = [asyncio.Event(), asyncio.Event()]
        ends = await asyncio.gather(
            *(move(Throttle(limit, event.set), event, 20 * RATE) for event in events)
        )
        # The first alone has the burst.
        assert [end - start for end in ends] == [pytest.approx(40, rel=0.03)] * 2

    virtual_time.run(main())


async def test_without_a_limit_all_may_go() -> None:
    allowance = Throttle(None, lambda: pytest.fail("nobody waits"))
    assert allowance.take(10**9) == 10**9
    allowance.settle(5)
    allowance.refund(5)
    assert allowance.take(1) == 1


def test_the_owner_is_called_once_however_often_it_asks() -> None:
    async def main() -> None:
        calls: list[float] = []
        loop = asyncio.get_running_loop()
        start = loop.time()
        limit = RateLimit(RATE)
        limit.book(start, RATE)
        allowance = Throttle(limit, lambda: calls.append(loop.time()))
        for _ in range(3):
            assert allowance.take(BLOCK) == 0
        await asyncio.sleep(5)
        assert calls == [pytest.approx(start + 0.75)]
        assert allowance.take(BLOCK) == BLOCK

    virtual_time.run(main())


def test_what_closes_or_is_lost_gives_its_turn_to_the_others() -> None:
    async def main() -> None:
        now = asyncio.get_running_loop().time()
        limit = RateLimit(RATE)
        limit.book(now, RATE)
        closing = Throttle(limit, lambda: pytest.fail("it was closed"))
        assert closing.take(BLOCK) == 0
        closing.close()
        assert closing.take(BLOCK) == 0
        await asyncio.sleep(1)
        asked = Throttle(limit, lambda: None)
        assert asked.take(BLOCK) == BLOCK
        asked.settle(3 * BLOCK)
        asked.refund(3 * BLOCK)
        assert limit.book(now, BLOCK) == pytest.approx(now + 0.75)

    virtual_time.run(main())
