"""One peer connection: moves bytes between a channel and the wire, and requests blocks.

The peer's own requests wait in serving.py. What to fetch and which peers to serve is the swarm's
decision; when to drop a peer, misbehaviour.py's. No disk and no picking ever lives here.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Protocol, get_args

from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.torrent.bulk.spans import Spans
from filesend_tui.core.torrent.drop_reasons import Drop, WhyDropped
from filesend_tui.core.torrent.lanes.lanes import LaneRoad, Lanes
from filesend_tui.core.torrent.peer.misbehaviour import Misbehaviour
from filesend_tui.core.torrent.peer.serving import BlockSource, Serving
from filesend_tui.core.torrent.peer.word_channel import WordChannel, WordReceiver
from filesend_tui.core.torrent.pieces.pipeline import RequestPipeline
from filesend_tui.core.torrent.rates.limiter import Limits
from filesend_tui.core.torrent.rates.rates import RateMeter
from filesend_tui.core.torrent.rates.throttle import Throttle
from filesend_tui.core.torrent.streams.line import Flow, StreamLine
from filesend_tui.core.transports.base import Channel, ChannelAbused
from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.connection import WireConnection
from filesend_tui.core.wire.errors import Reason, WireError
from filesend_tui.core.wire.events import ExtendedHandshook, Handshook, PeerHas
from filesend_tui.core.wire.extensions import (
    FalsePiece,
    MetadataData,
    MetadataReject,
    MetadataRequest,
    SpanReject,
    SpanRequest,
    metadata_piece_count,
)
from filesend_tui.core.wire.lane_messages import LaneMessage
from filesend_tui.core.wire.shape import BlockRequest
from filesend_tui.core.wire.streams.messages import StreamMessage
from filesend_tui.core.wire.word_messages import WordChunk

#: Seconds after which blocks that may have been lost on lanes are requested again.
LANE_DOUBT = 1.0
#: Seconds to go on reading after a send failed: the peer may have closed the channel.
LAST_WORDS = 1.0
#: Seconds that a peer has to check its files after a report of false pieces, and most pieces that
#: are reported.
TIME_TO_LOOK = 4.0
MOST_TOLD = 4
#: Seconds without a word after which a keep-alive is sent; in a pair sooner: there silence tells
#: that the connection is dead (see roster.py), and there is only one.
KEEP_ALIVE = 55.0
KEEP_ALIVE_PAIR = 5.0


class PeerHost(Protocol):
    """What a peer reports to its swarm; called on the event loop, every method returns at once."""

    def handshook(self, peer: Peer) -> WhyDropped | None:
        """Admit a peer whose handshake arrived, or return why it is refused."""

    def extended(self, peer: Peer) -> None:
        """Handle the extended handshake: metadata may be requested from now on."""

    def metadata_message(
        self, peer: Peer, message: MetadataRequest | MetadataData | MetadataReject
    ) -> None:
        """Handle a ut_metadata message (BEP 9)."""


class Exchange(BlockSource, Protocol):
    """What a peer reports to its exchange of pieces; called like a PeerHost."""

    def peer_has(self, peer: Peer, event: PeerHas) -> None:
        """Record pieces that a peer announced."""

    def rechoke(self) -> None:
        """Decide anew which peers are choked, after a change of interest."""

    def block_arrived(self, peer: Peer, piece: m.Piece) -> bool:
        """Take a block that arrived; return whether it was of use."""

    def outstanding(self, peer: Peer) -> int:
        """Return how many blocks and whole pieces it owes."""

    def requests_lost(self, peer: Peer, requests: Sequence[BlockRequest] | None) -> None:
        """Free requests (None: all) that the peer will not serve."""

    def complained(self, index: int) -> None:
        """Check a piece that a peer reports as false, or requests again after receiving it."""

    def refill(self, peer: Peer) -> None:
        """Request as many blocks as it has room for."""

    def block_sent(self, peer: Peer, size: int) -> None:
        """Count a block that was handed to the channel."""


class Peer:
    """One peer of one swarm.

    Args:
        channel: Open; closed by `run`.
        wire: New.
        host: The swarm.
        limits: The client's rate limits.
        clock: Seconds, monotonic.
        lanes: How to make further channels to it, where both sides support them; None: never.
        words: Takes the words of the session that the torrent belongs to; None: of none.
        keep_alive: Seconds without a word after which a keep-alive is sent.
        flow: This side of the stream that the swarm is for; None: it is for a torrent.
    """

    def __init__(
        self,
        channel: Channel,
        wire: WireConnection,
        host: PeerHost,
        *,
        limits: Limits,
        clock: Callable[[], float],
        lanes: LaneRoad | None = None,
        words: WordReceiver | None = None,
        keep_alive: float = KEEP_ALIVE,
        flow: Flow | None = None,
    ) -> None:
        self.channel = channel
        #: Its first address: ICE may change the path later, but it is the same peer.
        self.address = channel.address
        self.wire = wire
        self._host = host
        self._exchange: Exchange | None = None
        self._clock = clock
        self.pipeline = RequestPipeline()
        self.download = RateMeter(5.0)
        self.upload = RateMeter(5.0)
        self.ready = False
        self.reason: WhyDropped | None = None
        #: When a block or a metadata piece was last received or sent.
        self.traded = clock()
        #: Transfer of whole pieces, where its channel moves bulk and the shape is known.
        self.spans: Spans[Peer] | None = None
        #: Bytes sent to it, by piece.
        self.given: Counter[int] = Counter()
        self._keep_alive = keep_alive
        self._told_false: float | None = None
        self._misbehaviour = Misbehaviour(clock())
        self._spoke = clock()
        self._idle_requests = 0
        # As of the current event; the wire is ahead by the rest of the chunk.
        self._choked = True
        self._wake = asyncio.Event()
        self._serving = Serving(self, limit=limits.upload)
        self._download_limit = limits.download
        self._doubt: asyncio.TimerHandle | None = None
        self.lanes = Lanes(self, lanes, clock=clock) if lanes else None
        self._words = WordChannel(self, words) if words is not None else None
        self._stream = StreamLine(self, flow) if flow is not None else None
        self.download_turns = Throttle(limits.download, self._refill)
        self._stopped = asyncio.Event()
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            Handshook: self._on_handshake,
            ExtendedHandshook: self._on_extended,
            PeerHas: self._on_pieces,
            m.Choke: self._on_choke,
            m.Unchoke: self._on_unchoke,
            m.Interested: self._on_interest,
            m.NotInterested: self._on_interest,
            m.Request: self._on_request,
            m.Cancel: self._serving.cancelled,
            m.Piece: self._on_piece,
            m.RejectRequest: self._on_reject,
            MetadataRequest: lambda message: host.metadata_message(self, message),
            MetadataData: self._on_metadata_answer,
            MetadataReject: self._on_metadata_answer,
            SpanRequest: self._on_span_request,
            SpanReject: self._on_span_reject,
            FalsePiece: self._on_false_piece,
            WordChunk: self._on_words,
        }
        self._handlers |= dict.fromkeys(get_args(LaneMessage), self._on_lane)
        self._handlers |= dict.fromkeys(get_args(StreamMessage), self._on_stream)

    def take_part(self, exchange: Exchange) -> None:
        """Join the exchange of pieces, once the shape is known and the peer is admitted."""
        self._exchange = self._serving.source = exchange

    @property
    def has_everything(self) -> bool:
        """Whether it has every piece, counting those it announced and those sent to it.

        libtorrent disconnects once complete, without announcing the last pieces.
        """
        shape, has = self.wire.shape, self.wire.peer_pieces
        return shape is not None and (
            has.is_seed
            or all(
                has.has(index) or self.given[index] >= shape.piece_size(index)
                for index in range(shape.piece_count)
            )
        )

    def silence(self, now: float) -> float:
        """Return the seconds since bytes arrived from it."""
        return self._misbehaviour.silence(now)

    @property
    def carries_words(self) -> bool:
        """Whether two people speak to each other over it."""
        return self._words is not None and self.wire.peer_takes_words

    async def run(self) -> WhyDropped:
        """Serve until the connection ends; return why it did."""
        self.wire.open()
        self.flush()
        reading = asyncio.create_task(self._read())
        writing = asyncio.create_task(self._write())
        stopped = asyncio.create_task(self._stopped.wait())
        tasks = [reading, writing, stopped]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if writing.done() and isinstance(writing.exception(), ChannelFailed):
                # The peer may have closed the channel: let the reader receive the rest and the end.
                rest = [reading, stopped]
                await asyncio.wait(rest, timeout=LAST_WORDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            self._serving.close()
            self.download_turns.close()
            if self.spans:
                await self.spans.close()
            if self._doubt is not None:
                self._doubt.cancel()
            await self._close_channels()
        if results[0] is None and isinstance(results[1], ChannelFailed):
            self.reason = self.reason or Drop.CLOSED
        for result in results:
            if isinstance(result, WireError):
                self.reason = self.reason or result.reason
            elif isinstance(result, ChannelAbused):
                self.reason = self.reason or result.abuse
            elif isinstance(result, ChannelFailed):
                self.reason = self.reason or Drop.CHANNEL_FAILED
            elif isinstance(result, Exception):
                raise result
        return self.reason or Drop.CLOSED

    async def _close_channels(self) -> None:
        if self._words is not None:
            self._words.close()
        if self._stream is not None:
            self._stream.close()
        if self.lanes:
            await self.lanes.close()
        await self.channel.close()

    def stop(self, reason: WhyDropped) -> None:
        """End the connection; `run` returns this reason."""
        self.reason = self.reason or reason
        self._stopped.set()

    def send(self, message: m.Message) -> None:
        """Queue a message and wake the writer."""
        self.wire.send(message)
        self._wake.set()

    def flush(self) -> None:
        """Wake the writers: messages were queued on the wire, or blocks may be served."""
        self._wake.set()
        if self.lanes and self._serving.waits:
            self.lanes.wake()

    def request(self, requests: Sequence[BlockRequest]) -> None:
        """Request blocks."""
        for r in requests:
            self.wire.send(m.Request(index=r.index, begin=r.begin, length=r.length))
        self._misbehaviour.asked(len(requests))
        self.pipeline.sent(self._clock())
        self._wake.set()

    def withdraw(self, request: BlockRequest) -> None:
        """Cancel a request: the block came from another peer."""
        self._misbehaviour.asked(1)
        self.send(m.Cancel(*request))

    def tell_false(self, pieces: Sequence[int]) -> bool:
        """Report false pieces to the peer that sent them; return whether it may stay.

        Its files may have changed. The report is sent once; then it has TIME_TO_LOOK seconds to
        check them, in which nothing is requested of it, and false pieces in flight are tolerated.
        """
        if not self.wire.peer_takes_complaints:
            return False
        if self._told_false is None:
            self._told_false = self._clock()
            for index in pieces[:MOST_TOLD]:
                self.wire.send_false(index)
            self._wake.set()
        return self.looks_into_it

    @property
    def looks_into_it(self) -> bool:
        """Whether false pieces were reported to it less than TIME_TO_LOOK seconds ago."""
        return self._told_false is not None and self._clock() - self._told_false < TIME_TO_LOOK

    def ask_metadata(self, piece: int) -> None:
        """Request a piece of the info dictionary."""
        if not self.wire.peer_takes_metadata:
            return  # withdrawn in a later message of the same chunk
        self._misbehaviour.asked_metadata()
        self.wire.send_metadata_request(piece)
        self._wake.set()

    def reject_metadata(self, piece: int) -> None:
        """Reject a request for a piece of the info dictionary."""
        if self.wire.peer_takes_metadata:
            self.wire.send_metadata_reject(piece)
            self._wake.set()

    def serve_metadata(self, description: bytes, piece: int) -> None:
        """Queue a piece of the info dictionary to be sent; idempotent while it waits."""
        self._judge(self._misbehaviour.wants_metadata(metadata_piece_count(len(description))))
        self._serving.describe(description, piece)
        self._wake.set()

    def choke(self) -> None:
        """Choke the peer; reject (BEP 6) or drop (BEP 3) its waiting requests."""
        self.send(m.Choke())
        self._serving.choke()
        if self.spans:
            self.spans.choke()

    def bulk_arrived(self, size: int) -> None:
        """Count bytes of whole pieces that arrived."""
        now = self._clock()
        self.traded = now
        self.download.add(now, size)
        self.pipeline.received(now, size)
        self._misbehaviour.heard(now)
        self._misbehaviour.served(now)

    def asked_in_vain(self) -> None:
        """Count a request that is not served."""
        self._idle_requests += not self.wire.am_choking  # else the wire counts it

    def block_left(self, index: int, size: int) -> None:
        """Count a block of `size` bytes of a piece that is about to be sent."""
        self.traded = self._clock()
        self.upload.add(self.traded, size)
        self.given[index] += size
        if self._exchange is not None:
            self._exchange.block_sent(self, size)

    def description_left(self) -> None:
        """Record that metadata pieces are about to be sent."""
        self.traded = self._clock()

    def bulk_left(self, size: int) -> None:
        """Count bytes handed to its channel as bulk."""
        self.traded = self._spoke = self._clock()
        self.upload.add(self.traded, size)

    def tick(self, now: float) -> None:
        """Send keep-alives and check timeouts; call about once a second."""
        overdue = self._misbehaviour.overdue(now, shaken=self.ready, outstanding=self._outstanding)
        self._judge(overdue)
        self._judge_burden(now)
        if self.spans and self.spans.stuck_since is not None:
            self._judge(self._misbehaviour.not_reading(self.spans.stuck_since, now))
        if self.ready and now - self._spoke > self._keep_alive:
            self._spoke = now
            self.send(m.KeepAlive())

    def _judge(self, why: WhyDropped | None) -> bool:
        """Stop the peer where there is a reason to; return whether it may stay."""
        if why is not None:
            self.stop(why)
        return why is None

    def _judge_burden(self, now: float) -> bool:
        chatter = self.wire.chatter + self._idle_requests
        return self._judge(self._misbehaviour.burden(chatter, self.wire.queued_bytes, now))

    async def _read(self) -> None:
        handlers = self._handlers
        wire = self.wire
        while data := await self.channel.receive():
            now = self._clock()
            self._misbehaviour.heard(now)
            for event in wire.receive_data(data):
                handler = handlers.get(type(event))
                if handler is not None:
                    handler(event)
                if self._stopped.is_set():
                    return  # ignore the rest of the chunk
            if not self._judge_burden(now):
                return
            self._refill()
            self.flush()

    async def _write(self) -> None:
        """Send queued messages, then blocks; nothing else writes to the channel."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            serving = True
            while serving:
                for chunk in self.wire.data_to_send():
                    self._spoke = self._clock()
                    self._misbehaviour.sending(self._spoke)
                    await self.channel.send(chunk)
                    self._misbehaviour.sent()
                serving = self._words is not None and self._words.fill()
                serving = await self._serving.put() or serving
            if self._stream is not None:
                self._stream.drained()

    # -- WordHost

    def send_chunk(self, chunk: WordChunk) -> int:
        """See WordHost."""
        if self.wire.peer_takes_words:
            self.wire.send_words(chunk)
        return self.wire.queued_bytes

    # -- LineHost

    def send_stream(self, message: StreamMessage) -> int:
        """See LineHost."""
        if self.wire.peer_takes_stream:
            self.wire.send_stream(message)
        return self.wire.queued_bytes

    # -- LanesHost: further channels

    @property
    def lane_count(self) -> int:
        """How many lanes are open."""
        return self.lanes.count if self.lanes else 0

    async def next_blocks(self) -> list[m.Piece] | None:
        """See LaneHost."""
        return await self._serving.next_blocks()

    @property
    def received(self) -> int:
        """See LanesHost."""
        return self.download.total

    @property
    def held_up(self) -> bool:
        """See LanesHost."""
        free = self._download_limit.rate is None
        return free and not self._choked and self._outstanding > 0

    def send_lane_message(self, message: LaneMessage) -> None:
        """See LanesHost."""
        if self.wire.peer_takes_lanes:
            self.wire.send_lane(message)
            self._wake.set()

    def lane_heard(self, pieces: Sequence[m.Piece]) -> None:
        """See LaneHost."""
        self._misbehaviour.heard(self._clock())
        self.pipeline.channels = 1 + self.lane_count
        for piece in pieces:
            self.wire.check_block(piece)
            self._on_piece(piece)
        if not self._stopped.is_set():
            self._refill()

    def lane_broke(self) -> None:
        """See LanesHost."""
        # Delayed: lanes break together, and repeating requests that wait there costs the peer.
        if self._doubt is None:
            loop = asyncio.get_running_loop()
            self._doubt = loop.call_later(LANE_DOUBT, self._ask_again)

    def _ask_again(self) -> None:
        self._doubt = None
        if self._exchange is not None and self._outstanding:
            self._exchange.requests_lost(self, None)
            self._exchange.refill(self)

    # -- events of the wire

    @property
    def _outstanding(self) -> int:
        """How many blocks and whole pieces it owes."""
        return 0 if self._exchange is None else self._exchange.outstanding(self)

    def _refill(self) -> None:
        """Request as many blocks as there is room for."""
        if self._exchange is not None:
            self._exchange.refill(self)

    def _on_lane(self, message: LaneMessage) -> None:
        if self.lanes and self.wire.peer_takes_lanes:
            self.lanes.heard(message)

    def _on_handshake(self, _event: Handshook) -> None:
        self.ready = self._judge(self._host.handshook(self))

    def _on_extended(self, _event: ExtendedHandshook) -> None:
        if self.wire.peer_reqq:
            self.pipeline.limit(self.wire.peer_reqq)
        if self.lanes and self.wire.peer_takes_lanes:
            self.lanes.begin()
        if self._words is not None and self.wire.peer_takes_words:
            self._words.open()
        if self._stream is not None and self.wire.peer_takes_stream:
            self._stream.open()
        self._host.extended(self)

    def _on_words(self, chunk: WordChunk) -> None:
        if self._words is not None and not self._words.receive(chunk):
            self.stop(Reason.BAD_EXTENSION)

    def _on_stream(self, message: StreamMessage) -> None:
        if self._stream is None or not self._stream.heard(message):
            self.stop(Reason.BAD_EXTENSION)

    def _on_metadata_answer(self, message: MetadataData | MetadataReject) -> None:
        if self._judge(self._misbehaviour.answered_metadata()):
            self.traded = self._clock()
            self._host.metadata_message(self, message)

    def _on_pieces(self, event: PeerHas) -> None:
        if self._exchange is not None:
            self._exchange.peer_has(self, event)

    def _on_interest(self, _event: m.Interested | m.NotInterested) -> None:
        if self._exchange is not None:
            self._exchange.rechoke()

    def _on_false_piece(self, message: FalsePiece) -> None:
        if self._exchange is not None:
            self._exchange.complained(message.index)

    def _on_choke(self, _event: m.Choke) -> None:
        self._choked = True
        self._judge(self._misbehaviour.choked(self._outstanding))
        # Without the fast extension a choke drops our requests; with it each is rejected (BEP 6).
        if not self.wire.fast:
            self.pipeline.dropped()
            if self._exchange is not None:
                self._exchange.requests_lost(self, None)

    def _on_unchoke(self, _event: m.Unchoke) -> None:
        self._choked = False  # the refill after the chunk sends requests

    def _on_request(self, message: m.Request) -> None:
        if self._exchange is not None and not message.begin and self.given[message.index]:
            self._exchange.complained(message.index)  # it has received this piece before
        if not self._serving.requested(message):
            self.stop(Drop.REQUEST_FLOOD)

    def _on_piece(self, message: m.Piece) -> None:
        if not self._judge(self._misbehaviour.answered()):
            return
        now = self._clock()
        self.download.add(now, len(message.block))
        if self._exchange is not None and self._exchange.block_arrived(self, message):
            self.traded = now
            self._misbehaviour.served(now)
            self.pipeline.received(now, len(message.block))

    def _on_reject(self, message: m.RejectRequest) -> None:
        if not self._judge(self._misbehaviour.answered()):
            return
        if not self._choked and not self._judge(self._misbehaviour.refused()):
            return
        if self._exchange is not None:
            lost = BlockRequest(message.index, message.begin, message.length)
            self._exchange.requests_lost(self, [lost])

    def _on_span_request(self, message: SpanRequest) -> None:
        if self.spans is None:
            if self.wire.spans:
                self.wire.send_span(SpanReject(message.first, message.count))  # nothing is here yet
        elif not self.spans.requested(message):
            self.stop(Drop.REQUEST_FLOOD)

    def _on_span_reject(self, message: SpanReject) -> None:
        if self.spans is None or not self.spans.rejected(message):
            self.stop(Reason.UNREQUESTED)
        elif not self._choked:
            self._judge(self._misbehaviour.refused())
