"""`Looking`: tells of what is announced on the networks of this machine as it comes and goes.

What kind of thing it is, and what of an announcement is believed, is relays.py's and people.py's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from filesend_tui.core.nearby.announced import Announced, Own
from filesend_tui.core.nearby.interfaces import Here, here
from filesend_tui.core.nearby.table import Table
from filesend_tui.core.util.tasks import Tasks
from filesend_tui.core.util.text import clean
from relay.protocol import nearby

if TYPE_CHECKING:
    from filesend_tui.core.nearby.browser import Browser

_log = logging.getLogger(__name__)

Row = TypeVar("Row")

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


class Looking(Generic[Row]):
    """Looks at the network from `start` on until `close`; where that is forbidden, finds nothing.

    Args:
        service: The type of the service, as RFC 6763 names it.
        read: Returns what an announcement means on these networks; None where it is of no use.
        found: Called with what is there; must raise nothing.
        gone: Called with it once it is not; must raise nothing. Not at `close`.
        own: Returns the instance of this process's own announcement, which is left out.
    """

    def __init__(
        self,
        service: str,
        read: Callable[[str, Announced, Here], Row | None],
        found: Callable[[Row], None],
        gone: Callable[[Row], None],
        own: Callable[[], str] = str,
    ) -> None:
        self._service = service
        self._read = read
        self._found = found
        self._gone = gone
        self._own = own
        self._tasks = Tasks(self._failed)
        self._why_none = ""
        self._table: Table[Row] | None = None
        self._looked = asyncio.Event()
        self._browser: Browser | None = None
        self._told: Own | None = None

    @property
    def rows(self) -> tuple[Row, ...]:
        """What is there now."""
        return self._table.rows if self._table is not None else ()

    @property
    def why_none(self) -> str:
        """Why nothing can be found on this network; empty while it is looked at."""
        return self._why_none

    async def start(self) -> None:
        """Begin to look; returns at once."""
        self._table = Table(self._found, self._gone, self._own, asyncio.get_running_loop().time())
        self._tasks.spawn(self._look_on(self._table))

    async def ready(self) -> None:
        """Return once the network is looked at, or `why_none` says why not."""
        await self._looked.wait()

    async def tell(self, own: Own) -> None:
        """Announce this, too, from now on; what was announced before is said no more."""
        self._told = own
        if self._browser is not None:
            await self._browser.tell(own)

    async def close(self) -> None:
        """Look no more, and withdraw what was announced."""
        await self._tasks.cancel()

    async def _look_on(self, table: Table[Row]) -> None:
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
                    _log.info("nothing nearby can be found: %s", why)
                self._why_none = why
                self._looked.set()
                table.keep_only(frozenset())
                pause = _RETRY
            await asyncio.sleep(pause)

    async def _look_at(self, place: Here, table: Table[Row]) -> float:
        """Look at these interfaces until they are others; return for how many seconds to pause."""
        # It takes a while.
        module: Any = await asyncio.to_thread(import_module, "filesend_tui.core.nearby.browser")
        browser: Browser
        async with module.Browser(place, self._service) as browser:
            self._why_none = ""
            self._looked.set()
            look = _Look(browser, lambda name, said: self._read(name, said, place), table)
            self._browser = browser
            try:
                if self._told is not None:
                    await browser.tell(self._told)
                while not browser.flooded:
                    if await look.once() and await asyncio.to_thread(here) != place:
                        return 0.0
            finally:
                self._browser = None
                await look.close()
        _log.info("the network says too much by mDNS: it is left alone for a while")
        return nearby.PAUSE

    def _failed(self, error: BaseException) -> None:
        _log.error("looking at what is nearby failed", exc_info=error)


class _Look(Generic[Row]):
    """What is seen while one browser is open."""

    def __init__(
        self,
        browser: Browser,
        read: Callable[[str, Announced], Row | None],
        table: Table[Row],
    ) -> None:
        self._browser = browser
        self._read = read
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
        if (said := self._browser.said_by(name)) is not None:
            self._says(name, said)
        elif (
            self._questions < _MAX_ASKED and now - self._asked.get(name, -_ASK_AGAIN) >= _ASK_AGAIN
        ):
            self._asked[name] = now
            self._questions += 1
            self._asking.spawn(self._ask(name))

    async def _ask(self, name: str) -> None:
        try:
            self._says(name, await self._browser.ask(name))
        finally:
            self._questions -= 1

    def _says(self, name: str, said: Announced | None) -> None:
        row = self._read(name, said) if said is not None else None
        self._table.says(name, row, self._now())
