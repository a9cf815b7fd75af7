"""Stores as far away as another machine: each step takes its time to get there, and back."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any


class Slow:
    """A store whose steps wait before and after they happen, and happen though nobody waits.

    hops: turns of the event loop each way. begun: how often a step was asked for, by its name.
    """

    def __init__(self, store: Any, hops: int = 3) -> None:
        self.begun: Counter[str] = Counter()
        self._store = store
        self._hops = hops
        self._gates: dict[str, asyncio.Event] = {}
        self._failures: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def under_way(self) -> int:
        """How many steps are asked for and not over."""
        return len(self._tasks)

    def hold(self, name: str) -> asyncio.Event:
        """Let no step of this name happen until the event that is returned."""
        self._gates[name] = gate = asyncio.Event()
        return gate

    def fail(self, name: str) -> None:
        """Have the next step of this name fail."""
        self._failures[name] += 1

    def __getattr__(self, name: str) -> Any:
        step = getattr(self._store, name)

        async def there_and_back(*arguments: Any, **named: Any) -> Any:
            if name in self._gates:
                await self._gates[name].wait()
            await self._travel()
            try:
                return await step(*arguments, **named)
            finally:
                await self._travel()

        async def slow(*arguments: Any, **named: Any) -> Any:
            self.begun[name] += 1
            if self._failures[name]:
                self._failures[name] -= 1
                raise OSError("the store is away")
            # What was sent to another machine cannot be called back.
            task = asyncio.create_task(there_and_back(*arguments, **named))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return await asyncio.shield(task)

        return slow

    async def _travel(self) -> None:
        for _ in range(self._hops):
            await asyncio.sleep(0)
