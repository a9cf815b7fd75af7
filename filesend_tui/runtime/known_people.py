"""Those who are remembered, for the screens: who they are, who of them is there, and meeting them.

What is found is told to the store's people. What it is shown as is the face's, what is sent is
outgoing.py's. No Textual ever lives here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from filesend_tui.core.errors import FileSendError
from filesend_tui.core.events import Allowance, Paired, SessionId
from filesend_tui.runtime.client_api import ClientApi
from filesend_tui.runtime.client_handle import ClientHandle
from filesend_tui.runtime.outgoing import Waiting
from filesend_tui.state.notices import waits_no_longer
from filesend_tui.state.store import Store

#: Contacts who are looked for at once, and the seconds it may take.
_MOST_LOOKED_FOR: Final = 8
_LOOK: Final = 5.0


class KnownPeople:
    """Passes what is done with contacts to the Client.

    Args:
        client: The Client's handle.
        store: Told of them.
        clock: Seconds, monotonic.
        found: Called when something was found out, which is in the store.
    """

    def __init__(
        self,
        client: ClientHandle,
        store: Store,
        clock: Callable[[], float],
        found: Callable[[], object],
    ) -> None:
        self._client = client
        self._store = store
        self._clock = clock
        self._on_found = found
        self._looking = asyncio.Lock()
        #: Of each contact who is called: done once they have come by themselves.
        self._coming: dict[str, asyncio.Future[SessionId]] = {}

    async def wait(self, client: ClientApi) -> None:
        """Be there for all of them, those to come included, from now on; returns at once."""
        client.wait_for_contacts(None)

    async def read(self, client: ClientApi) -> None:
        """Read who is remembered. Raises FileSendError."""
        self._store.people.know(await client.contacts())
        self._on_found()

    async def look(self, client: ClientApi) -> None:
        """Read who is remembered, and look who of those seen last is there. Raises as `read`.

        Those who are there are told that this side is, too. One look at a time: two of one side at
        one place would hinder each other.
        """
        if not self._looking.locked():
            async with self._looking:
                await self._look(client)

    async def _look(self, client: ClientApi) -> None:
        await self.read(client)
        absent = [each for each in self._store.everybody if each.addressable and not each.paired]

        async def look(contact: str) -> None:
            try:
                online = bool(client.places) and await client.is_online(contact, _LOOK)
            except FileSendError:  # nobody knows, so it is not said
                online = False
            self._store.people.found(contact, online=online)
            self._on_found()

        await asyncio.gather(*(look(each.contact) for each in absent[:_MOST_LOOKED_FOR]))
        await self.read(client)  # whoever was found was seen now

    async def rename(self, contact: str, name: str) -> None:
        """Name a contact, for this side alone. Raises FileSendError."""

        async def rename(client: ClientApi) -> None:
            await client.rename_contact(contact, name)
            await self.read(client)

        await self._client.do(rename)

    async def allow(self, contact: str, allowance: Allowance | None) -> None:
        """Set what is taken of a contact without asking. Raises FileSendError."""

        async def allow(client: ClientApi) -> None:
            await client.allow_contact(contact, allowance)
            await self.read(client)

        await self._client.do(allow)

    async def forget(self, contact: str) -> None:
        """Forget a contact. Raises FileSendError."""

        async def forget(client: ClientApi) -> None:
            await client.forget_contact(contact)
            await self.read(client)

        await self._client.do(forget)

    async def call(self, waiting: Waiting) -> None:
        """Wait for somebody who is not here, then ask them; cancel it to give up.

        Raises:
            FileSendError: They cannot be met, or asked.
        """
        contact = waiting.person.contact
        came = self._coming[contact] = asyncio.get_running_loop().create_future()
        self._store.people.call(contact, self._clock())

        async def call(client: ClientApi) -> None:
            session = await _meet(client, contact, came)
            self._store.people.call_over(contact)
            await waiting.ask(client, session)

        try:
            await self._client.do(call)
        except asyncio.CancelledError:
            self._store.tell(waits_no_longer(waiting.person.name))
            raise
        finally:
            del self._coming[contact]
            self._store.people.call_over(contact)

    def came(self, event: Paired) -> None:
        """Note that somebody came, who may be called."""
        came = self._coming.get(event.contact)
        if came is not None and event.session is not None and not came.done():
            came.set_result(event.session)


async def _meet(client: ClientApi, contact: str, came: asyncio.Future[SessionId]) -> SessionId:
    """Return the session with a contact, whoever of the two comes to the other."""
    call = asyncio.ensure_future(client.call(contact))
    try:
        await asyncio.wait({call, came}, return_when=asyncio.FIRST_COMPLETED)
        return came.result() if came.done() else call.result()
    finally:
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
