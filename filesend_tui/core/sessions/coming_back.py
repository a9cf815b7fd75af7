"""The way of one partner back into a room: tried at every meeting place at once, until one leads.

Both may get rooms with each other at several places. The one who was the maker when they were
introduced chooses: where the other has spoken first. The other goes on wherever the maker does. So
both end in the same room, and a place that only pretends delays them. How often it is tried is
places/tries.py's; what a room means for a session is manager.py's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.places.lobby import Introduced
from filesend_tui.core.sessions.places.meeting_place import MeetingPlace
from filesend_tui.core.sessions.places.tries import Tries
from filesend_tui.core.sessions.session import Session
from filesend_tui.core.sessions.shared_secret import Secret
from relay.protocol.words import Word

#: Seconds in a room after which the backoff begins anew.
STEADY: Final = 30.0


class Back(NamedTuple):
    """A room in which both have met again. epoch: the one that begins.

    had: the last word that the partner had acknowledged before. unheard: what they said since.
    """

    place: MeetingPlace
    introduced: Introduced
    epoch: int
    had: int
    unheard: tuple[Word, ...]


class ComingBack:
    """The tries to meet one partner again.

    Args:
        name: For logs.
        session: Theirs.
        came_back: Called with the room; returns whether the session is in it now.
    """

    def __init__(self, name: str, session: Session, came_back: Callable[[Back], bool]) -> None:
        self._session = session
        self._came_back = came_back
        self._tries = Tries(f"meeting {name} again", self._meet, lambda: session.in_room)
        self._clock = asyncio.get_running_loop().time
        self._entered = self._clock()

    def room_lost(self) -> None:
        """Record that the room is gone; one that held begins the backoff anew."""
        if self._clock() - self._entered > STEADY:
            self._tries.afresh()

    def at(self, places: Iterable[MeetingPlace]) -> None:
        """Try at these places, too, until they are lost."""
        self._tries.at(places)

    async def close(self) -> None:
        """Give up all tries for good."""
        await self._tries.close()

    async def _meet(self, place: MeetingPlace) -> None:
        if self._came_back(await self._meet_once(place)):
            self._entered = self._clock()
            self._tries.stop()

    async def _meet_once(self, place: MeetingPlace) -> Back:
        ways, had = self._session.ways_back(), self._session.had
        room = await place.lobby.meet(tuple(ways), lambda: self._session.taken)
        introduced = await place.lobby.pair(room, lambda: self._choose(place))
        unheard = place.lobby.take_over(introduced)
        way = introduced.introduction
        assert isinstance(way, Secret)
        return Back(place, introduced, ways[way], had, unheard)

    def _choose(self, place: MeetingPlace) -> bool:
        return self._session.side is Side.JOINER or self._tries.choose(place)
