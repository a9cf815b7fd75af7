"""Pieces that peers report as false: each is read again and compared with its hash.

Bounded in number and rate, as a peer may report good pieces. What follows from a false one is the
host's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from filesend_tui.core.errors import FileSendError

#: Most pieces that wait to be checked; of more, the first false one is proof enough.
MOST: Final = 16
#: Seconds between two checks.
PAUSE: Final = 0.25


class Complaints:
    """The pieces of one torrent that peers report as false.

    Args:
        check: Compares a piece with its hash; raises FileSendError where it is false.
        found: Called with the error of the first false one.
    """

    def __init__(
        self, check: Callable[[int], Awaitable[None]], found: Callable[[FileSendError], None]
    ) -> None:
        self._check = check
        self._found = found
        self._waiting: dict[int, None] = {}
        self._work: asyncio.Task[None] | None = None

    def add(self, index: int) -> None:
        """Queue a reported piece, unless too many wait."""
        if len(self._waiting) < MOST:
            self._waiting[index] = None
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._look())

    async def close(self) -> None:
        """Stop checking."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait({self._work})

    async def _look(self) -> None:
        while self._waiting:
            index = next(iter(self._waiting))
            try:
                await self._check(index)
            except FileSendError as error:
                self._waiting.clear()
                self._found(error)
                return
            del self._waiting[index]
            await asyncio.sleep(PAUSE)
