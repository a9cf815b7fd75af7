"""Stores as far away as another machine: each step takes its time to get there, and back."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any


class Slow:
    """A store whose steps wait before and after they happen, and happen though nobody waits.

    hops: turns of the event loop each way. begun, done: how often a step was asked for, and
    happened, by its name.
    """

    def __init__(self, store: Any, hops: int = 3) -> None:
        self.begun: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self._store = store
        self._hops = hops
        self._gates: dict[bool, dict[str, asyncio.Event]] = {False: {}, True: {}}
        self._failures: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def under_way(self) -> int:
        """How many steps are asked for and not over."""
        return len(self._tasks)

    def hold(self, name: str) -> asyncio.Event:
        """Let no step of this name happen until the event that is returned."""
        return self._gates[False].setdefault(name, asyncio.Event())

    def hold_back(self, name: str) -> asyncio.Event:
        """Let what a step of this name returns not arrive until the event that is returned."""
        return self._gates[True].setdefault(name, asyncio.Event())

    def fail(self, name: str) -> None:
        """Have the next step of this name fail."""
        self._failures[name] += 1

    def __getattr__(self, name: str) -> Any:
        step = getattr(self._store, name)

        async def there_and_back(*arguments: Any, **named: Any) -> Any:
            await self._travel(name, back=False)
            try:
                return await step(*arguments, **named)
            finally:
                self.done[name] += 1
                await self._travel(name, back=True)

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

    async def _travel(self, name: str, *, back: bool) -> None:
        if gate := self._gates[back].get(name):
            await gate.wait()
        for _ in range(self._hops):
            await asyncio.sleep(0)
