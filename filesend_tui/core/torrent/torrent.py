"""The life of one torrent: described, laid out, filled piece by piece, done or failed.

Peers are swarm.py's, files download_files.py's. Several torrents together are engine.py's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.error_events import error_event, leftover_events
from filesend_tui.core.errors import (
    BadMetadata,
    FileSendError,
    NoPeers,
    TrackerFailed,
    broken,
)
from filesend_tui.core.events import (
    DownloadComplete,
    Event,
    FileEntry,
    Metadata,
    Seeding,
    SwarmState,
    TorrentDestroyed,
    TransferId,
)
from filesend_tui.core.meeting.rendezvous import Rendezvous, Totals
from filesend_tui.core.meeting.signaling import PlainSignaling, SealedSignaling
from filesend_tui.core.torrent.metainfo.attributes import NOTHING, Extras
from filesend_tui.core.torrent.metainfo.info import MAX_PIECE_LENGTH, TorrentInfo, parse_info
from filesend_tui.core.torrent.metainfo.magnet import Magnet
from filesend_tui.core.torrent.metainfo.share_link import share_link
from filesend_tui.core.torrent.rates.limiter import Limits
from filesend_tui.core.torrent.reporter import Reporter
from filesend_tui.core.torrent.sources.scan import SourceFile
from filesend_tui.core.torrent.sources.seed_files import SeedFiles
from filesend_tui.core.torrent.storage.disk import Disk
from filesend_tui.core.torrent.storage.download_files import DownloadFiles, Layout
from filesend_tui.core.torrent.storage.part_folder.leftovers import sweep
from filesend_tui.core.torrent.storage.piece_store import PieceStore
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.torrent.swarm import Swarm, make_peer_id
from filesend_tui.core.transports.registry import Transports
from filesend_tui.core.util.tasks import Tasks
from filesend_tui.core.util.text import clean

#: Seconds without a connected peer after which a person is told, and again each time.
LONELY = 20.0
#: Seconds without a connected peer after which a paired transfer is given up.
PATIENCE = 60.0
#: The same, once what came from there was false: it is banned, and nobody else is to come.
PATIENCE_AFTER_LIES = 10.0
#: Seconds without anything new, whoever is connected, after which it is given up too.
STANDSTILL = 300.0
#: How often the other side of a paired transfer may send what is false.
MOST_LIES = 3
#: Connections to the other side of a paired transfer at a time; each may cost 48 MiB of memory.
MOST_OF_A_PAIR = 4


_CHANGED = "A file may have changed there. Ask them to look, and to send it again."


class Choice(NamedTuple):
    """What to fetch of a torrent and how to lay it out. wanted: one yes or no a file.

    extras: what is kept beside names and bytes.
    """

    wanted: tuple[bool, ...]
    layout: Layout
    extras: Extras = NOTHING


Choose = Callable[[TorrentInfo], Choice]


class Progress(NamedTuple):
    """How far a torrent is. Bytes; bytes a second; fraction 0 to 1; seconds (None: unknown)."""

    downloaded_bytes: int
    bytes_per_second: float
    fraction: float
    time_remaining: float | None


def everything(info: TorrentInfo) -> Choice:
    """Choose all files, under the torrent's own name."""
    return Choice((True,) * len(info.files), Layout.FOLDER)


def only(selected: Collection[int]) -> Choose:
    """Choose the files with these indices, under the torrent's own name."""

    def choose(info: TorrentInfo) -> Choice:
        return Choice(tuple(i in selected for i in range(len(info.files))), Layout.FOLDER)

    return choose


