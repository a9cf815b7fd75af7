"""The stores of a relay that is one process: its tables, each behind the interface of a store.

The tables are pure and in the modules beside this one; here they get a clock. As nothing here
awaits, each step is atomic in one event loop. The rules of the state never live here.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection
from typing import TypeAlias

from relay.guard.buckets import AddressBuckets, KeyBuckets
from relay.guard.limits import Limits
from relay.protocol.tracker_frames import Announce, Answer, Scrape, ScrapeReply
from relay.protocol.words import Allocated, Room
from relay.stores.base import (
    Counted,
    CountedByAddress,
    Delivery,
    Destination,
    Entered,
    Notice,
    PeopleTotals,
    PersonKey,
    SocketKey,
    Stores,
    SwarmTotals,
)
from relay.stores.memory.rooms import Rooms
from relay.stores.memory.swarms import Swarms

#: Monotonic seconds.
Clock: TypeAlias = Callable[[], float]


def memory_stores(
    limits: Limits, clock: Clock = time.monotonic, rng: random.Random | None = None
) -> Stores:
    """Return empty stores of one process. rng: for numbers, ids and random choices."""
    return Stores(
        people=MemoryPeople(limits, clock, rng),
        swarms=MemorySwarms(limits, clock, rng),
        rates=MemoryRates(limits, clock),
    )


class MemoryPeople:
    """A PeopleStore."""

    def __init__(
        self, limits: Limits, clock: Clock = time.monotonic, rng: random.Random | None = None
    ) -> None:
        self._rooms = Rooms(limits, rng)
        self._clock = clock

    async def allocate(
        self, person: PersonKey, lifetime: float, rest: float, wanted: int | None = None
    ) -> Allocated:
        """Give `person` a nameplate, or the wanted one; withdraw an earlier one."""
        return self._rooms.allocate(person, lifetime, rest, self._clock(), wanted)

    async def release(self, person: PersonKey) -> None:
        """Withdraw the nameplate that `person` holds, if any."""
        self._rooms.release(person, self._clock())

    async def claim(self, person: PersonKey, address: str, nameplate: int) -> Entered:
        """Open a room for `person` and the owner of a nameplate."""
        return self._rooms.claim(person, address, nameplate, self._clock())

    async def meet(
        self, person: PersonKey, address: str, place: bytes, lifetime: float
    ) -> Entered | None:
        """Open a room for `person` and whoever waits at a place; else let `person` wait there."""
        return self._rooms.meet(person, address, place, lifetime, self._clock())

    async def leave_place(self, person: PersonKey, place: bytes) -> None:
        """Stop `person` from waiting at a place, if they do."""
        self._rooms.leave_place(person, place)

    async def route(self, person: PersonKey, room: Room, *, proves: bool) -> Destination:
        """Return the receiver of a word of `person` in a room."""
        return self._rooms.route(person, room, proves=proves)

    async def share_room(self, person: PersonKey, other: PersonKey) -> bool:
        """Return whether two people are in a room with each other."""
        return self._rooms.share_room(person, other)

    async def is_paired(self, person: PersonKey) -> bool:
        """Return whether a person is in a room, and not by a claim that is not proven yet."""
        return self._rooms.is_paired(person)

    async def leave(self, person: PersonKey, room: Room) -> tuple[Notice, ...]:
        """End a room that `person` leaves."""
        return self._rooms.leave(person, room)

    async def lost(self, person: PersonKey) -> tuple[Notice, ...]:
        """Remove `person`, whose connection ended."""
        return self._rooms.lost(person, self._clock())

    async def expire(self) -> tuple[Notice, ...]:
        """End expired nameplates and waiting at places."""
        return self._rooms.expire(self._clock())

    async def totals(self) -> PeopleTotals:
        """Return how much is kept."""
        return self._rooms.totals()


class MemorySwarms:
    """A SwarmStore."""

    def __init__(
        self, limits: Limits, clock: Clock = time.monotonic, rng: random.Random | None = None
    ) -> None:
        self._swarms = Swarms(limits, rng)
        self._clock = clock

    async def announce(
        self, socket: SocketKey, address: str, frame: Announce, lifetime: float
    ) -> list[Delivery]:
        """Handle an announce; return the reply to it, and its offers for other peers."""
        return self._swarms.announce(socket, address, frame, lifetime, self._clock())

    async def answer(self, socket: SocketKey, frame: Answer) -> list[Delivery]:
        """Handle an answer; return it for the peer that it names."""
        return self._swarms.answer(socket, frame)

    async def scrape(self, frame: Scrape) -> ScrapeReply:
        """Return the figures of the swarms asked about."""
        return self._swarms.scrape(frame)

    async def drop(self, socket: SocketKey) -> None:
        """Remove every peer of a closed socket."""
        self._swarms.drop(socket)

    async def members(self, sockets: Collection[SocketKey]) -> set[SocketKey]:
        """Return those of these sockets that are in any swarm."""
        return self._swarms.members(sockets)

    async def expire(self) -> None:
        """Remove expired peers."""
        self._swarms.expire(self._clock())

    async def totals(self) -> SwarmTotals:
        """Return how much is kept."""
        return self._swarms.totals()


class MemoryRates:
    """A RateStore. Beyond max_addresses of a kind, the least recently used is evicted."""

    def __init__(self, limits: Limits, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        capacity = limits.max_addresses
        self._connections = {
            what: KeyBuckets(getattr(limits, what.value), capacity) for what in Counted
        }
        self._addresses = {
            what: AddressBuckets(getattr(limits, what.value), capacity) for what in CountedByAddress
        }
        self._all: list[KeyBuckets | AddressBuckets] = [
            *self._connections.values(),
            *self._addresses.values(),
        ]

    def __len__(self) -> int:
        """Return how many buckets are kept."""
        return sum(len(buckets) for buckets in self._all)

    async def take(self, what: Counted, connection: str, count: float = 1) -> bool:
        """Take so many tokens of a connection; False, and none taken, where there are fewer."""
        return self._connections[what].take(connection, self._clock(), count)

    async def take_of_address(self, what: CountedByAddress, address: str) -> bool:
        """Take one token of an address; False, and none taken, where there is none."""
        return self._addresses[what].take(address, self._clock())

    async def give_back(self, what: CountedByAddress, address: str) -> None:
        """Give one token of an address back."""
        self._addresses[what].spend(address, self._clock(), -1)

    async def expire(self) -> None:
        """Drop the buckets that are full again."""
        now = self._clock()
        for buckets in self._all:
            buckets.forget(now)
