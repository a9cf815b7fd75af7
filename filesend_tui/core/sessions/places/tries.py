"""Tries to meet one person, at several places at once, until one of them leads to them.

At each place it is tried again and again, with backoff, for as long as the place is there. Where
both may get rooms at several places, one of the two chooses among them. How it is tried is the
owner's: coming_back.py's, and contacts/reaching.py's.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from filesend_tui.core.errors import FileSendError, RelayUnreachable
from filesend_tui.core.sessions.places.meeting_place import MeetingPlace

_log = logging.getLogger(__name__)

#: Backoff in seconds: before the second try, and the most between two.
FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 30.0
#: Seconds after which a try that ended was no failure.
STEADY: Final = 60.0
#: Seconds that a chosen room has to lead somewhere, before another may be chosen.
CHOICE: Final = 5.0


class Backoff:
    """The delay before the next try; a try that lasted begins it anew."""

    def __init__(self) -> None:
        self._tries = 0
        self._began = 0.0

    async def wait(self) -> None:
        """Wait as long as it takes, which is not at all before the first try."""
        now = asyncio.get_running_loop().time()
        if now - self._began > STEADY:
            self._tries = 0
        if self._tries:
            longest = min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(self._tries - 1, 16))
            await asyncio.sleep(longest * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
        self._tries += 1
        self._began = asyncio.get_running_loop().time()


class Tries:
    """The tries to meet one person.

    Args:
        name: What is tried, for logs.
        once: Tries at a place, once; raises FileSendError where that failed.
        over: Whether nothing is to be tried any more.
    """

    def __init__(
        self, name: str, once: Callable[[MeetingPlace], Awaitable[None]], over: Callable[[], bool]
    ) -> None:
        self._name = name
        self._once = once
        self._over = over
        self._clock = asyncio.get_running_loop().time
        self._trying: dict[MeetingPlace, asyncio.Task[None]] = {}
        self._backoffs: defaultdict[MeetingPlace, Backoff] = defaultdict(Backoff)
        self._choice: tuple[MeetingPlace, float] | None = None
        self._closed = False

    def at(self, places: Iterable[MeetingPlace]) -> None:
        """Try at these places, too, until they are lost."""
        for place in places:
            if not (self._closed or self._over() or place in self._trying):
                self._trying[place] = asyncio.create_task(self._try(place))

    def afresh(self) -> None:
        """Begin the backoff anew, everywhere."""
        self._backoffs.clear()

    def choose(self, place: MeetingPlace) -> bool:
        """Choose the room that a place gave, in which the other has spoken; return whether it is.

        It is not while another was chosen, unless that leads nowhere in time.
        """
        now = self._clock()
        if self._choice is not None and self._choice[0] is not place:
            other, since = self._choice
            if now - since < CHOICE:
                return False
            if (stuck := self._trying.get(other)) is not None:
                stuck.cancel()
        self._choice = (place, now)
        return True

    def stop(self) -> list[asyncio.Task[None]]:
        """Give up all tries, but for the one that calls this; return those that end."""
        others = [each for each in self._trying.values() if each is not asyncio.current_task()]
        for each in others:
            each.cancel()
        return others

    async def close(self) -> None:
        """Give up all tries for good."""
        self._closed = True
        if others := self.stop():
            await asyncio.wait(others)

    async def _try(self, place: MeetingPlace) -> None:
        try:
            while not self._over():
                await self._backoffs[place].wait()
                try:
                    await self._once(place)
                except RelayUnreachable:
                    return  # once it is there again, this is
                except FileSendError as error:
                    # A place that lets somebody else in only delays it.
                    _log.info("%s at %s: %s", self._name, place.url, error)
        finally:
            if self._choice is not None and self._choice[0] is place:
                self._choice = None
            del self._trying[place]
            if place.is_open:
                self.at([place])  # it may be back already, or another room was lost
