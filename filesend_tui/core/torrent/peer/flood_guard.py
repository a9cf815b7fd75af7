"""How much a peer may say that moves nothing, before it counts as a flood.

Pure: a leaky bucket whose clock is passed in, in seconds of any monotonic clock. What a message
weighs is wire/message_cost.py's.
"""

from __future__ import annotations

from typing import Final

#: Weight borne at once. A good peer comes nearest when we choke it with its requests under way
#: (1,024), or when it trades small pieces quickly and its interest changes with each.
BURST: Final = 8192
#: Weight borne for ever, a second; a few hundredths of a processor at most.
PER_SECOND: Final = 256


class FloodGuard:
    """One peer's bucket. now: when it connected."""

    def __init__(self, now: float) -> None:
        self._level = 0.0
        self._seen = 0
        self._when = now

    def allows(self, total: int, now: float) -> bool:
        """Return whether `total`, the weight of all that came so far, is still borne."""
        leaked = (now - self._when) * PER_SECOND
        self._level = max(0.0, self._level - leaked) + total - self._seen
        self._seen, self._when = total, now
        return self._level <= BURST
