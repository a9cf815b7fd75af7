"""Places and who waits at them: 32 bytes that two people derive from a secret that both have.

Pure, like nameplates.py. A place is opaque to the relay, and is dropped once nobody waits there.
Rooms never live here.
"""

from __future__ import annotations

from typing import NamedTuple

from relay.guard.buckets import AddressTally
from relay.guard.limits import Limits
from relay.protocol.words import ErrorCode, PlaceExpired
from relay.stores.base import Notice, PersonKey
from relay.stores.refusals import refusal


class _Waiting(NamedTuple):
    person: PersonKey
    address: str
    expires: float


class Places:
    """Places, at each of which one person at most waits; the next one to come meets them."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._waiting: dict[bytes, _Waiting] = {}
        self._of: dict[PersonKey, set[bytes]] = {}
        self._crowd = AddressTally()

    def __len__(self) -> int:
        """Return at how many somebody waits."""
        return len(self._waiting)

    def waiting(self, place: bytes, now: float) -> PersonKey | None:
        """Return the person who waits at a place, if any."""
        waiting = self._waiting.get(place)
        return waiting.person if waiting and waiting.expires > now else None

    def wait(
        self, person: PersonKey, address: str, place: bytes, lifetime: float, now: float
    ) -> None:
        """Let `person` wait at a place where nobody else does; from now on if they did before.

        Raises:
            Refusal: tooManyPlaces, relayFull.
        """
        if place in self._waiting:
            self._end(place)
        if len(self._of.get(person, ())) >= self._limits.max_person_places:
            raise refusal(ErrorCode.TOO_MANY_PLACES)
        if len(self._waiting) >= self._limits.max_places or not self._crowd.has_room(
            address, self._limits.max_address_places
        ):
            raise refusal(ErrorCode.RELAY_FULL)
        self._waiting[place] = _Waiting(person, address, now + lifetime)
        self._of.setdefault(person, set()).add(place)
        self._crowd.add(address)

    def leave(self, person: PersonKey, place: bytes) -> None:
        """Stop `person` from waiting at a place, if they do."""
        if place in self._of.get(person, ()):
            self._end(place)

    def lost(self, person: PersonKey) -> None:
        """Remove `person`, whose connection ended, from all places."""
        for place in tuple(self._of.get(person, ())):
            self._end(place)

    def expire(self, now: float) -> tuple[Notice, ...]:
        """End the waiting that has expired."""
        over = [(place, each) for place, each in self._waiting.items() if each.expires <= now]
        for place, _ in over:
            self._end(place)
        return tuple(
            Notice(each.person, "placeExpired", PlaceExpired(place=place)) for place, each in over
        )

    def _end(self, place: bytes) -> None:
        waiting = self._waiting.pop(place)
        self._crowd.remove(waiting.address)
        places = self._of[waiting.person]
        places.discard(place)
        if not places:
            del self._of[waiting.person]
