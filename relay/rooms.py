"""Who waits with a nameplate and who is paired with whom.

Pure: no socket and no clock; people are known by an opaque id, the time is passed in (seconds of a
monotonic clock), and what others must be told comes back as notices. Nothing that is routed passes
through here.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from enum import Enum
from typing import Final, NamedTuple

from relay.limits import Limits
from relay.protocol import (
    Allocated,
    Claimed,
    ErrorCode,
    NameplateExpired,
    PartnerGone,
    Word,
)


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

    def refusal(self) -> Refusal:
        """Return the refusal for a claim that comes too late."""
        return Refusal(*self.value)


_UNKNOWN: Final = "There is no such code; check it with the person who gave it to you."
_OWN: Final = "That is your own code; give it to the other person."
_PAIRED: Final = "You are already paired; leave first."
_NOT_PAIRED: Final = "You are not paired with anybody."
_FULL: Final = "The relay has no codes left; try again in a few minutes."


class _Waiting(NamedTuple):
    owner: str
    expires: float


class _Past(NamedTuple):
    fate: Fate
    forgotten: float


class Rooms:
    """Nameplates and pairs.

    Every number below `_next` is in exactly one place: waiting, remembered or free.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._waiting: dict[int, _Waiting] = {}  # in order of expiry: all live equally long
        self._held: dict[str, int] = {}
        self._past: OrderedDict[int, _Past] = OrderedDict()  # in order of being forgotten
        self._free: list[int] = []
        self._next = 1
        self._partners: dict[str, str] = {}

    @property
    def nameplates(self) -> int:
        """How many nameplates wait to be claimed."""
        return len(self._waiting)

    @property
    def pairs(self) -> int:
        """How many pairs there are."""
        return len(self._partners) // 2

    def allocate(self, person: str, now: float) -> Allocated:
        """Give `person` the lowest free nameplate; an earlier one of theirs is given up.

        Raises:
            Refusal: alreadyPaired, relayFull.
        """
        if person in self._partners:
            raise Refusal(ErrorCode.ALREADY_PAIRED, _PAIRED)
        if len(self._waiting) >= self._limits.max_nameplates:
            raise Refusal(ErrorCode.RELAY_FULL, _FULL)
        nameplate = self._take_lowest()
        # After taking the new one, or the same number would come back with other words.
        self.release(person)
        lifetime = self._limits.nameplate_lifetime
        self._waiting[nameplate] = _Waiting(person, now + lifetime)
        self._held[person] = nameplate
        return Allocated(nameplate=nameplate, expires_seconds=round(lifetime))

    def claim(self, person: str, nameplate: int, now: float) -> tuple[Notice, ...]:
        """Pair `person` with the owner of a nameplate, which is used up by it.

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
        self.release(person)
        self._partners[person] = waiting.owner
        self._partners[waiting.owner] = person
        return (Notice(waiting.owner, "claimed", Claimed(nameplate=nameplate)),)

    def release(self, person: str) -> None:
        """Give up the nameplate that `person` holds, if any; its number is free at once."""
        nameplate = self._held.pop(person, None)
        if nameplate is not None:
            del self._waiting[nameplate]
            heapq.heappush(self._free, nameplate)

    def leave(self, person: str) -> tuple[Notice, ...]:
        """End the pairing of `person`, if there is one, because they said so."""
        return self._part(person, "left")

    def lost(self, person: str) -> tuple[Notice, ...]:
        """Forget `person`, whose connection ended."""
        self.release(person)
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

    def _take_lowest(self) -> int:
        if self._free:
            return heapq.heappop(self._free)
        self._next += 1
        return self._next - 1

    def _end(self, nameplate: int, fate: Fate, now: float) -> None:
        waiting = self._waiting.pop(nameplate)
        del self._held[waiting.owner]
        self._past[nameplate] = _Past(fate, now + self._limits.remember)
        if len(self._past) > self._limits.max_remembered:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        nameplate, _ = self._past.popitem(last=False)
        heapq.heappush(self._free, nameplate)

    def _part(self, person: str, reason: str) -> tuple[Notice, ...]:
        partner = self._partners.pop(person, None)
        if partner is None:
            return ()
        del self._partners[partner]
        return (Notice(partner, "partnerGone", PartnerGone(reason=reason)),)
