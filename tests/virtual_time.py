"""An event loop whose clock stands still while there is work, and jumps where nothing is to do.

For tests of what takes long by the clock and little by the processor, such as a swarm with rate
limits: minutes pass in a second, and a busy machine changes nothing. Work in threads counts as
work. Sockets do not: nothing here waits for another process.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar

T = TypeVar("T")


class _JumpingSelector(selectors.SelectSelector):
    loop: VirtualTimeLoop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is not None and timeout <= 0:
            return super().select(0)
        if timeout is None or self.loop.threads_at_work:
            return super().select(None)
        events = super().select(0)
        if not events:
            self.loop.now += timeout
        return events


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.threads_at_work = 0
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)
        # Timers this close are due: float arithmetic would else jump by nothing for ever.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self.now

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        future = super().run_in_executor(executor, func, *args)
        self.threads_at_work += 1
        future.add_done_callback(self._thread_done)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        # Python 3.12 and later give it minutes, which the clock would jump over at once.
        await super().shutdown_default_executor()

    def _thread_done(self, _future: object) -> None:
        self.threads_at_work -= 1


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
