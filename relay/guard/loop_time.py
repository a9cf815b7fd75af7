"""The event loop's time: how much each address uses, and which has the next turn.

A relay is one thread, so work for one client delays all others. It is measured in CPU seconds,
bounded by address, and scheduled fairly: of those that wait, the address with the least recent use
goes first, as in fair queueing (Demers, Keshav and Shenker 1989). Nobody is refused for it; an
address beyond its bound waits. The work itself is not known here.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from typing import Any, Final, Generic, TypeVar

from relay.guard.buckets import AddressBuckets
from relay.guard.limits import Limits

T = TypeVar("T")

# How many addresses have a turn before the loop runs everything else.
_AT_ONCE: Final = 16
# Least seconds until the next turns if all that wait have used up their time.
_SHORTEST_WAIT: Final = 0.005


class LoopTime:
    """Meters and schedules the loop's time. now: monotonic seconds; cpu: the thread's seconds."""

    def __init__(
        self,
        limits: Limits,
        now: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.thread_time,
    ) -> None:
        self._budgets = AddressBuckets(limits.address_loop_time, limits.max_addresses)
        self._per_second = limits.address_loop_time.per_second
        self._now = now
        self._cpu = cpu
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._fresh = _AT_ONCE
        self._next: asyncio.Handle | None = None
        self._is_soon = False

    @property
    def waiting(self) -> int:
        """The number of those that wait for their turn."""
        return sum(len(queue) for queue in self._waiting.values())

    @property
    def remembered(self) -> int:
        """The number of networks whose use is recorded."""
        return len(self._budgets)

    def forget(self) -> None:
        """Drop records of addresses whose budget is full again."""
        self._budgets.forget(self._now())

    def charge(self, address: str, seconds: float) -> None:
        """Count seconds of the loop that an address used."""
        self._budgets.spend(address, self._now(), seconds)

    def debt(self, address: str) -> float:
        """Return how many seconds an address has used beyond its bound; at least 0."""
        return max(0.0, -self._budgets.left(address, self._now()))

    @contextmanager
    def spent_by(self, address: Callable[[], str | None]) -> Iterator[None]:
        """Charge the time of a block without await. address: called at its end."""
        started = self._cpu()
        try:
            yield
        finally:
            whose = address()
            if whose is not None:
                self.charge(whose, self._cpu() - started)

    def metered(self, address: str, work: Coroutine[Any, Any, T]) -> Awaitable[T]:
        """Return an awaitable that runs the work and charges each of its steps."""
        return _Metered(self, address, work)

    async def turn(self, address: str) -> None:
        """Wait for one turn of this address."""
        if not self._waiting and self._fresh and not self.debt(address):
            self._fresh -= 1
            self._give_turns_soon()
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(address, deque()).append(turn)
        self._give_turns_soon()
        await turn

    def _give_turns_soon(self) -> None:
        if not self._is_soon:
            self._is_soon = True
            if self._next is not None:
                self._next.cancel()
            self._next = asyncio.get_running_loop().call_soon(self._give_turns)

    def _give_turns_in(self, seconds: float) -> None:
        self._next = asyncio.get_running_loop().call_later(seconds, self._give_turns)

    def _give_turns(self) -> None:
        """Give the next turns: one per address, most time left first."""
        self._next, self._is_soon = None, False
        self._fresh = _AT_ONCE
        now = self._now()
        left = {address: self._budgets.left(address, now) for address in self._waiting}
        able = sorted((address for address in left if left[address] >= 0), key=lambda a: -left[a])
        for address in able:
            if not self._fresh:
                break
            self._fresh -= self._give_turn(address)
        if not self._waiting:
            return
        if able:
            self._give_turns_soon()
        else:
            shortest = min(-seconds for seconds in left.values()) / self._per_second
            self._give_turns_in(max(_SHORTEST_WAIT, shortest))

    def _give_turn(self, address: str) -> bool:
        queue = self._waiting[address]
        given = False
        while queue and not given:
            turn = queue.popleft()
            given = not turn.done()  # the waiting task may be cancelled
            if given:
                turn.set_result(None)
        if not queue:
            del self._waiting[address]
        return given


class _Metered(Generic[T]):
    """Runs a coroutine step by step, as `await` does, and measures each step."""

    def __init__(self, loop_time: LoopTime, address: str, work: Coroutine[Any, Any, T]) -> None:
        self._loop_time = loop_time
        self._address = address
        self._work = work

    def __await__(self) -> Generator[Any, Any, T]:
        step: Callable[[Any], Any] = self._work.send
        value: Any = None
        while True:
            try:
                with self._loop_time.spent_by(lambda: self._address):
                    waits_for = step(value)
            except StopIteration as end:
                result: T = end.value
                return result
            try:
                value = yield waits_for
                step = self._work.send
            except BaseException as error:
                value, step = error, self._work.throw
