"""What the peers of a swarm trade: who is asked for what, who is served, what is told of pieces.

Begins once the description is known. Decisions are picker's, choker's and pipeline's, blocks and
pieces assembly's; who is in is roster.py's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from filesend_tui.core.errors import FileSendError
from filesend_tui.core.torrent.bulk.spans import Spans
from filesend_tui.core.torrent.drop_reasons import Drop
from filesend_tui.core.torrent.peer.choker import Choker, Contender
from filesend_tui.core.torrent.peer.peer import Peer
from filesend_tui.core.torrent.pieces.assembly import Assembly
from filesend_tui.core.torrent.pieces.complaints import Complaints
from filesend_tui.core.torrent.rates.limiter import RateLimit
from filesend_tui.core.torrent.reporter import Reporter
from filesend_tui.core.torrent.storage.disk import Disk
from filesend_tui.core.transports.base import BulkChannel
from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.errors import WireError
from filesend_tui.core.wire.events import PeerHas
from filesend_tui.core.wire.shape import BLOCK, BlockRequest, TorrentShape


class PieceExchangeHost(Protocol):
    """What an exchange of pieces tells its torrent."""

    def piece_stored(self, index: int) -> None:
        """A piece is verified and on disk."""

    def swarm_failed(self, error: FileSendError) -> None:
        """The torrent cannot go on."""


class PieceExchange:
    """Blocks for blocks, with everybody who is in.

    Args:
        shape: The torrent's pieces.
        disk: Its store.
        wanted: Piece indices to fetch.
        have: Piece indices that are here.
        peers: Those that are in; iterated over again and again.
        upload_slots: How many are served at a time.
        upload_limit: The client's.
        clock: Seconds, monotonic.
        host: The torrent.
        sent_bad_data: Told of pieces that were false, and of the peer that made them so.
        reporter: Counts bytes.
    """

    def __init__(
        self,
        shape: TorrentShape,
        disk: Disk,
        *,
        wanted: Sequence[int],
        have: Sequence[int],
        peers: Iterable[Peer],
        upload_slots: int,
        upload_limit: RateLimit | None,
        clock: Callable[[], float],
        host: PieceExchangeHost,
        sent_bad_data: Callable[[Peer, Sequence[int]], None],
        reporter: Reporter,
    ) -> None:
        self.assembly: Assembly[Peer] = Assembly(
            shape, disk, self, failed=host.swarm_failed, wanted=wanted, have=have
        )
        self._disk = disk
        self._peers = peers
        self._clock = clock
        self._host = host
        self._sent_bad_data = sent_bad_data
        self._reporter = reporter
        self._upload_limit = upload_limit
        self._choker: Choker[Peer] = Choker(slots=upload_slots)
        self._bytes_by_road: Counter[str] = Counter()
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

    # -- who comes and goes

    def joined(self, peer: Peer) -> None:
        """A peer was let in; tell it what is here before anything else (BEP 3, BEP 6)."""
        self._begin(peer)
        peer.wire.send_pieces(self.assembly.have.to_bytes())

    def found(self, peer: Peer) -> None:
        """A peer was in before pieces were known; what it said is checked and counts now."""
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
        """A peer is gone; what it owed is asked of others."""
        peer.download_turns.refund(len(self.assembly.picker.in_flight(peer)) * BLOCK)
        if peer.spans:
            peer.download_turns.refund(peer.spans.due)
        self.assembly.dropped(peer)
        self._refill_others(peer)
        self.rechoke()

    def completed(self) -> None:
        """Every wanted piece is here: part from peers with nothing to trade."""
        for peer in self._peers:
            self._show_interest(peer)
            self._part_if_pointless(peer)

    def tick(self, now: float) -> None:
        """Call about once a second."""
        self.assembly.picker.tick()
        self._free_snubbed(now)
        self.room_again()
        self.rechoke()

    # -- what a peer says and asks; see Exchange

    def peer_has(self, peer: Peer, event: PeerHas) -> None:
        """It announced pieces."""
        if event.all:
            self.assembly.picker.peer_has_all(peer)
        else:
            self.assembly.picker.peer_has(peer, event.indices)
        self._show_interest(peer)
        self._part_if_pointless(peer)

    def outstanding(self, peer: Peer) -> int:
        """Return how many blocks and whole pieces it owes."""
        return self.assembly.outstanding(peer)

    def refill(self, peer: Peer) -> None:
        """Ask it for as many blocks as it has room for."""
        if peer.wire.peer_choking or not peer.wire.am_interested:
            return
        if peer.looks_into_it:
            return  # what it would send now may be as false
        if peer.pipeline.snubbed and self._others_serve():
            return  # whatever it is asked for would only wait there
        if self._ask_for_pieces(peer):
            return
        # Ask in handfuls: one packet of many requests costs a channel as much as one of a few.
        room = peer.pipeline.room(self._clock(), self.assembly.outstanding(peer))
        while room and (allowed := peer.download_turns.take(room * BLOCK)):
            requests = self.assembly.pick(peer, allowed // BLOCK)
            peer.download_turns.settle(sum(request.length for request in requests))
            if not requests:
                return
            peer.request(requests)
            room -= len(requests)

    def block_arrived(self, peer: Peer, piece: m.Piece) -> bool:
        """A block came; return whether it was of use."""
        counts = self.assembly.block(peer, piece.index, piece.begin, piece.block)
        if counts:
            self._bytes_by_road[peer.channel.road] += len(piece.block)
            self._reporter.block_received(len(piece.block))
        return counts

    def requests_lost(self, peer: Peer, requests: Sequence[BlockRequest] | None) -> None:
        """It will not serve these (None: any) of our requests."""
        if requests is None:
            self.assembly.picker.pieces_returned(peer)
        outstanding = self.assembly.outstanding(peer)
        self.assembly.picker.returned(peer, requests)
        peer.download_turns.refund((outstanding - self.assembly.outstanding(peer)) * BLOCK)
        self._refill_others(peer)

    def complained(self, index: int) -> None:
        """A peer says that a piece came out false, or asks again for one that it was sent."""
        if self.assembly.have.has(index):
            self._complaints.add(index)

    def can_serve(self, index: int) -> bool:
        """Whether a piece is here."""
        return self.assembly.have.has(index)

    async def read_blocks(self, requests: Sequence[BlockRequest]) -> list[bytes]:
        """Return blocks to send."""
        try:
            return await self._disk.read_blocks(requests)
        except FileSendError as error:
            self._host.swarm_failed(error)
            raise

    def block_sent(self, peer: Peer, size: int) -> None:
        """A block was handed to the channel."""
        self._bytes_by_road[peer.channel.road] += size
        self._reporter.block_sent(size)

    # -- SpanHost: whole pieces

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
        """Decide anew who is served."""
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

    # -- own affairs

    def _begin(self, peer: Peer) -> None:
        peer.take_part(self)
        self.assembly.picker.peer_joined(peer)
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

    def _ask_for_pieces(self, peer: Peer) -> bool:
        """Ask for new pieces whole, where it sends such; return whether it has any to give."""
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
            # It may have unchoked us long before there was anything to ask for.
            self.refill(peer)

    def _part_if_pointless(self, peer: Peer) -> None:
        """Two that both need nothing have nothing to trade."""
        if self.assembly.complete and peer.wire.peer_pieces.is_seed:
            peer.stop(Drop.BOTH_COMPLETE)

    def _refill_others(self, but: Peer) -> None:
        for peer in self._peers:
            if peer is not but:
                self.refill(peer)

    def _free_snubbed(self, now: float) -> None:
        """What a silent peer was asked for may be asked of others; its own answer still counts."""
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
        """Whether somebody in good standing has what is missing, and lets us ask for it."""
        return any(
            peer.wire.am_interested and not peer.wire.peer_choking and not peer.pipeline.snubbed
            for peer in self._peers
        )
