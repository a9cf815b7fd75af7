"""Whether a key was meant for what is on the screen: not if that came up under the fingers.

What changes by itself (somebody paired, a box went, the next question) is settled once there was a
moment without a key. Pure: keys and changes go in with a clock, a yes or no comes out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

#: Seconds without a key after which a person has seen what came up: longer than between two keys
#: of somebody who types without looking, and shorter than a question takes to be read.
SETTLE: Final = 0.6


class Settling:
    """Counts the time since the last change and the last key.

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
        """Something came up, or went, that the keys of this moment are not meant for."""
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
        """Note a key; say whether it counts. One that came too soon begins the moment anew."""
        counts = not self.wait
        self._settled = counts
        self._key_at = self._clock()
        return counts
