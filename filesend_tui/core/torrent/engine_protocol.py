"""What exchanges need of the torrents: the part of torrent/engine.py's Engine they call."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol

from filesend_tui.core.events import SessionId, TransferId
from filesend_tui.core.meeting.invitation import Invitation, Reach
from filesend_tui.core.torrent.group import Group, SessionWords
from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.peer.word_channel import WordReceiver
from filesend_tui.core.torrent.roster import PAIR
from filesend_tui.core.torrent.sources.source_files import SourceFile
from filesend_tui.core.torrent.sources.trusted import Hashed
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.torrent.streams.inflow import StreamTarget
from filesend_tui.core.torrent.streams.outflow import StreamSource
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

    async def serve_in(
        self,
        group: Group,
        sources: Sequence[SourceFile],
        *,
        trackers: Sequence[str],
        transfer: TransferId,
        session: SessionId,
        words: SessionWords,
        approved: asyncio.Future[Reach | None],
        known: Hashed | None = None,
    ) -> str:
        """Serve files for one more transfer of a group; return the torrent's id.

        Raises FileSendError.
        """

    async def leave(self, group: Group, transfer: TransferId) -> None:
        """Serve a transfer of a group no more; the last one's leaving destroys the torrent."""

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
        members: int = PAIR,
    ) -> str:
        """Start downloading into `folder`; return the torrent's id at once. Raises BadMagnet.

        keep: leave it for a later run where the client ends; None: not where it is a transfer's.
        members: how many people may be in its private swarm, this one included.
        """

    async def serve_stream(
        self,
        source: StreamSource,
        *,
        name: str,
        trackers: Sequence[str],
        transfer: TransferId,
        session: SessionId | None = None,
        swarm_key: bytes,
        words: WordReceiver | None = None,
        invited: Reach | None = None,
    ) -> str:
        """Read and serve a stream; return its id. Raises FileSendError."""

    async def add_stream(
        self,
        magnet: str,
        *,
        target: StreamTarget,
        trackers: Sequence[str],
        transfer: TransferId,
        session: SessionId | None = None,
        swarm_key: bytes,
        words: WordReceiver | None = None,
        invitation: Invitation | None = None,
        reach: Reach | None = None,
    ) -> str:
        """Take a stream, and write it to `target`; return its id. Raises FileSendError."""

    def stream_digest(self, torrent_id: str) -> bytes:
        """Return the SHA-256 of a stream; empty while it is read. Raises KeyError."""

    async def invite(self, session: SessionId | None = None) -> Invitation | None:
        """Return an invitation into a private swarm to come; None where none is possible."""

    def reply(self, torrent_id: str) -> Reach | None:
        """Return the answer to the invitation that it was served for. Raises KeyError."""

    def add_tracker(self, torrent_id: str, url: str) -> bool:
        """Announce a running torrent at one more tracker."""

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
