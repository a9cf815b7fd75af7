"""Rooms: pairs of people whose words go to each other, and how they open.

A room is two people under a random id. It opens by a nameplate (nameplates.py) or at a place
(places.py); one person may be in several. Pure: no socket and no clock; people have opaque ids, the
time is passed in (seconds of a monotonic clock), and notices for others are returned. Routed words
never pass through here.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from relay.guard.limits import Limits
from relay.protocol.words import Allocated, Claimed, ErrorCode, MetAtPlace, PartnerGone, Room
from relay.stores.base import Destination, Entered, Notice, PeopleTotals, PersonKey
from relay.stores.memory.nameplates import Nameplates
from relay.stores.memory.places import Places
from relay.stores.refusals import refusal


class _Pair(NamedTuple):
    """The two people in a room: the one who waited, and the one who came."""

    waited: PersonKey
    came: PersonKey

    def other(self, person: PersonKey) -> PersonKey:
        return self.came if person == self.waited else self.waited


class Rooms:
    """Nameplates, places and rooms. rng: draws numbers and ids, which must be unpredictable."""

    def __init__(self, limits: Limits, rng: random.Random | None = None) -> None:
        self._limits = limits
        self._rng = rng or random.SystemRandom()
        self._nameplates = Nameplates(limits, self._rng)
        self._places = Places(limits)
        self._pairs: dict[Room, _Pair] = {}
        self._of: dict[PersonKey, set[Room]] = {}
        self._unproven: dict[Room, str] = {}  # the claimer's address

    def totals(self) -> PeopleTotals:
        """Return the numbers of nameplates, places and rooms."""
        return PeopleTotals(len(self._nameplates), len(self._places), len(self._pairs))

    def allocate(
        self, person: PersonKey, lifetime: float, rest: float, now: float, wanted: int | None = None
    ) -> Allocated:
        """Give `person` an unpredictable nameplate, or the wanted one; withdraw an earlier one.

        Raises:
            Refusal: relayFull, nameplateTaken.
        """
        return self._nameplates.allocate(person, lifetime, rest, now, wanted)

    def release(self, person: PersonKey, now: float) -> None:
        """Withdraw the nameplate that `person` holds, if any; its number rests."""
        self._nameplates.release(person, now)

    def claim(self, person: PersonKey, address: str, nameplate: int, now: float) -> Entered:
        """Open a room for `person` and the owner of a nameplate, which uses the nameplate up.

        The own nameplate of `person`, of this address, is withdrawn. That they know the code's
        words is not proven yet; see `route`.

        Raises:
            Refusal: tooManyRooms, ownCode, unknownCode, usedCode, expiredCode, withdrawnCode.
        """
        owner = self._nameplates.owner(nameplate, person, now)
        room = self._open(owner, person)
        self._nameplates.use_up(nameplate, now)
        self._nameplates.release(person, now)
        self._unproven[room] = address
        return Entered(room, Notice(owner, "claimed", Claimed(nameplate=nameplate, room=room)))

    def meet(
        self, person: PersonKey, address: str, place: bytes, lifetime: float, now: float
    ) -> Entered | None:
        """Open a room for `person` and whoever waits at a place; else let `person` wait there.

        address: under which `person` is counted.

        Raises:
            Refusal: tooManyRooms, tooManyPlaces, relayFull.
        """
        waiting = self._places.waiting(place, now)
        if waiting is None or waiting == person:
            self._places.wait(person, address, place, lifetime, now)
            return None
        room = self._open(waiting, person)
        self._places.leave(waiting, place)
        return Entered(room, Notice(waiting, "met", MetAtPlace(place=place, room=room)))

    def leave_place(self, person: PersonKey, place: bytes) -> None:
        """Stop `person` from waiting at a place, if they do."""
        self._places.leave(person, place)

    def route(self, person: PersonKey, room: Room, *, proves: bool) -> Destination:
        """Return the receiver of a word of `person` in a room.

        proves: whether only two people who share a code send such a word. If `person` made the code
        of this room, the first one proves that its claimer did not guess.

        Raises:
            Refusal: notPaired.
        """
        if room not in self._of.get(person, ()):
            raise refusal(ErrorCode.NOT_PAIRED)
        pair = self._pairs[room]
        proven = None
        if proves and person == pair.waited:
            proven = self._unproven.pop(room, None)
        return Destination(pair.other(person), proven)

    def share_room(self, person: PersonKey, other: PersonKey) -> bool:
        """Return whether two people are in a room with each other."""
        return any(self._pairs[room].other(person) == other for room in self._of.get(person, ()))

    def is_paired(self, person: PersonKey) -> bool:
        """Return whether a person is in a room, and not by a claim that is not proven yet."""
        return any(room not in self._unproven for room in self._of.get(person, ()))

    def leave(self, person: PersonKey, room: Room) -> tuple[Notice, ...]:
        """End a room that `person` leaves; do nothing if they are not in it."""
        return (self._end(person, room, "left"),) if room in self._of.get(person, ()) else ()

    def lost(self, person: PersonKey, now: float) -> tuple[Notice, ...]:
        """Remove `person`, whose connection ended."""
        self._nameplates.release(person, now)
        self._places.lost(person)
        return tuple(self._end(person, room, "lost") for room in tuple(self._of.get(person, ())))

    def expire(self, now: float) -> tuple[Notice, ...]:
        """End expired nameplates and waiting at places."""
        return self._nameplates.expire(now) + self._places.expire(now)

    def _open(self, waited: PersonKey, came: PersonKey) -> Room:
        both = (waited, came)
        if any(len(self._of.get(one, ())) >= self._limits.max_person_rooms for one in both):
            raise refusal(ErrorCode.TOO_MANY_ROOMS)
        room = f"{self._rng.getrandbits(128):032x}"
        self._pairs[room] = _Pair(waited, came)
        for one in both:
            self._of.setdefault(one, set()).add(room)
        return room

    def _end(self, person: PersonKey, room: Room, reason: str) -> Notice:
        """End a room that `person` is in; return the notice for the other."""
        pair = self._pairs.pop(room)
        self._unproven.pop(room, None)
        for one in pair:
            rooms = self._of[one]
            rooms.discard(room)
            if not rooms:
                del self._of[one]
        return Notice(pair.other(person), "partnerGone", PartnerGone(room=room, reason=reason))
