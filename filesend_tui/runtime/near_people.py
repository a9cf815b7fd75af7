"""People nearby, for the screens: seeing them and being seen, and asking one of them to pair.

Only who wants to be seen sees others. Who they are nobody knows before they have paired by a code.
What is shown of them is the store's; no Textual ever lives here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from filesend_tui.core.nearby.people import NearbyPeople, NearbyPerson
from filesend_tui.core.util.tasks import Tasks
from filesend_tui.core.util.token_bucket import TokenBucket
from filesend_tui.state.notices import asked_nearby
from filesend_tui.state.store import Store

#: Seconds for which somebody is asked to pair; a code is good for as long.
ASKING: Final = 600.0
#: Calls that are told of: at once, and a second. Anybody on the network may call.
_CALLS: Final = 3
_CALLS_PER_SECOND: Final = 0.1


class NearPeople:
    """Passes who is nearby to a store while this side is visible.

    Args:
        store: Told of them.
        name: Returns how this side's person is called.
        clock: Seconds, monotonic.
        changed: Called once the store is told.
        make: Makes what looks at the network.
    """

    def __init__(
        self,
        store: Store,
        name: Callable[[], str],
        clock: Callable[[], float],
        changed: Callable[[], object],
        make: Callable[..., NearbyPeople] = NearbyPeople,
    ) -> None:
        self._store = store
        self._name = name
        self._clock = clock
        self._changed = changed
        self._make = make
        self._people: NearbyPeople | None = None
        self._told = TokenBucket(_CALLS, _CALLS_PER_SECOND, clock())
        self._tasks = Tasks()

    async def show(self) -> None:
        """Be seen, and see others, from now on."""
        if self._people is None:
            self._people = self._make(self._name(), self._found, self._gone)
            self._store.people.visible = True
            await self._people.start()

    async def hide(self) -> None:
        """Be seen no more, and see nobody."""
        people, self._people = self._people, None
        if people is not None:
            self._store.people.visible = False
            self._store.people.nobody_near()
            await self._tasks.cancel()
            await people.close()

    async def call(self, instance: str) -> None:
        """Ask somebody there to pair, for a while, in place of whom was asked before."""
        await self._tasks.cancel()
        if self._people is not None:
            await self._people.call(instance)
            self._tasks.spawn(self._end_call())

    @property
    def calls(self) -> bool:
        """Whether somebody is asked to pair."""
        return bool(self._tasks)

    async def end_call(self) -> None:
        """Ask nobody any more."""
        await self._tasks.cancel()
        if self._people is not None:
            await self._people.call("")

    async def renamed(self) -> None:
        """Be seen by another name, if at all."""
        if self._people is not None:
            await self.hide()
            await self.show()

    async def _end_call(self) -> None:
        await asyncio.sleep(ASKING)
        if self._people is not None:
            await self._people.call("")

    def _found(self, person: NearbyPerson) -> None:
        if self._people is None:
            return
        self._store.people.near(person.instance, person.name)
        if person.calls == self._people.instance and self._told.spend(1, self._clock()):
            self._store.tell(asked_nearby(person.name))
        self._tell_soon()

    def _gone(self, person: NearbyPerson) -> None:
        self._store.people.near_no_more(person.instance)
        self._tell_soon()

    def _tell_soon(self) -> None:
        # Once for what comes at once: who begins to call is gone and found again.
        asyncio.get_running_loop().call_soon(self._changed)
