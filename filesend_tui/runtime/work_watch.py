"""Watching a Client's work: whether anything is under way, and whether it still moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from filesend_tui.core.events import Event
from filesend_tui.runtime.client_api import EventReader
from filesend_tui.state.under_way import UnderWay

#: Events read at a time, after which others have their turn.
_HANDFUL: Final = 200


class WorkWatch:
    """A reader of a Client's events from the first on; ends with the Client.

    Args:
        reader: Of the events.
        awake: Told whether the machine has to stay awake, at each look.

    now: what is under way. listeners: called with each event, once `now` knows of it.
    """

    def __init__(
        self, reader: EventReader, awake: Callable[[bool], object] = lambda _: None
    ) -> None:
        self.now = UnderWay()
        self.listeners: list[Callable[[Event], object]] = []
        self._awake = awake
        self._changed = asyncio.Event()
        self._reading = asyncio.create_task(self._read(reader))

    async def _read(self, reader: EventReader) -> None:
        try:
            while handful := await reader.some(_HANDFUL):
                for event in handful:
                    self.now.see(event)
                    for hear in self.listeners:
                        hear(event)
                self._awake(self.now.keeps_awake)
                self._changed.set()
        finally:
            self._awake(False)
            self._changed.set()

    async def over(self, patience: float, *, until_idle: bool = True) -> bool:
        """Wait until nothing is under way.

        Args:
            patience: Seconds in which something has to move.
            until_idle: Else wait on where nothing is under way, as the next thing may begin.

        Returns:
            False where nothing moved for so long.
        """
        clock = asyncio.get_running_loop().time
        moved, since = self.now.moved, clock()
        while not self._reading.done() and not (until_idle and not self.now.any):
            self._changed.clear()
            try:
                async with asyncio.timeout_at(since + patience):
                    await self._changed.wait()
            except TimeoutError:
                return False
            if self.now.moved != moved:
                moved, since = self.now.moved, clock()
        return True
