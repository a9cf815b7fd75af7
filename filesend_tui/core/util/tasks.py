"""Tasks with an owner, which holds references to them and cancels them; and tasks that are left
behind. No work ever lives here.

asyncio keeps only a weak reference to a task, and reports an exception of one that nobody awaits
when it is garbage-collected, if ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

#: What was cancelled, and nobody waits for.
_left_behind: set[asyncio.Task[object]] = set()


async def at_most(seconds: float, work: Coroutine[Any, Any, object]) -> bool:
    """Do this work for so many seconds and no longer; return whether it came to its end.

    Unlike asyncio.wait_for, which waits until what it has cancelled has ended: a library's work
    may take that for something else, and go on. It is left behind then. Raises what the work does.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            _left_behind.add(task)
            task.add_done_callback(_left)
            task.cancel()
    if not task.done():
        return False
    task.result()
    return True


def _left(task: asyncio.Task[object]) -> None:
    _left_behind.discard(task)
    if not task.cancelled():
        task.exception()  # else asyncio reports it


class Tasks:
    """The tasks of one owner.

    Args:
        failed: Called with the exception of a task, as soon as it has ended.
    """

    def __init__(self, failed: Callable[[BaseException], None] | None = None) -> None:
        self._failed = failed
        self._tasks: set[asyncio.Task[None]] = set()

    def __bool__(self) -> bool:
        """Return whether any has not ended."""
        return bool(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task on the running loop."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def cancel(self, after: float = 0.0) -> None:
        """Cancel those that have not ended after so many seconds, and wait for all."""
        late = self._tasks
        if late and after:
            _, late = await asyncio.wait(late, timeout=after)
        for task in late:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def join(self) -> None:
        """Wait until all have ended, those too that are started meanwhile."""
        while tasks := set(self._tasks):
            await asyncio.gather(*tasks, return_exceptions=True)
            # From Python 3.12 on, gathering finished tasks does not run `_ended`, which does this.
            self._tasks -= tasks

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._failed is not None and not task.cancelled() and (error := task.exception()):
            self._failed(error)
