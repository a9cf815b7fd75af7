"""Who waits with a nameplate, and what became of the numbers that were given away.

Pure: no socket and no clock; people are known by an opaque id, the time is passed in (seconds of a
monotonic clock). Who is in a room with whom never lives here.
"""

from __future__ import annotations

import random
from collections import Counter, OrderedDict
from enum import Enum
from typing import Final, NamedTuple

from relay.guard.limits import Limits
from relay.people.notices import Notice, Refusal
from relay.protocol.words import Allocated, ErrorCode, NameplateExpired


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
    owner: str
    expires: float


class _Past(NamedTuple):
    fate: Fate
    forgotten: float


class Nameplates:
    """Nameplates that wait, at most one of a person, and those of the past.

    A number that was given to somebody waits, then is part of the past, where it rests, and then is
    anybody's again. rng: draws the numbers, which nobody should foresee.
    """

    def __init__(self, limits: Limits, rng: random.Random) -> None:
        self._limits = limits
        self._rng = rng
        self._waiting: dict[int, _Waiting] = {}  # in order of expiry: all live equally long
        self._held: dict[str, int] = {}
        self._past: OrderedDict[int, _Past] = OrderedDict()  # in order of being forgotten
        self._in_use: Counter[int] = Counter()  # by digits, of those that wait and of the past

    def __len__(self) -> int:
        """How many wait to be claimed."""
        return len(self._waiting)

    def allocate(self, person: str, now: float) -> Allocated:
        """Give `person` a nameplate that nobody can foresee; an earlier one is given up.

        Raises:
            Refusal: relayFull.
        """
        if len(self._waiting) >= self._limits.max_nameplates:
            raise Refusal(ErrorCode.RELAY_FULL, _FULL)
        self.release(person, now)
        nameplate = self._draw()
        lifetime = self._limits.nameplate_lifetime
        self._waiting[nameplate] = _Waiting(person, now + lifetime)
        self._held[person] = nameplate
        return Allocated(nameplate=nameplate, expires_seconds=round(lifetime))

    def owner(self, nameplate: int, person: str, now: float) -> str:
        """Return who waits with a nameplate that `person` may claim.

        Raises:
            Refusal: ownCode, unknownCode, usedCode, expiredCode, withdrawnCode.
        """
        waiting = self._waiting.get(nameplate)
        if waiting is None:
            past = self._past.get(nameplate)
            raise past.fate.refusal() if past else Refusal(ErrorCode.UNKNOWN_CODE, _UNKNOWN)
        if waiting.owner == person:
            raise Refusal(ErrorCode.OWN_CODE, _OWN)
        if waiting.expires <= now:
            raise Fate.EXPIRED.refusal()
        return waiting.owner

    def use_up(self, nameplate: int, now: float) -> None:
        """End a nameplate that waits, as it was claimed."""
        self._end(nameplate, Fate.USED, now)

    def release(self, person: str, now: float) -> None:
        """Give up the nameplate that `person` holds, if any; its number rests."""
        nameplate = self._held.get(person)
        if nameplate is not None:
            self._end(nameplate, Fate.WITHDRAWN, now)

    def expire(self, now: float) -> tuple[Notice, ...]:
        """End the nameplates whose time is over and forget those remembered long enough."""
        notices = []
        while self._waiting:
            nameplate, waiting = next(iter(self._waiting.items()))
            if waiting.expires > now:
                break
            self._end(nameplate, Fate.EXPIRED, now)
            expired = NameplateExpired(nameplate=nameplate)
            notices.append(Notice(waiting.owner, "nameplateExpired", expired))
        while self._past and next(iter(self._past.values())).forgotten <= now:
            self._forget_oldest()
        return tuple(notices)

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
        self._past[nameplate] = _Past(fate, now + self._limits.remember)
        if len(self._past) > self._limits.max_remembered:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        nameplate, _ = self._past.popitem(last=False)
        self._in_use[len(str(nameplate))] -= 1
