"""The interface of the core for the screens: what a Client must offer, and nothing else.

Tests pass a scripted one. No behaviour ever lives here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from filesend_tui.core.events import (
    Event,
    History,
    SessionId,
    TorrentId,
    TransferId,
    Unfinished,
)

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

    async def connect(self, relay_url: str, *, again: Callable[[], Awaitable[bool]] = ...) -> None:
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
        reason: str = "",
    ) -> None:
        """Answer yes or no for each file; where it fails the request stays open."""

    async def cancel(self, transfer: TransferId) -> None:
        """Cancel a transfer."""

    async def pause(self, transfer: TransferId, files: Collection[int] | None = None) -> None:
        """Pause a transfer, on both sides; or only leave out files of one that is received."""

    async def go_on(self, transfer: TransferId, files: Collection[int] | None = None) -> None:
        """Take this side's pause of a transfer, or of files of it, back."""

    async def move(self, transfer: TransferId, by: int) -> None:
        """Send a transfer so many places later, or below 0 sooner, than in its turn."""

    async def ask_again(self, transfer: TransferId) -> None:
        """Ask its sender to send a transfer that is over again."""

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

    async def history(self, limit: int) -> Sequence[History]:
        """Return the newest entries of the history, the newest first."""

    async def clear_history(self) -> int | None:
        """Delete the whole history; return how many entries it had, None where it cannot be."""

    async def unfinished(self) -> Sequence[Unfinished]:
        """Return the transfers that are unfinished, the oldest first."""

    async def resume(self, session: SessionId, transfer: TransferId) -> bool:
        """Go on with an unfinished transfer; return False where another process is at it."""

    async def forget(self, session: SessionId, transfer: TransferId) -> bool:
        """Forget an unfinished transfer, and delete what arrived of it."""

    def rename(self, name: str) -> None:
        """Change the name shown to partners paired from now on."""

    def limit(self, *, upload: int | None, download: int | None) -> None:
        """Set the rate limits in bytes a second from now on; None for no limit."""

    @property
    def limits(self) -> tuple[int | None, int | None]:
        """The rate limits of upload and download, in bytes a second; None for no limit."""

    async def destroy(self, *, keep: bool = False) -> None:
        """End everything and free it. keep: cancel nothing, so that it can be resumed."""
