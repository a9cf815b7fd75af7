"""Whether a partner is there: how long they may be away.

Meeting them again is coming_back.py's; what an absence means for a session is manager.py's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Presence:
    """The presence of one partner.

    Args:
        limit: Seconds that they may be away.
        too_long: Called once they were.
    """

    def __init__(self, limit: float, too_long: Callable[[], None]) -> None:
        self._limit = limit
        self._too_long = too_long
        self._ending: asyncio.TimerHandle | None = None

    def away(self) -> None:
        """Start to count."""
        self.back()
        loop = asyncio.get_running_loop()
        self._ending = loop.call_later(self._limit, self._too_long)

    def back(self) -> None:
        """Stop to count."""
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
