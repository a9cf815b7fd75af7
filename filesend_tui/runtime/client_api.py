"""The interface of the core for the screens: what a Client must offer, and nothing else.

Tests pass a scripted one. No behaviour ever lives here.
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
        """Return the next events, at least one and at most `most`; empty once it has ended."""

    def close(self) -> None:
        """Stop reading."""


class ClientApi(Protocol):
    """Commands go in, events come out; every failure is a FileSendError (see core/client.py).

    to: the session; None where there is one at most.
    """

    def subscribe(self) -> EventReader:
        """Return a new reader of the event stream."""

    def verification(self, to: SessionId | None = None) -> str | None:
        """Return the words for two people to compare aloud; None while not paired."""

    async def tidy(self, folder: Path) -> None:
        """Remove what earlier runs left unfinished in a folder; Leftover events report it."""

    async def connect(self, relay_url: str, *, again: Callable[[], bool] = ...) -> None:
        """Connect to the relay; `again` decides whether to reconnect, each time it was lost."""

    async def create_code(self) -> str:
        """Ask for a code for the other person; a Code event follows too."""

    async def join(self, code: str) -> SessionId:
        """Pair with the person who made the code; return the session."""

    async def leave(self, to: SessionId | None = None) -> None:
        """End a session."""

    async def request(
        self,
        paths: Collection[Path] | Found,
        *,
        skip_unreadable: bool = False,
        to: SessionId | None = None,
    ) -> TransferId:
        """Ask a partner to accept these files and folders; `Chosen` ones must be unchanged."""

    async def answer(
        self,
        transfer: TransferId,
        accepted: Sequence[bool],
        *,
        output: Path | Target | None = None,
    ) -> None:
        """Answer yes or no for each file; where it fails the request stays open."""

    async def cancel(self, transfer: TransferId) -> None:
        """Cancel a transfer."""

    async def seed(
        self,
        paths: Collection[Path] | Found,
        *,
        trackers: Sequence[str],
        skip_unreadable: bool = False,
    ) -> TorrentId:
        """Serve these to anybody with the magnet, until removed; a Seeding event follows too."""

    async def remove(self, torrent: TorrentId) -> None:
        """Stop serving this torrent."""

    async def say(self, text: str, *, to: SessionId | None = None) -> None:
        """Send a line of text to a partner."""

    def rename(self, name: str) -> None:
        """Change the name shown to partners paired from now on."""

    def limit(self, *, upload: int | None, download: int | None) -> None:
        """Set the rate limits in bytes a second from now on; None for no limit."""

    async def destroy(self) -> None:
        """End everything and free it."""
