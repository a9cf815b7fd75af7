"""People on the server: a PeopleStore whose steps are people.lua's.

Where there is no answer a step may have happened. All but `allocate` are then taken again, and have
the same answer: whoever claimed a code is not told that it was used, and no notice gets lost.

Each process that uses it signs there by `expire`, once a second. Who does not for 15 s is dead, and
the people of its connections are lost. Where it was not, it is told by Forgotten.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, TypeAlias, TypeVar

from redis.asyncio import Redis

from relay.guard.addresses import networks
from relay.guard.limits import Limits
from relay.protocol.words import (
    Allocated,
    Claimed,
    MetAtPlace,
    NameplateExpired,
    PartnerGone,
    PlaceExpired,
    Room,
)
from relay.stores.base import (
    Destination,
    Entered,
    Forgotten,
    Notice,
    PeopleTotals,
    PersonKey,
    StoreAway,
)
from relay.stores.redis.scripts import SERVER_CLOCK, Scripts
from relay.stores.refusals import refusal

T = TypeVar("T")
_Take: TypeAlias = Callable[..., Awaitable[list[Any]]]

# How many numbers are proposed to the script, which has no chance of its own. At most a tenth of
# them is in use, so that none is free once in 10**20 times.
_CHANCES: Final = 20
_CHANCE_BITS: Final = 40


class RedisPeople:
    """A PeopleStore. clock: Lua, see Scripts."""

    def __init__(self, client: Redis, limits: Limits, clock: str = SERVER_CLOCK) -> None:
        self._scripts = Scripts(client, "people", limits, clock)
        self._surely = self._scripts.step_surely
        #: The names of steps by which people are removed, for when these are taken again.
        self._losing: dict[PersonKey, str] = {}
        #: Held for a sweep: the next one has another name.
        self._sweeping = asyncio.Lock()
        self._begin()

    def _begin(self) -> None:
        """Begin as a process that the store does not know."""
        self._process = secrets.token_hex(8)
        self._sweeps = 0
        self._fresh = True

    async def allocate(
        self, person: PersonKey, lifetime: float, rest: float, wanted: int | None = None
    ) -> Allocated:
        """Give `person` a nameplate, or the wanted one; withdraw an earlier one."""
        chances = (secrets.randbits(_CHANCE_BITS) for _ in range(_CHANCES if not wanted else 0))
        [nameplate] = await self._signed(
            self._scripts.step, "allocate", person, lifetime, rest, wanted or "", *chances
        )
        return Allocated(nameplate=int(nameplate), expires_seconds=round(lifetime))

    async def release(self, person: PersonKey) -> None:
        """Withdraw the nameplate that `person` holds, if any."""
        await self._step("release", person)

    async def claim(self, person: PersonKey, address: str, nameplate: int) -> Entered:
        """Open a room for `person` and the owner of a nameplate."""
        room = _new_room()
        [owner] = await self._signed(self._surely, "claim", person, address, nameplate, room)
        claimed = Claimed(nameplate=nameplate, room=room)
        return Entered(room, Notice(owner.decode(), "claimed", claimed))

    async def meet(
        self, person: PersonKey, address: str, place: bytes, lifetime: float
    ) -> Entered | None:
        """Open a room for `person` and whoever waits at a place; else let `person` wait there."""
        room = _new_room()
        counted = (each for network in networks(address) for each in network)
        met = await self._signed(self._surely, "meet", person, place, lifetime, room, *counted)
        if not met:
            return None
        return Entered(room, Notice(met[0].decode(), "met", MetAtPlace(place=place, room=room)))

    async def leave_place(self, person: PersonKey, place: bytes) -> None:
        """Stop `person` from waiting at a place, if they do."""
        await self._step("leave_place", person, place)

    async def route(self, person: PersonKey, room: Room, *, proves: bool) -> Destination:
        """Return the receiver of a word of `person` in a room."""
        to, *proven = await self._step("route", person, room, int(proves))
        return Destination(to.decode(), proven[0].decode() if proven else None)

    async def share_room(self, person: PersonKey, other: PersonKey) -> bool:
        """Return whether two people are in a room with each other."""
        [shared] = await self._step("share_room", person, other)
        return bool(shared)

    async def is_paired(self, person: PersonKey) -> bool:
        """Return whether a person is in a room, and not by a claim that is not proven yet."""
        [paired] = await self._step("is_paired", person)
        return bool(paired)

    async def leave(self, person: PersonKey, room: Room) -> tuple[Notice, ...]:
        """End a room that `person` leaves."""
        [others] = await self._step("leave", _new_name(), person, room)
        gone = PartnerGone(room=room, reason="left")
        return tuple(Notice(other.decode(), "partnerGone", gone) for other in others)

    async def lost(self, person: PersonKey) -> tuple[Notice, ...]:
        """Remove `person`, whose connection ended."""
        name = self._losing.setdefault(person, _new_name())
        [parted] = await self._step("lost", name, self._process, person)
        self._losing.pop(person, None)
        return tuple(_parted(parted))

    async def expire(self) -> tuple[Notice, ...]:
        """End what has expired, and remove people of processes that died; say that this one lives.

        Raises:
            Forgotten: See PeopleStore.
        """
        notices: list[Notice] = []
        more = True
        async with self._sweeping:
            while more:
                try:
                    some, more = await self._sweep()
                except Forgotten:
                    self._begin()
                    raise
                except StoreAway:
                    if notices:  # which are told now, and the rest later
                        break
                    raise
                notices += some
        return tuple(notices)

    async def _sweep(self) -> tuple[list[Notice], bool]:
        """End some of what has expired; return whether there is more."""
        name = f"{self._process}:{self._sweeps}"
        more, nameplates, places, parted = await self._signed(self._surely, "expire", name)
        self._sweeps += 1
        notices = [
            Notice(owner.decode(), "nameplateExpired", NameplateExpired(nameplate=int(number)))
            for owner, number in _two_by_two(nameplates)
        ]
        notices += (
            Notice(person.decode(), "placeExpired", PlaceExpired(place=place))
            for person, place in _two_by_two(places)
        )
        notices += _parted(parted)
        return notices, bool(more)

    async def totals(self) -> PeopleTotals:
        """Return how much is kept."""
        return PeopleTotals(*await self._step("totals"))

    async def _signed(self, take: _Take, step: str, *arguments: str | bytes | float) -> list[Any]:
        """Take a step as this process, which is known from its first one on."""
        process = self._process
        answer = _read(await take(step, process, int(self._fresh), *arguments))
        if process == self._process:
            self._fresh = False
        return answer

    async def _step(self, step: str, *arguments: str | bytes | float) -> list[Any]:
        return _read(await self._surely(step, *arguments))


def _read(answer: list[Any]) -> list[Any]:
    """Return what a step returns. Raises Refusal and Forgotten."""
    how, *returned = answer
    match how:
        case b"refused":
            raise refusal(returned[0].decode())
        case b"forgotten":
            raise Forgotten("the store has lost the people of this process")
    return returned


def _new_room() -> Room:
    return secrets.token_hex(16)


def _new_name() -> str:
    """Return a name for a step, by which it has the same answer where it is taken again."""
    return secrets.token_hex(8)


def _two_by_two(flat: list[T]) -> Iterator[tuple[T, T]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _parted(parted: list[bytes]) -> Iterator[Notice]:
    for other, room in _two_by_two(parted):
        gone = PartnerGone(room=room.decode(), reason="lost")
        yield Notice(other.decode(), "partnerGone", gone)
