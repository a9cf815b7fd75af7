"""All torrents of one client: made, added, looked up, removed. One torrent is torrent.py's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.error_events import left_out
from filesend_tui.core.errors import BadMagnet, Offender
from filesend_tui.core.event_stream import EventStream
from filesend_tui.core.events import Event, Hashing, SessionId, TransferId, of_session
from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.metainfo.magnet import Magnet, parse_magnet
from filesend_tui.core.torrent.rates.limiter import Limits
from filesend_tui.core.torrent.sources.create import Found, make_torrent, scan
from filesend_tui.core.torrent.sources.scan import SourceFile
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.torrent.torrent import Choose, Progress, Torrent
from filesend_tui.core.transports.registry import Transports

#: Threads that read, verify and write pieces; the event loop never touches a disk.
DISK_THREADS = 4
#: Threads that make torrents; separate, so that long hashing delays no running transfer.
HASHING_THREADS = 2

_EMPTY = "is an empty folder, which an open share cannot hold"


class Engine:
    """The torrents of one client.

    Args:
        config: Limits and how peers may be reached.
        events: Publishes events.

    Raises:
        ChannelFailed: The settings force a transport, or a kind of it, that is not available.
    """

    def __init__(self, config: ClientConfig, events: EventStream) -> None:
        self._config = config
        self._events = events
        self._limits = Limits.of(config.upload_limit, config.download_limit)
        self._disk = ThreadPoolExecutor(DISK_THREADS, "filesend-disk")
        self._hashers = ThreadPoolExecutor(HASHING_THREADS, "filesend-hash")
        self._hashing: set[threading.Event] = set()
        self._torrents: dict[str, Torrent] = {}
        self._transports = Transports(config)
        self._closing: set[asyncio.Task[None]] = set()

    async def look_through(
        self, paths: Collection[Path], *, skip_unreadable: bool = False
    ) -> Found:
        """Return what is to be shared openly, see `scan`; publish what is left out.

        Raises:
            BadSource: Something cannot be sent, or it is too much.
        """
        found = await asyncio.get_running_loop().run_in_executor(
            self._hashers, partial(scan, paths, skip=skip_unreadable)
        )
        empty = [Offender(folder.path, _EMPTY) for folder in found.empty_folders]
        if missing := [*found.left_out, *empty]:
            self._events.publish(left_out(missing))
        return found

    async def seed(
        self,
        paths: Collection[Path] | Found,
        *,
        trackers: Sequence[str],
        name: str | None = None,
        transfer: TransferId | None = None,
        swarm_key: bytes | None = None,
        skip_unreadable: bool = False,
    ) -> str:
        """Make a torrent of files and folders, announce it and serve it; return its id.

        Args:
            paths: What to share, or what was found of it.
            trackers, name, transfer, swarm_key: As `serve`.
            skip_unreadable: Leave out what cannot be sent.

        Raises:
            BadSource: Something cannot be sent, or changed while it was read.
            TrackerFailed: No tracker accepted it.
        """
        if isinstance(paths, Found):
            sources = paths
        else:
            sources = await self.look_through(paths, skip_unreadable=skip_unreadable)
        return await self.serve(
            sources, trackers=trackers, name=name, transfer=transfer, swarm_key=swarm_key
        )

    async def serve(
        self,
        sources: Sequence[SourceFile],
        *,
        trackers: Sequence[str],
        name: str | None = None,
        transfer: TransferId | None = None,
        session: SessionId | None = None,
        swarm_key: bytes | None = None,
        approved: asyncio.Event | None = None,
    ) -> str:
        """Make a torrent of files that were found, announce it and serve it; return its id.

        A paired transfer's torrent carries the transfer's id, so that its infohash is its own: the
        same file may go to two people, or both ways, at the same time.

        Args:
            sources: As `scan` returned them.
            trackers: Where to announce it.
            name: The torrent's name; derived from the files where None.
            transfer: The transfer it belongs to.
            session: The session that this belongs to, for its events.
            swarm_key: Makes the swarm private: 32 random bytes that its members know.
            approved: Set once it may be announced and served; None: as soon as it is made.

        Raises:
            BadSource: Something cannot be read, or changed since it was found.
            TrackerFailed: No tracker accepted it.
        """
        info = await self._make(sources, name, transfer, session)
        if approved is not None:
            await approved.wait()
        torrent = self._admit(
            Magnet(info_hash=info.info_hash, name=info.name, trackers=tuple(trackers)),
            transfer,
            session,
            swarm_key,
        )
        try:
            await torrent.seed(info, sources)
        except BaseException:
            await self.remove(torrent.id)
            raise
        return torrent.id

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
        """Start downloading into `folder`; return the torrent's id at once.

        Args:
            magnet: Names the torrent.
            folder: The target folder; a path is resolved when the files are laid out.
            trackers: Used beside the magnet's own.
            transfer: The transfer it belongs to.
            session: The session that this belongs to, for its events.
            swarm_key: The private swarm's; None where it is open.
            choose: Selects files once the info dictionary is known; may raise FileSendError.

        Raises:
            BadMagnet: It cannot be used, or is being downloaded or seeded already.
        """
        parsed = parse_magnet(magnet)
        known = dict.fromkeys((*parsed.trackers, *trackers))
        if not known:
            raise BadMagnet("This magnet link names no tracker.")
        torrent = self._admit(
            Magnet(info_hash=parsed.info_hash, name=parsed.name, trackers=tuple(known)),
            transfer,
            session,
            swarm_key,
        )
        await torrent.fetch(folder, choose)
        return torrent.id

    async def warm(self) -> None:
        """Prepare what a first transfer would wait for; failures are reported when it is used."""
        await self._transports.warm(private=True)

    async def remove(self, torrent_id: str, *, delete_data: bool = False) -> None:
        """Destroy a torrent; an unknown id is no error. See Torrent.close for `delete_data`."""
        torrent = self._torrents.pop(torrent_id, None)
        if torrent is not None:
            # The caller may be cancelled; the torrent's resources are freed all the same.
            closing = asyncio.create_task(torrent.close(delete_data=delete_data))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            await asyncio.shield(closing)

    def limit(self, *, upload: int | None, download: int | None) -> None:
        """Set the rate limits, in bytes a second; None for no limit."""
        self._limits.upload.change(upload)
        self._limits.download.change(download)

    async def destroy(self) -> None:
        """Destroy every torrent and its unfinished part files, as nothing can resume them yet."""
        for cancelled in self._hashing:
            cancelled.set()
        await asyncio.gather(
            *(self.remove(torrent_id, delete_data=True) for torrent_id in tuple(self._torrents)),
            *self._closing,
        )
        await self._transports.close()
        await asyncio.to_thread(self._hashers.shutdown)
        await asyncio.to_thread(self._disk.shutdown)

    def magnet(self, torrent_id: str) -> str:
        """Return the magnet link. Raises KeyError where there is no such torrent."""
        return str(self._torrents[torrent_id].magnet)

    def progress(self, torrent_id: str) -> Progress:
        """Return how far a download is. Raises KeyError where there is no such torrent."""
        return self._torrents[torrent_id].progress()

    async def wait_metadata(self, torrent_id: str) -> TorrentInfo:
        """Wait for the info dictionary. Raises the FileSendError that ended the torrent."""
        return await asyncio.shield(self._torrents[torrent_id].described)

    async def wait_done(self, torrent_id: str) -> Path | None:
        """Wait until all is verified and in place. Raises the FileSendError that ended it."""
        return await asyncio.shield(self._torrents[torrent_id].done)

    def _admit(
        self,
        magnet: Magnet,
        transfer: TransferId | None,
        session: SessionId | None,
        swarm_key: bytes | None,
    ) -> Torrent:
        torrent_id = magnet.info_hash.hex()
        if torrent_id in self._torrents:
            raise BadMagnet(
                "This torrent is already being sent or received here.",
                "Wait until it is done, or stop it first.",
            )
        torrent = Torrent(
            magnet,
            config=self._config,
            limits=self._limits,
            executor=self._disk,
            publish=self._publisher(session),
            transfer=transfer,
            swarm_key=swarm_key,
            transports=self._transports,
        )
        self._torrents[torrent_id] = torrent
        return torrent

    def _publisher(self, session: SessionId | None) -> Callable[[Event], None]:
        """Return a callback that publishes events as those of a session."""
        return lambda event: self._events.publish(of_session(event, session))

    async def _make(
        self,
        sources: Sequence[SourceFile],
        name: str | None,
        transfer: TransferId | None,
        session: SessionId | None,
    ) -> TorrentInfo:
        """Hash in a worker thread and publish progress; cancellation stops the thread too."""
        loop = asyncio.get_running_loop()
        publish = self._publisher(session)
        stop = threading.Event()

        def tell(hashed: int, total: int) -> None:
            event = Hashing(
                transfer=transfer,
                progress=hashed / total if total else 1.0,
                hashed_bytes=hashed,
                total_bytes=total,
            )
            loop.call_soon_threadsafe(publish, event)

        def work() -> TorrentInfo:
            return make_torrent(
                sources, name=name, salt=transfer, progress=tell, cancelled=stop.is_set
            )

        self._hashing.add(stop)
        try:
            return await loop.run_in_executor(self._hashers, work)
        finally:
            stop.set()
            self._hashing.discard(stop)
