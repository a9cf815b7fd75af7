"""What exchanges need of the torrents: the part of torrent/engine.py's Engine they call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from filesend_tui.core.events import SessionId, TransferId
from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.sources.scan import SourceFile
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.torrent.torrent import Choose, Progress


class Torrents(Protocol):
    """The torrents of one client. A cancelled `serve` or `add` leaves nothing behind.

    session, transfer: What it belongs to; named in its events.
    swarm_key: 32 random bytes, known only to the private swarm's members. None: an open swarm.
    """

    async def serve(
        self,
        sources: Sequence[SourceFile],
        *,
        trackers: Sequence[str],
        transfer: TransferId | None = None,
        session: SessionId | None = None,
        swarm_key: bytes | None = None,
        approved: asyncio.Event | None = None,
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
        choose: Choose | None = None,
    ) -> str:
        """Start downloading into `folder`; return the torrent's id at once. Raises BadMagnet."""

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
