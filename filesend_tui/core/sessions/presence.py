"""Whether a partner is there: how long they may be away, and when to try to meet them again.

Meeting is lobby.py's; what an absence means for a session is manager.py's.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final

#: Backoff in seconds: before the second try to meet a partner again, and the most between two.
FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 30.0
#: Seconds in a room after which the backoff begins anew.
STEADY: Final = 30.0


class Presence:
    """The presence of one partner. returning: the task that meets them again, if any.

    Args:
        limit: Seconds that they may be away.
        too_long: Called once they were.
    """

    def __init__(self, limit: float, too_long: Callable[[], None]) -> None:
        self.returning: asyncio.Task[None] | None = None
        self._limit = limit
        self._too_long = too_long
        self._loop = asyncio.get_running_loop()
        self._ending: asyncio.TimerHandle | None = None
        self._entered = self._loop.time()
        self._tries = 0

    def away(self) -> None:
        """Start to count."""
        self.back()
        self._ending = self._loop.call_later(self._limit, self._too_long)

    def back(self) -> None:
        """Stop to count."""
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None

    def entered(self) -> None:
        """Record that both are in a room again."""
        self._entered = self._loop.time()

    def room_lost(self) -> None:
        """Record that the room is gone; one that held begins the backoff anew."""
        if self._loop.time() - self._entered > STEADY:
            self._tries = 0

    def next_delay(self) -> float:
        """Return the seconds to wait before the next try: none before the first."""
        tries, self._tries = self._tries, self._tries + 1
        if not tries:
            return 0.0
        longest: float = min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(tries - 1, 16))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret

    async def close(self) -> None:
        """Stop everything."""
        self.back()
        if (returning := self.returning) is not None:
            returning.cancel()
            await asyncio.wait({returning})
