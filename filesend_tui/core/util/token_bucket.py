"""A token bucket: a rate limit of so much at once (the burst), and so much a second.

Pure: the time is passed in, in seconds of any monotonic clock. What is counted, and what happens
when the bucket is empty, is the owner's.
"""

from __future__ import annotations


class TokenBucket:
    """One spender's bucket, full at first.

    Args:
        burst: Most that is spent at once.
        per_second: The refill a second.
        now: The time at which it is full.
    """

    __slots__ = ("_burst", "_left", "_per_second", "_when")

    def __init__(self, burst: float, per_second: float, now: float) -> None:
        self._burst = burst
        self._per_second = per_second
        self._left = burst
        self._when = now

    def spend(self, amount: float, now: float) -> bool:
        """Spend an amount; return False, and spend nothing, if there is less."""
        gained = max(0.0, now - self._when) * self._per_second
        self._left = min(self._burst, self._left + gained)
        self._when = now
        if self._left < amount:
            return False
        self._left -= amount
        return True
