"""One exchange under way: its work in the engine, and how that work ends.

Results of the work go to the exchange as inputs; words and events are transfers.py's.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from filesend_tui.core.choices import ARRIVING, SENDING, Arriving, Sending
from filesend_tui.core.errors import BadSource, FileSendError, broken
from filesend_tui.core.events import Direction, SessionId, TransferPhase
from filesend_tui.core.exchange import offer
from filesend_tui.core.exchange.facts import TransferFacts
from filesend_tui.core.exchange.offered import Asked
from filesend_tui.core.exchange.patience import Patience
from filesend_tui.core.exchange.table import Exchange
from filesend_tui.core.exchange.values import (
    Cancelled,
    Completed,
    Failed,
    Input,
    Progressed,
    Ready,
    Started,
)
from filesend_tui.core.meeting.invitation import Invitation, Reach
from filesend_tui.core.meeting.signaling import SWARM_KEY_LENGTH
from filesend_tui.core.sessions.session import Session
from filesend_tui.core.torrent.engine_protocol import Torrents
from filesend_tui.core.torrent.group import Group, GroupWords, SessionWords
from filesend_tui.core.torrent.metainfo.magnet import Magnet, parse_magnet
from filesend_tui.core.torrent.roster import PAIR
from filesend_tui.core.torrent.sources.create import Found
from filesend_tui.core.torrent.sources.source_files import SourceFile
from filesend_tui.core.torrent.sources.trusted import (
    Hashed,
    Identity,
    check_unchanged,
    identities_of,
)
from filesend_tui.core.torrent.storage.disk_space import check_room
from filesend_tui.core.torrent.storage.target import Target
from relay.protocol import words

_log = logging.getLogger(__name__)

#: Seconds between two reports of figures about one transfer.
REPORT_INTERVAL: Final = 0.25


class TransferTask:
    """An exchange, and the resources that it holds while it is under way.

    Args:
        exchange: The exchange.
        id, session: The session that it belongs to.
        torrents: The engine.
        tracker: The relay's tracker, as this side knows it (ws or wss URL).
        happen: Takes an input of this run's exchange.
        kept: Whether a later process can go on with it.
        group: The torrent that it shares with the requests of others, where this side sends.

    sources, output and arriving are set by the person's commands: what is sent, or where to receive
    it and how.
    recorded is the stage that was recorded last. patience tells how long it stands still.
    figures is the task that sends the latest figures, if any; hashing_told the loop's time of the
    last report about hashing.
    """

    def __init__(
        self,
        exchange: Exchange,
        id: SessionId,
        session: Session,
        *,
        torrents: Torrents,
        tracker: str,
        happen: Callable[[TransferTask, Input], None],
        kept: bool,
        group: Group | None = None,
    ) -> None:
        self.exchange = exchange
        self.sources: Sequence[SourceFile] = ()
        self.output: Target | None = None
        self.arriving: Arriving = ARRIVING
        self.recorded: tuple[object, ...] | None = None
        self.figures: asyncio.Task[None] | None = None
        self.hashing_told = -REPORT_INTERVAL
        self.freed = asyncio.Event()
        self.patience = Patience(exchange.id, id, exchange.direction, exchange.partner)
        self._id = id
        self._session = session
        self._torrents = torrents
        self._tracker = tracker
        self._happen = happen
        self._kept = kept
        self._group = group
        self._torrent: str | None = None
        self._job: asyncio.Task[None] | None = None
        self._approved: asyncio.Future[Reach | None] = asyncio.get_running_loop().create_future()
        self._invitation: Invitation | None = None
        self._known: Hashed | None = None
        self._info = b""
        self._magnet = ""
        #: A group's from the beginning: whoever of it goes on first in a later process brings it.
        self._swarm_key = group.swarm_key if group is not None else b""
        #: What an earlier process recorded, until this one has found the same itself.
        self._folder: Path | None = None
        self._chosen: tuple[Path, ...] = ()
        self._sending: Sending = SENDING
        #: Parts of the facts that take long to make for many files, each with what it is made of.
        self._request: tuple[object, words.FileRequest | Asked] | None = None
        self._files: tuple[object, Sequence[tuple[bytes, Identity]]] | None = None

    @property
    def stage(self) -> tuple[object, ...]:
        """Its phase, and then all else of its facts that changes."""
        exchange = self.exchange
        paused = exchange.paused_by, exchange.paused_files, exchange.queued > 0
        return exchange.phase, exchange.accepted, paused, self._magnet, self.output, self.arriving

    @property
    def facts(self) -> TransferFacts:
        """All that a later process needs to go on with it."""
        exchange = self.exchange
        sources = self.sources
        if self._request is None or self._request[0] is not exchange.files:
            self._request = exchange.files, exchange.asking
        if self._files is None or self._files[0] is not sources:
            self._files = sources, identities_of(sources)
        return TransferFacts(
            request=self._request[1],
            direction=exchange.direction,
            phase=exchange.phase,
            accepted=exchange.accepted,
            folder=self.output.path if self.output is not None else self._folder,
            # Absolute: the process that goes on may be in another folder.
            chosen=tuple(each.absolute() for each in sources.chosen)
            if isinstance(sources, Found)
            else self._chosen,
            files=self._files[1],
            info=self._info,
            magnet=self._magnet,
            swarm_key=self._swarm_key,
            group=self._group.id if self._group is not None else "",
            paused_by=exchange.paused_by,
            paused_files=exchange.paused_files,
            queued=exchange.queued,
            sending=sources.sending if isinstance(sources, Found) else self._sending,
            arriving=self.arriving,
        )

    def remember(self, facts: TransferFacts) -> None:
        """Take up what an earlier process recorded, before this one records anything of it.

        Until folder and files are found again, which takes a while, they are those: else a kill
        meanwhile would leave a transfer of nothing.
        """
        self._folder, self._chosen = facts.folder, facts.chosen
        self._sending, self.arriving = facts.sending, facts.arriving
        self._files = self.sources, facts.files
        self._info, self._magnet = facts.info, facts.magnet
        self._swarm_key = facts.swarm_key or self._swarm_key

    async def go_on(self, facts: TransferFacts) -> None:
        """Start the work of a transfer that an earlier process began, after `remember`.

        Raises:
            BadSource: What was chosen to be sent changed, or cannot be read any more.
            StorageFailed: The folder for it is gone.
        """
        if facts.direction is Direction.SEND:
            identities = tuple(identity for _, identity in facts.files)
            self._known = Hashed(facts.info, identities)
            found = await asyncio.to_thread(offer.look_through, facts.chosen, sending=facts.sending)
            await asyncio.to_thread(check_unchanged, self._known, found)
            self.sources = found
            if facts.phase is not TransferPhase.ASKED:
                self.start_seeding(None)
            self.start_hashing()
        elif facts.folder is not None:
            self.output = await asyncio.to_thread(check_room, facts.folder, 0)
            if facts.phase in {TransferPhase.READY, TransferPhase.TRANSFERRING}:
                self.start_adding(facts.magnet, facts.swarm_key, None)

    @property
    def working(self) -> bool:
        """Whether work was started, so that there is something to free."""
        return self._job is not None

    def start_hashing(self) -> None:
        """Start to make the torrent; start_seeding serves it."""
        self._job = asyncio.create_task(self._guard(self._seed))

    async def invite(self) -> words.Reach | None:
        """Return the invitation for the sender, if one is possible."""
        if self._invitation is None:
            self._invitation = await self._torrents.invite(self._id)
        return _said(self._invitation.reach) if self._invitation is not None else None

    def start_seeding(self, reach: words.Reach | None) -> None:
        """Serve the torrent, as soon as it is made. reach: the receiver's invitation."""
        if not self._approved.done():
            self._approved.set_result(_heard(reach))

    def start_adding(self, magnet: str, swarm_key: bytes, reach: words.Reach | None) -> None:
        """Start to fetch the torrent, in the private swarm of this key.

        reach: the sender's answer to the invitation.
        """
        self._magnet, self._swarm_key = magnet, swarm_key
        work = self._guard(lambda: self._fetch(magnet, swarm_key, _heard(reach)))
        self._job = asyncio.create_task(work)

    def hold(self, *, paused: bool) -> None:
        """Let no bytes go while it is paused; also before there is a torrent."""
        self._torrents.pause(self.exchange.id, paused=paused)

    def hold_files(self, files: Collection[int]) -> None:
        """Fetch all but these files for now; also before there is a torrent."""
        self._torrents.pause_files(self.exchange.id, files)

    def differs(self, digest: bytes) -> FileSendError | None:
        """Return the error where what the receiver has cannot be what was sent: of a stream."""
        del digest
        return None

    async def free(self, *, delete_data: bool) -> None:
        """Stop the work and destroy the torrent; with its part files if `delete_data`."""
        if self._job is not None:
            self._job.cancel()
            await asyncio.wait({self._job})
        if self._group is not None:
            await self._torrents.leave(self._group, self.exchange.id)
        elif self._torrent is not None:
            await self._torrents.remove(self._torrent, delete_data=delete_data)
        self._torrents.pause(self.exchange.id, paused=False)
        self._torrents.pause_files(self.exchange.id, ())

    async def take_back(self) -> None:
        """Close the invitation, if there is one; a channel that it led to stays open."""
        if self._invitation is not None:
            await self._invitation.close()

    async def _guard(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run the work; turn whatever ends it early into an input."""
        try:
            await work()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # This task was not cancelled: the torrent that it waited for is gone.
            self._happen(self, Cancelled("The torrent was removed."))
        except FileSendError as error:
            self._happen(self, Failed(error))
        except Exception as error:
            _log.exception("a transfer broke")
            self._happen(self, Failed(broken(error)))

    def met_at(self, tracker: str) -> None:
        """Announce the torrent at this tracker, too: the two people meet there now."""
        self._tracker = tracker
        if self._torrent is not None:
            with suppress(FileSendError):  # it is over, or has as many as it may
                self._torrents.add_tracker(self._torrent, tracker)

    async def _serve(self, swarm_key: bytes) -> str:
        """Serve the torrent, alone or with the others of a group; return its id."""
        if self._group is not None:
            return await self._torrents.serve_in(
                self._group,
                self.sources,
                trackers=(self._tracker,),
                transfer=self.exchange.id,
                session=self._id,
                words=self._session.channels,
                approved=self._approved,
                known=self._known,
            )
        return await self._torrents.serve(
            self.sources,
            trackers=(self._tracker,),
            transfer=self.exchange.id,
            session=self._id,
            swarm_key=swarm_key,
            words=self._session.channels,
            approved=self._approved,
            known=self._known,
        )

    async def _seed(self) -> None:
        swarm_key = self._swarm_key or secrets.token_bytes(SWARM_KEY_LENGTH)
        self._torrent = await self._serve(swarm_key)
        self._info = (await self._torrents.wait_metadata(self._torrent)).raw
        magnet = self._torrents.magnet(self._torrent)
        if self._magnet and parse_magnet(magnet).info_hash != parse_magnet(self._magnet).info_hash:
            raise BadSource(
                "What is being sent changed since it was hashed.",
                "Send it anew: what was sent of it before cannot be gone on with.",
                told="The files to send are not the same any more.",
            )
        self._magnet, self._swarm_key = magnet, swarm_key
        await self._hand_out(self._torrent, magnet, swarm_key)

    async def _hand_out(self, torrent: str, magnet: str, swarm_key: bytes) -> None:
        """Tell the receiver of what is served, for as long as it is. Raises what ended it."""
        self._met()
        if self._group is not None:
            reply = self._group.replies.get(self.exchange.id)
        else:
            reply = self._torrents.reply(torrent)
        reach = _said(reply) if reply is not None else None
        self._happen(self, Ready(magnet, swarm_key, reach))
        await self._torrents.wait_done(torrent)  # it is never done here: this only raises

    def _met(self) -> None:
        """Tell the new torrent what changed of the session while it was made."""
        self._torrents.partner_away(self.exchange.id, away=self._session.is_away)
        self.met_at(self._tracker)

    async def _fetch(self, magnet: str, swarm_key: bytes, reach: Reach | None) -> None:
        exchange = self.exchange
        assert self.output is not None
        asked = parse_magnet(magnet)
        # The relay's tracker is the partner's too, under the address that works from here. Their
        # other trackers are left out: a partner must not choose what this machine connects to.
        known = Magnet(info_hash=asked.info_hash, name=asked.name, trackers=())
        channels: SessionWords | GroupWords = self._session.channels
        if exchange.others:
            channels = in_group = GroupWords(greets=True)
            in_group.add(exchange.id, self._session.channels)
        torrent = self._torrent = await self._torrents.add(
            str(known),
            folder=self.output,
            trackers=(self._tracker,),
            transfer=exchange.id,
            session=self._id,
            swarm_key=swarm_key,
            words=channels,
            members=exchange.others + PAIR,
            invitation=self._invitation,
            reach=reach,
            keep=self._kept,
            choose=lambda info: offer.choose(exchange.files, exchange.accepted, info)._replace(
                extras=offer.extras(
                    exchange.files,
                    exchange.folders,
                    exchange.accepted,
                    links=exchange.links,
                    times=self.arriving.times,
                ),
                arriving=self.arriving,
            ),
        )
        self._met()
        # One that an earlier process began may wait for its disk already.
        await self._reporting(torrent, self._torrents.wait_metadata(torrent))
        self._happen(self, Started())
        await self._report_until_done(torrent)
        self._happen(self, Completed())

    async def _report_until_done(self, torrent: str) -> None:
        """Report figures until all of it is there. Raises the FileSendError that ended it."""
        await self._reporting(torrent, self._torrents.wait_done(torrent))
        if self.figures is not None:
            await asyncio.wait({self.figures})  # or the last report would be skipped
        self._report(torrent)

    async def _reporting(self, torrent: str, work: Coroutine[Any, Any, object]) -> None:
        """Report figures until this is done. Raises the FileSendError that ended it."""
        done = asyncio.ensure_future(work)
        try:
            while not done.done():
                if not self.exchange.halted:
                    self._report(torrent)
                await asyncio.wait({done}, timeout=REPORT_INTERVAL)
            await done
        finally:
            done.cancel()
            await asyncio.gather(done, return_exceptions=True)

    def _report(self, torrent: str) -> None:
        try:
            figures = self._torrents.progress(torrent)
        except KeyError:
            return  # being removed; the wait in `_fetch` raises next
        self._happen(
            self,
            Progressed(
                downloaded=figures.downloaded_bytes,
                speed=max(0.0, figures.bytes_per_second),
                progress=min(1.0, max(0.0, figures.fraction)),
                time_remaining=figures.time_remaining,
                disk=figures.disk,
            ),
        )


def _said(reach: Reach) -> words.Reach:
    return words.Reach(peer_id=reach.peer_id, texts=dict(reach.texts))


def _heard(reach: words.Reach | None) -> Reach | None:
    return None if reach is None else Reach(reach.peer_id, dict(reach.texts))
