"""Turns at a shared rate limit: how much may move now, and a callback at the next turn.

The limit itself is limiter.py's; what is moved is the owner's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from filesend_tui.core.torrent.rates.limiter import RateLimit


class Throttle:
    """Books one slice at a time, so that no turn is long and no owner holds two.

    Args:
        limit: Shared with others; None allows everything.
        again: Called when the turn that `take` booked has come.
    """

    def __init__(self, limit: RateLimit | None, again: Callable[[], None]) -> None:
        self._limit = limit
        self._again = again
        self._loop = asyncio.get_running_loop()
        self._booked = 0
        self._turn = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def take(self, wanted: int) -> int:
        """Return how many of the wanted bytes may move now; at 0, `again` will be called,
        unless this is closed.

        After anything but 0, `settle` must follow before the next `take`.
        """
        if self._closed:
            return 0
        if self._limit is None or self._limit.rate is None:
            return wanted
        now = self._loop.time()
        if not self._booked:
            self._booked = min(wanted, self._limit.slice)
            self._turn = self._limit.book(now, self._booked)
        if self._turn > now:
            if self._timer is None:
                self._timer = self._loop.call_at(self._turn, self._come)
            return 0
        return self._booked

    def settle(self, moved: int) -> None:
        """Report how many bytes moved in the turn, which may be more or fewer than it allowed."""
        if self._limit is not None:
            self._limit.give_back(self._booked - moved)
            self._booked = 0

    def refund(self, size: int) -> None:
        """Return `size` bytes that were counted as moved and will not come."""
        if self._limit is not None:
            self._limit.give_back(size)

    def close(self) -> None:
        """Allow nothing more; give back a booked turn."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self.settle(0)

    def _come(self) -> None:
        self._timer = None
        self._again()
