"""How fast file data may move: one limit for each direction, shared by all peers of a client.

Pure: a token bucket whose clock is passed in, in seconds of any monotonic clock. It is kept as the
time up to which it is booked, so whoever asks gets a turn behind those that asked before, and peers
that ask for one slice at a time get equal shares. Who waits for a turn, and how, is throttle.py's.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from filesend_tui.core.wire.shape import BLOCK

#: Seconds of unused allowance that are not lost: what a late timer or a round trip missed.
BURST_S: Final = 0.25
#: Seconds of data in one turn: longer turns would let a channel fall silent and then flood it.
SLICE_S: Final = 0.05


class RateLimit:
    """At most so many bytes a second, or as many as one likes; that may change at any time.

    Args:
        bytes_per_second: At least 1; None for no limit.
    """

    def __init__(self, bytes_per_second: int | None = None) -> None:
        self.change(bytes_per_second)

    def change(self, bytes_per_second: int | None) -> None:
        """Limit to this from now on. Whoever waits for a turn has it when it was booked for."""
        if bytes_per_second is not None and bytes_per_second < 1:
            raise ValueError("a limit is at least 1 byte a second")
        self._rate = bytes_per_second
        self._booked = float("-inf")

    @property
    def rate(self) -> int | None:
        """Bytes a second; None for no limit."""
        return self._rate

    @property
    def slice(self) -> int:
        """Bytes to book at a time; a block at least."""
        return max(BLOCK, int((self._rate or 0) * SLICE_S))

    def book(self, now: float, size: int) -> float:
        """Book `size` bytes behind all that is booked; return when they may go, perhaps `now`."""
        if self._rate is None:
            return now
        turn = max(self._booked, now - BURST_S)
        self._booked = turn + size / self._rate
        return max(turn, now)

    def give_back(self, size: int) -> None:
        """So much of what was booked was not used; negative where more was."""
        if self._rate is not None:
            self._booked -= size / self._rate


class Limits(NamedTuple):
    """A client's limits."""

    upload: RateLimit
    download: RateLimit

    @classmethod
    def of(cls, upload: int | None = None, download: int | None = None) -> Limits:
        """Return the limits for these bytes a second; None where there is none."""
        return cls(RateLimit(upload), RateLimit(download))
