"""Pieces that came out false at a peer: each is read again here and compared with its hash.

A few at a time, and few a second, as a stranger may complain of what is right. What follows from
one that is false is its host's to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from filesend_tui.core.errors import FileSendError

#: Pieces that wait to be looked at; of more than that, the first that is false says enough.
MOST: Final = 16
#: Seconds between two of them.
PAUSE: Final = 0.25


class Complaints:
    """What peers say of one torrent's pieces.

    Args:
        check: Compares a piece with its hash; raises FileSendError where it is false.
        found: Told why, at the first that is.
    """

    def __init__(
        self, check: Callable[[int], Awaitable[None]], found: Callable[[FileSendError], None]
    ) -> None:
        self._check = check
        self._found = found
        self._waiting: dict[int, None] = {}
        self._work: asyncio.Task[None] | None = None

    def add(self, index: int) -> None:
        """A piece came out false somewhere."""
        if len(self._waiting) < MOST:
            self._waiting[index] = None
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._look())

    async def close(self) -> None:
        """Look at nothing more."""
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
