"""Who waits with a nameplate, and what became of the numbers that were given away.

Pure: no socket and no clock; people are known by an opaque id, the time is passed in (seconds of a
monotonic clock). Who is in a room with whom never lives here.
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


class Fate(Enum):
    """How a nameplate ended, and what a late claim of it hears."""

    USED = (ErrorCode.USED_CODE, "That code was already used; ask for a new one.")
    EXPIRED = (ErrorCode.EXPIRED_CODE, "That code has expired; ask for a new one.")
    WITHDRAWN = (ErrorCode.WITHDRAWN_CODE, "That code was given up; ask for a new one.")

    def refusal(self) -> Refusal:
        """Return the refusal for a claim that comes too late."""
        return Refusal(*self.value)


_UNKNOWN: Final = "There is no such code; check it with the person who gave it to you."
_OWN: Final = "That is your own code; give it to the other person."
_FULL: Final = "The relay has no codes left; try again in a few minutes."

#: How many digits a nameplate has: as few as leave most numbers of that length unused.
DIGITS: Final = (4, 5, 6)
#: Of the numbers of a length, one in so many is in use or rests at most. Whoever tries numbers
#: without knowing any finds somebody's code no more often.
SPARSE: Final = 10


class _Waiting(NamedTuple):
    owner: PersonKey
    expires: float
    rest: float


class Nameplates:
    """Nameplates that wait, at most one of a person, and those of the past.

    A number that was given to somebody waits, then is part of the past, where it rests, and then is
    anybody's again. rng: draws the numbers, which nobody should foresee.
    """

    def __init__(self, limits: Limits, rng: random.Random) -> None:
        self._limits = limits
        self._rng = rng
        self._waiting: dict[int, _Waiting] = {}
        self._held: dict[PersonKey, int] = {}
        self._past: dict[int, Fate] = {}
        self._forgotten: list[tuple[float, int]] = []  # a heap: when each of the past is
        self._in_use: Counter[int] = Counter()  # by digits, of those that wait and of the past

    def __len__(self) -> int:
        """How many wait to be claimed."""
        return len(self._waiting)

    def allocate(self, person: PersonKey, lifetime: float, rest: float, now: float) -> Allocated:
        """Give `person` a nameplate that nobody can foresee; an earlier one is given up.

        Raises:
            Refusal: relayFull.
        """
        if len(self._waiting) >= self._limits.max_nameplates:
            raise Refusal(ErrorCode.RELAY_FULL, _FULL)
        self.release(person, now)
        nameplate = self._draw()
        self._waiting[nameplate] = _Waiting(person, now + lifetime, rest)
        self._held[person] = nameplate
        return Allocated(nameplate=nameplate, expires_seconds=round(lifetime))

    def owner(self, nameplate: int, person: PersonKey, now: float) -> PersonKey:
        """Return who waits with a nameplate that `person` may claim.

        Raises:
            Refusal: ownCode, unknownCode, usedCode, expiredCode, withdrawnCode.
        """
        waiting = self._waiting.get(nameplate)
        if waiting is None:
            past = self._past.get(nameplate)
            raise past.refusal() if past else Refusal(ErrorCode.UNKNOWN_CODE, _UNKNOWN)
        if waiting.owner == person:
            raise Refusal(ErrorCode.OWN_CODE, _OWN)
        if waiting.expires <= now:
            raise Fate.EXPIRED.refusal()
        return waiting.owner

    def use_up(self, nameplate: int, now: float) -> None:
        """End a nameplate that waits, as it was claimed."""
        self._end(nameplate, Fate.USED, now)

    def release(self, person: PersonKey, now: float) -> None:
        """Give up the nameplate that `person` holds, if any; its number rests."""
        nameplate = self._held.get(person)
        if nameplate is not None:
            self._end(nameplate, Fate.WITHDRAWN, now)

    def expire(self, now: float) -> tuple[Notice, ...]:
        """End the nameplates whose time is over and forget those remembered long enough."""
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
            lowest, beyond = 10 ** (digits - 1), 10**digits
            if (self._in_use[digits] + 1) * SPARSE > beyond - lowest:
                continue
            while True:
                number = self._rng.randrange(lowest, beyond)
                if number not in self._waiting and number not in self._past:
                    self._in_use[digits] += 1
                    return number
        raise Refusal(ErrorCode.RELAY_FULL, _FULL)

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
