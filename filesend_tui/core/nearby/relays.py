"""`NearbyRelays`: tells of relays on the networks of this machine as they come and go.

Whether one of them is what it says is never known here: who connects finds out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from filesend_tui.core.nearby.interfaces import Here, here
from filesend_tui.core.nearby.table import NearbyRelay, Table
from filesend_tui.core.util.tasks import Tasks
from filesend_tui.core.util.text import clean
from relay.protocol import nearby

if TYPE_CHECKING:
    from filesend_tui.core.nearby.browser import Browser, Place

_log = logging.getLogger(__name__)

#: Seconds between two looks at this machine's addresses and at whether relays are still there.
LOOK: Final = 3.0
#: Seconds until a network that could not be looked at is tried again.
_RETRY: Final = 30.0
#: Least seconds between two rounds of changes, and between two questions for one announcement.
_PACE: Final = 0.25
_ASK_AGAIN: Final = 30.0
#: Announcements that are asked about at once, and that are looked at in a round of changes.
_MAX_ASKED: Final = 8
_MAX_LOOKED_AT: Final = 16
#: Seconds after which what was known before another look at the network must have been seen again.
_GRACE: Final = 10.0


class NearbyRelays:
    """Relays nearby, from `start` on until `close`. Where the network forbids it, none is found.

    Args:
        found: Called with each relay that can be connected to; must raise nothing.
        gone: Called with it once it cannot; must raise nothing. Not at `close`.
        own: Returns the instance of this process's own relay, which is left out; empty: none.
    """

    def __init__(
        self,
        found: Callable[[NearbyRelay], None],
        gone: Callable[[NearbyRelay], None],
        own: Callable[[], str] = str,
    ) -> None:
        self._found = found
        self._gone = gone
        self._own = own
        self._tasks = Tasks(self._failed)
        self._why_none = ""
        self._table: Table | None = None
        self._looked = asyncio.Event()

    @property
    def relays(self) -> tuple[NearbyRelay, ...]:
        """Those that are there now."""
        return self._table.relays if self._table is not None else ()

    @property
    def why_none(self) -> str:
        """Why none can be found on this network; empty while it is looked at."""
        return self._why_none

    async def start(self) -> None:
        """Begin to look; returns at once."""
        self._table = Table(self._found, self._gone, self._own, asyncio.get_running_loop().time())
        self._tasks.spawn(self._look_on(self._table))

    async def ready(self) -> None:
        """Return once the network is looked at, or `why_none` says why not."""
        await self._looked.wait()

    async def close(self) -> None:
        """Look no more."""
        await self._tasks.cancel()

    async def _look_on(self, table: Table) -> None:
        while True:
            place = await asyncio.to_thread(here)
            if not place.interfaces:
                self._why_none = "this machine has no network"
                self._looked.set()
                table.keep_only(frozenset())
                await asyncio.sleep(LOOK)
                continue
            try:
                pause = await self._look_at(place, table)
            except Exception as error:  # the library's own, of sockets, of the system
                why = clean(str(error), 200) or type(error).__name__
                if not self._why_none:
                    _log.info("no relay nearby can be found: %s", why)
                self._why_none = why
                self._looked.set()
                table.keep_only(frozenset())
                pause = _RETRY
            await asyncio.sleep(pause)

    async def _look_at(self, place: Here, table: Table) -> float:
        """Look at these interfaces until they are others; return for how many seconds to pause."""
        # It takes a while.
        module: Any = await asyncio.to_thread(import_module, "filesend_tui.core.nearby.browser")
        browser: Browser
        async with module.Browser(place) as browser:
            self._why_none = ""
            self._looked.set()
            look = _Look(browser, place, table)
            try:
                while not browser.flooded:
                    if await look.once() and await asyncio.to_thread(here) != place:
                        return 0.0
            finally:
                await look.close()
        _log.info("the network says too much by mDNS: it is left alone for a while")
        return nearby.PAUSE

    def _failed(self, error: BaseException) -> None:
        _log.error("looking for relays nearby failed", exc_info=error)


class _Look:
    """What is seen while one browser is open."""

    def __init__(self, browser: Browser, place: Here, table: Table) -> None:
        self._browser = browser
        self._place = place
        self._table = table
        self._now = asyncio.get_running_loop().time
        self._next = self._now() + LOOK
        self._grace: float | None = self._now() + _GRACE
        self._seen: set[str] = set()
        self._asked: dict[str, float] = {}
        self._asking = Tasks()
        self._questions = 0

    async def once(self) -> bool:
        """Wait for changes and look at them; return whether everything was looked at, for once."""
        changes = await self._browser.changes(max(0.0, self._next - self._now()))
        for name, there in changes.items():
            if there:
                self._table.announced(name)
                self._seen.add(name)
            else:
                self._table.withdrawn(name)
        known = self._table.names
        self._seen.intersection_update(known)
        everything = self._now() >= self._next
        if everything:
            self._next = self._now() + LOOK
            self._asked = {name: when for name, when in self._asked.items() if name in known}
            if self._grace is not None and self._now() >= self._grace:
                self._grace = None
                self._table.keep_only(frozenset(self._seen))
        changed = [name for name in known if name in changes][:_MAX_LOOKED_AT]
        for name in known if everything else changed:
            self._look_at(name)
        await asyncio.sleep(_PACE)
        return everything

    async def close(self) -> None:
        """Ask no more."""
        await self._asking.cancel()

    def _look_at(self, name: str) -> None:
        now = self._now()
        if (place := self._browser.place(name)) is not None:
            self._is_at(name, place)
        elif (
            self._questions < _MAX_ASKED and now - self._asked.get(name, -_ASK_AGAIN) >= _ASK_AGAIN
        ):
            self._asked[name] = now
            self._questions += 1
            self._asking.spawn(self._ask(name))

    async def _ask(self, name: str) -> None:
        try:
            self._is_at(name, await self._browser.ask(name))
        finally:
            self._questions -= 1

    def _is_at(self, name: str, place: Place | None) -> None:
        url = self._place.url(place.addresses, place.port) if place is not None else None
        self._table.is_at(name, url, self._now())
