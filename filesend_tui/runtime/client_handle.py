"""The app's handle on the Client: one Client, made late, and always destroyed.

Every failure of a command becomes a FileSendError. No Textual ever lives here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from filesend_tui.core.checks import is_tracker
from filesend_tui.core.errors import FileSendError, broken
from filesend_tui.core.events import Event, SessionId, TransferId
from filesend_tui.runtime.client_api import ClientApi, EventReader
from filesend_tui.runtime.work_watch import WorkWatch

if TYPE_CHECKING:
    from filesend_tui.runtime.local_relay import Ask

_log = logging.getLogger(__name__)

#: Seconds that destroying the Client may take before the app exits anyway.
FAREWELL: Final = 8.0
#: Events in a batch, after which keys and drawing have their turn: about 2 ms.
HANDFUL: Final = 200


class HandedOver(NamedTuple):
    """A Client that goes on without its face.

    transfers: those that were under way. seen: its events from then on.
    """

    client: ClientApi
    work: WorkWatch
    transfers: frozenset[TransferId]
    seen: list[Event]


class RunPlaces(Protocol):
    """Where a run meets people; meeting_places.py has it.

    told: called when `is_wide` may have changed.
    """

    told: Callable[[], None]

    @property
    def main(self) -> str:
        """The URL of the place that is waited for; empty: whichever comes first."""

    @property
    def is_wide(self) -> bool:
        """Whether others on this network can reach this machine's own relay."""

    def where(self) -> str:
        """Return in a few words where a code of this side can be used."""

    def command(self, code: str) -> str:
        """Return what the other person types for a code of this side."""

    def look_for_page(self) -> None:
        """Find out in the background whether there is a page for browsers, and call `told` then."""

    def link(self, code: str) -> str:
        """Return the link by which a browser uses it; empty where there is none."""

    async def open(self, client: ClientApi, ask: Ask) -> None:
        """Connect to all; raises RelayUnreachable where none answers."""

    async def narrow(self) -> None:
        """Keep this machine's own relay to this machine from now on."""

    async def close(self) -> None:
        """Stop looking for places."""


class ClientHandle:
    """The owner of the Client, from its creation to its end.

    Args:
        make: Makes the Client.
        places: Where it meets people.
        ask: Asks about a relay of this machine that another user runs.
    """

    def __init__(
        self,
        make: Callable[[], ClientApi],
        places: RunPlaces,
        ask: Ask,
        awake: Callable[[bool], object] = lambda _: None,
    ) -> None:
        self._awake = awake
        self._make = make
        self._places = places
        self._ask = ask
        self._client: ClientApi | None = None
        self._reader: EventReader | None = None
        self._work: WorkWatch | None = None
        self._ended = False

    def verification(self, to: SessionId | None) -> str | None:
        """Return the words for two people to compare; None while not paired."""
        return self._client.verification(to) if self._client is not None else None

    @property
    def is_open(self) -> bool:
        """Whether there is a Client."""
        return self._client is not None

    def open(self) -> bool:
        """Make the Client unless it exists; return whether it was made now."""
        if self._client is not None or self._ended:
            return False
        self._client = self._make()
        self._reader = self._client.subscribe()
        self._work = WorkWatch(self._client.subscribe(), self._awake)
        return True

    async def listen(self, hear: Callable[[list[Event]], Awaitable[object]]) -> None:
        """Pass on every event until the Client ends, in batches: the next once one was handled.

        Meanwhile they wait in the stream, which drops outdated figures.
        """
        if self._reader is not None:
            while handful := await self._reader.some(HANDFUL):
                await hear(handful)

    async def connect(self) -> None:
        """Connect to all places; return once there is one. Raises FileSendError."""
        await self.do(lambda client: self._places.open(client, self._ask))

    @property
    def places(self) -> Sequence[str]:
        """The URLs of the places that it is connected to."""
        return self._client.places if self._client is not None else ()

    async def go_to(self, url: str) -> None:
        """Be at another place, too, such as one at which a session was.

        Raises:
            RelayUnreachable: Nobody is met at this address.
        """
        if is_tracker(url):
            await self.do(lambda client: client.connect_to_tracker(url))
        else:
            await self.do(lambda client: client.connect(url))

    async def do(self, command: Callable[[ClientApi], Awaitable[object]]) -> None:
        """Run a command on the Client; do nothing before it is made and after its end."""
        if self._client is not None:
            await command(self._client)

    @property
    def is_busy(self) -> bool:
        """Whether anything is under way that the end of the Client would cut short."""
        return self._work is not None and self._work.now.any

    def hand_over(self) -> HandedOver | None:
        """Give the Client away: it goes on, and is no longer this handle's to destroy."""
        self._ended = True
        client, self._client = self._client, None
        if client is None or self._work is None:
            return None
        seen: list[Event] = []
        self._work.listeners.append(seen.append)
        return HandedOver(client, self._work, frozenset(self._work.now.transfers), seen)

    async def close(self, *, keep: bool = False) -> None:
        """Destroy the Client; never raises, may be called twice, takes no longer than FAREWELL.

        keep: what is unfinished, so that it can be resumed.
        """
        self._ended = True
        client, self._client = self._client, None
        await self._places.close()
        if client is not None:
            try:
                async with asyncio.timeout(FAREWELL):
                    await client.destroy(keep=keep)
            except Exception:
                _log.exception("the client did not end cleanly")
        if self._reader is not None:
            self._reader.close()


async def guarded(work: Awaitable[None]) -> FileSendError | None:
    """Await some work; return its failure as a FileSendError, or None."""
    try:
        await work
    except FileSendError as error:
        return error
    except Exception as error:
        _log.exception("a command failed")
        return broken(error)
    return None
