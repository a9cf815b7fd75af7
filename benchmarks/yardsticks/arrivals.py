"""Bytes received at an end of a bare data channel of either kind, and their time."""

from __future__ import annotations

import asyncio
import time
from typing import Any


class Arrivals:
    """A counter of messages, called in any one thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._complete = asyncio.Event()
        self._expected = 0
        self._received = 0
        self._begin = 0
        self._first = 0.0
        self._last = 0.0

    def count(self, message: Any) -> None:
        """Count a message, bytes or text."""
        self._last = time.perf_counter()
        if not self._received:
            self._first = self._last
            self._begin = len(message)
        self._received += len(message)
        self._check()

    async def of(self, total: int, seconds: float) -> dict[str, float]:
        """Return bytes and seconds, first to last, of `total` or of those received in time.

        The first message starts the clock, so its bytes do not count. Raises TimeoutError where no
        other was received.
        """
        self._expected = total
        self._check()
        try:
            await asyncio.wait_for(self._complete.wait(), seconds)
        except TimeoutError:
            if self._received == self._begin:
                raise
        return {"bytes": self._received - self._begin, "seconds": self._last - self._first}

    def _check(self) -> None:
        if self._expected and self._received >= self._expected:
            self._loop.call_soon_threadsafe(self._complete.set)
