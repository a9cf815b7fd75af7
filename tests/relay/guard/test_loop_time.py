"""Turns by a clock of the test's own, on a real event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from relay.guard.limits import Limits, Rate
from relay.guard.loop_time import LoopTime

LIMITS = Limits(address_loop_time=Rate(burst=1.0, per_second=0.25))
GREEDY, MODEST, NEW = "192.0.2.1", "192.0.2.2", "192.0.2.3"


class Clock:
    """Monotonic seconds, and the processor's, which pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0
        self.cpu = 5.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def loop_time(clock: Clock) -> LoopTime:
    return LoopTime(LIMITS, lambda: clock.now, lambda: clock.cpu)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_who_has_time_left_does_not_wait(loop_time: LoopTime):
    for _ in range(5):
        work = loop_time.turn(NEW)
        with pytest.raises(StopIteration):  # it never gave the loop anything to wait for
            work.send(None)


async def test_a_block_is_charged_what_it_took(loop_time: LoopTime, clock: Clock):
    with loop_time.spent_by(lambda: GREEDY):
        clock.cpu += 1.5
    assert loop_time.debt(GREEDY) == 0.5
    assert loop_time.debt(MODEST) == 0
    clock.now += 2
    assert loop_time.debt(GREEDY) == 0


async def test_a_block_that_raises_is_charged_too(loop_time: LoopTime, clock: Clock):
    with pytest.raises(ZeroDivisionError), loop_time.spent_by(lambda: GREEDY):
        clock.cpu += 1.5
        raise ZeroDivisionError
    assert loop_time.debt(GREEDY) == 0.5


async def test_metered_work_is_charged_its_steps_and_not_its_waiting(
    loop_time: LoopTime, clock: Clock
):
    waits = asyncio.get_running_loop().create_future()

    async def work() -> str:
        clock.cpu += 1
        result = await waits
        clock.cpu += 0.5
        return str(result)

    working = asyncio.ensure_future(loop_time.metered(GREEDY, work()))
    await settle()
    assert loop_time.debt(GREEDY) == 0
    clock.cpu += 7  # of others
    waits.set_result("done")
    assert await working == "done"
    assert loop_time.debt(GREEDY) == 0.5


async def test_metered_work_hears_what_is_thrown_into_it(loop_time: LoopTime):
    heard = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            heard.append("cancelled")
            await asyncio.sleep(0)
            heard.append("cleaned up")
            raise

    working = asyncio.ensure_future(loop_time.metered(GREEDY, work()))
    await settle()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert heard == ["cancelled", "cleaned up"]


async def test_metered_work_raises_what_it_raises(loop_time: LoopTime):
    async def work() -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await loop_time.metered(GREEDY, work())


class Queue:
    """Who asked for a turn, and in which order turns came."""

    def __init__(self, loop_time: LoopTime) -> None:
        self.order: list[str] = []
        self._loop_time = loop_time
        self.tasks: list[asyncio.Task[None]] = []

    def ask(self, address: str, costs: Callable[[], None] = lambda: None) -> asyncio.Task[None]:
        async def wait() -> None:
            await self._loop_time.turn(address)
            self.order.append(address)
            costs()

        task = asyncio.create_task(wait())
        self.tasks.append(task)
        return task


@pytest.fixture
async def queue(loop_time: LoopTime) -> AsyncIterator[Queue]:
    queue = Queue(loop_time)
    yield queue
    for task in queue.tasks:
        task.cancel()
    await asyncio.gather(*queue.tasks, return_exceptions=True)


async def test_who_used_up_their_time_waits_until_they_have_some(
    loop_time: LoopTime, clock: Clock, queue: Queue
):
    loop_time.charge(GREEDY, 1.05)
    waiting = queue.ask(GREEDY)
    queue.ask(MODEST)
    await settle()
    assert queue.order == [MODEST]
    assert loop_time.waiting == 1
    clock.now += 0.21  # 0.05 s are back
    async with asyncio.timeout(10):
        await waiting
    assert loop_time.waiting == 0


async def test_a_newcomer_is_not_kept_waiting_by_those_who_must(loop_time: LoopTime, queue: Queue):
    loop_time.charge(GREEDY, 900.0)
    queue.ask(GREEDY)
    await settle()
    async with asyncio.timeout(10):
        await queue.ask(NEW)


async def test_of_those_who_wait_whoever_used_least_goes_first(loop_time: LoopTime, queue: Queue):
    loop_time.charge(GREEDY, 0.9)
    loop_time.charge(MODEST, 0.3)
    # More than the loop gives at once, so that all of these have to wait.
    for _ in range(20):
        queue.ask(GREEDY)
    await asyncio.sleep(0)
    queue.ask(GREEDY)
    queue.ask(MODEST)
    queue.ask(NEW)
    await settle()
    begun = queue.order.index(NEW)
    assert queue.order[begun : begun + 3] == [NEW, MODEST, GREEDY]


async def test_one_address_gets_one_turn_before_the_loop_looks_after_everything_else(
    loop_time: LoopTime, queue: Queue
):
    for _ in range(40):
        queue.ask(GREEDY)
    await asyncio.sleep(0)
    first = len(queue.order)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(queue.order) <= first + 2
    async with asyncio.timeout(10):
        await asyncio.gather(*queue.tasks)


async def test_one_who_is_gone_takes_no_turn(loop_time: LoopTime, clock: Clock, queue: Queue):
    loop_time.charge(GREEDY, 1.05)
    gone, stays = queue.ask(GREEDY), queue.ask(GREEDY)
    await settle()
    gone.cancel()
    clock.now += 3
    async with asyncio.timeout(10):
        await stays
    assert queue.order == [GREEDY]
    assert loop_time.waiting == 0


async def test_the_time_of_a_network_is_bounded_too(loop_time: LoopTime):
    for number in range(9):
        loop_time.charge(f"2001:db8:0:{number}00::1", 0.9)
    assert loop_time.debt("2001:db8:0:ffff::1") == pytest.approx(0.1 / 8)


async def test_what_was_used_long_ago_is_forgotten(loop_time: LoopTime, clock: Clock):
    loop_time.charge(GREEDY, 1.0)
    loop_time.forget()
    assert loop_time.remembered == 1
    clock.now += 4
    loop_time.forget()
    assert loop_time.remembered == 0
