"""The event loop's time: what each address costs of it, and whose turn it is.

A relay is one thread, so what anybody has it do is what everybody waits for. Here that is measured
in seconds of the processor, bounded by address, and given out fairly: of those who wait, whoever
used least of late goes first, as in fair queueing (Demers, Keshav and Shenker 1989). Nobody is
refused for it; who asks for too much waits. What is done in the time is not known here.
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

# How many addresses have a turn before the loop looks after everything else.
_AT_ONCE: Final = 16
# Seconds until the next look where everybody who waits has used up their time, at least.
_SHORTEST_WAIT: Final = 0.005


class LoopTime:
    """Measures and shares the loop's time. now: monotonic seconds; cpu: the thread's seconds."""

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
        """How many wait for their turn."""
        return sum(len(queue) for queue in self._waiting.values())

    @property
    def remembered(self) -> int:
        """How many networks there are whose use is remembered."""
        return len(self._budgets)

    def forget(self) -> None:
        """Forget what was used long ago."""
        self._budgets.forget(self._now())

    def charge(self, address: str, seconds: float) -> None:
        """Count seconds that an address had of the loop."""
        self._budgets.spend(address, self._now(), seconds)

    def debt(self, address: str) -> float:
        """Return how many seconds an address has used beyond what it may; 0 at the least."""
        return max(0.0, -self._budgets.left(address, self._now()))

    @contextmanager
    def spent_by(self, address: Callable[[], str | None]) -> Iterator[None]:
        """Charge the time of a block that does not wait. address: asked at its end."""
        started = self._cpu()
        try:
            yield
        finally:
            whose = address()
            if whose is not None:
                self.charge(whose, self._cpu() - started)

    def metered(self, address: str, work: Coroutine[Any, Any, T]) -> Awaitable[T]:
        """Return an awaitable that does the work and charges each of its steps."""
        return _Metered(self, address, work)

    async def turn(self, address: str) -> None:
        """Return when it is this address's turn to be dealt with once."""
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
        """Let the next ones go on: one of each address, whoever has most time left first."""
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
            given = not turn.done()  # whoever waited may be gone
            if given:
                turn.set_result(None)
        if not queue:
            del self._waiting[address]
        return given


class _Metered(Generic[T]):
    """Runs a coroutine step by step, as `await` does, with a look at the clock around each."""

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
