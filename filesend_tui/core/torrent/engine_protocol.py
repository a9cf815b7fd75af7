"""What exchanges need of the torrents: the part of torrent/engine.py's Engine they call."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol

from filesend_tui.core.events import SessionId, TransferId
from filesend_tui.core.meeting.invitation import Invitation, Reach
from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.peer.word_channel import WordReceiver
from filesend_tui.core.torrent.sources.scan import SourceFile
from filesend_tui.core.torrent.sources.trusted import Hashed
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.torrent.torrent import Choose, Progress, Standing


class Torrents(Protocol):
    """The torrents of one client. A cancelled `serve` or `add` leaves nothing behind.

    session, transfer: What it belongs to; named in its events.
    swarm_key: 32 random bytes, known only to the private swarm's members. None: an open swarm.
    words: Takes the session's words from the peers of its torrents.
    """

    async def serve(
        self,
        sources: Sequence[SourceFile],
        *,
        trackers: Sequence[str],
        transfer: TransferId | None = None,
        session: SessionId | None = None,
        swarm_key: bytes | None = None,
        words: WordReceiver | None = None,
        approved: asyncio.Future[Reach | None] | None = None,
        known: Hashed | None = None,
    ) -> str:
        """Make a torrent of files that were found and, once approved, serve it; return its id.

        Raises FileSendError.
        """

    async def add(
        self,
        magnet: str,
        *,
        folder: Path | Target,
        trackers: Sequence[str] = (),
        transfer: TransferId | None = None,
        session: SessionId | None = None,
        swarm_key: bytes | None = None,
        words: WordReceiver | None = None,
        choose: Choose | None = None,
        invitation: Invitation | None = None,
        reach: Reach | None = None,
        keep: bool | None = None,
    ) -> str:
        """Start downloading into `folder`; return the torrent's id at once. Raises BadMagnet.

        keep: leave it for a later run where the client ends; None: not where it is a transfer's.
        """

    async def invite(self) -> Invitation | None:
        """Return an invitation into a private swarm to come; None where none is possible."""

    def reply(self, torrent_id: str) -> Reach | None:
        """Return the answer to the invitation that it was served for. Raises KeyError."""

    def partner_away(self, transfer: TransferId, *, away: bool) -> None:
        """Set whether the other side of a transfer is away: then nobody is missed in its swarm."""

    def pause(self, transfer: TransferId, *, paused: bool) -> None:
        """Set whether no bytes of a transfer's torrent go; also before there is one."""

    def standing(self, transfer: TransferId) -> Standing:
        """Return where the torrent of a transfer stands."""

    def pause_files(self, transfer: TransferId, files: Collection[int]) -> None:
        """Set which files of a transfer are not fetched for now; also before there is a torrent."""

    async def remove(self, torrent_id: str, *, delete_data: bool = False) -> None:
        """Destroy a torrent; an unknown id is no error."""

    def magnet(self, torrent_id: str) -> str:
        """Return the magnet link. Raises KeyError where there is no such torrent."""

    def progress(self, torrent_id: str) -> Progress:
        """Return how far a download is. Raises KeyError where there is no such torrent."""

    async def wait_metadata(self, torrent_id: str) -> TorrentInfo:
        """Wait for the info dictionary; raise the FileSendError that ended the torrent."""

    async def wait_done(self, torrent_id: str) -> Path | None:
        """Wait until all is in place (a seed: never); raise the FileSendError that ended it."""
