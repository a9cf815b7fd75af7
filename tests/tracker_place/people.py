"""People at a tracker: a TrackerPlace that notes what it is told, for tests to wait on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from filesend_tui.core.relay_client.messages import RoomMessage
from filesend_tui.core.relay_client.staying import ConnectionState
from filesend_tui.core.tracker_place.connection import TrackerPlace
from filesend_tui.core.tracker_place.timings import DEFAULT, Timings
from relay.protocol import words
from relay.protocol.words import Word

W = TypeVar("W", bound=Word)


class Person(TrackerPlace):
    """One side. notices: what came that is no word of another's; said: those words, in order."""

    def __init__(self, timings: Timings = DEFAULT) -> None:
        self.notices: list[Word] = []
        self.said: list[RoomMessage] = []
        self.states: list[ConnectionState] = []
        self._news = asyncio.Event()
        super().__init__(self._note, self._note_state, timings=timings)

    async def allocate(self, number: int | None = None) -> words.Allocated:
        return await self.call(words.Allocate(nameplate=number), words.Allocated)

    async def claim(self, number: int) -> str:
        return (await self.call(words.Claim(nameplate=number), words.Joined)).room

    async def meet(self, place: bytes) -> str | None:
        return (await self.call(words.Meet(place=place), words.Met)).room

    async def leave(self, room: str) -> None:
        await self.call(words.Leave(room=room), words.Done)

    async def notice(self, kind: type[W]) -> W:
        """Return the first notice of a kind, past or to come."""
        await self.until(lambda: any(isinstance(each, kind) for each in self.notices))
        return next(each for each in self.notices if isinstance(each, kind))

    async def until(self, holds: Callable[[], object], seconds: float = 30) -> None:
        async with asyncio.timeout(seconds):
            while not holds():
                self._news.clear()
                await self._news.wait()

    def _note(self, word: Word | RoomMessage) -> None:
        if isinstance(word, RoomMessage):
            self.said.append(word)
        else:
            self.notices.append(word)
        self._news.set()

    def _note_state(self, state: ConnectionState) -> None:
        self.states.append(state)
        self._news.set()
