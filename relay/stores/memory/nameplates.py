"""Nameplates: the unclaimed ones and their owners, and how earlier ones ended.

Pure: no socket and no clock; people have opaque ids, the time is passed in (seconds of a monotonic
clock). Rooms never live here.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from enum import Enum
from typing import Final, NamedTuple

from relay.guard.limits import Limits
from relay.protocol.words import Allocated, ErrorCode, NameplateExpired
from relay.stores.base import Notice, PersonKey, Refusal
from relay.stores.refusals import refusal


class Fate(Enum):
    """How a nameplate ended, by the code of the refusal of a late claim."""

    USED = ErrorCode.USED_CODE
    EXPIRED = ErrorCode.EXPIRED_CODE
    WITHDRAWN = ErrorCode.WITHDRAWN_CODE

    def refusal(self) -> Refusal:
        """Return the refusal for a claim that comes too late."""
        return refusal(self.value)


#: How many digits a nameplate has: as few as leave most numbers of that length unused.
DIGITS: Final = (4, 5, 6)
#: At most one in so many numbers of a length is in use or resting: a guessed number is somebody's
#: code no more often.
SPARSE: Final = 10


class _Waiting(NamedTuple):
    owner: PersonKey
    expires: float
    rest: float


class Nameplates:
    """Unclaimed nameplates, at most one per person, and past ones.

    An allocated number waits, then is a past one, which rests, and then can be allocated again.
    rng: draws the numbers, which must be unpredictable.
    """

    def __init__(self, limits: Limits, rng: random.Random) -> None:
        self._limits = limits
        self._rng = rng
        self._waiting: dict[int, _Waiting] = {}
        self._held: dict[PersonKey, int] = {}
        self._past: dict[int, Fate] = {}
        self._forgotten: list[tuple[float, int]] = []  # a heap: when each past one is dropped
        self._in_use: Counter[int] = Counter()  # by digits, of unclaimed and past ones

    def __len__(self) -> int:
        """Return how many wait to be claimed."""
        return len(self._waiting)

    def allocate(
        self, person: PersonKey, lifetime: float, rest: float, now: float, wanted: int | None = None
    ) -> Allocated:
        """Give `person` an unpredictable nameplate, or the wanted one; withdraw an earlier one.

        Raises:
            Refusal: relayFull, nameplateTaken.
        """
        if len(self._waiting) >= self._limits.max_nameplates:
            raise refusal(ErrorCode.RELAY_FULL)
        self.release(person, now)
        nameplate = self._draw() if wanted is None else self._take(wanted)
        self._waiting[nameplate] = _Waiting(person, now + lifetime, rest)
        self._held[person] = nameplate
        return Allocated(nameplate=nameplate, expires_seconds=round(lifetime))

    def owner(self, nameplate: int, person: PersonKey, now: float) -> PersonKey:
        """Return the owner of a nameplate that `person` may claim.

        Raises:
            Refusal: ownCode, unknownCode, usedCode, expiredCode, withdrawnCode.
        """
        waiting = self._waiting.get(nameplate)
        if waiting is None:
            past = self._past.get(nameplate)
            raise past.refusal() if past else refusal(ErrorCode.UNKNOWN_CODE)
        if waiting.owner == person:
            raise refusal(ErrorCode.OWN_CODE)
        if waiting.expires <= now:
            raise Fate.EXPIRED.refusal()
        return waiting.owner

    def use_up(self, nameplate: int, now: float) -> None:
        """End an unclaimed nameplate that is claimed now."""
        self._end(nameplate, Fate.USED, now)

    def release(self, person: PersonKey, now: float) -> None:
        """Withdraw the nameplate that `person` holds, if any; its number rests."""
        nameplate = self._held.get(person)
        if nameplate is not None:
            self._end(nameplate, Fate.WITHDRAWN, now)

    def expire(self, now: float) -> tuple[Notice, ...]:
        """End expired nameplates, and drop past ones that have rested long enough."""
        over = [(number, each) for number, each in self._waiting.items() if each.expires <= now]
        for number, _ in over:
            self._end(number, Fate.EXPIRED, now)
        while self._forgotten and self._forgotten[0][0] <= now:
            self._forget_next()
        return tuple(
            Notice(each.owner, "nameplateExpired", NameplateExpired(nameplate=number))
            for number, each in over
        )

    def _draw(self) -> int:
        for digits in DIGITS:
            if self._is_crowded(digits):
                continue
            while True:
                number = self._rng.randrange(10 ** (digits - 1), 10**digits)
                if self._is_free(number):
                    self._in_use[digits] += 1
                    return number
        raise refusal(ErrorCode.RELAY_FULL)

    def _take(self, wanted: int) -> int:
        digits = len(str(wanted))
        if self._is_crowded(digits) or not self._is_free(wanted):
            raise refusal(ErrorCode.NAMEPLATE_TAKEN)
        self._in_use[digits] += 1
        return wanted

    def _is_crowded(self, digits: int) -> bool:
        there_are: int = 10**digits - 10 ** (digits - 1)
        return (self._in_use[digits] + 1) * SPARSE > there_are

    def _is_free(self, number: int) -> bool:
        return number not in self._waiting and number not in self._past

    def _end(self, nameplate: int, fate: Fate, now: float) -> None:
        waiting = self._waiting.pop(nameplate)
        del self._held[waiting.owner]
        self._past[nameplate] = fate
        heapq.heappush(self._forgotten, (now + waiting.rest, nameplate))
        if len(self._past) > self._limits.max_remembered:
            self._forget_next()

    def _forget_next(self) -> None:
        _, nameplate = heapq.heappop(self._forgotten)
        del self._past[nameplate]
        self._in_use[len(str(nameplate))] -= 1