class Torrent:
    """One torrent of this client, seeding or downloading.

    Args:
        magnet: Its infohash, name and trackers.
        config: Bounds.
        limits: The client's rate limits.
        executor: Where blocking work runs.
        publish: Takes an event.
        transports: The client's.
        transfer: The transfer it belongs to, if any.
        swarm_key: Makes its swarm a private one.
    """

    def __init__(
        self,
        magnet: Magnet,
        *,
        config: ClientConfig,
        limits: Limits,
        executor: Executor,
        publish: Callable[[Event], None],
        transports: Transports,
        transfer: TransferId | None,
        swarm_key: bytes | None = None,
    ) -> None:
        self.magnet = magnet
        self.id = magnet.info_hash.hex()
        self.transfer = transfer
        self.info: TorrentInfo | None = None
        loop = asyncio.get_running_loop()
        self.described: asyncio.Future[TorrentInfo] = loop.create_future()
        self.done: asyncio.Future[Path | None] = loop.create_future()
        for future in (self.described, self.done):
            # Not everybody waits for both; an unread exception is no news, the event was.
            future.add_done_callback(lambda f: f.cancelled() or f.exception())
        self._loop = loop
        self._executor = executor
        self._config = config
        # What is left where all that is better fails.
        self._road_hint = transports.usable(private=swarm_key is not None)[-1].hint
        self._publish = publish
        self._started = loop.time()
        self._last_peer = loop.time()
        self._told_lonely = loop.time()
        self._moved = loop.time()
        self._moved_bytes = 0
        self._download_limit = limits.download
        self._store: PieceStore | None = None
        self._folder: Path | Target | None = None
        self._choose: Choose = everything
        self._tasks = Tasks(lambda error: self.swarm_failed(broken(error)))
        self._closing = False
        self._reporter = Reporter(publish, self.id, transfer)
        peer_id = make_peer_id()
        if swarm_key is not None:
            config = replace(config, max_peers=min(config.max_peers, MOST_OF_A_PAIR))
        self._swarm = Swarm(
            info_hash=magnet.info_hash,
            rendezvous=Rendezvous(
                signaling=(
                    SealedSignaling(magnet.info_hash, swarm_key)
                    if swarm_key is not None
                    else PlainSignaling(magnet.info_hash)
                ),
                peer_id=peer_id,
                trackers=magnet.trackers,
                transports=transports,
                config=config,
                totals=self._totals,
                wants_peers=lambda: self._swarm.wanted_peers,
                on_problem=self._warn,
            ),
            peer_id=peer_id,
            config=config,
            limits=limits,
            host=self,
            reporter=self._reporter,
            publish=publish,
        )

    # -- commands

    async def seed(self, info: TorrentInfo, sources: Sequence[SourceFile]) -> None:
        """Serve files that are here.

        Raises:
            TrackerFailed: No tracker accepted the announce.
        """
        self.info = info
        self._store = SeedFiles(info, sources)
        self._swarm.begin(info, Disk(info, self._store, self._executor), wanted=(), have=True)
        self.described.set_result(info)
        await self._swarm.start()
        await self._swarm.announced()
        self._publish(
            Seeding(
                torrent=self.id,
                info_hash=self.id,
                name=clean(info.name),
                magnet_uri=str(self.magnet),
                total_bytes=info.shape.total_length,
                share_url=self._share_url(),
                transfer=self.transfer,
            )
        )

    async def fetch(self, folder: Path | Target, choose: Choose | None) -> None:
        """Start downloading into `folder`; `choose` decides once the description is here."""
        self._folder = folder
        self._choose = choose or everything
        await self._swarm.start()

    async def close(self, *, delete_data: bool) -> None:
        """Leave the swarm and free everything.

        Args:
            delete_data: Also delete an unfinished download's part files, and nothing else.
        """
        if self._closing:
            return
        self._closing = True
        await self._swarm.stop()
        await self._tasks.cancel()
        self._reporter.flush()
        self._reporter.close()
        store = self._store
        try:
            if isinstance(store, DownloadFiles) and delete_data and not self._finished:
                await self._in_thread(store.discard)
            elif store is not None:
                await self._in_thread(store.close)
        except FileSendError as error:
            self._warn(error)  # nothing waits for it any more, and a person should know
        for future in (self.described, self.done):
            if not future.done():
                future.cancel()
        self._publish(TorrentDestroyed(torrent=self.id, transfer=self.transfer))

    def progress(self) -> Progress:
        """Return how far the download is."""
        r = self._reporter
        return Progress(r.verified_bytes, r.download_rate, r.fraction, r.left)

    # -- SwarmHost

    def metadata_found(self, raw: bytes) -> None:
        """See SwarmHost."""
        self._tasks.spawn(self._lay_out(raw))

    def piece_stored(self, index: int) -> None:
        """See SwarmHost."""
        assert self.info is not None
        assembly = self._swarm.assembly
        self._reporter.piece_verified(self.info.shape.piece_size(index))
        if assembly is not None and assembly.complete:
            self._tasks.spawn(self._finish())

    def swarm_failed(self, error: FileSendError) -> None:
        """See SwarmHost."""
        if not self.done.done():
            self.done.set_exception(error)
            if not self.described.done():
                self.described.set_exception(error)
            if self.transfer is None:
                self._warn(error)

    def tick(self) -> None:
        """See SwarmHost."""
        self._reporter.tick()
        self._publish_state()
        self._watch_loneliness()
        if self.transfer is not None and not self._store_is_whole:
            self._watch_partner(self._loop.time())

    # -- own affairs

    @property
    def _finished(self) -> bool:
        return self.done.done() and not self.done.cancelled() and not self.done.exception()

    def _share_url(self) -> str | None:
        page = self._config.share_page
        # What goes to one person has no link for everybody.
        return share_link(page, str(self.magnet)) if page and self.transfer is None else None

    async def _lay_out(self, raw: bytes) -> None:
        """The description is here: check it, choose, make room, begin."""
        folder = self._folder
        assert folder is not None
        path = folder.path if isinstance(folder, Target) else folder
        for event in leftover_events(path, await self._in_thread(lambda: sweep(path))):
            self._publish(event)
        try:
            info = await self._in_thread(lambda: parse_info(raw, info_hash=self.magnet.info_hash))
            choice = self._choose(info)
            store = await self._in_thread(
                lambda: DownloadFiles.create(
                    info,
                    folder,
                    wanted=choice.wanted,
                    layout=choice.layout,
                    extras=choice.extras,
                )
            )
        except FileSendError as error:
            self.swarm_failed(error)
            return
        self.info = info
        self._store = store
        wanted = tuple(store.wanted_pieces)
        self._reporter.wanted_bytes = sum(info.shape.piece_size(i) for i in wanted)
        self._publish(
            Metadata(
                torrent=self.id,
                name=clean(info.name),
                files=tuple(
                    FileEntry(path=clean("/".join(f.path), 1024), size=f.length) for f in info.files
                ),
                wanted=choice.wanted,
                total_bytes=info.shape.total_length,
                transfer=self.transfer,
            )
        )
        self.described.set_result(info)
        self._swarm.begin(info, Disk(info, store, self._executor), wanted=wanted, have=False)
        if not wanted:
            await self._finish()

    async def _finish(self) -> None:
        """Every wanted piece is verified: put the files in place and say so."""
        store = self._store
        assert isinstance(store, DownloadFiles)
        assert self.info is not None
        try:
            await self._in_thread(store.finish)
            path = await self._in_thread(store.where)
        except FileSendError as error:
            self.swarm_failed(error)
            return
        if self.done.done():
            return
        self.done.set_result(path)
        self._reporter.flush()
        self._publish_state()
        self._publish(
            DownloadComplete(
                torrent=self.id,
                url=path.resolve().as_uri(),
                bytes=store.wanted_bytes,
                seconds=round(self._loop.time() - self._started, 3),
                road=self._swarm.road,
                transfer=self.transfer,
            )
        )
        await self._swarm.completed()

    def _publish_state(self) -> None:
        assembly = self._swarm.assembly
        if self.info is None or assembly is None:
            return
        store = self._store
        self._publish(
            SwarmState(
                torrent=self.id,
                piece_count=self.info.shape.piece_count,
                piece_length=self.info.shape.piece_length,
                pieces=assembly.have.to_bytes(),
                peers=self._swarm.peer_entries(),
                file_progress=(
                    store.file_progress(assembly.have)
                    if isinstance(store, DownloadFiles) and len(self.info.files) <= 1000
                    else ()
                ),
                transfer=self.transfer,
            )
        )

    def _watch_loneliness(self) -> None:
        """A download nobody answers must not stall in silence."""
        now = self._loop.time()
        if self._swarm.peer_count or self._store_is_whole:
            self._last_peer = self._told_lonely = now
            return
        alone = now - self._last_peer
        if self.transfer is not None:
            if alone > (PATIENCE_AFTER_LIES if self._swarm.lies else PATIENCE):
                self.swarm_failed(self._why_alone())
        elif now - self._told_lonely > LONELY:
            self._told_lonely = now
            self._warn(self._why_nobody())

    def _why_alone(self) -> FileSendError:
        """Return why the one partner is not there: what came first, where that is known."""
        if self._swarm.lies:
            return BadMetadata("What the other side sends is not what it offered.", _CHANGED)
        trouble = self._swarm.trouble
        if isinstance(trouble, TrackerFailed):
            return trouble
        why = f": {trouble.message[0].lower()}{trouble.message[1:]}" if trouble is not None else "."
        if self._swarm.met:
            return NoPeers(f"The connection between the two machines broke{why}", self._road_hint)
        return NoPeers(f"The two machines could not reach each other{why}", self._road_hint)

    def _why_nobody(self) -> FileSendError:
        """Return why nobody of an open swarm is there."""
        if self._swarm.lies:
            return NoPeers(
                "Whoever has answered so far sent something else than the link names.",
                "It may have changed where it is shared: ask whoever gave you the link.",
            )
        if self._swarm.met:
            return NoPeers(
                "Whoever had these files has left, and nobody else answers.",
                "They may come back: it goes on.",
            )
        trouble = self._swarm.trouble
        if isinstance(trouble, TrackerFailed):
            return trouble
        why = f" ({trouble.message.rstrip('.')})" if trouble is not None else ""
        return NoPeers(f"Nobody who has these files has answered yet{why}.", self._road_hint)

    def _watch_partner(self, now: float) -> None:
        """There is one partner, who cannot be done without: give up where nothing comes of it."""
        # This side's own disk may take long: to make room, and to put the files in place.
        own_work = bool(self._tasks)
        if own_work or self._moved_bytes != self._reporter.received.total:
            self._moved_bytes = self._reporter.received.total
            self._moved = now
        # Where this side limits itself, a few of the largest pieces may be what is waited for.
        limit = self._download_limit.rate
        if now - self._moved > STANDSTILL + (8 * MAX_PIECE_LENGTH / limit if limit else 0.0):
            self.swarm_failed(
                NoPeers(
                    "The other side is connected, but sends nothing.",
                    "Ask them whether their machine still works; then have it sent again.",
                )
            )
        if self._swarm.lies >= MOST_LIES:
            self.swarm_failed(
                BadMetadata("What the other side sends is not what it offered.", _CHANGED)
            )

    @property
    def _store_is_whole(self) -> bool:
        return isinstance(self._store, SeedFiles) or self.done.done()

    def _totals(self) -> Totals:
        r = self._reporter
        return Totals(
            uploaded=r.uploaded,
            downloaded=r.received.total,
            left=None if self.info is None else r.wanted_bytes - r.verified_bytes,
        )

    def _warn(self, error: FileSendError) -> None:
        self._publish(error_event(error, transfer=self.transfer, torrent=self.id))

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        return await self._loop.run_in_executor(self._executor, work)
