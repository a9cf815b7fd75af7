"""One torrent's peers: who is let in, who is served, who is asked for what, and what all are told.

Bytes go through peer.py, pieces through assembly.py, decisions through picker, choker and pipeline.
The life of the torrent as a whole (metadata in hand, finished, failed) is torrent.py's.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Protocol

from filesend_tui.core.channels.base import Road
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import FileSendError, StorageFailed
from filesend_tui.core.events import Event, PeerConnected, PeerDropped, PeerEntry
from filesend_tui.core.meeting.rendezvous import MetPeer, Rendezvous
from filesend_tui.core.text import clean
from filesend_tui.core.torrent.assembly import Assembly
from filesend_tui.core.torrent.choker import Choker, Contender
from filesend_tui.core.torrent.description import Description
from filesend_tui.core.torrent.disk import Disk
from filesend_tui.core.torrent.limiter import Limits
from filesend_tui.core.torrent.metainfo import TorrentInfo
from filesend_tui.core.torrent.peer import OUR_REQQ, Peer
from filesend_tui.core.torrent.picker import BlockRequest
from filesend_tui.core.torrent.reasons import Drop, WhyDropped
from filesend_tui.core.torrent.reporter import Reporter
from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.connection import WireConnection
from filesend_tui.core.wire.errors import WireError
from filesend_tui.core.wire.events import PeerHas
from filesend_tui.core.wire.extensions import MetadataData, MetadataReject, MetadataRequest
from filesend_tui.core.wire.shape import BLOCK

#: How this program names itself to peers (BEP 10 `v`), and the head of its peer_id (BEP 20).
CLIENT = "FileSend 0.1"
PEER_ID_HEAD = b"-FS0100-"
#: Seconds between two looks at time-outs, choking and snubbed peers.
BEAT = 1.0
#: Seconds without trade after which a peer may have to make room for another.
IDLE = 60.0
#: Peers remembered that may not come back.
MOST_BANNED = 1000

log = logging.getLogger(__name__)


def make_peer_id() -> bytes:
    """Return a fresh 20-byte peer_id (BEP 20)."""
    return PEER_ID_HEAD + secrets.token_bytes(20 - len(PEER_ID_HEAD))


class SwarmHost(Protocol):
    """What a swarm tells its torrent."""

    def metadata_found(self, raw: bytes) -> None:
        """The info dictionary is here and its hash is right."""

    def piece_stored(self, index: int) -> None:
        """A piece is verified and on disk."""

    def swarm_failed(self, error: FileSendError) -> None:
        """The torrent cannot go on."""

    def beat(self) -> None:
        """About once a second."""


class Swarm:
    """The peers of one torrent.

    Args:
        info_hash: 20 bytes.
        rendezvous: Where channels to peers come from; started and stopped here.
        peer_id: This side's, 20 bytes.
        config: Bounds.
        limits: The client's rate limits.
        host: The torrent.
        reporter: Counts bytes.
        publish: Takes an event.
    """

    def __init__(
        self,
        *,
        info_hash: bytes,
        rendezvous: Rendezvous,
        peer_id: bytes,
        config: ClientConfig,
        limits: Limits,
        host: SwarmHost,
        reporter: Reporter,
        publish: Callable[[Event], None],
    ) -> None:
        self._info_hash = info_hash
        self._peer_id = peer_id
        self._config = config
        self._limits = limits
        self._host = host
        self._reporter = reporter
        self._publish = publish
        self._clock = asyncio.get_running_loop().time
        self._rendezvous = rendezvous
        self._torrent = info_hash.hex()
        self._peers: dict[bytes, Peer] = {}
        self._handshaking: set[Peer] = set()
        self._banned: dict[bytes, None] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._chores: list[asyncio.Task[None]] = []
        self._description = Description(
            info_hash,
            clock=self._clock,
            found=host.metadata_found,
            lied=partial(self._ban, reason=Drop.BAD_METADATA),
        )
        self._choker = Choker(slots=config.upload_slots)
        self._disk: Disk | None = None
        self._assembly: Assembly | None = None
        self._bytes_by_road: Counter[Road] = Counter()
        self._stopping = False

    # -- life

    async def start(self) -> None:
        """Announce and begin to take peers."""
        await self._rendezvous.start()
        self._chores = [asyncio.create_task(self._meet()), asyncio.create_task(self._beat())]
        for chore in self._chores:
            chore.add_done_callback(self._chore_ended)

    async def announced(self) -> None:
        """Return once a tracker took the announce. Raises TrackerFailed where all refuse."""
        await self._rendezvous.announced()

    async def stop(self) -> None:
        """Tell the tracker, close every connection, wait for writes under way."""
        self._stopping = True
        for chore in self._chores:
            chore.cancel()
        for peer in (*self._peers.values(), *self._handshaking):
            peer.stop(Drop.STOPPED)
        await self._rendezvous.stop()
        await asyncio.gather(*self._chores, *self._connections, return_exceptions=True)
        if self._assembly:
            await self._assembly.close()

    def begin(self, info: TorrentInfo, disk: Disk, *, wanted: Sequence[int], have: bool) -> None:
        """The files are ready: from now on pieces move.

        Args:
            info: The torrent's description.
            disk: Its store.
            wanted: Piece indices to fetch; ignored where `have`.
            have: All of it is here already: this side seeds.
        """
        self._description.know(info.raw)
        self._disk = disk
        everything = range(info.shape.piece_count)
        self._assembly = Assembly(
            info.shape,
            disk,
            self,
            wanted=everything if have else wanted,
            have=everything if have else (),
        )
        for peer in self._handshaking:
            peer.wire.set_shape(info.shape)
            peer.wire.metadata_size = len(info.raw)
        for peer in tuple(self._peers.values()):
            self._shape(peer, self._assembly)
            if peer.wire.extended:
                peer.wire.metadata_size = len(info.raw)
                peer.wire.send_extended_handshake()
                peer.flush()
        self._rechoke()

    # -- what others ask

    @property
    def assembly(self) -> Assembly | None:
        """Blocks and pieces, once the metadata is known."""
        return self._assembly

    @property
    def road(self) -> str:
        """The road that carried most bytes so far."""
        most = self._bytes_by_road.most_common(1)
        return str(most[0][0] if most else Road.WEBRTC)

    @property
    def peer_count(self) -> int:
        """Connected peers."""
        return len(self._peers)

    @property
    def wanted_peers(self) -> int:
        """How many more peers there is room for; idle ones give way."""
        now = self._clock()
        busy = sum(now - peer.traded <= IDLE for peer in self._peers.values())
        return max(0, self._config.max_peers - busy)

    def peer_entries(self) -> tuple[PeerEntry, ...]:
        """Return the connected peers for a face."""
        now = self._clock()
        pieces = self._assembly.shape.piece_count if self._assembly else 0
        return tuple(
            PeerEntry(
                address=peer.channel.address,
                client=clean(peer.wire.peer_client, 40),
                road=str(peer.channel.road),
                progress=peer.wire.peer_pieces.count / pieces if pieces else 0.0,
                download_bytes_per_second=peer.download.rate(now),
                upload_bytes_per_second=peer.upload.rate(now),
            )
            for peer in self._peers.values()
        )

    async def completed(self) -> None:
        """Every wanted piece is here: tell the tracker, part from peers with nothing to trade."""
        await self._rendezvous.completed()
        for peer in self._peers.values():
            self._show_interest(peer)
            self._part_if_pointless(peer)

    # -- PeerHost: one connection speaks

    def handshook(self, peer: Peer) -> WhyDropped | None:
        """See PeerHost."""
        peer_id = peer.wire.peer_id
        self._handshaking.discard(peer)
        if self._stopping:
            return Drop.STOPPED
        if peer_id in self._banned:
            return Drop.BANNED
        if peer_id in self._peers:
            return Drop.DUPLICATE
        self._peers[peer_id] = peer
        if peer.wire.extended:
            peer.wire.send_extended_handshake()
        if self._assembly:
            self._assembly.picker.peer_joined(peer)
        # Told before anything else (BEP 3, BEP 6); nothing is here while nothing is known.
        peer.wire.send_pieces(self._assembly.have.to_bytes() if self._assembly else b"")
        self._publish(
            PeerConnected(
                torrent=self._torrent,
                address=peer.channel.address,
                client=clean(peer_id[:8].decode("ascii", errors="replace")),
                road=str(peer.channel.road),
            )
        )
        return None

    def extended(self, peer: Peer) -> None:
        """See PeerHost."""
        self._description.offered(peer)
        self._description.ask(self._peers.values())

    def metadata_message(
        self, peer: Peer, message: MetadataRequest | MetadataData | MetadataReject
    ) -> None:
        """See PeerHost."""
        self._description.message(peer, message)
        self._description.ask(self._peers.values())

    def peer_has(self, peer: Peer, event: PeerHas) -> None:
        """See PeerHost."""
        if self._assembly is None:
            return  # the wire remembers; set_shape tells again
        if event.all:
            self._assembly.picker.peer_has_all(peer)
        else:
            self._assembly.picker.peer_has(peer, event.indices)
        self._show_interest(peer)
        self._part_if_pointless(peer)

    def interest_changed(self) -> None:
        """See PeerHost."""
        self._rechoke()

    def refill(self, peer: Peer) -> None:
        """See PeerHost."""
        assembly = self._assembly
        if assembly is None or peer.wire.peer_choking or not peer.wire.am_interested:
            return
        if peer.pipeline.in_disgrace and self._others_serve():
            return  # whatever it is asked for would only wait there
        # Ask in handfuls: one packet of many requests costs a channel as much as one of a few.
        room = peer.pipeline.room(self._clock(), assembly.owed(peer))
        while room and (allowed := peer.download_turns.take(room * BLOCK)):
            requests = assembly.pick(peer, allowed // BLOCK)
            peer.download_turns.settle(sum(request.length for request in requests))
            if not requests:
                return
            peer.request(requests)
            room -= len(requests)

    def block_arrived(self, peer: Peer, piece: m.Piece) -> bool:
        """See PeerHost."""
        if self._assembly is None:
            return False
        counts = self._assembly.block(peer, piece.index, piece.begin, piece.block)
        if counts:
            self._bytes_by_road[peer.channel.road] += len(piece.block)
            self._reporter.block_received(len(piece.block))
        return counts

    def owed(self, peer: Peer) -> int:
        """See PeerHost."""
        return self._assembly.owed(peer) if self._assembly else 0

    def can_serve(self, index: int) -> bool:
        """See PeerHost."""
        return self._assembly is not None and self._assembly.have.has(index)

    def requests_lost(self, peer: Peer, requests: Sequence[BlockRequest] | None) -> None:
        """See PeerHost."""
        if self._assembly:
            owed = self._assembly.owed(peer)
            self._assembly.picker.returned(peer, requests)
            peer.download_turns.refund((owed - self._assembly.owed(peer)) * BLOCK)
            self._refill_others(peer)

    async def read_blocks(self, requests: Sequence[BlockRequest]) -> list[bytes]:
        """See PeerHost."""
        assert self._disk is not None
        try:
            return await self._disk.read_blocks(requests)
        except FileSendError as error:
            self._host.swarm_failed(error)
            raise

    def block_sent(self, peer: Peer, size: int) -> None:
        """See PeerHost."""
        self._bytes_by_road[peer.channel.road] += size
        self._reporter.block_sent(size)

    # -- AssemblyHost: pieces settle

    def piece_verified(self, index: int) -> None:
        """See AssemblyHost."""
        for peer in self._peers.values():
            if not peer.wire.peer_pieces.has(index):
                peer.send(m.Have(index))
            self._show_interest(peer)
        self._host.piece_stored(index)

    def peer_lied(self, peer: Hashable) -> None:
        """See AssemblyHost."""
        self._ban(peer, Drop.BAD_PIECE)

    def withdraw(self, peer: Hashable, request: BlockRequest) -> None:
        """See AssemblyHost."""
        assert isinstance(peer, Peer)
        peer.withdraw(request)

    def room_again(self) -> None:
        """See AssemblyHost."""
        for peer in self._peers.values():
            self.refill(peer)

    def disk_failed(self, error: FileSendError) -> None:
        """See AssemblyHost."""
        self._host.swarm_failed(error)

    # -- own affairs

    async def _meet(self) -> None:
        async for met in self._rendezvous:
            full = len(self._peers) + len(self._handshaking) >= self._config.max_peers
            if full and not self._displace():
                await met.channel.close()
                continue
            task = asyncio.create_task(self._serve(met))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

    def _displace(self) -> bool:
        """Make room where a peer has traded nothing for long; return whether one had."""
        staying = [peer for peer in self._peers.values() if peer.reason is None]
        idlest = min(staying, key=lambda peer: peer.traded, default=None)
        if idlest is None or self._clock() - idlest.traded <= IDLE:
            return False
        idlest.stop(Drop.DISPLACED)
        return True

    def _chore_ended(self, chore: asyncio.Task[None]) -> None:
        """Without its chores a swarm would only seem to live."""
        if not chore.cancelled() and (error := chore.exception()):
            log.error("a chore of a swarm failed", exc_info=error)
            self._host.swarm_failed(StorageFailed(f"An internal error ended it: {error!r}"))

    async def _serve(self, met: MetPeer) -> None:
        wire = WireConnection(
            info_hash=self._info_hash,
            peer_id=self._peer_id,
            reqq=OUR_REQQ,
            client=CLIENT,
            metadata_size=self._description.size,
        )
        if self._assembly:
            # Before the first byte: all that comes with the handshake is checked against it.
            wire.set_shape(self._assembly.shape)
        peer = Peer(met.channel, wire, self, limits=self._limits, clock=self._clock)
        self._handshaking.add(peer)
        reason: WhyDropped = Drop.INTERNAL_ERROR
        try:
            reason = await peer.run()
        except FileSendError:
            reason = Drop.STORAGE_FAILED
        except Exception:
            log.exception("a peer brought a fault of this program to light")
        finally:
            self._handshaking.discard(peer)
            self._forget(peer)
        if not self._stopping:
            self._publish(
                PeerDropped(torrent=self._torrent, address=met.channel.address, reason=reason)
            )

    def _forget(self, peer: Peer) -> None:
        if self._peers.get(peer.wire.peer_id) is not peer:
            return
        del self._peers[peer.wire.peer_id]
        self._description.left(peer)
        if self._stopping:
            return
        if self._assembly:
            peer.download_turns.refund(self._assembly.owed(peer) * BLOCK)
            self._assembly.dropped(peer)
            self._refill_others(peer)
        else:
            self._description.ask(self._peers.values())
        self._rechoke()

    def _shape(self, peer: Peer, assembly: Assembly) -> None:
        """Let a connected peer count in pieces; what it said before is checked and counts now."""
        assembly.picker.peer_joined(peer)
        try:
            events = peer.wire.set_shape(assembly.shape)
        except WireError as error:
            peer.stop(error.reason)
            return
        for event in events:
            if isinstance(event, PeerHas):
                self.peer_has(peer, event)

    def _ban(self, peer: Hashable, reason: Drop) -> None:
        assert isinstance(peer, Peer)
        self._banned[peer.wire.peer_id] = None
        if len(self._banned) > MOST_BANNED:
            del self._banned[next(iter(self._banned))]
        peer.stop(reason)

    def _show_interest(self, peer: Peer) -> None:
        assembly = self._assembly
        if assembly is None:
            return
        interesting = not assembly.complete and assembly.picker.interesting(peer)
        if interesting != peer.wire.am_interested:
            peer.send(m.Interested() if interesting else m.NotInterested())
            # It may have unchoked us long before there was anything to ask for.
            self.refill(peer)

    def _part_if_pointless(self, peer: Peer) -> None:
        """Two that both need nothing have nothing to trade."""
        if self._assembly and self._assembly.complete and peer.wire.peer_pieces.is_seed:
            peer.stop(Drop.BOTH_COMPLETE)

    def _refill_others(self, but: Peer) -> None:
        for peer in self._peers.values():
            if peer is not but:
                self.refill(peer)

    def _rechoke(self) -> None:
        if self._assembly is None:
            return  # there is nothing to serve
        now = self._clock()
        contenders = [
            Contender(
                key=peer,
                interested=peer.wire.peer_interested,
                choked=peer.wire.am_choking,
                download_rate=peer.download.rate(now),
                upload_rate=peer.upload.rate(now),
            )
            for peer in self._peers.values()
        ]
        seeding = self._assembly.complete
        for key, choke in self._choker.decide(contenders, now=now, seeding=seeding):
            assert isinstance(key, Peer)
            if choke:
                key.choke()
            else:
                key.send(m.Unchoke())

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            now = self._clock()
            for peer in (*self._peers.values(), *self._handshaking):
                peer.beat(now)
            if self._assembly:
                self._assembly.picker.beat()
            self._free_snubbed(now)
            self.room_again()
            self._rechoke()
            self._description.ask(self._peers.values())
            if not self._peers and not (self._assembly and self._assembly.complete):
                self._rendezvous.more_peers()
            self._host.beat()

    def _free_snubbed(self, now: float) -> None:
        """What a silent peer was asked for may be asked of others; its own answer still counts."""
        if self._assembly is None:
            return
        snubbed = [
            peer
            for peer in self._peers.values()
            if peer.pipeline.snubbed(now, self._assembly.owed(peer))
        ]
        for peer in snubbed:
            peer.pipeline.snub()
        for peer in snubbed:
            self.requests_lost(peer, None)

    def _others_serve(self) -> bool:
        """Whether somebody in good standing has what is missing, and lets us ask for it."""
        return any(
            peer.wire.am_interested and not peer.wire.peer_choking and not peer.pipeline.in_disgrace
            for peer in self._peers.values()
        )
