"""Whether a key was meant for what is on the screen: not if that appeared while typing.

A change that the person did not make (somebody paired, a box closed, the next question) is settled
after a moment without a key, a debounce. Pure: the clock is passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

#: Seconds without a key after which a person has seen a change: longer than between two keys of
#: somebody who types without looking, and shorter than reading a question takes.
SETTLE: Final = 0.6


class Settling:
    """The time since the last change and the last key.

    Args:
        clock: Seconds, monotonic.
        seconds: How long the moment without a key is; 0 for none.
    """

    def __init__(self, clock: Callable[[], float], seconds: float = SETTLE) -> None:
        self.seconds = seconds
        self._clock = clock
        self._changed_at = self._key_at = float("-inf")
        self._settled = True

    def changed(self) -> None:
        """Note that the screen changed by itself: keys pressed now are not meant for it."""
        self._changed_at = self._clock()
        self._settled = not self.seconds

    @property
    def wait(self) -> float:
        """Seconds until keys count, if none is pressed meanwhile; 0 where they count."""
        if self._settled:
            return 0.0
        since = max(self._changed_at, self._key_at)
        return max(0.0, since + self.seconds - self._clock())

    def take_key(self) -> bool:
        """Note a key; return whether it counts. One that came too soon restarts the wait."""
        counts = not self.wait
        self._settled = counts
        self._key_at = self._clock()
        return counts
