"""How many requests one peer may owe us at a time, and when it has kept us waiting too long.

Enough are kept in flight to hold WINDOW_S seconds of what the peer delivers, so it never runs dry
between our asking and its answer, whatever the round trip. Which blocks they are is the picker's.
Times are seconds of any monotonic clock.
"""

from __future__ import annotations

from math import ceil
from typing import Final

from filesend_tui.core.torrent.rates.rates import RateMeter
from filesend_tui.core.wire.extension_state import DEFAULT_REQQ
from filesend_tui.core.wire.shape import BLOCK

#: Seconds of data to keep asked for.
WINDOW_S: Final = 2.0
#: Requests in flight at first (512 KiB), at least, and at most.
START: Final = 32
FLOOR: Final = 8
CAP: Final = 2048
#: At least so many for each of several channels to a peer, as each holds some back in its queue.
SHARE: Final = 64
#: Seconds without a block, while some are owed, after which a peer is snubbed.
SNUB_S: Final = 30.0
#: Seconds of data before the measured rate is trusted more than doubling.
_TRUST_S: Final = 1.0
#: A handful is this share of the window: fewer requests are not worth a packet of their own.
_HANDFUL: Final = 8


class RequestPipeline:
    """Says how much more to ask one peer for; what it owes is the picker's count.

    It starts as TCP does: each block that comes allows one request more, which doubles the window
    each round trip, until the window holds WINDOW_S of data; from then on it follows the rate.
    """

    def __init__(self) -> None:
        self._limit = DEFAULT_REQQ
        self._heard = 0.0
        self._meter = RateMeter(3.0)
        self._window = START
        self._slow_start = True
        self._flowing_since: float | None = None
        #: How many channels there are to the peer.
        self.channels = 1
        #: It kept us waiting and has sent nothing since.
        self.snubbed = False

    @property
    def window(self) -> int:
        """Requests that may be in flight."""
        if self.snubbed:
            return 1
        least = SHARE * self.channels if self.channels > 1 else 0
        return min(max(self._window, least), self._limit)

    def limit(self, reqq: int) -> None:
        """The peer told how many requests it keeps waiting (BEP 10 `reqq`)."""
        self._limit = max(1, min(reqq, CAP))

    def sent(self, now: float) -> None:
        """Requests went out."""
        self._heard = now

    def received(self, now: float, size: int) -> None:
        """A block of `size` bytes came."""
        self._heard = now
        self.snubbed = False
        self._meter.add(now, size)
        if self._flowing_since is None:
            self._flowing_since = now
        if self._slow_start and self._window < CAP:
            self._window += 1

    def snub(self) -> None:
        """It kept us waiting: until a block comes, it is asked for one at a time."""
        self.dropped()
        self.snubbed = True

    def dropped(self) -> None:
        """Nothing that was asked for will come, as after a choke. The window starts small."""
        self._window = FLOOR
        self._slow_start = True
        self._flowing_since = None

    def room(self, now: float, in_flight: int) -> int:
        """Return how many requests to send now beside those in flight: 0, or a handful at least.

        Where some are in flight the rest of the handful waits for the next block, since a packet
        costs the channel as much for one request as for many.
        """
        self._adapt(now)
        window = self.window
        room = window - in_flight
        return room if room >= max(1, window // _HANDFUL) else 0

    def keeps_waiting(self, now: float, in_flight: int) -> bool:
        """Whether it owes blocks and none came for SNUB_S since the last came or was asked."""
        return in_flight > 0 and now - self._heard >= SNUB_S

    def _adapt(self, now: float) -> None:
        if self._flowing_since is None or now - self._flowing_since < _TRUST_S:
            return
        fits = ceil(self._meter.rate(now) * WINDOW_S / BLOCK)
        if self._slow_start:
            self._slow_start = self._window < min(fits, CAP)
        if not self._slow_start:
            self._window = max(FLOOR, min(fits, CAP))
