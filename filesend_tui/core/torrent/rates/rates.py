"""Rates of bytes over time, and how long the rest will take.

Clocks are the caller's: `now` is seconds from any fixed point, never going back. Formatting for
people never lives here.
"""

from __future__ import annotations

from typing import Final

_BUCKETS: Final = 20


class RateMeter:
    """Bytes a second over a sliding window, in coarse buckets: constant time and memory.

    Args:
        window_s: Seconds to average over; a burst is forgotten after that long.
    """

    __slots__ = ("_buckets", "_since", "_sum", "_tick", "_width", "total")

    def __init__(self, window_s: float = 5.0) -> None:
        self._width = window_s / _BUCKETS
        self._buckets = [0] * _BUCKETS
        self._tick = 0
        self._sum = 0
        self._since = 0.0
        #: All bytes ever added.
        self.total = 0

    def add(self, now: float, size: int) -> None:
        """Count `size` bytes at time `now`."""
        self._advance(now)
        if not self._sum:
            self._since = now
        self._buckets[self._tick % _BUCKETS] += size
        self._sum += size
        self.total += size

    def rate(self, now: float) -> float:
        """Return bytes a second over the window, or since the flow began where that is later."""
        self._advance(now)
        if not self._sum:
            return 0.0
        oldest = (self._tick - _BUCKETS + 1) * self._width
        return self._sum / max(now - max(oldest, self._since), self._width)

    def _advance(self, now: float) -> None:
        tick = int(now / self._width)
        steps = tick - self._tick
        if steps <= 0:
            return
        if steps >= _BUCKETS:
            self._buckets = [0] * _BUCKETS
            self._sum = 0
        else:
            for stale in range(self._tick + 1, tick + 1):
                self._sum -= self._buckets[stale % _BUCKETS]
                self._buckets[stale % _BUCKETS] = 0
        self._tick = tick


def time_remaining(left: int, rate: float) -> float | None:
    """Return the seconds that `left` bytes take at `rate` bytes a second; None when it stalls."""
    if left <= 0:
        return 0.0
    return left / rate if rate >= 1 else None
