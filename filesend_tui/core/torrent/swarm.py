"""One torrent's swarm: its roster, info dictionary, exchange of pieces, and a tick a second.

Admitting peers is roster.py's, trading pieces piece_exchange.py's, fetching the metadata
info_dictionary.py's. The life cycle of the torrent (metadata found, finished, failed) is
torrent.py's.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import FileSendError, broken
from filesend_tui.core.events import Event, PeerEntry
from filesend_tui.core.meeting.invitation import Invitation, Reach
from filesend_tui.core.meeting.rendezvous import (
    ANNOUNCE_TIMEOUT,
    PATIENT_TIMEOUT,
    MetPeer,
    Rendezvous,
)
from filesend_tui.core.torrent.drop_reasons import Drop, WhyDropped
from filesend_tui.core.torrent.lanes.lanes import LaneRoad, LaneRoom
from filesend_tui.core.torrent.metadata.info_dictionary import InfoDictionary
from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.peer.peer import KEEP_ALIVE, KEEP_ALIVE_PAIR, Peer
from filesend_tui.core.torrent.peer.serving import OUR_REQQ
from filesend_tui.core.torrent.peer.word_channel import WordReceiver
from filesend_tui.core.torrent.piece_exchange import PieceExchange, PieceExchangeHost
from filesend_tui.core.torrent.pieces.assembly import Assembly
from filesend_tui.core.torrent.rates.limiter import Limits
from filesend_tui.core.torrent.reporter import Reporter
from filesend_tui.core.torrent.roster import PAIR, Roster
from filesend_tui.core.torrent.storage.disk import Disk
from filesend_tui.core.torrent.streams.line import Flow
from filesend_tui.core.transports.base import BulkChannel, Channel, RelayAccess, Slowing, slowed_of
from filesend_tui.core.transports.clues import Tried
from filesend_tui.core.util.text import clean
from filesend_tui.core.wire.connection import WireConnection
from filesend_tui.core.wire.extensions import MetadataData, MetadataReject, MetadataRequest

#: How this program names itself to peers (BEP 10 `v`), and the prefix of its peer_id (BEP 20).
CLIENT = "FileSend 0.1"
PEER_ID_HEAD = b"-FS0100-"
#: Seconds between ticks, which handle timeouts, choking and snubbed peers.
BEAT = 1.0

log = logging.getLogger(__name__)


def make_peer_id() -> bytes:
    """Return a fresh 20-byte peer_id (BEP 20)."""
    return PEER_ID_HEAD + secrets.token_bytes(20 - len(PEER_ID_HEAD))


class SwarmHost(PieceExchangeHost, Protocol):
    """What a swarm reports to its torrent."""

    def metadata_found(self, raw: bytes) -> None:
        """Handle the info dictionary, whose hash was verified."""

    def tick(self) -> None:
        """Do periodic work; called about once a second."""


class Swarm:
    """The peers of one torrent.

    Args:
        info_hash: 20 bytes.
        rendezvous: Where channels to peers come from; started and stopped here.
        relay: The one that further channels to a peer may use.
        peer_id: This side's, 20 bytes.
        config: Bounds.
        limits: The client's rate limits.
        host: The torrent.
        reporter: Counts bytes.
        publish: Takes an event.
        words: Takes the words of the session that the torrent belongs to, if any.
        members: How many people may be in it, this one included; None: any number.
        flow: This side of the stream that it is for; None: it is for a torrent.
    """

    def __init__(
        self,
        *,
        info_hash: bytes,
        rendezvous: Rendezvous,
        relay: RelayAccess,
        peer_id: bytes,
        config: ClientConfig,
        limits: Limits,
        host: SwarmHost,
        reporter: Reporter,
        publish: Callable[[Event], None],
        words: WordReceiver | None = None,
        members: int | None = None,
        flow: Flow | None = None,
    ) -> None:
        self._info_hash = info_hash
        self._peer_id = peer_id
        self._config = config
        self._limits = limits
        self._host = host
        self._reporter = reporter
        self._clock = asyncio.get_running_loop().time
        self._rendezvous = rendezvous
        self._relay = relay
        self._chores: list[asyncio.Task[None]] = []
        self._roster = Roster(
            info_hash.hex(),
            max_peers=config.max_peers,
            pair=members == PAIR,
            clock=self._clock,
            host=self,
            publish=publish,
        )
        self._description = InfoDictionary(
            info_hash,
            clock=self._clock,
            found=host.metadata_found,
            sent_bad_data=self._sent_bad_metadata,
        )
        self._exchange: PieceExchange | None = None
        self._paused = False
        self._postponed: frozenset[int] = frozenset()
        #: Whether a peer was ever admitted.
        self.met = False
        self._lies = 0
        self._lane_room = LaneRoom()
        self._words = words
        self._flow = flow
        self._keep_alive = KEEP_ALIVE_PAIR if members == PAIR else KEEP_ALIVE
        self._members = members
        #: The road of the first peer; reported where no piece was transferred.
        self._road = ""

    # -- life

    async def start(self, invitation: Invitation | None = None, reach: Reach | None = None) -> None:
        """Announce and begin to take peers. invitation, reach: see Rendezvous.start."""
        await self._rendezvous.start(invitation, reach)
        self._chores = [asyncio.create_task(self._meet()), asyncio.create_task(self._tick())]
        for chore in self._chores:
            chore.add_done_callback(self._chore_ended)

    async def answer(self, reach: Reach) -> Reach | None:
        """Answer a known peer's invitation; None where there is no transport in common."""
        return await self._rendezvous.answer(reach)

    def add_tracker(self, url: str) -> bool:
        """Announce at one more tracker; see Rendezvous."""
        return self._rendezvous.add_tracker(url)

    async def announced(self, *, paired: bool) -> None:
        """Wait until a tracker accepts the announce.

        paired: for two who are: where all fail, it is waited until one does, for a while.

        Raises:
            TrackerFailed: All failed, or none answered in time.
        """
        timeout = PATIENT_TIMEOUT if paired else ANNOUNCE_TIMEOUT
        await self._rendezvous.announced(timeout, patient=paired)

    async def stop(self) -> None:
        """Announce the stop, close every connection, wait for writes under way."""
        for chore in self._chores:
            chore.cancel()
        self._roster.close()
        await asyncio.gather(*self._chores, return_exceptions=True)
        # Concurrently: either may take seconds where the other side does not answer.
        await asyncio.gather(self._rendezvous.stop(), self._roster.closed())
        if self._exchange:
            await self._exchange.close()

    def describe(self, raw: bytes) -> None:
        """Take the info dictionary from elsewhere: it is not asked for."""
        self._description.know(raw)

    def begin(
        self,
        info: TorrentInfo,
        disk: Disk,
        *,
        wanted: Collection[int],
        have: Collection[int],
        held: Collection[int] = (),
    ) -> None:
        """Begin to exchange pieces, once the files are ready.

        Args:
            info: The torrent.
            disk: Its store.
            wanted: Piece indices to fetch, those of `have` and `held` among them.
            have: Those that are verified already; all, where this side seeds.
            held: Those that may be here, until `rechecked` says.
        """
        self._description.know(info.raw)
        self._exchange = PieceExchange(
            info.shape,
            disk,
            peer_id=self._peer_id,
            wanted=wanted,
            have=have,
            held=held,
            peers=self._roster,
            upload_slots=self._config.upload_slots,
            upload_limit=self._limits.upload,
            clock=self._clock,
            host=self._host,
            sent_bad_data=self._sent_bad_pieces,
            reporter=self._reporter,
            paused=self._paused,
            postponed=self._postponed,
        )
        for peer in self._roster.handshaking:
            peer.wire.set_shape(info.shape)
            peer.wire.metadata_size = len(info.raw)
        for peer in self._roster:
            self._exchange.found(peer)
            if peer.wire.extended:
                peer.wire.metadata_size = len(info.raw)
                peer.wire.send_extended_handshake()
                peer.flush()
        self._exchange.rechoke()

    def rechecked(self, index: int, *, right: bool) -> None:
        """Handle a piece that may have been here, now that it was compared with its hash."""
        assert self._exchange is not None
        self._exchange.rechecked(index, right=right)

    def pause(self, paused: bool) -> None:
        """Set whether no pieces are requested or served."""
        self._paused = paused
        if self._exchange:
            self._exchange.pause(paused)

    def postpone(self, pieces: frozenset[int]) -> None:
        """Set which pieces are not requested for now."""
        self._postponed = pieces
        if self._exchange:
            self._exchange.postpone(pieces)

    def room_again(self) -> None:
        """Request again, as the disk takes it again."""
        if self._exchange:
            self._exchange.room_again()

    # -- queries

    @property
    def assembly(self) -> Assembly[Peer] | None:
        """Blocks and pieces, once the metadata is known."""
        return self._exchange.assembly if self._exchange else None

    @property
    def road(self) -> str:
        """The road that carried most bytes so far."""
        return (self._exchange.road if self._exchange else "") or self._road

    @property
    def peer_count(self) -> int:
        """Connected peers."""
        return len(self._roster)

    @property
    def trouble(self) -> FileSendError | None:
        """Why no peers are met, where known; see Rendezvous."""
        return self._rendezvous.trouble

    @property
    def lies(self) -> int:
        """How many peers were banned for sending false data."""
        return self._lies

    @property
    def wanted_peers(self) -> int:
        """How many more peers may be taken, displacing idle ones."""
        return self._roster.room

    def is_silent(self, channel: Channel) -> bool:
        """Return whether a channel's peer is silent, so that another may replace it."""
        return self._roster.is_silent(channel)

    @property
    def slowed(self) -> Slowing | None:
        """What makes the bytes wait of the peers that there are; None where nothing does."""
        slowed = [slowed_of(peer.channel) for peer in self._roster]
        return next((each for each in slowed if each is not None), None)

    def learned(self, channel: Channel, tried: tuple[Tried, ...]) -> None:
        """Take more of what became of the roads to the peer of a channel."""
        self._roster.learned(channel, tried)

    def peer_entries(self) -> tuple[PeerEntry, ...]:
        """Return the connected peers for a face."""
        now = self._clock()
        pieces = self._exchange.assembly.shape.piece_count if self._exchange else 0
        return tuple(
            PeerEntry(
                address=peer.address,
                client=clean(peer.wire.peer_client, 40),
                road=peer.channel.road,
                progress=peer.wire.peer_pieces.count / pieces if pieces else 0.0,
                download_bytes_per_second=peer.download.rate(now),
                upload_bytes_per_second=peer.upload.rate(now),
            )
            for peer in self._roster
        )

    async def completed(self) -> None:
        """Announce completion to the tracker, disconnect peers with nothing to trade."""
        await self._rendezvous.completed()
        if self._exchange:
            self._exchange.completed()

    # -- RosterHost: peers join and leave

    def make_peer(self, met: MetPeer) -> Peer:
        """See RosterHost."""
        lanes = None
        if met.transport is not None and met.transport.lanes and self._flow is None:
            lanes = LaneRoad(met.transport, self._relay, self._lane_room)
        wire = WireConnection(
            info_hash=self._info_hash,
            peer_id=self._peer_id,
            reqq=OUR_REQQ,
            client=CLIENT,
            metadata_size=self._description.size,
            spans=isinstance(met.channel, BulkChannel) and self._flow is None,
            lanes=lanes is not None,
            words=self._words is not None,
            stream=self._flow is not None,
        )
        if self._exchange:
            # Before the first byte: all that comes with the handshake is checked against it.
            wire.set_shape(self._exchange.assembly.shape)
        return Peer(
            met.channel,
            wire,
            self,
            limits=self._limits,
            clock=self._clock,
            lanes=lanes,
            words=self._words,
            keep_alive=self._keep_alive,
            flow=self._flow,
        )

    def peer_replaced(self, peer: Peer) -> None:
        """See RosterHost."""
        if self._exchange:
            self._exchange.requests_lost(peer, None)

    def peer_left(self, peer: Peer) -> None:
        """See RosterHost."""
        self._description.left(peer)
        if self._exchange:
            self._exchange.left(peer)
        else:
            self._description.ask(self._roster)

    # -- PeerHost: events of one connection

    def handshook(self, peer: Peer) -> WhyDropped | None:
        """See PeerHost."""
        refused = self._roster.admit(peer)
        if refused is not None:
            return refused
        self.met = True
        self._road = self._road or peer.channel.road
        if peer.wire.extended:
            peer.wire.send_extended_handshake()
        if self._exchange:
            self._exchange.joined(peer)
        else:
            peer.wire.send_pieces(b"")  # no piece is here before the shape is known
        return None

    def extended(self, peer: Peer) -> None:
        """See PeerHost."""
        self._description.offered(peer)
        self._description.ask(self._roster)

    def metadata_message(
        self, peer: Peer, message: MetadataRequest | MetadataData | MetadataReject
    ) -> None:
        """See PeerHost."""
        self._description.message(peer, message)
        self._description.ask(self._roster)

    # -- internals

    def _sent_bad_metadata(self, peer: Peer) -> None:
        self._ban(peer, Drop.BAD_METADATA)

    def _sent_bad_pieces(self, peer: Peer, pieces: Sequence[int]) -> None:
        if not peer.tell_false(pieces):
            self._ban(peer, Drop.BAD_PIECE)

    def _ban(self, peer: Peer, reason: Drop) -> None:
        self._lies += 1
        self._roster.ban(peer, reason)

    async def _meet(self) -> None:
        async for met in self._rendezvous:
            self._roster.take(met)

    def _chore_ended(self, chore: asyncio.Task[None]) -> None:
        """Fail the torrent where a background task of its swarm failed."""
        if not chore.cancelled() and (error := chore.exception()):
            log.error("a chore of a swarm failed", exc_info=error)
            self._host.swarm_failed(broken(error))

    @property
    def _looks_for_others(self) -> bool:
        """Whether peers are missing: all, or in a group one whom a try to meet has failed."""
        if self._exchange and self._exchange.assembly.complete:
            return False
        known = self._members is not None and len(self._roster) < self._members - 1
        return self._roster.alone or known

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            now = self._clock()
            for peer in (*self._roster, *self._roster.handshaking):
                peer.tick(now)
            self._roster.tick()
            if self._exchange:
                self._exchange.tick(now)
            self._description.ask(self._roster)
            if self._looks_for_others:
                self._rendezvous.more_peers()
            self._host.tick()
