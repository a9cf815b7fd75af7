"""The app's handle on the Client: one Client, made late, and always destroyed.

Every failure of a command becomes a FileSendError. No Textual ever lives here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from filesend_tui.core.errors import FileSendError, broken
from filesend_tui.core.events import Event, SessionId
from filesend_tui.runtime.client_api import ClientApi, EventReader

_log = logging.getLogger(__name__)

#: Seconds that destroying the Client may take before the app exits anyway.
FAREWELL: Final = 8.0
#: Events in a batch, after which keys and drawing have their turn: about 2 ms.
HANDFUL: Final = 200


class ClientHandle:
    """The owner of the Client, from its creation to its end.

    Args:
        make: Makes the Client.
        find_relay: Finds or starts a relay and returns its URL.
        trusted: Whether to reconnect to the server that is there now.
    """

    def __init__(
        self,
        make: Callable[[], ClientApi],
        find_relay: Callable[[], Awaitable[str]],
        trusted: Callable[[], bool],
    ) -> None:
        self._make = make
        self._find_relay = find_relay
        self._trusted = trusted
        self._client: ClientApi | None = None
        self._reader: EventReader | None = None
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
        return True

    async def listen(self, hear: Callable[[list[Event]], Awaitable[object]]) -> None:
        """Pass on every event until the Client ends, in batches: the next once one was handled.

        Meanwhile they wait in the stream, which drops outdated figures.
        """
        if self._reader is not None:
            while handful := await self._reader.some(HANDFUL):
                await hear(handful)

    async def connect(self) -> None:
        """Find a relay and connect to it. Raises FileSendError."""
        url = await self._find_relay()
        await self.do(lambda client: client.connect(url, again=self._trusted))

    async def do(self, command: Callable[[ClientApi], Awaitable[object]]) -> None:
        """Run a command on the Client; do nothing before it is made and after its end."""
        if self._client is not None:
            await command(self._client)

    async def close(self) -> None:
        """Destroy the Client; never raises, may be called twice, takes no longer than FAREWELL."""
        self._ended = True
        client, self._client = self._client, None
        if client is not None:
            try:
                async with asyncio.timeout(FAREWELL):
                    await client.destroy()
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
