"""This side's own code: open at every place, until whoever has it says a first word at one of them.

    none ──create──▶ open ──claimed at a place──▶ open, and that room is listened in
                      │ └──a first word in one of these rooms──▶ used: paired there or burned
                      └──expired, another's code was joined, no place has it──▶ gone

A claim alone costs nothing: this side says nothing in a room until it has heard something, so a
place that lets nobody in, or swallows words, holds up no other. With the first word it answers, a
guess is spent, and so there is one answer for each code. The counterpart of joining.py; how a
number is found that is free is open_code.py's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Final, NamedTuple

from filesend_tui.core import events
from filesend_tui.core.errors import FileSendError, PairingFailed, RelayUnreachable
from filesend_tui.core.event_stream import EventStream
from filesend_tui.core.events import SessionId
from filesend_tui.core.sessions.places.lobby import Introduced, Opened
from filesend_tui.core.sessions.places.meeting_place import MeetingPlace
from filesend_tui.core.sessions.places.open_code import open_code
from filesend_tui.core.util.tasks import Tasks
from relay.protocol.words import Room

_log = logging.getLogger(__name__)

_ELSEWHERE: Final = "Try again; if that goes on, meet at a relay that you trust."


class _Code(NamedTuple):
    """A code that nobody has used yet, and the id of the session to come."""

    session: SessionId
    opened: Opened


class OwnCode:
    """One code at a time.

    Args:
        events: Where `code`, `codeClaimed` and `codeGone` go.
        places: Returns all places, also those that are lost now.
        introduced: Begins the session of two who paired; raises FileSendError.
        failed: Publishes why pairing failed.
    """

    def __init__(
        self,
        events: EventStream,
        places: Callable[[], Collection[MeetingPlace]],
        introduced: Callable[[SessionId, MeetingPlace, Introduced], object],
        failed: Callable[[FileSendError, SessionId], None],
    ) -> None:
        self._events = events
        self._places = places
        self._introduced = introduced
        self._failed = failed
        self._code: _Code | None = None
        #: Rooms in which nobody has said anything yet.
        self._claims: set[tuple[MeetingPlace, Room]] = set()
        self._tasks = Tasks()

    async def create(self, session: SessionId) -> str:
        """Open a code at every open place, instead of an earlier one, and return it; a secret.

        Raises:
            RelayUnreachable: None of them can be reached any more.
            PairingFailed: It was used up before anybody could know it, or all places were lost.
            FileSendError: All refuse; the reason of the first.
        """
        self._drop()
        opened = await open_code(self._open_places)
        if not self._is_anywhere:
            raise PairingFailed("Somebody guessed at the code before you had it.", _ELSEWHERE)
        self._code = _Code(session, opened)
        self._events.publish(
            events.Code(
                session=session, code=opened.code.text, expires_seconds=opened.expires_seconds
            )
        )
        for place in self._open_places:  # that were connected to meanwhile
            self.offer_at(place)
        return opened.code.text

    def offer_at(self, place: MeetingPlace) -> None:
        """Open the code at one more place, if there is one that is not open there."""
        if self._code is not None:
            self._tasks.spawn(self._open_at(place, self._code))

    def claimed(self, place: MeetingPlace, room: Room) -> None:
        """Listen in a room into which somebody came by the number of the code."""
        if self._code is None:
            # It is not shown yet, so whoever claims it guesses. They are told nothing by which a
            # guess could be tested, and so the code is as good as before elsewhere.
            place.lobby.forget(room)
            return
        self._claims.add((place, room))
        self._tasks.spawn(self._be_joined(place, room, self._code))

    def gone(self, reason: str) -> None:
        """Give the code up; `codeGone` tells why, if there was one."""
        code = self._code
        self._drop()
        for place in self._places():
            place.lobby.withdraw()
        if code is not None:
            self._events.publish(events.CodeGone(session=code.session, reason=reason))

    def place_lost(self, place: MeetingPlace) -> None:
        """Give the code up where no other place has it, and this is not expected back."""
        self._claims = {claim for claim in self._claims if claim[0] is not place}
        if self._is_anywhere:
            return
        if self._code is not None and place.returns_until > _now():
            self._tasks.spawn(self._lose_unless_back(self._code, place.returns_until))
        else:
            self.gone("relay")

    async def close(self) -> None:
        """Free everything."""
        await self._tasks.cancel()

    # -- internals

    @property
    def _open_places(self) -> tuple[MeetingPlace, ...]:
        return tuple(place for place in self._places() if place.is_open)

    @property
    def _is_anywhere(self) -> bool:
        """Whether somebody can still come by the code, or is being listened to."""
        return bool(self._claims) or any(place.lobby.has_code for place in self._places())

    def _drop(self) -> None:
        """Forget the code, and leave the rooms in which nobody has spoken."""
        self._code = None
        claims, self._claims = self._claims, set()
        for place, room in claims:
            place.lobby.fail(room, PairingFailed("The code is of no use any more."))

    async def _open_at(self, place: MeetingPlace, code: _Code) -> None:
        if self._code is not code or place.lobby.has_code:
            return
        try:
            opened = await place.lobby.open(code.opened.code)
        except FileSendError as error:
            _log.info("the code is of no use at %s: %s", place.url, error)
            return
        if self._code is not code or opened.code != code.opened.code:
            place.lobby.withdraw()

    async def _lose_unless_back(self, code: _Code, until: float) -> None:
        """Wait until a code is open somewhere again, for so long; else it is gone."""
        while self._code is code and not self._is_anywhere:
            if _now() >= until:
                self.gone("relay")
                return
            await asyncio.sleep(0.1)

    async def _be_joined(self, place: MeetingPlace, room: Room, code: _Code) -> None:
        """Pair with whoever came into a room, unless somebody speaks in another one first."""
        used = False

        def use() -> bool:
            nonlocal used
            if self._code is code:
                used = True
                self._claims.discard((place, room))
                self._drop()
                for other in self._places():
                    other.lobby.withdraw()  # one guess burns it everywhere
                self._events.publish(events.CodeClaimed(session=code.session))
            return used

        try:
            self._introduced(code.session, place, await place.lobby.pair(room, use))
        except FileSendError as error:
            if used:
                self._burned(code, error)
                return
            _log.info("nobody came to %s by the code: %s", place.url, error)
            self._claims.discard((place, room))
            if self._code is code and not self._is_anywhere:
                self._drop()
                self._burned(code, error)

    def _burned(self, code: _Code, error: FileSendError) -> None:
        lost = isinstance(error, RelayUnreachable)
        reason = "relay" if lost else "burned"
        self._events.publish(events.CodeGone(session=code.session, reason=reason))
        if not lost:
            self._failed(error, code.session)


def _now() -> float:
    return asyncio.get_running_loop().time()
