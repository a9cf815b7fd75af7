"""Outgoing files: a person's choice, sent to people or shared openly by the core.

What the core refuses is marked, and the choice is kept; what it accepts is removed from the choice.
Which place is shown then is the face's. No Textual ever lives here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from filesend_tui.core.errors import BadSource, FileSendError
from filesend_tui.core.events import GroupId, SessionId
from filesend_tui.keys import shown
from filesend_tui.runtime.client_api import ClientApi
from filesend_tui.runtime.client_handle import ClientHandle
from filesend_tui.runtime.open_share import seed_at_relay
from filesend_tui.state.people.everybody import Person
from filesend_tui.state.store import Store

if TYPE_CHECKING:
    from filesend_tui.core.checks import Chosen, Found

#: People who can be asked for the same at once, as `Client.new_group` has it.
MOST: Final = 64


class Waiting(NamedTuple):
    """Somebody who is not here, and what asks them once there is a session."""

    person: Person
    ask: Callable[[ClientApi, SessionId], Awaitable[None]]


class Outgoing:
    """Passes the choice to the Client.

    Args:
        client: The Client's handle.
        store: Holds the choice, and the relay's URL.
        taken: Called when the core accepted something, which is a transfer or share now.
    """

    def __init__(self, client: ClientHandle, store: Store, taken: Callable[[], None]) -> None:
        self._client = client
        self._store = store
        self._on_taken = taken
        self._sharing: Chosen | None = None

    async def request(self, paths: Chosen, to: Sequence[Person], *, skip: bool) -> list[Waiting]:
        """Ask people to take these: several as a group, for whom it is hashed once.

        Args:
            paths: What to send.
            to: Whom to ask; empty for the partner.
            skip: Leave out what cannot be sent.

        Returns:
            Those who are not here. What was chosen for them is checked, and no longer chosen.

        Raises:
            FileSendError: Something cannot be sent, and stays chosen; or somebody is gone.
        """
        if all(person.paired for person in to) and len(to) <= 1:
            session = to[0].session if to else self._store.session
            with self._marking():
                await self._client.do(
                    lambda client: self._ask(client, session, paths, paths, skip=skip)
                )
            self._taken(paths)
            return []
        waiting: list[Waiting] = []
        with self._marking():
            await self._client.do(
                lambda client: self._ask_all(client, paths, to, waiting, skip=skip)
            )
        return waiting

    async def _ask_all(
        self,
        client: ClientApi,
        paths: Chosen,
        to: Sequence[Person],
        waiting: list[Waiting],
        *,
        skip: bool,
    ) -> None:
        if len(to) > MOST:
            raise FileSendError(f"At most {MOST} people at once.", "Mark fewer, then the others.")
        found = await client.look_through(paths, skip_unreadable=skip)
        group = client.new_group(len(to)) if len(to) > 1 else None

        async def ask(client: ClientApi, session: SessionId) -> None:
            await self._ask(client, session, found, paths, group=group)

        waiting += [Waiting(person, ask) for person in to if not person.paired]
        failures: list[FileSendError] = []
        here = [person for person in to if person.paired]
        for person in here:
            try:
                await self._ask(client, person.session, found, paths, group=group)
            except FileSendError as failure:
                failures.append(failure)  # nobody else misses it because one is gone
        if waiting or len(failures) < len(here):
            self._taken(paths)
        if failures:
            raise failures[0]

    async def _ask(
        self,
        client: ClientApi,
        session: SessionId | None,
        what: Chosen | Found,
        paths: Chosen,
        *,
        skip: bool = False,
        group: GroupId | None = None,
    ) -> None:
        asked = await client.request(what, skip_unreadable=skip, to=session, group=group)
        self._store.remember_paths(asked, tuple(paths))

    async def share(self, paths: Chosen, *, skip: bool) -> None:
        """Serve these to anybody with the link, by the relay's tracker. skip: as in `request`.

        Raises:
            FileSendError: Something cannot be sent, or the relay does not take the torrent.
        """
        self._sharing = paths
        url = self._store.relay.url
        try:
            with self._marking():
                await self._client.do(
                    lambda client: seed_at_relay(client, url, paths, skip_unreadable=skip)
                )
            self.share_taken()
        finally:
            self._sharing = None

    def share_taken(self) -> None:
        """Note that a share's torrent is being made: everything chosen for it can be read."""
        paths, self._sharing = self._sharing, None
        if paths is not None:
            self._taken(paths)

    @contextmanager
    def _marking(self) -> Iterator[None]:
        """Mark what the core refuses of a choice, and keep the choice."""
        self._store.picked.refuse({})
        try:
            yield
        except BadSource as error:
            self._store.picked.refuse({str(path): why for path, why in error.offenders})
            if not error.offenders:
                raise
            hint = f"They are marked in the list; {shown('without')} sends the rest."
            raise BadSource(error.message, hint, offenders=error.offenders) from error

    def _taken(self, paths: Chosen) -> None:
        self._store.picked.remove(map(str, paths))
        self._on_taken()
