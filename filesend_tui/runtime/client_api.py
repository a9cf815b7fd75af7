"""The interface of the core for the screens: what a Client must offer, and nothing else.

Tests pass a scripted one. No behaviour ever lives here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from filesend_tui.core.events import (
    Allowance,
    Contact,
    Event,
    GroupId,
    History,
    SessionId,
    TorrentId,
    TransferId,
    Unfinished,
)

if TYPE_CHECKING:
    from filesend_tui.core.checks import Existing, Found, Target
    from filesend_tui.core.choices import Arriving, Stood


class EventReader(Protocol):
    """One reader of the event stream."""

    async def some(self, most: int) -> list[Event]:
        """Return the next events, at least one and at most `most`; empty once it has ended."""

    def close(self) -> None:
        """Stop reading."""


class PlacesClient(Protocol):
    """Of a Client: where it meets people."""

    async def connect(self, relay_url: str, *, again: Callable[[], Awaitable[bool]] = ...) -> None:
        """Be at a relay, too; `again` decides whether to reconnect, each time it was lost."""

    async def connect_to_tracker(
        self, url: str, *, again: Callable[[], Awaitable[bool]] = ...
    ) -> None:
        """Meet people at a tracker, too."""

    async def disconnect(self, url: str) -> None:
        """Leave a relay or tracker; sessions go on at the others."""

    def expect_places(self, seconds: float) -> None:
        """Take for granted, for so long, that more places are about to be connected to."""

    def expect_return(self, url: str, seconds: float) -> None:
        """Say that a relay is about to go, and to be there again empty."""

    def expect_people(self, url: str, seconds: float) -> None:
        """Say that others are about to connect to one of the places."""

    @property
    def places(self) -> Sequence[str]:
        """The URLs of the relays and trackers that it is connected to."""


class ClientApi(PlacesClient, Protocol):
    """Commands go in, events come out; every failure is a FileSendError (see core/client.py).

    to: the session; None where there is one at most.
    """

    def subscribe(self) -> EventReader:
        """Return a new reader of the event stream."""

    def verification(self, to: SessionId | None = None) -> str | None:
        """Return the words for two people to compare aloud; None while not paired."""

    async def tidy(self, folder: Path) -> None:
        """Remove what earlier runs left unfinished in a folder; Leftover events report it."""

    async def create_code(self) -> str:
        """Ask for a code for the other person; a Code event follows too."""

    async def join(self, code: str) -> SessionId:
        """Pair with the person who made the code; return the session."""

    async def open_link(self, secret: bytes, at: str) -> SessionId:
        """Pair with whoever made a link to the page of the relay `at`; return the session."""

    async def leave(self, to: SessionId | None = None) -> None:
        """End a session."""

    async def remember(self, to: SessionId | None = None) -> None:
        """Ask a partner to remember each other, or say yes where they have asked."""

    async def decline_remembering(self, to: SessionId | None = None) -> None:
        """Say no to a partner who asks to remember each other."""

    async def contacts(self) -> Sequence[Contact]:
        """Return whom this side remembers, the last seen first."""

    async def rename_contact(self, contact: str, name: str) -> Contact:
        """Name a contact, for this side alone."""

    async def allow_contact(self, contact: str, allowance: Allowance | None) -> Contact:
        """Set what is taken of a contact without asking."""

    async def forget_contact(self, contact: str) -> bool:
        """Forget a contact, on both sides if they are there; return whether there was one."""

    def wait_for_contacts(self, contacts: Collection[str] | None) -> None:
        """Be there for contacts who call; None for all."""

    async def call(self, contact: str) -> SessionId:
        """Wait until a contact is there, and return the session with them."""

    async def is_online(self, contact: str, seconds: float) -> bool:
        """Return whether a contact is there, within so many seconds."""

    async def look_through(
        self, paths: Collection[Path], *, skip_unreadable: bool = False
    ) -> Found:
        """Check and return what is to be sent, for `request`."""

    def new_group(self, size: int) -> GroupId:
        """Return what `request` takes to ask so many people for the same."""

    async def request(
        self,
        paths: Collection[Path] | Found,
        *,
        skip_unreadable: bool = False,
        to: SessionId | None = None,
        group: GroupId | None = None,
    ) -> TransferId:
        """Ask a partner to accept these files and folders; `Chosen` ones must be unchanged."""

    async def answer(
        self,
        transfer: TransferId,
        accepted: Sequence[bool],
        *,
        output: Path | Target | None = None,
        reason: str = "",
        replace: Sequence[Stood] = (),
    ) -> None:
        """Answer yes or no for each file; where it fails the request stays open."""

    async def existing(
        self, transfer: TransferId, *, output: Path | Target | None = None
    ) -> Sequence[Existing]:
        """Return which files of a request are in the folder already."""

    @property
    def arriving(self) -> Arriving:
        """How received files are put where they go."""

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
