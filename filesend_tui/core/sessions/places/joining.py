"""Joining a code: asked for at every meeting place at once, paired at one.

A guess at a code's words is one run of SPAKE2, so only one is made, whatever places pretend: in all
rooms the first message is sent, which tells nothing, and the first room in which somebody answers
it is the one in which pairing goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from filesend_tui.core.errors import (
    ExpiredCode,
    FileSendError,
    PairingFailed,
    RelayUnreachable,
    UnknownCode,
    UsedCode,
)
from filesend_tui.core.sessions.code import Code
from filesend_tui.core.sessions.places.lobby import Introduced
from filesend_tui.core.sessions.places.meeting_place import MeetingPlace
from relay.protocol.words import Room

#: Seconds that one of several places may take to answer.
PATIENCE: Final = 5.0
#: Seconds between two tries at a place that knows no such code: its maker may be on the way there.
AGAIN: Final = 1.0
#: Why it failed, the most telling first: what one place knows, another may not.
_TELLING: Final[tuple[type[FileSendError], ...]] = (
    UsedCode,
    ExpiredCode,
    UnknownCode,
    PairingFailed,
    FileSendError,
    RelayUnreachable,
)


class Joined(NamedTuple):
    """Where two people paired, and what came of it."""

    place: MeetingPlace
    introduced: Introduced


class Joining:
    """One try to pair with the maker of a code.

    Args:
        code: The code.
        claimed: Called when a place has let this side into a room.
    """

    def __init__(self, code: Code, claimed: Callable[[], None]) -> None:
        self._code = code
        self._claimed = claimed
        self._trying: dict[asyncio.Task[Introduced], MeetingPlace] = {}
        self._failures: list[FileSendError] = []
        self._chosen: MeetingPlace | None = None
        self._more = asyncio.Event()

    def at(self, place: MeetingPlace) -> None:
        """Try it at this place, too."""
        if self._chosen is None:
            self._trying[asyncio.create_task(self._pair(place))] = place
            self._more.set()

    async def run(self, places: Iterable[MeetingPlace], patience: Callable[[], float]) -> Joined:
        """Pair at one of these places, or at one that is added meanwhile.

        Args:
            places: Those that are open now.
            patience: Returns for how many seconds from now on others may be added.

        Raises:
            FileSendError: As Lobby.claim and Lobby.pair; of several, the most telling.
        """
        for place in places:
            self.at(place)
        try:
            while True:
                if (joined := self._look()) is not None:
                    return joined
                await self._wait(patience())
        finally:
            for each in self._trying:
                each.cancel()
            await asyncio.gather(*self._trying, return_exceptions=True)

    def _look(self) -> Joined | None:
        """Return what one of the tries led to, if one is done. Raises what ended the chosen one."""
        for each in [each for each in self._trying if each.done()]:
            place = self._trying.pop(each)
            if each.cancelled():  # another was chosen
                continue
            try:
                return Joined(place, each.result())
            except FileSendError as error:
                if self._chosen is place:
                    raise
                self._failures.append(error)
        return None

    async def _wait(self, patience: float) -> None:
        """Wait for news; raise why it failed where none can come."""
        if not self._trying and patience <= 0:
            raise self._failure()
        self._more.clear()
        adding = asyncio.ensure_future(self._more.wait())
        try:
            await asyncio.wait(
                {adding, *self._trying},
                timeout=None if self._trying else patience,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            adding.cancel()

    def _failure(self) -> FileSendError:
        for kind in _TELLING:
            for error in self._failures:
                if isinstance(error, kind):
                    return error
        return RelayUnreachable("There is no connection to a relay.")

    async def _pair(self, place: MeetingPlace) -> Introduced:
        room = await self._claim(place)
        self._claimed()
        return await place.lobby.pair(room, lambda: self._choose(place))

    async def _claim(self, place: MeetingPlace) -> Room:
        while True:
            try:
                # One that hangs must not hide what the others said.
                async with asyncio.timeout(PATIENCE if len(self._trying) > 1 else None):
                    return await place.lobby.claim(self._code)
            except TimeoutError:
                raise RelayUnreachable(f"Nothing answers at {place.url}.") from None
            except UnknownCode:
                # Not where nobody comes: each try costs this address one that found no code.
                if not place.is_expecting:
                    raise
            await asyncio.sleep(AGAIN)

    def _choose(self, place: MeetingPlace) -> bool:
        """Choose a place, unless another was; the rest are given up."""
        if self._chosen is None:
            self._chosen = place
            for each, other in self._trying.items():
                if other is not place:
                    each.cancel()
        return self._chosen is place
