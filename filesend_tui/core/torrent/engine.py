"""All torrents of one client: made, added, looked up, removed. One torrent is torrent.py's."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from filesend_tui.core.choices import Links
from filesend_tui.core.config import ClientConfig, RoadChoice
from filesend_tui.core.error_events import left_out
from filesend_tui.core.errors import BadMagnet, ChannelFailed, Offender
from filesend_tui.core.event_stream import EventStream
from filesend_tui.core.events import (
    Event,
    Hashing,
    SessionId,
    TorrentDestroyed,
    TransferId,
    of_session,
)
from filesend_tui.core.meeting.invitation import Invitation, Reach
from filesend_tui.core.torrent.group import Group, SessionWords
from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.metainfo.magnet import Magnet, parse_magnet
from filesend_tui.core.torrent.peer.word_channel import WordReceiver
from filesend_tui.core.torrent.rates.limiter import Limits
from filesend_tui.core.torrent.roster import PAIR
from filesend_tui.core.torrent.sources.create import Found, make_torrent, scan
from filesend_tui.core.torrent.sources.source_files import SourceFile
from filesend_tui.core.torrent.sources.trusted import Hashed
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.torrent.stream_torrent import StreamTorrent
from filesend_tui.core.torrent.streams.inflow import StreamTarget
from filesend_tui.core.torrent.streams.outflow import StreamSource
from filesend_tui.core.torrent.swarm import make_peer_id
from filesend_tui.core.torrent.torrent import Choose, Progress, Standing, Torrent
from filesend_tui.core.transports.base import RelayAccess, no_relay
from filesend_tui.core.transports.registry import Roads, Transports

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
        relay_of: Returns what asks for the relay of a session; of None: for that of open swarms.
            Channels keep that, and not the relay: a session may be at another one later.

    Raises:
        ChannelFailed: The settings force a transport, or a kind of it, that is not available.
    """

    def __init__(
        self,
        config: ClientConfig,
        events: EventStream,
        relay_of: Callable[[SessionId | None], RelayAccess] = lambda _session: no_relay,
    ) -> None:
        self._config = config
        self._events = events
        self._limits = Limits.of(config.upload_limit, config.download_limit)
        self._disk = ThreadPoolExecutor(DISK_THREADS, "filesend-disk")
        self._hashers = ThreadPoolExecutor(HASHING_THREADS, "filesend-hash")
        self._hashing: set[threading.Event] = set()
        self._torrents: dict[str, Torrent] = {}
        #: The groups of those that several transfers are served by.
        self._groups: dict[TransferId, Group] = {}
        self._paused: set[TransferId] = set()
        self._paused_files: dict[TransferId, frozenset[int]] = {}
        self._transports = Transports(config)
        self._relay_of = relay_of
        self._closing: set[asyncio.Task[None]] = set()

    async def look_through(
        self, paths: Collection[Path], *, skip_unreadable: bool = False
    ) -> Found:
        """Return what is to be shared openly, see `scan`; publish what is left out.

        Raises:
            BadSource: Something cannot be sent, or it is too much.
        """
        sending = self._config.sending._replace(skip=skip_unreadable)
        if sending.links is Links.KEEP:  # a torrent of ours has none
            sending = sending._replace(links=Links.FOLLOW)
        found = await asyncio.get_running_loop().run_in_executor(
            self._hashers, partial(scan, paths, sending=sending)
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
        known: Hashed | None = None,
    ) -> str:
        """Make a torrent of files and folders, announce it and serve it; return its id.

        Args:
            paths: What to share, or what was found of it.
            trackers, name, transfer, swarm_key: As `serve`.
            skip_unreadable: Leave out what cannot be sent.
            known: What an earlier run hashed of it.

        Raises:
            BadSource: Something cannot be sent, or changed while it was read.
            TrackerFailed: No tracker accepted it.
        """
        if isinstance(paths, Found):
            sources = paths
        else:
            sources = await self.look_through(paths, skip_unreadable=skip_unreadable)
        return await self.serve(
            sources,
            trackers=trackers,
            name=name,
            transfer=transfer,
            swarm_key=swarm_key,
            known=known,
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
        words: WordReceiver | None = None,
        approved: asyncio.Future[Reach | None] | None = None,
        known: Hashed | None = None,
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
            words: Takes the words of that session, from its peers.
            approved: Done once it may be announced and served, with the invitation of the peer
                that it is for, if there is one; None: as soon as it is made.
            known: What an earlier run hashed of these files, which are the same still.

        Raises:
            BadSource: Something cannot be read, or changed since it was found.
            TrackerFailed: No tracker accepted it.
            ChannelFailed: The swarm is open, and its peers would be reached around a proxy.
        """
        if swarm_key is None:
            self._refuse_around(trackers)
        info = await self._make(sources, name, transfer, self._publisher(session), known)
        invited = await asyncio.shield(approved) if approved is not None else None
        torrent = self._admit(
            Magnet(info_hash=info.info_hash, name=info.name, trackers=tuple(trackers)),
            transfer=transfer,
            session=session,
            swarm_key=swarm_key,
            words=words,
        )
        try:
            await torrent.seed(info, sources, invited)
        except BaseException:
            await self.remove(torrent.id)
            raise
        return torrent.id

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
        """Serve files for one more transfer of a group, as `serve`; return the torrent's id.

        They are hashed for the first, and served from the first approval until the last has left,
        by `leave`.

        Args:
            group: Has the swarm's key.
            sources, trackers, transfer, session, words, approved, known: As in `serve`.

        Raises:
            BadSource, TrackerFailed: As `serve`.
        """
        group.join(transfer, session, words)
        self._groups[group.id] = group

        async def make() -> TorrentInfo:
            return await self._make(sources, None, group.id, self._publisher_to(group), known)

        async def start() -> Torrent:
            torrent = self._admit(
                Magnet(info_hash=info.info_hash, name=info.name, trackers=tuple(trackers)),
                transfer=group.id,
                session=session,
                swarm_key=group.swarm_key,
                words=group.words,
                members=group.size + 1,
                publish=self._publisher_to(group),
            )
            await torrent.seed(info, sources)
            return torrent

        try:
            info = await group.info.get(make)
            invited = await asyncio.shield(approved)
            torrent = await group.torrent.get(start)
            torrent.pause(group.all_in(self._paused))  # who was alone in it may be paused
            for url in trackers:
                torrent.add_tracker(url)
            reply = await torrent.welcome(invited)
        except BaseException:
            await self.leave(group, transfer)
            raise
        if reply is not None:
            group.replies[transfer] = reply
        return torrent.id

    async def leave(self, group: Group, transfer: TransferId) -> None:
        """Serve a transfer of a group no more; the last one's leaving destroys the torrent."""
        torrent = next((t for t in self._torrents.values() if t.transfer == group.id), None)
        if torrent is not None and transfer in group:
            torrent.tell_figures()
            gone = TorrentDestroyed(torrent=torrent.id, transfer=group.id)
            self._events.publish(group.of_member(gone, transfer))
        last = group.leave(transfer)
        if torrent is not None:
            torrent.pause(group.all_in(self._paused))
            torrent.partner_away(group.all_away)
        if last:
            self._groups.pop(group.id, None)
            await group.free()
            if torrent is not None:
                await self.remove(torrent.id)

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
        """Start downloading into `folder`; return the torrent's id at once.

        What an earlier run left of it there is gone on with, if it is one that is kept.

        Args:
            magnet: Names the torrent.
            folder: The target folder; a path is resolved when the files are laid out.
            trackers: Used beside the magnet's own.
            transfer: The transfer it belongs to.
            session: The session that this belongs to, for its events.
            swarm_key: The private swarm's; None where it is open.
            words: As in `serve`.
            choose: Selects files once the info dictionary is known; may raise FileSendError.
            invitation: This side's to the peer that has it, from `invite`.
            reach: That peer's answer to it.
            keep: Leave it for a later run where this client ends before it is done; None: where it
                belongs to no transfer.
            members: How many people may be in its private swarm, this one included.

        Raises:
            BadMagnet: It cannot be used, or is being downloaded or seeded already.
            ChannelFailed: As `serve`.
        """
        parsed = parse_magnet(magnet)
        known = dict.fromkeys((*parsed.trackers, *trackers))
        if not known:
            raise BadMagnet("This magnet link names no tracker.")
        if swarm_key is None:
            self._refuse_around(known)
        torrent = self._admit(
            Magnet(info_hash=parsed.info_hash, name=parsed.name, trackers=tuple(known)),
            transfer=transfer,
            session=session,
            swarm_key=swarm_key,
            words=words,
            peer_id=None if invitation is None else invitation.peer_id,
            members=members,
        )
        keep = transfer is None if keep is None else keep
        try:
            await torrent.fetch(folder, choose, keep=keep, invitation=invitation, reach=reach)
        except BaseException:
            await self.remove(torrent.id, delete_data=not keep)
            raise
        return torrent.id

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
        """Read a stream, and serve it to the other side of a transfer; return its id.

        source: begun to be read now, and no further than there is room for in its window. All else
        as in `serve`.

        Raises:
            TrackerFailed: No tracker accepted it.
        """
        torrent = self._admit(
            Magnet(info_hash=secrets.token_bytes(20), name=name, trackers=tuple(trackers)),
            transfer=transfer,
            session=session,
            swarm_key=swarm_key,
            words=words,
            stream=source,
        )
        assert isinstance(torrent, StreamTorrent)
        try:
            await torrent.send(invited)
        except BaseException:
            await self.remove(torrent.id)
            raise
        return torrent.id

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
        """Take a stream, and write it to `target`, which is opened now; return its id.

        All else as in `add`.

        Raises:
            BadMagnet: It cannot be used, or is of a stream that is here already.
            FileSendError: The target cannot be written to.
        """
        parsed = parse_magnet(magnet)
        loop = asyncio.get_running_loop()
        opening = loop.run_in_executor(self._disk, target.open)
        try:
            await asyncio.shield(opening)
            torrent = self._admit(
                Magnet(info_hash=parsed.info_hash, name=parsed.name, trackers=tuple(trackers)),
                transfer=transfer,
                session=session,
                swarm_key=swarm_key,
                words=words,
                peer_id=None if invitation is None else invitation.peer_id,
                stream=target,
            )
        except BaseException:
            await asyncio.wait({opening})  # a cancelled one goes on in its thread
            await loop.run_in_executor(self._disk, target.discard)
            raise
        assert isinstance(torrent, StreamTorrent)
        try:
            await torrent.receive(invitation, reach)
        except BaseException:
            await self.remove(torrent.id, delete_data=True)
            raise
        return torrent.id

    def stream_digest(self, torrent_id: str) -> bytes:
        """Return the SHA-256 of a stream; empty while it is read. Raises KeyError."""
        torrent = self._torrents[torrent_id]
        return torrent.digest if isinstance(torrent, StreamTorrent) else b""

    async def invite(self, session: SessionId | None = None) -> Invitation | None:
        """Return an invitation of a peer into a private swarm to come; None where none is possible.

        The caller closes it, or gives it to `add`. session: the one that the swarm will belong to.
        """
        return await Invitation.make(make_peer_id(), self._roads(session))

    def add_tracker(self, torrent_id: str, url: str) -> bool:
        """Announce a running torrent at one more tracker; its magnet link stays as it was.

        Returns:
            Whether it is one of its trackers now; also where it was already. A torrent that has
            four gets no more, and one that is no WebSocket (ws or wss) is not used. False, too,
            where there is no such torrent.

        Raises:
            ChannelFailed: As `serve`.
        """
        torrent = self._torrents.get(torrent_id)
        if torrent is None:
            return False
        if not torrent.private:
            self._refuse_around([url])
        return torrent.add_tracker(url)

    def reply(self, torrent_id: str) -> Reach | None:
        """Return the answer to the invitation that a torrent was served for, if there was one.

        Raises KeyError where there is no such torrent.
        """
        return self._torrents[torrent_id].reply

    def partner_away(self, transfer: TransferId, *, away: bool) -> None:
        """Set whether the other side of a transfer is away: then nobody is missed in its swarm."""
        for torrent, group in self._serving(transfer):
            all_of_them = away if group is None else group.partner_away(transfer, away=away)
            torrent.partner_away(all_of_them)

    def pause(self, transfer: TransferId, *, paused: bool) -> None:
        """Set whether no bytes of a transfer's torrent go; also before there is one.

        Connections are kept, and new ones are made. Who paused one that is over says so again.
        """
        (self._paused.add if paused else self._paused.discard)(transfer)
        for torrent, group in self._serving(transfer):
            torrent.pause(paused if group is None else group.all_in(self._paused))

    def standing(self, transfer: TransferId) -> Standing:
        """Return where the torrent of a transfer stands."""
        torrent, _ = next(self._serving(transfer), (None, None))
        return torrent.standing if torrent is not None else Standing.ABSENT

    def pause_files(self, transfer: TransferId, files: Collection[int]) -> None:
        """Set which files of a transfer are not fetched for now; also before there is a torrent.

        files: indices in the torrent. Pieces that hold bytes of others too are fetched.
        """
        self._paused_files[transfer] = frozenset(files)
        if not files:
            del self._paused_files[transfer]
        for torrent, _ in self._serving(transfer):
            torrent.pause_files(frozenset(files))

    async def warm(self) -> None:
        """Prepare what a first transfer would wait for; failures are reported when it is used."""
        await self._roads(None).warm(private=True)

    async def remove(self, torrent_id: str, *, delete_data: bool = False) -> None:
        """Destroy a torrent; an unknown id is no error. See Torrent.close for `delete_data`."""
        torrent = self._torrents.pop(torrent_id, None)
        if torrent is not None:
            # The caller may be cancelled; the torrent's resources are freed all the same.
            closing = asyncio.create_task(torrent.close(delete_data=delete_data))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            await asyncio.shield(closing)

    @property
    def limits(self) -> tuple[int | None, int | None]:
        """The rate limits of upload and download, in bytes a second; None for no limit."""
        return self._limits.upload.rate, self._limits.download.rate

    def limit(self, *, upload: int | None, download: int | None) -> None:
        """Set the rate limits, in bytes a second; None for no limit."""
        self._limits.upload.change(upload)
        self._limits.download.change(download)

    async def destroy(self) -> None:
        """Destroy every torrent; an unfinished download that is kept stays for a later run."""
        for cancelled in self._hashing:
            cancelled.set()
        await asyncio.gather(
            *(self.remove(t.id, delete_data=not t.keeps) for t in tuple(self._torrents.values())),
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

    def _serving(self, transfer: TransferId) -> Iterator[tuple[Torrent, Group | None]]:
        """Yield the torrents of a transfer, each with the group that it is shared with, if any."""
        for torrent in self._torrents.values():
            if torrent.transfer == transfer:
                yield torrent, None
            elif torrent.transfer is not None:
                group = self._groups.get(torrent.transfer)
                if group is not None and transfer in group:
                    yield torrent, group

    def _roads(self, session: SessionId | None) -> Roads:
        """Return how the peers of a session's torrents may be reached."""
        return self._transports.by(self._relay_of(session))

    def _refuse_around(self, trackers: Iterable[str]) -> None:
        """Raise ChannelFailed where an open swarm would go around a proxy, and nobody said so.

        Its peers are met by WebRTC alone, which no proxy carries.
        """
        if self._config.road is RoadChoice.WEBRTC:
            return
        used = (proxy for url in trackers if (proxy := self._config.proxies.of(url)) is not None)
        if (proxy := next(used, None)) is not None:
            raise ChannelFailed(
                f"An open share goes by WebRTC, which would go around the proxy at {proxy.name}.",
                "Say --road webrtc to let it, or pair with each person: the relay carries that.",
            )

    def _admit(
        self,
        magnet: Magnet,
        *,
        transfer: TransferId | None,
        session: SessionId | None,
        swarm_key: bytes | None,
        words: WordReceiver | None,
        peer_id: bytes | None = None,
        stream: StreamSource | StreamTarget | None = None,
        members: int = PAIR,
        publish: Callable[[Event], None] | None = None,
    ) -> Torrent:
        torrent_id = magnet.info_hash.hex()
        if torrent_id in self._torrents:
            raise BadMagnet(
                "This torrent is already being sent or received here.",
                "Wait until it is done, or stop it first.",
            )
        make = Torrent if stream is None else partial(StreamTorrent, end=stream)
        torrent = make(
            magnet,
            config=self._config,
            limits=self._limits,
            executor=self._disk,
            publish=publish or self._publisher(session),
            transfer=transfer,
            swarm_key=swarm_key,
            words=words,
            peer_id=peer_id,
            members=None if swarm_key is None else members,
            roads=self._roads(session),
        )
        if transfer is not None:
            group = self._groups.get(transfer)
            paused = transfer in self._paused if group is None else group.all_in(self._paused)
            torrent.pause(paused)
            torrent.pause_files(self._paused_files.get(transfer, frozenset()))
        self._torrents[torrent_id] = torrent
        return torrent

    def _publisher(self, session: SessionId | None) -> Callable[[Event], None]:
        """Return a callback that publishes events as those of a session."""
        return lambda event: self._events.publish(of_session(event, session))

    def _publisher_to(self, group: Group) -> Callable[[Event], None]:
        """Return a callback that publishes a group's events as those of each member."""

        def publish(event: Event) -> None:
            for each in group.of_members(event):
                self._events.publish(each)

        return publish

    async def _make(
        self,
        sources: Sequence[SourceFile],
        name: str | None,
        transfer: TransferId | None,
        publish: Callable[[Event], None],
        known: Hashed | None = None,
    ) -> TorrentInfo:
        """Hash in a worker thread and publish progress; cancellation stops the thread too."""
        loop = asyncio.get_running_loop()
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
                sources,
                name=name,
                salt=transfer,
                progress=tell,
                cancelled=stop.is_set,
                known=known,
            )

        self._hashing.add(stop)
        try:
            return await loop.run_in_executor(self._hashers, work)
        finally:
            stop.set()
            self._hashing.discard(stop)
