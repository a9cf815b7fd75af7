"""The life cycle of one torrent: metadata, layout of files, pieces, done or failed.

Peers are swarm.py's, files download_files.py's. Several torrents together are engine.py's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from filesend_tui.core.choices import Arriving
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
    MOST_LISTED,
    DownloadComplete,
    Event,
    FileEntry,
    Metadata,
    Seeding,
    SwarmState,
    TorrentDestroyed,
    TransferId,
)
from filesend_tui.core.meeting.invitation import Invitation, Reach
from filesend_tui.core.meeting.rendezvous import Rendezvous, Totals
from filesend_tui.core.meeting.signaling import PlainSignaling, SealedSignaling
from filesend_tui.core.torrent.disk_watch import DiskTrouble, DiskWatch, Watched
from filesend_tui.core.torrent.laying_out import LayingOut
from filesend_tui.core.torrent.metainfo.attributes import NOTHING, Extras, of_torrent
from filesend_tui.core.torrent.metainfo.info import MAX_PIECE_LENGTH, TorrentInfo, parse_info
from filesend_tui.core.torrent.metainfo.magnet import Magnet
from filesend_tui.core.torrent.metainfo.share_link import share_link
from filesend_tui.core.torrent.peer.word_channel import WordReceiver
from filesend_tui.core.torrent.rates.limiter import Limits
from filesend_tui.core.torrent.reporter import Reporter
from filesend_tui.core.torrent.roster import PAIR
from filesend_tui.core.torrent.slow_watch import SlowWatch
from filesend_tui.core.torrent.sources.seed_files import SeedFiles
from filesend_tui.core.torrent.sources.source_files import SourceFile
from filesend_tui.core.torrent.storage.disk import Disk, Paused
from filesend_tui.core.torrent.storage.download_files import DownloadFiles, Layout
from filesend_tui.core.torrent.storage.part_folder.leftovers import sweep
from filesend_tui.core.torrent.storage.part_folder.part_folder import part_name, peek
from filesend_tui.core.torrent.storage.piece_store import PieceStore
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.torrent.streams.line import Flow
from filesend_tui.core.torrent.swarm import Swarm, make_peer_id
from filesend_tui.core.transports.base import Channel, NoWay
from filesend_tui.core.transports.clues import NoRoadLed, Tried
from filesend_tui.core.transports.registry import Roads
from filesend_tui.core.util.tasks import Tasks
from filesend_tui.core.util.text import clean

#: Seconds without a connected peer after which a warning is published, and again after each.
LONELY = 20.0
#: Seconds without a connected peer after which a paired transfer fails.
PATIENCE = 60.0
#: The same where no peer can be reached with this side's settings.
PATIENCE_WITHOUT_A_WAY = 3.0
#: The same after false data: the partner's peer is banned, and no other is expected.
PATIENCE_AFTER_LIES = 10.0
#: Seconds without progress, though peers are connected, after which it fails too.
STANDSTILL = 300.0
#: Seconds that a read for a peer may take before the disk is what is waited for.
SLOW_READ = 5.0
#: Bans for false data after which a paired transfer fails.
MOST_LIES = 3
#: Bytes of an earlier run that are read and compared with their hashes at a time.
RECHECKED = 4 * 1024 * 1024
#: Connections to the other side of a paired transfer at a time; each may cost 48 MiB of memory.
MOST_OF_A_PAIR = 4


_CHANGED = "A file may have changed there. Ask them to look, and to send it again."


class Choice(NamedTuple):
    """What to fetch of a torrent and how to lay it out. wanted: for each file, whether to fetch it.

    extras: attributes that are kept beside names and bytes. arriving: how it is put where it goes;
    None: as the configuration says.
    """

    wanted: tuple[bool, ...]
    layout: Layout
    extras: Extras = NOTHING
    arriving: Arriving | None = None


Choose = Callable[[TorrentInfo], Choice]


class Standing(StrEnum):
    """Where a torrent stands: whose turn it is, should nothing move."""

    #: There is none yet, or none any more.
    ABSENT = "absent"
    #: No tracker has taken it yet.
    TRACKER = "tracker"
    #: Nobody is connected.
    ALONE = "alone"
    #: Somebody is.
    CONNECTED = "connected"
    #: Somebody is, through a relay that makes the bytes wait.
    SLOWED = "slowed"
    #: Somebody is, for a stream, which moves as it is written into one pipe and read from another.
    FLOWING = "flowing"
    #: The disk takes long to deliver what a peer asked for.
    READING = "reading"
    #: The disk is waited for, and events of its own say so.
    DISK = "disk"
    #: Only files that are left out for now are missing.
    RESTING = "resting"
    #: This side lays out, verifies, or puts in place.
    WORKING = "working"


class Progress(NamedTuple):
    """How far a torrent is. Bytes; bytes a second; fraction 0 to 1; seconds (None: unknown).

    disk: what its disk is waited for; None where it is not.
    """

    downloaded_bytes: int
    bytes_per_second: float
    fraction: float
    time_remaining: float | None
    disk: DiskTrouble | None = None


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
        roads: How its peers may be reached.
        transfer: The transfer it belongs to, if any.
        swarm_key: Makes its swarm private.
        words: Takes the words of the session that it belongs to, if any.
        peer_id: This side's, 20 bytes; a fresh one if None.
        flow: This side of the stream that it is for (stream_torrent.py).
        members: How many people may be in it, this one included; None: any number.
    """

    def __init__(
        self,
        magnet: Magnet,
        *,
        config: ClientConfig,
        limits: Limits,
        executor: Executor,
        publish: Callable[[Event], None],
        roads: Roads,
        transfer: TransferId | None,
        swarm_key: bytes | None = None,
        words: WordReceiver | None = None,
        peer_id: bytes | None = None,
        flow: Flow | None = None,
        members: int | None = None,
    ) -> None:
        self.reply: Reach | None = None
        self.magnet = magnet
        self.id = magnet.info_hash.hex()
        self.transfer = transfer
        self.info: TorrentInfo | None = None
        loop = asyncio.get_running_loop()
        self.described: asyncio.Future[TorrentInfo] = loop.create_future()
        self.done: asyncio.Future[Path | None] = loop.create_future()
        for future in (self.described, self.done):
            # Not every caller awaits both; the event reported the error, so mark it as retrieved.
            future.add_done_callback(lambda f: f.cancelled() or f.exception())
        self._loop = loop
        self._executor = executor
        self._config = config
        self._roads = roads
        self.private = swarm_key is not None
        self._pair = members == PAIR
        self._publish = publish
        #: Later by as much as it was paused.
        self._started = loop.time()
        self._paused_since = loop.time()
        self._last_peer = loop.time()
        self._told_lonely = loop.time()
        self._moved = loop.time()
        self._moved_bytes = 0
        self._download_limit = limits.download
        self._store: PieceStore | None = None
        self._laying_out: LayingOut | None = None
        self._disk: Disk | None = None
        self._disk_watch: DiskWatch | None = None
        #: Whether an unfinished download outlives this client, so that a later one goes on with it.
        self.keeps = False
        self._resumed_bytes = 0
        self._folder: Path | Target | None = None
        self._choose: Choose = everything
        self._tasks = Tasks(lambda error: self.swarm_failed(broken(error)))
        self._closing = False
        self._away = False
        self._paused = False
        self._announcing = False
        self._paused_files: frozenset[int] = frozenset()
        self._reporter = Reporter(publish, self.id, transfer)
        self._slow_watch = SlowWatch(publish, self.id, transfer)
        peer_id = peer_id or make_peer_id()
        if self._pair:
            config = replace(config, max_peers=min(config.max_peers, MOST_OF_A_PAIR))
        if members is not None:
            # Each of a group meets all others that are there when it comes.
            config = replace(config, offers=members - 1)
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
                roads=roads,
                config=config,
                totals=self._totals,
                wants_peers=lambda: self._swarm.wanted_peers,
                is_silent=self._is_silent,
                learned=self._learned,
                on_problem=self._tracker_troubled,
            ),
            relay=roads.relay,
            peer_id=peer_id,
            config=config,
            limits=limits,
            host=self,
            reporter=self._reporter,
            publish=publish,
            words=words,
            members=members,
            flow=flow,
        )

    # -- commands

    async def seed(
        self, info: TorrentInfo, sources: Sequence[SourceFile], invited: Reach | None = None
    ) -> None:
        """Serve files that are here.

        Args:
            info: The torrent.
            sources: The files.
            invited: The invitation of the peer that it is for; `reply` is the answer to it.

        Raises:
            TrackerFailed: No tracker accepted the announce, and the peer cannot be met without.
        """
        self.info = info
        self._store = SeedFiles(info, sources)
        pieces = range(info.shape.piece_count)
        self._disk = Disk(info, self._store, self._executor)
        self._swarm.begin(info, self._disk, wanted=pieces, have=pieces)
        self.described.set_result(info)
        await self._serve(invited, info.name, info.shape.total_length)

    async def _serve(self, invited: Reach | None, name: str, total_bytes: int) -> None:
        """Be met from now on; tell of it. Raises TrackerFailed as `seed`."""
        await self._swarm.start()
        self.reply = await self.welcome(invited)
        self._publish(
            Seeding(
                torrent=self.id,
                info_hash=self.id,
                name=clean(name),
                magnet_uri=str(self.magnet),
                total_bytes=total_bytes,
                share_url=self._share_url(),
                transfer=self.transfer,
            )
        )

    async def welcome(self, invited: Reach | None) -> Reach | None:
        """Return the answer to a peer's invitation; without one, wait until it can be met.

        Raises:
            TrackerFailed: No tracker accepted the announce, and the peer cannot be met without.
        """
        reply = await self._swarm.answer(invited) if invited is not None else None
        if reply is None:
            self._announcing = True
            try:
                await self._swarm.announced(paired=self.transfer is not None)
            finally:
                self._announcing = False
        return reply

    async def fetch(
        self,
        folder: Path | Target,
        choose: Choose | None,
        *,
        keep: bool,
        invitation: Invitation | None = None,
        reach: Reach | None = None,
    ) -> None:
        """Start downloading into `folder`; `choose` is called once the metadata is known.

        Args:
            folder: The target folder.
            choose: Selects files; all where None.
            keep: Go on with what an earlier run left there, and leave what is unfinished.
            invitation, reach: See Rendezvous.start.
        """
        self._folder = folder
        self._choose = choose or everything
        self.keeps = keep
        if keep:
            raw = await self._in_thread(lambda: peek(folder, self.magnet.info_hash))
            if raw is not None:
                self._swarm.describe(raw)
                self.metadata_found(raw)
        await self._swarm.start(invitation, reach)

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
        try:
            if self._store is None and self._laying_out is not None:
                self._store = await self._laying_out.given_up()
            store = self._store
            if isinstance(store, DownloadFiles) and delete_data and not self._finished:
                await self._in_thread(store.discard)
            elif store is not None:
                await self._in_thread(store.close)
        except FileSendError as error:
            self._warn(error)  # no caller waits for it any more: publish it
        for future in (self.described, self.done):
            if not future.done():
                future.cancel()
        self._publish(TorrentDestroyed(torrent=self.id, transfer=self.transfer))

    def partner_away(self, away: bool) -> None:
        """Set whether nobody is expected to answer: then no peer is missed."""
        self._away = away

    def add_tracker(self, url: str) -> bool:
        """Announce it at one more tracker; see Rendezvous. Its magnet link stays as it was."""
        return self._swarm.add_tracker(url)

    def pause(self, paused: bool) -> None:
        """Set whether none of its bytes go; peers are met and kept, and nobody is missed."""
        now = self._loop.time()
        if self._paused and not paused:
            self._started += now - self._paused_since
        elif paused and not self._paused:
            self._paused_since = now
        self._paused = paused
        self._swarm.pause(paused)

    @property
    def standing(self) -> Standing:
        """Where it stands."""
        if self._disk_watch is not None and self._disk_watch.waits:
            return Standing.DISK
        if self._tasks:
            return Standing.WORKING
        if self._announcing:
            return Standing.TRACKER
        if self._rests:
            return Standing.RESTING
        return self._standing_with_peers if self._swarm.peer_count else Standing.ALONE

    @property
    def _standing_with_peers(self) -> Standing:
        since = self._disk.reading_since if self._disk is not None else None
        if since is not None and time.monotonic() - since > SLOW_READ:
            return Standing.READING
        return Standing.SLOWED if self._swarm.slowed is not None else Standing.CONNECTED

    def pause_files(self, files: frozenset[int]) -> None:
        """Set which files are not fetched for now; it is not done without them."""
        self._paused_files = files
        if isinstance(self._store, DownloadFiles):
            self._swarm.postpone(self._store.pieces_only_of(files))

    def tell_figures(self) -> None:
        """Publish the figures that wait for their turn now."""
        self._reporter.flush()

    def progress(self) -> Progress:
        """Return how far the download is."""
        r = self._reporter
        trouble = self._disk_watch.trouble if self._disk_watch is not None else None
        return Progress(r.verified_bytes, r.download_rate, r.fraction, r.left, trouble)

    # -- SwarmHost

    def metadata_found(self, raw: bytes) -> None:
        """See SwarmHost."""
        self._tasks.spawn(self._lay_out(raw))

    def piece_stored(self, index: int) -> None:
        """See SwarmHost."""
        assert self.info is not None
        assembly = self._swarm.assembly
        self._reporter.piece_verified(self.info.shape.piece_size(index))
        if self._disk_watch is not None:
            self._disk_watch.moved()
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
        self._slow_watch.look(self._swarm.slowed)
        if self._disk_watch is not None:
            self._disk_watch.tick()
        self._watch_loneliness()
        if self.transfer is not None and not self._store_is_whole:
            self._watch_partner(self._loop.time())

    # -- internals

    @property
    def _finished(self) -> bool:
        return self.done.done() and not self.done.cancelled() and not self.done.exception()

    def _share_url(self) -> str | None:
        page = self._config.share_page
        # A paired transfer has no public link.
        return share_link(page, str(self.magnet)) if page and self.transfer is None else None

    async def _lay_out(self, raw: bytes) -> None:
        """Parse the info dictionary, choose files, allocate them, begin."""
        folder = self._folder
        assert folder is not None
        path = folder.path if isinstance(folder, Target) else folder
        mine = part_name(self.magnet.info_hash)
        for event in leftover_events(path, await self._in_thread(lambda: sweep(path, but={mine}))):
            if not event.resumable:  # those are told of where a run begins
                self._publish(event)
        try:
            info = await self._in_thread(lambda: parse_info(raw, info_hash=self.magnet.info_hash))
            choice = self._choose(info)
            if self.transfer is None:
                times = self._config.arriving.times
                choice = choice._replace(extras=of_torrent(info, times=times))
            store = await self._made(
                lambda: DownloadFiles.create(
                    info,
                    folder,
                    wanted=choice.wanted,
                    layout=choice.layout,
                    extras=choice.extras,
                    keep=self.keeps,
                    transfer=self.transfer,
                    arriving=choice.arriving or self._config.arriving,
                ),
                path,
            )
        except FileSendError as error:
            self.swarm_failed(error)
            return
        self.info = info
        self._store = store
        wanted, kept = store.wanted_pieces, store.kept
        self._reporter.wanted_bytes = sum(map(info.shape.piece_size, wanted))
        self._reporter.resumed(sum(map(info.shape.piece_size, kept.have)))
        self._resumed_bytes = sum(map(info.shape.piece_size, kept.have - store.holes))
        self._publish(
            Metadata(
                torrent=self.id,
                name=clean(info.name),
                # A request has listed them, where they are of a transfer.
                files=_entries(info, MOST_LISTED if self.transfer is not None else None),
                wanted=choice.wanted,
                total_bytes=info.shape.total_length,
                transfer=self.transfer,
                wanted_bytes=self._reporter.wanted_bytes,
                resumed_bytes=self._resumed_bytes,
                doubted_bytes=sum(map(info.shape.piece_size, kept.doubted)),
            )
        )
        self.described.set_result(info)
        self._disk = disk = Disk(info, store, self._executor, self._disk_troubled)
        self._disk_watch = watch = self._watch(disk, path, back=self._swarm.room_again)
        self._swarm.postpone(store.pieces_only_of(self._paused_files))
        self._swarm.begin(info, disk, wanted=wanted, have=kept.have, held=kept.doubted)
        if kept.have == wanted:
            await self._finish()
        else:
            await self._recheck(disk, watch, kept.doubted)

    async def _made(self, create: Callable[[], DownloadFiles], folder: Path) -> DownloadFiles:
        """Return the files of a download, once their disk takes them. Raises FileSendError."""
        self._laying_out = laying_out = LayingOut(create, self._executor)
        self._disk_watch = watch = self._watch(laying_out, folder, back=lambda: None)
        while laying_out.store is None:
            try:
                await laying_out.look_again()
            except FileSendError as error:
                if not await watch.over(error):
                    raise
        return laying_out.store

    def _watch(self, disk: Watched, folder: Path, *, back: Callable[[], None]) -> DiskWatch:
        return DiskWatch(
            disk,
            folder,
            torrent=self.id,
            transfer=self.transfer,
            publish=self._publish,
            back=back,
            failed=self.swarm_failed,
            tasks=self._tasks,
        )

    def _tracker_troubled(self, error: FileSendError) -> None:
        """Warn, unless two people are connected: the session tells that their relay is away."""
        connected = self.transfer is not None and (self._away or self._swarm.peer_count)
        if not (connected and isinstance(error, TrackerFailed)):
            self._warn(error)

    def _disk_troubled(self, error: FileSendError) -> None:
        if self._disk_watch is not None and not self._closing:
            self._disk_watch.troubled(error)

    async def _recheck(self, disk: Disk, watch: DiskWatch, doubted: Collection[int]) -> None:
        """Compare what an earlier run left, and does not vouch for, with its hashes."""
        assert self.info is not None
        shape = self.info.shape
        waiting, at_a_time = sorted(doubted), max(1, RECHECKED // shape.piece_length)
        for first in range(0, len(waiting), at_a_time):
            pieces = waiting[first : first + at_a_time]
            found: list[bool] | None = None
            while found is None:
                try:
                    found = await disk.recheck(pieces)
                except Paused as paused:
                    if not await watch.over(paused.why):
                        return
                except FileSendError as error:
                    self.swarm_failed(error)
                    return
            for index, right in zip(pieces, found, strict=True):
                if right:
                    self._resumed_bytes += shape.piece_size(index)
                self._swarm.rechecked(index, right=right)

    async def _finish(self) -> None:
        """Put the files in place, once every wanted piece is verified, and publish it."""
        store, watch = self._store, self._disk_watch
        assert isinstance(store, DownloadFiles)
        assert watch is not None
        while True:
            try:
                await self._in_thread(store.finish)
                path = await self._in_thread(store.where)
                break
            except FileSendError as error:
                if not await watch.over(error):
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
                resumed_bytes=min(self._resumed_bytes, store.wanted_bytes),
                links_not_made=len(store.unmade),
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
        """Warn, or fail a paired transfer, where no peer is connected for too long."""
        now = self._loop.time()
        # Strangers may all be there for what none of them knows.
        unknown = self.transfer is None and not self.described.done()
        # Nor can the other side reach this one: who sends has to say so, too.
        stuck = self.transfer is not None and isinstance(self._swarm.trouble, NoWay)
        content = self._store_is_whole and not stuck
        if (self._swarm.peer_count and not unknown) or content or self._waits:
            self._last_peer = self._told_lonely = now
            return
        alone = now - self._last_peer
        if stuck and alone > PATIENCE_WITHOUT_A_WAY:
            assert self._swarm.trouble is not None
            self.swarm_failed(self._swarm.trouble)
        elif self.transfer is not None:
            lied = self._swarm.lies and self._pair
            if alone > (PATIENCE_AFTER_LIES if lied else PATIENCE):
                self.swarm_failed(self._why_alone())
        elif now - self._told_lonely > LONELY:
            self._told_lonely = now
            self._warn(self._why_nobody())

    def _why_alone(self) -> FileSendError:
        """Return why the partner's peer is not connected: the first cause, where known."""
        if self._swarm.lies and self._pair:
            return BadMetadata("What the other side sends is not what it offered.", _CHANGED)
        trouble = self._swarm.trouble
        if isinstance(trouble, TrackerFailed):
            return trouble
        why = f": {trouble.message[0].lower()}{trouble.message[1:]}" if trouble is not None else "."
        hint = trouble.hint if isinstance(trouble, NoRoadLed) else ""
        if self._swarm.met:
            what = "The connection between the two machines broke"
        else:
            what = "The two machines could not reach each other"
        return NoPeers(f"{what}{why}", hint or self._last_hint)

    @property
    def _last_hint(self) -> str:
        """The hint of the last resort among the transports."""
        return self._roads.usable(private=self.private)[-1].hint

    def _why_nobody(self) -> FileSendError:
        """Return why no peer of an open swarm is connected."""
        if self._swarm.lies:
            return NoPeers(
                "Whoever has answered so far sent something else than the link names.",
                "It may have changed where it is shared: ask whoever gave you the link.",
            )
        if self._swarm.peer_count:
            return NoPeers(
                "Whoever is connected has not said yet what the link names.",
                "They may be looking for it themselves: it goes on with whoever knows.",
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
        return NoPeers(f"Nobody who has these files has answered yet{why}.", self._last_hint)

    def _watch_partner(self, now: float) -> None:
        """Fail a paired transfer where its only partner makes no progress or sends false data."""
        # This side's own disk may take long to put the files in place. What a relay makes wait goes
        # on by itself, however slowly.
        still = self._waits or self._swarm.slowed is not None
        if bool(self._tasks) or still or self._moved_bytes != self._reporter.received.total:
            self._moved_bytes = self._reporter.received.total
            self._moved = now
        # Under this side's own rate limit, a few of the largest pieces may take that long.
        limit = self._download_limit.rate
        if now - self._moved > STANDSTILL + (8 * MAX_PIECE_LENGTH / limit if limit else 0.0):
            self.swarm_failed(
                NoPeers(
                    "The other side is connected, but sends nothing.",
                    "Ask them whether their machine still works; then have it sent again.",
                )
            )
        # In a group, others than the sender may lie; they are banned, and it goes on without them.
        if self._swarm.lies >= MOST_LIES and self._pair:
            self.swarm_failed(
                BadMetadata("What the other side sends is not what it offered.", _CHANGED)
            )

    @property
    def _waits(self) -> bool:
        """Whether nothing can be expected of the other side: they are away, or this side waits."""
        disk_waits = self._disk_watch is not None and self._disk_watch.waits
        return self._away or self._paused or disk_waits or self._rests

    @property
    def _rests(self) -> bool:
        """Whether only files that are left out for now are missing."""
        return self._swarm.assembly is not None and self._swarm.assembly.rests

    @property
    def _store_is_whole(self) -> bool:
        return isinstance(self._store, SeedFiles) or self.done.done()

    def _is_silent(self, channel: Channel) -> bool:
        return self._swarm.is_silent(channel)

    def _learned(self, channel: Channel, tried: tuple[Tried, ...]) -> None:
        self._swarm.learned(channel, tried)

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


def _entries(info: TorrentInfo, most: int | None = None) -> tuple[FileEntry, ...]:
    """Return a torrent's files as events list them; none where they are more than `most`."""
    if most is not None and len(info.files) > most:
        return ()
    return tuple(
        FileEntry(path=clean("/".join(path), 1024), size=size)
        for path, size in zip(info.files.paths(), info.files.lengths, strict=True)
    )
