"""Rooms: which two people talk to each other, and how they come to.

A room is two people under a random id. They come to it by a nameplate (nameplates.py) or at a place
(places.py); one person may be in several. Pure: no socket and no clock; people are known by an
opaque id, the time is passed in (seconds of a monotonic clock), and what others must be told comes
back as notices. Nothing that is routed passes through here.
"""

from __future__ import annotations

import random
from typing import Final, NamedTuple

from relay.guard.limits import Limits
from relay.people.nameplates import Nameplates
from relay.people.notices import Notice, Refusal
from relay.people.places import Places
from relay.protocol.words import Allocated, Claimed, ErrorCode, MetAtPlace, PartnerGone, Room

_NOT_PAIRED: Final = "There is nobody in that room with you."
_TOO_MANY: Final = "You, or whoever waits there, are with too many people; leave somebody first."


class Entered(NamedTuple):
    """A room that two people are in from now on, and what who waited for it must be told."""

    room: Room
    notice: Notice


class _Pair(NamedTuple):
    """Who is in a room: who waited, and who came."""

    waited: str
    came: str

    def other(self, person: str) -> str:
        return self.came if person == self.waited else self.waited


class Rooms:
    """Nameplates, places and rooms. rng: draws numbers and ids, which nobody should foresee."""

    def __init__(self, limits: Limits, rng: random.Random | None = None) -> None:
        self._limits = limits
        self._rng = rng or random.SystemRandom()
        self._nameplates = Nameplates(limits, self._rng)
        self._places = Places(limits)
        self._pairs: dict[Room, _Pair] = {}
        self._of: dict[str, set[Room]] = {}
        self._unproven: set[Room] = set()

    @property
    def nameplates(self) -> int:
        """How many nameplates wait to be claimed."""
        return len(self._nameplates)

    @property
    def places(self) -> int:
        """At how many places somebody waits."""
        return len(self._places)

    @property
    def pairs(self) -> int:
        """How many rooms there are."""
        return len(self._pairs)

    def allocate(self, person: str, now: float) -> Allocated:
        """Give `person` a nameplate that nobody can foresee; an earlier one is given up.

        Raises:
            Refusal: relayFull.
        """
        return self._nameplates.allocate(person, now)

    def release(self, person: str, now: float) -> None:
        """Give up the nameplate that `person` holds, if any; its number rests."""
        self._nameplates.release(person, now)

    def claim(self, person: str, nameplate: int, now: float) -> Entered:
        """Open a room for `person` and the owner of a nameplate, which is used up by it.

        `person` gives up their own. Whether they know the code's words is not proven yet; see
        `proven`.

        Raises:
            Refusal: tooManyRooms, ownCode, unknownCode, usedCode, expiredCode, withdrawnCode.
        """
        owner = self._nameplates.owner(nameplate, person, now)
        room = self._open(owner, person)
        self._nameplates.use_up(nameplate, now)
        self._nameplates.release(person, now)
        self._unproven.add(room)
        return Entered(room, Notice(owner, "claimed", Claimed(nameplate=nameplate, room=room)))

    def proven(self, person: str, room: Room) -> str | None:
        """Say that `person` speaks in a room as only two who share a code do.

        Returns who claimed the code, where it was this person's and has not been proven before.
        """
        if room not in self._unproven or self._pairs[room].waited != person:
            return None
        self._unproven.discard(room)
        return self._pairs[room].came

    def meet(self, person: str, address: str, place: bytes, now: float) -> Entered | None:
        """Open a room for `person` and whoever waits at a place; else have them wait there.

        address: where `person` is counted.

        Raises:
            Refusal: tooManyRooms, tooManyPlaces, relayFull.
        """
        waiting = self._places.waiting(place)
        if waiting is None or waiting == person:
            self._places.wait(person, address, place, now)
            return None
        room = self._open(waiting, person)
        self._places.leave(waiting, place)
        return Entered(room, Notice(waiting, "met", MetAtPlace(place=place, room=room)))

    def leave_place(self, person: str, place: bytes) -> None:
        """End the waiting of `person` at a place, if they do."""
        self._places.leave(person, place)

    def partner(self, person: str, room: Room) -> str:
        """Return who is in a room with `person`.

        Raises:
            Refusal: notPaired.
        """
        if room not in self._of.get(person, ()):
            raise Refusal(ErrorCode.NOT_PAIRED, _NOT_PAIRED)
        return self._pairs[room].other(person)

    def leave(self, person: str, room: Room) -> tuple[Notice, ...]:
        """End a room, because `person` in it said so; nothing where they are not."""
        return (self._end(person, room, "left"),) if room in self._of.get(person, ()) else ()

    def lost(self, person: str, now: float) -> tuple[Notice, ...]:
        """Forget `person`, whose connection ended."""
        self._nameplates.release(person, now)
        self._places.lost(person)
        return tuple(self._end(person, room, "lost") for room in tuple(self._of.get(person, ())))

    def expire(self, now: float) -> tuple[Notice, ...]:
        """End the waiting of those whose time is over."""
        return self._nameplates.expire(now) + self._places.expire(now)

    def _open(self, waited: str, came: str) -> Room:
        both = (waited, came)
        if any(len(self._of.get(one, ())) >= self._limits.max_person_rooms for one in both):
            raise Refusal(ErrorCode.TOO_MANY_ROOMS, _TOO_MANY)
        room = f"{self._rng.getrandbits(128):032x}"
        self._pairs[room] = _Pair(waited, came)
        for one in both:
            self._of.setdefault(one, set()).add(room)
        return room

    def _end(self, person: str, room: Room, reason: str) -> Notice:
        """End a room that `person` is in; return what the other must be told."""
        pair = self._pairs.pop(room)
        self._unproven.discard(room)
        for one in pair:
            rooms = self._of[one]
            rooms.discard(room)
            if not rooms:
                del self._of[one]
        return Notice(pair.other(person), "partnerGone", PartnerGone(room=room, reason=reason))
