"""The door to the core as the screens see it: what a Client must offer, and nothing else.

Tests hand in a scripted one. No behaviour ever lives here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from filesend_tui.core.events import Event, SessionId, TorrentId, TransferId

if TYPE_CHECKING:
    from filesend_tui.core.checks import Found, Target


class EventReader(Protocol):
    """One reader of the event stream."""

    async def some(self, most: int) -> list[Event]:
        """Return the next events, at least one and at most so many; none once it has ended."""

    def close(self) -> None:
        """Stop reading."""


class ClientApi(Protocol):
    """Commands go in, events come out; every failure is a FileSendError (see core/client.py).

    to: the session that is meant; None where there is one at most.
    """

    def subscribe(self) -> EventReader:
        """Return a new reader of the event stream."""

    def verification(self, to: SessionId | None = None) -> str | None:
        """Words for two people to compare aloud; None while not paired."""

    async def tidy(self, folder: Path) -> None:
        """Remove what earlier runs left unfinished in a folder; Leftover events say what."""

    async def connect(self, relay_url: str, *, again: Callable[[], bool] = ...) -> None:
        """Connect to the relay; `again` says whether to, each time after it was lost."""

    async def create_code(self) -> str:
        """Ask for a code for the other person; a Code event follows too."""

    async def join(self, code: str) -> SessionId:
        """Pair with whoever made the code; return the session."""

    async def leave(self, to: SessionId | None = None) -> None:
        """End a session."""

    async def request(
        self,
        paths: Collection[Path] | Found,
        *,
        skip_unreadable: bool = False,
        to: SessionId | None = None,
    ) -> TransferId:
        """Ask a partner to accept these files and folders, or what of them is `Chosen`."""

    async def answer(
        self,
        transfer: TransferId,
        accepted: Sequence[bool],
        *,
        output: Path | Target | None = None,
    ) -> None:
        """Say yes or no for each file; where it fails the request stays open."""

    async def cancel(self, transfer: TransferId) -> None:
        """Give a transfer up."""

    async def seed(
        self,
        paths: Collection[Path] | Found,
        *,
        trackers: Sequence[str],
        skip_unreadable: bool = False,
    ) -> TorrentId:
        """Serve these to whoever has the magnet, until removed; a Seeding event follows too."""

    async def remove(self, torrent: TorrentId) -> None:
        """Serve this torrent no longer."""

    async def say(self, text: str, *, to: SessionId | None = None) -> None:
        """Send a line of text to a partner."""

    def rename(self, name: str) -> None:
        """Be called so by whoever is met from now on."""

    def limit(self, *, upload: int | None, download: int | None) -> None:
        """Move at most so many bytes a second from now on; None for no limit."""

    async def destroy(self) -> None:
        """End everything and free it."""
