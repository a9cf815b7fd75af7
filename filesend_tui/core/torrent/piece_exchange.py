"""The exchange of pieces in a swarm: requests, serving, announcements of pieces.

Begins once the info dictionary is known. Decisions are picker's, choker's and pipeline's, blocks
and pieces assembly's; which peers are admitted is roster.py's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

from filesend_tui.core.errors import FileSendError
from filesend_tui.core.torrent.bulk.spans import Spans
from filesend_tui.core.torrent.drop_reasons import Drop
from filesend_tui.core.torrent.peer.choker import Choker, Contender
from filesend_tui.core.torrent.peer.peer import Peer
from filesend_tui.core.torrent.pieces.assembly import Assembly
from filesend_tui.core.torrent.pieces.complaints import Complaints
from filesend_tui.core.torrent.pieces.shares import own_share
from filesend_tui.core.torrent.rates.limiter import RateLimit
from filesend_tui.core.torrent.reporter import Reporter
from filesend_tui.core.torrent.storage.disk import Disk, Paused
from filesend_tui.core.transports.base import BulkChannel
from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.errors import WireError
from filesend_tui.core.wire.events import PeerHas
from filesend_tui.core.wire.shape import BLOCK, BlockRequest, TorrentShape


class PieceExchangeHost(Protocol):
    """What an exchange of pieces reports to its torrent."""

    def piece_stored(self, index: int) -> None:
        """Handle a piece that is verified and on disk."""

    def swarm_failed(self, error: FileSendError) -> None:
        """Handle an error that ends the torrent."""


class PieceExchange:
    """The exchange of pieces with all admitted peers.

    Args:
        shape: The torrent's pieces.
        peer_id: This side's.
        disk: Its store.
        wanted: Piece indices to fetch.
        have: Piece indices that are verified already.
        held: Wanted piece indices that may be here, until `rechecked` says.
        peers: The admitted peers; iterated over repeatedly.
        upload_slots: Peers served at a time.
        upload_limit: The client's.
        clock: Seconds, monotonic.
        host: The torrent.
        sent_bad_data: Called with a peer and the false pieces that it sent.
        reporter: Counts bytes.
        paused, postponed: See `pause` and `postpone`.
    """

    def __init__(
        self,
        shape: TorrentShape,
        disk: Disk,
        *,
        peer_id: bytes,
        wanted: Collection[int],
        have: Collection[int],
        held: Collection[int],
        peers: Iterable[Peer],
        upload_slots: int,
        upload_limit: RateLimit | None,
        clock: Callable[[], float],
        host: PieceExchangeHost,
        sent_bad_data: Callable[[Peer, Sequence[int]], None],
        reporter: Reporter,
        paused: bool = False,
        postponed: Collection[int] = (),
    ) -> None:
        self.assembly: Assembly[Peer] = Assembly(
            shape, disk, self, failed=host.swarm_failed, wanted=wanted, have=have, held=held
        )
        self.assembly.picker.postpone(postponed)
        self._peer_id = peer_id
        self._disk = disk
        self._peers = peers
        self._clock = clock
        self._host = host
        self._sent_bad_data = sent_bad_data
        self._reporter = reporter
        self._upload_limit = upload_limit
        self._choker: Choker[Peer] = Choker(slots=upload_slots)
        self._bytes_by_road: Counter[str] = Counter()
        #: Whether nothing is requested and nobody served.
        self.paused = paused
        self._complaints = Complaints(disk.check_piece, host.swarm_failed)

    async def close(self) -> None:
        """Wait for reads and writes under way."""
        await self._complaints.close()
        await self.assembly.close()

    @property
    def road(self) -> str:
        """The road that carried most bytes so far; "" where none carried any."""
        most = self._bytes_by_road.most_common(1)
        return most[0][0] if most else ""

    # -- peers join and leave

    def joined(self, peer: Peer) -> None:
        """Add an admitted peer; announce our pieces before anything else (BEP 3, BEP 6)."""
        self._begin(peer)
        peer.wire.send_pieces(self.assembly.have.to_bytes())

    def found(self, peer: Peer) -> None:
        """Add a peer admitted before the shape was known; check and apply what it announced."""
        self._begin(peer)
        try:
            events = peer.wire.set_shape(self.assembly.shape)
        except WireError as error:
            peer.stop(error.reason)
            return
        for event in events:
            if isinstance(event, PeerHas):
                self.peer_has(peer, event)

    def left(self, peer: Peer) -> None:
        """Remove a peer; request its blocks in flight from others.

        One that was replaced before the shape was known never joined.
        """
        if peer not in self.assembly.picker:
            return
        peer.download_turns.refund(len(self.assembly.picker.in_flight(peer)) * BLOCK)
        if peer.spans:
            peer.download_turns.refund(peer.spans.due)
        self.assembly.dropped(peer)
        self._share_out()
        self._refill_others(peer)
        self.rechoke()

    def completed(self) -> None:
        """Disconnect peers with nothing to trade, once every wanted piece is verified."""
        for peer in self._peers:
            self._show_interest(peer)
            self._part_if_pointless(peer)

    def tick(self, now: float) -> None:
        """Snub silent peers, refill and rechoke; call about once a second."""
        self.assembly.picker.tick()
        if not self.paused:
            self._free_snubbed(now)
        self.room_again()
        self.rechoke()

    def rechecked(self, index: int, *, right: bool) -> None:
        """Handle a piece that may have been here, now that it was compared with its hash."""
        if not right:
            self.assembly.picker.released(index)
            for peer in self._peers:
                self._show_interest(peer)
                self.refill(peer)
        elif self.assembly.picker.piece_verified(index):
            self.piece_verified(index)

    def pause(self, paused: bool) -> None:
        """Set whether nothing is requested and nobody served.

        What is requested already is refused by the other side, which is paused too.
        """
        self.paused = paused
        for peer in self._peers:
            if peer.spans is not None:
                peer.spans.pause(paused)
            peer.pipeline.sent(self._clock())  # what it still owes is late from now on only
        self.rechoke()
        self.room_again()

    def postpone(self, pieces: Collection[int]) -> None:
        """Set which pieces are not requested for now; those that are begun are finished."""
        self.assembly.picker.postpone(pieces)
        for peer in self._peers:
            self._show_interest(peer)
            self.refill(peer)

    # -- events of a peer; see Exchange

    def peer_has(self, peer: Peer, event: PeerHas) -> None:
        """Record pieces that a peer announced."""
        if event.all:
            self.assembly.picker.peer_has_all(peer)
        else:
            self.assembly.picker.peer_has(peer, event.indices)
        if peer.wire.peer_pieces.is_seed:
            self._share_out()
        self._show_interest(peer)
        self._part_if_pointless(peer)

    def outstanding(self, peer: Peer) -> int:
        """Return how many blocks and whole pieces it owes; none while paused."""
        if self.paused:
            return 0
        # What is due of a span counts even where it was requested from others meanwhile.
        due = peer.spans is not None and peer.spans.due > 0
        return self.assembly.outstanding(peer) + due

    def refill(self, peer: Peer) -> None:
        """Request as many blocks as it has room for; none while this or the disk is paused."""
        if (
            self.paused
            or self._disk.paused
            or peer.wire.peer_choking
            or not peer.wire.am_interested
        ):
            return
        if peer.looks_into_it:
            return  # what it sends now may be false too
        if peer.pipeline.snubbed and self._others_serve():
            return  # its requests would only wait
        if self._ask_for_pieces(peer):
            return
        # Request in batches: one packet of many requests costs a channel as much as one of a few.
        room = peer.pipeline.room(self._clock(), self.assembly.outstanding(peer))
        while room and (allowed := peer.download_turns.take(room * BLOCK)):
            requests = self.assembly.pick(peer, allowed // BLOCK)
            peer.download_turns.settle(sum(request.length for request in requests))
            if not requests:
                return
            peer.request(requests)
            room -= len(requests)

    def block_arrived(self, peer: Peer, piece: m.Piece) -> bool:
        """Take a block that arrived; return whether it was of use."""
        counts = self.assembly.block(peer, piece.index, piece.begin, piece.block)
        if counts:
            self._bytes_by_road[peer.channel.road] += len(piece.block)
            self._reporter.block_received(len(piece.block))
        return counts

    def requests_lost(self, peer: Peer, requests: Sequence[BlockRequest] | None) -> None:
        """Free requests (None: all) that the peer will not serve."""
        if requests is None:
            self.assembly.picker.pieces_returned(peer)
        outstanding = self.assembly.outstanding(peer)
        self.assembly.picker.returned(peer, requests)
        peer.download_turns.refund((outstanding - self.assembly.outstanding(peer)) * BLOCK)
        self._refill_others(peer)

    def complained(self, index: int) -> None:
        """Check a piece that a peer reports as false, or requests again after receiving it."""
        if self.assembly.have.has(index):
            self._complaints.add(index)

    def can_serve(self, index: int) -> bool:
        """Return whether we have a piece."""
        return self.assembly.have.has(index)

    async def read_blocks(self, requests: Sequence[BlockRequest]) -> list[bytes]:
        """Return blocks to send; none where the disk fails for now."""
        try:
            return await self._disk.read_blocks(requests)
        except Paused:
            return []
        except FileSendError as error:
            self._host.swarm_failed(error)
            raise

    def block_sent(self, peer: Peer, size: int) -> None:
        """Count a block that was handed to the channel."""
        self._bytes_by_road[peer.channel.road] += size
        self._reporter.block_sent(size)

    # -- SpanHost: whole pieces

    @property
    def several(self) -> bool:
        """See SpanHost."""
        peers = iter(self._peers)
        next(peers, None)
        return next(peers, None) is not None

    def pieces_received(self, peer: Peer, size: int) -> None:
        """See SpanHost."""
        peer.bulk_arrived(size)
        self._bytes_by_road[peer.channel.road] += size
        self._reporter.block_received(size)
        self.refill(peer)

    def pieces_settled(self, peer: Peer, pieces: Sequence[int], wrong: Sequence[int]) -> None:
        """See SpanHost."""
        for index in pieces:
            if index not in wrong and self.assembly.picker.piece_verified(index):
                self.piece_verified(index)
        if wrong:
            self.assembly.picker.pieces_returned(peer, wrong)
            self._sent_bad_data(peer, wrong)
            self._refill_others(peer)

    def pieces_lost(self, peer: Peer, pieces: Sequence[int]) -> None:
        """See SpanHost."""
        self.assembly.picker.pieces_returned(peer, pieces)
        self._refill_others(peer)

    def pieces_here(self, pieces: range) -> bool:
        """See SpanHost."""
        return all(self.assembly.have.has(index) for index in pieces)

    def bulk_sent(self, peer: Peer, size: int) -> None:
        """See SpanHost."""
        peer.bulk_left(size)
        self.block_sent(peer, size)

    # -- choking

    def rechoke(self) -> None:
        """Decide anew which peers are choked: all, while paused."""
        if self.paused:
            for peer in self._peers:
                if not peer.wire.am_choking:
                    peer.choke()
            return
        now = self._clock()
        contenders = [
            Contender(
                key=peer,
                interested=peer.wire.peer_interested,
                choked=peer.wire.am_choking,
                download_rate=peer.download.rate(now),
                upload_rate=peer.upload.rate(now),
            )
            for peer in self._peers
        ]
        for peer, choke in self._choker.decide(contenders, now=now, seeding=self.assembly.complete):
            if choke:
                peer.choke()
            else:
                peer.send(m.Unchoke())

    # -- AssemblyHost: pieces settle

    def piece_verified(self, index: int) -> None:
        """See AssemblyHost."""
        for peer in self._peers:
            if not peer.wire.peer_pieces.has(index):
                peer.send(m.Have(index))
            self._show_interest(peer)
        self._host.piece_stored(index)

    def peer_lied(self, peer: Peer, index: int) -> None:
        """See AssemblyHost."""
        self._sent_bad_data(peer, [index])

    def withdraw(self, peer: Peer, request: BlockRequest) -> None:
        """See AssemblyHost."""
        peer.withdraw(request)

    def room_again(self) -> None:
        """See AssemblyHost."""
        for peer in self._peers:
            self.refill(peer)

    # -- internals

    def _begin(self, peer: Peer) -> None:
        peer.take_part(self)
        self.assembly.picker.peer_joined(peer)
        self._share_out()
        if isinstance(peer.channel, BulkChannel):
            peer.spans = Spans(
                peer,
                peer.channel,
                shape=self.assembly.shape,
                disk=self._disk,
                limit=self._upload_limit,
                host=self,
                failed=self._host.swarm_failed,
                clock=self._clock,
            )

    def _share_out(self) -> None:
        """Divide what is missing among all who are there and lack something."""
        others = [
            peer.wire.peer_id
            for peer in self._peers
            if peer in self.assembly.picker and not peer.wire.peer_pieces.is_seed
        ]
        self.assembly.picker.begin_with(own_share(self.assembly.shape, self._peer_id, others))

    def _ask_for_pieces(self, peer: Peer) -> bool:
        """Request new whole pieces where spans are supported; return whether it has any."""
        spans = peer.spans
        if spans is None or not peer.wire.spans:
            return False
        while room := spans.room:
            allowed = peer.download_turns.take(room)
            if not allowed:
                return True
            pieces = self.assembly.picker.pick_pieces(peer, allowed)
            peer.download_turns.settle(spans.size(pieces) if pieces else 0)
            if not pieces:
                return False
            spans.ask(pieces)
        return True

    def _show_interest(self, peer: Peer) -> None:
        interesting = not self.assembly.complete and self.assembly.picker.interesting(peer)
        if interesting != peer.wire.am_interested:
            peer.send(m.Interested() if interesting else m.NotInterested())
            # It may have unchoked us long before there was anything to request.
            self.refill(peer)

    def _part_if_pointless(self, peer: Peer) -> None:
        """Disconnect a seed once we are complete: nothing is left to trade, but perhaps words."""
        if self.assembly.complete and peer.wire.peer_pieces.is_seed and not peer.carries_words:
            peer.stop(Drop.BOTH_COMPLETE)

    def _refill_others(self, but: Peer) -> None:
        for peer in self._peers:
            if peer is not but:
                self.refill(peer)

    def _free_snubbed(self, now: float) -> None:
        """Snub silent peers and free their requests for others; a late answer still counts."""
        snubbed = [
            peer
            for peer in self._peers
            if peer.pipeline.keeps_waiting(now, self.assembly.outstanding(peer))
        ]
        for peer in snubbed:
            peer.pipeline.snub()
        for peer in snubbed:
            self.requests_lost(peer, None)

    def _others_serve(self) -> bool:
        """Return whether a peer that is not snubbed has missing pieces and does not choke us."""
        return any(
            peer.wire.am_interested and not peer.wire.peer_choking and not peer.pipeline.snubbed
            for peer in self._peers
        )
