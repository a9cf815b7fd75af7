"""Rate limits of file data: one for each direction, shared by all peers of a client.

Pure: a token bucket whose clock is passed in, in seconds of any monotonic clock. Its state is the
time up to which it is booked: turns are given in the order of booking, and peers that book one
slice at a time get equal shares. Waiting for a turn is throttle.py's.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from filesend_tui.core.wire.shape import BLOCK

#: Seconds of unused allowance that are kept, to make up for a late timer or a round trip.
BURST_S: Final = 0.25
#: Seconds of data in one turn: longer turns would let a channel idle and then flood it.
SLICE_S: Final = 0.05


class RateLimit:
    """A limit in bytes a second, or none; it may change at any time.

    Args:
        bytes_per_second: At least 1; None for no limit.
    """

    def __init__(self, bytes_per_second: int | None = None) -> None:
        self.change(bytes_per_second)

    def change(self, bytes_per_second: int | None) -> None:
        """Set the limit from now on. Turns that were booked before keep their time."""
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
        """Return booked bytes that were not used; negative where more were."""
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
