"""Daemon threads for disk work that may hang, which block neither the event loop nor exit.

At exit Python joins the threads of `asyncio.to_thread`, and they are few: a network drive that is
gone would block exit, and everything else that waits for a thread. Browsing folders must not do
that. The work itself is the caller's.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

T = TypeVar("T")

#: The most threads at a time. So many are only used where a disk does not answer.
MOST: Final = 32


class Stuck(OSError):
    """Too many threads wait for a disk that does not answer."""

    def __init__(self) -> None:
        super().__init__("the disk does not answer")
        self.strerror = "the disk does not answer"


class DaemonThreads:
    """A runner of blocking work in daemon threads, at most `most` at a time."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._running = 0
        self._looks: dict[str, asyncio.Task[Any]] = {}

    async def look(self, work: Callable[[str], T], path: str) -> T:
        """Call the work with a path, as `run` does; join a call for that path already running.

        So a disk that does not answer has one call waiting, however often it is asked for.
        """
        if path not in self._looks:
            task = asyncio.create_task(self.run(work, path))
            task.add_done_callback(lambda done: self._looked(path, done))
            self._looks[path] = task
        result: T = await asyncio.shield(self._looks[path])
        return result

    def _looked(self, path: str, look: asyncio.Task[Any]) -> None:
        del self._looks[path]
        if not look.cancelled():
            look.exception()  # mark it as retrieved: nothing may await it any more

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Call the work with these arguments; return what it returns, or raise what it raises.

        When the wait is cancelled the work runs to its end, and its result is dropped.

        Raises:
            Stuck: `most` threads run already.
        """
        if self._running >= self._most:
            raise Stuck
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[T] = loop.create_future()

        def done(result: T | None, problem: BaseException | None) -> None:
            self._running -= 1
            if waiting.done():
                return
            if problem is not None:
                waiting.set_exception(problem)
            else:
                waiting.set_result(result)  # type: ignore[arg-type]  # T may be None itself

        def thread() -> None:
            result, problem = None, None
            try:
                result = work(*arguments)
            except BaseException as error:
                problem = error
            with suppress(RuntimeError):  # the loop is closed: nothing awaits it any more
                loop.call_soon_threadsafe(done, result, problem)

        threading.Thread(target=thread, name="beside", daemon=True).start()
        self._running += 1
        return await waiting
