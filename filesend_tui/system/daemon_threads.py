"""Work on a disk that may never answer, done beside the event loop and beside the program's end.

Python waits at its end for the threads of `asyncio.to_thread`, and they are few: a network drive
that is gone would hold up the program, and everything else that waits for a thread. What is done
for a person who only looks around must not. What the work is, others know.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

T = TypeVar("T")

#: Threads at a time. More only wait where a disk does not answer, and one more would not either.
MOST: Final = 32


class Stuck(OSError):
    """Too much waits for a disk that does not answer."""

    def __init__(self) -> None:
        super().__init__("the disk does not answer")
        self.strerror = "the disk does not answer"


class DaemonThreads:
    """Runs blocking work in threads that hold up nothing: at most `most` at a time."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._running = 0
        self._looks: dict[str, asyncio.Task[Any]] = {}

    async def look(self, work: Callable[[str], T], path: str) -> T:
        """Call the work with a path, as `run` does; a look that goes on already is waited for.

        So that somebody who comes back to a disk that does not answer has it asked once.
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
            look.exception()  # nobody may wait for it any more

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Call the work with these arguments; return what it returns, or raise what it raises.

        When the wait is cancelled the work goes on to its end, and nobody hears of it.

        Raises:
            Stuck: As much as may runs already.
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
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(done, result, problem)

        threading.Thread(target=thread, name="beside", daemon=True).start()
        self._running += 1
        return await waiting
