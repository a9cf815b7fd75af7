"""Outgoing files: a person's choice, sent to the partner or shared openly by the core.

What the core refuses is marked, and the choice is kept; what it accepts is removed from the choice.
Which place is shown then is the face's. No Textual ever lives here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filesend_tui.core.errors import BadSource
from filesend_tui.keys import shown
from filesend_tui.runtime.client_api import ClientApi
from filesend_tui.runtime.client_handle import ClientHandle
from filesend_tui.runtime.open_share import seed_at_relay
from filesend_tui.state.store import Store

if TYPE_CHECKING:
    from filesend_tui.core.checks import Chosen


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

    async def request(self, paths: Chosen, *, skip: bool) -> None:
        """Ask the partner to take these. skip: leave out what cannot be sent.

        Raises:
            FileSendError: Something cannot be sent, or there is no partner.
        """

        async def request(client: ClientApi) -> None:
            asked = await client.request(paths, skip_unreadable=skip, to=self._store.session)
            self._store.remember_paths(asked, tuple(paths))

        with self._marking():
            await self._client.do(request)
        self._taken(paths)

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
