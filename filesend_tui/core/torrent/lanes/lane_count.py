"""How many lanes to open to a peer: increased in large steps, while each raises the rate.

An SCTP association is bounded by its window over the round trip and, where packets are lost, by the
window's slow recovery; several between the same two peers add up. Whether they do here is measured,
not computed, and in large steps: rates over seconds vary by half. Pure: times are passed in, in
seconds of any monotonic clock.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

#: Lanes to one peer beside its own channel: eight channels, then sixteen. The first step is large,
#: as most transfers end before a third step would pay.
STEPS: Final = (7, 15)
MOST_LANES: Final = STEPS[-1]
#: Seconds of round trip from which on a single association may be the bottleneck.
LONG_WAY: Final = 0.006
#: Seconds measured before a trial and in it, and seconds for new lanes to reach their rate.
MEASURE: Final = 1.0
TRIAL: Final = 1.5
SETTLE: Final = 0.5
SETTLE_EACH: Final = 0.1
#: Seconds to wait for offered lanes to open.
OPENING: Final = 6.0
#: The rate after a step must be so many times the rate before.
GAIN: Final = 1.25
#: A rate that fell to this share of the rate before a trial without gain warrants another.
FALLEN: Final = 0.5
#: Backoff in seconds after a trial without gain; doubled each time, up to LONGEST_PAUSE.
PAUSE: Final = 20.0
LONGEST_PAUSE: Final = 160.0
#: Seconds without a byte after which lanes are closed.
IDLE: Final = 10.0


class _Phase(Enum):
    STEADY = auto()
    OPENING = auto()
    SETTLING = auto()
    TRYING = auto()


class LaneCount:
    """Decides how many lanes there should be to one peer."""

    def __init__(self) -> None:
        self._phase = _Phase.STEADY
        self._wanted = 0
        self._since: float | None = None
        self._bytes = 0
        self._rate_before = 0.0
        self._lanes_before = 0
        self._pause = PAUSE
        self._not_before = 0.0
        self._moved = 0
        self._moved_at: float | None = None

    def wanted(
        self, now: float, *, received: int, busy: bool, lanes: int, round_trip: float | None
    ) -> int:
        """Return how many lanes there should be; call it a few times a second.

        Args:
            now: The time.
            received: Bytes of blocks received so far.
            busy: Blocks are in flight, and only the peer and the path to it bound their rate.
            lanes: How many are open.
            round_trip: Seconds to the peer and back; None while not known.
        """
        if received > self._moved or self._moved_at is None:
            self._moved, self._moved_at = received, now
        if not busy:
            if now - self._moved_at >= IDLE:
                self._wanted = 0
            self._rest()
            return self._wanted
        if self._since is None:
            self._mark(now, received)
        assert self._since is not None
        elapsed = now - self._since
        match self._phase:
            case _Phase.OPENING if lanes >= self._wanted or elapsed >= OPENING:
                self._phase = _Phase.SETTLING
                self._mark(now, received)
            case _Phase.SETTLING if elapsed >= SETTLE + SETTLE_EACH * self._wanted:
                self._phase = _Phase.TRYING
                self._mark(now, received)
            case _Phase.TRYING if elapsed >= TRIAL:
                self._judge(now, (received - self._bytes) / elapsed, lanes)
                self._mark(now, received)
            case _Phase.STEADY if elapsed >= MEASURE:
                rate = (received - self._bytes) / elapsed
                self._mark(now, received)
                due = now >= self._not_before or rate < FALLEN * self._rate_before
                if due and round_trip is not None and round_trip >= LONG_WAY:
                    self._try(rate)
        return self._wanted

    def broke(self, now: float) -> None:
        """Record that a lane broke: want none for a while."""
        self._wanted = 0
        self._phase = _Phase.STEADY
        self._rate_before = 0.0
        self._put_off(now)

    def _try(self, rate: float) -> None:
        if self._wanted < MOST_LANES:
            self._rate_before = rate
            self._lanes_before = self._wanted
            self._wanted = next(step for step in STEPS if step > self._wanted)
            self._phase = _Phase.OPENING

    def _judge(self, now: float, rate: float, lanes: int) -> None:
        self._phase = _Phase.STEADY
        if lanes > self._lanes_before and rate >= GAIN * self._rate_before:
            self._pause = PAUSE
            self._try(rate)
        else:
            self._wanted = self._lanes_before
            self._put_off(now)

    def _put_off(self, now: float) -> None:
        self._not_before = now + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def _mark(self, now: float, received: int) -> None:
        self._since = now
        self._bytes = received

    def _rest(self) -> None:
        """Discard a measurement that has a gap in it."""
        self._since = None
        if self._phase is _Phase.TRYING:
            self._phase = _Phase.SETTLING
