"""Who waits with a nameplate and who is paired with whom.

Pure: no socket and no clock; people are known by an opaque id, the time is passed in (seconds of a
monotonic clock), and what others must be told comes back as notices. Nothing that is routed passes
through here.
"""

from __future__ import annotations

import random
from collections import Counter, OrderedDict
from enum import Enum
from typing import Final, NamedTuple

from relay.guard.limits import Limits
from relay.protocol.words import Allocated, Claimed, ErrorCode, NameplateExpired, PartnerGone, Word


class Refusal(Exception):
    """The relay says no. code: one of protocol.ErrorCode. message: a sentence for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Notice(NamedTuple):
    """Something the relay must tell `to` of its own accord."""

    to: str
    event: str
    word: Word


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
_PAIRED: Final = "You are already paired; leave first."
_NOT_PAIRED: Final = "You are not paired with anybody."
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


class Rooms:
    """Nameplates and pairs. rng: draws the numbers, which nobody should foresee.

    A number that was given to somebody waits, then is part of the past, where it rests, and then is
    anybody's again.
    """

    def __init__(self, limits: Limits, rng: random.Random | None = None) -> None:
        self._limits = limits
        self._rng = rng or random.SystemRandom()
        self._waiting: dict[int, _Waiting] = {}  # in order of expiry: all live equally long
        self._held: dict[str, int] = {}
        self._past: OrderedDict[int, _Past] = OrderedDict()  # in order of being forgotten
        self._in_use: Counter[int] = Counter()  # by digits, of those that wait and of the past
        self._partners: dict[str, str] = {}
        self._unproven: dict[str, str] = {}

    @property
    def nameplates(self) -> int:
        """How many nameplates wait to be claimed."""
        return len(self._waiting)

    @property
    def pairs(self) -> int:
        """How many pairs there are."""
        return len(self._partners) // 2

    def allocate(self, person: str, now: float) -> Allocated:
        """Give `person` a nameplate that nobody can foresee; an earlier one is given up.

        Raises:
            Refusal: alreadyPaired, relayFull.
        """
        if person in self._partners:
            raise Refusal(ErrorCode.ALREADY_PAIRED, _PAIRED)
        if len(self._waiting) >= self._limits.max_nameplates:
            raise Refusal(ErrorCode.RELAY_FULL, _FULL)
        self.release(person, now)
        nameplate = self._draw()
        lifetime = self._limits.nameplate_lifetime
        self._waiting[nameplate] = _Waiting(person, now + lifetime)
        self._held[person] = nameplate
        return Allocated(nameplate=nameplate, expires_seconds=round(lifetime))

    def claim(self, person: str, nameplate: int, now: float) -> tuple[Notice, ...]:
        """Pair `person` with the owner of a nameplate, which is used up by it.

        Whether they know the code's words is not proven yet; see `proven`.

        Raises:
            Refusal: alreadyPaired, ownCode, unknownCode, usedCode, expiredCode.
        """
        if person in self._partners:
            raise Refusal(ErrorCode.ALREADY_PAIRED, _PAIRED)
        waiting = self._waiting.get(nameplate)
        if waiting is None:
            past = self._past.get(nameplate)
            raise past.fate.refusal() if past else Refusal(ErrorCode.UNKNOWN_CODE, _UNKNOWN)
        if waiting.owner == person:
            raise Refusal(ErrorCode.OWN_CODE, _OWN)
        if waiting.expires <= now:
            raise Fate.EXPIRED.refusal()
        self._end(nameplate, Fate.USED, now)
        self.release(person, now)
        self._partners[person] = waiting.owner
        self._partners[waiting.owner] = person
        self._unproven[waiting.owner] = person
        return (Notice(waiting.owner, "claimed", Claimed(nameplate=nameplate)),)

    def proven(self, person: str) -> str | None:
        """Say that `person` speaks to their partner as only two who share a code do.

        Returns who claimed the code, where it was this person's and has not been proven before.
        """
        return self._unproven.pop(person, None)

    def release(self, person: str, now: float) -> None:
        """Give up the nameplate that `person` holds, if any; its number rests."""
        nameplate = self._held.get(person)
        if nameplate is not None:
            self._end(nameplate, Fate.WITHDRAWN, now)

    def leave(self, person: str) -> tuple[Notice, ...]:
        """End the pairing of `person`, if there is one, because they said so."""
        return self._part(person, "left")

    def lost(self, person: str, now: float) -> tuple[Notice, ...]:
        """Forget `person`, whose connection ended."""
        self.release(person, now)
        return self._part(person, "lost")

    def partner(self, person: str) -> str:
        """Return who `person` is paired with.

        Raises:
            Refusal: notPaired.
        """
        partner = self._partners.get(person)
        if partner is None:
            raise Refusal(ErrorCode.NOT_PAIRED, _NOT_PAIRED)
        return partner

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

    def _part(self, person: str, reason: str) -> tuple[Notice, ...]:
        partner = self._partners.pop(person, None)
        if partner is None:
            return ()
        del self._partners[partner]
        for one in (person, partner):
            self._unproven.pop(one, None)
        return (Notice(partner, "partnerGone", PartnerGone(reason=reason)),)
