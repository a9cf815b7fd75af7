"""How many requests to one peer are kept in flight, and when the peer is snubbed.

Enough for WINDOW_S seconds of what the peer delivers, so that it never idles between our requests,
whatever the round trip. Which blocks they are is the picker's.
Times are seconds of any monotonic clock.
"""

from __future__ import annotations

from math import ceil
from typing import Final

from filesend_tui.core.torrent.rates.rates import RateMeter
from filesend_tui.core.wire.extension_state import DEFAULT_REQQ
from filesend_tui.core.wire.shape import BLOCK

#: Seconds of data to keep requested.
WINDOW_S: Final = 2.0
#: Requests in flight at first (512 KiB), at least, and at most.
START: Final = 32
FLOOR: Final = 8
CAP: Final = 2048
#: At least so many for each of several channels to a peer, as each holds some back in its queue.
SHARE: Final = 64
#: Seconds without a block, with requests in flight, after which a peer is snubbed.
SNUB_S: Final = 30.0
#: Seconds of data before the measured rate is trusted more than doubling.
_TRUST_S: Final = 1.0
#: The smallest batch, as a share of the window: fewer requests are not worth a packet.
_HANDFUL: Final = 8


class RequestPipeline:
    """The request window of one peer; its requests in flight are counted by the picker.

    It begins with TCP's slow start: each block received allows one more request, which doubles the
    window each round trip, until it holds WINDOW_S of data; from then on it follows the rate.
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
        #: Whether it was snubbed and has sent no block since.
        self.snubbed = False

    @property
    def window(self) -> int:
        """Requests that may be in flight."""
        if self.snubbed:
            return 1
        least = SHARE * self.channels if self.channels > 1 else 0
        return min(max(self._window, least), self._limit)

    def limit(self, reqq: int) -> None:
        """Set how many requests the peer queues (BEP 10 `reqq`)."""
        self._limit = max(1, min(reqq, CAP))

    def sent(self, now: float) -> None:
        """Record that requests were sent."""
        self._heard = now

    def received(self, now: float, size: int) -> None:
        """Record a block of `size` bytes."""
        self._heard = now
        self.snubbed = False
        self._meter.add(now, size)
        if self._flowing_since is None:
            self._flowing_since = now
        if self._slow_start and self._window < CAP:
            self._window += 1

    def snub(self) -> None:
        """Snub the peer: one request at a time, until a block arrives."""
        self.dropped()
        self.snubbed = True

    def dropped(self) -> None:
        """Reset the window, as no request will be answered, as after a choke."""
        self._window = FLOOR
        self._slow_start = True
        self._flowing_since = None

    def room(self, now: float, in_flight: int) -> int:
        """Return how many requests to send now beside those in flight: 0, or a batch at least.

        Fewer wait for the next block, since a packet costs the channel as much for one request as
        for many.
        """
        self._adapt(now)
        window = self.window
        room = window - in_flight
        return room if room >= max(1, window // _HANDFUL) else 0

    def keeps_waiting(self, now: float, in_flight: int) -> bool:
        """Return whether blocks are in flight, SNUB_S after the last block or request."""
        return in_flight > 0 and now - self._heard >= SNUB_S

    def _adapt(self, now: float) -> None:
        if self._flowing_since is None or now - self._flowing_since < _TRUST_S:
            return
        fits = ceil(self._meter.rate(now) * WINDOW_S / BLOCK)
        if self._slow_start:
            self._slow_start = self._window < min(fits, CAP)
        if not self._slow_start:
            self._window = max(FLOOR, min(fits, CAP))
