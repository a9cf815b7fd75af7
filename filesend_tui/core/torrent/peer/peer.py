"""One connection: pumps bytes between a channel and the wire, and asks for blocks.

What it asks of us waits in serving.py. What to fetch and whom to serve is the swarm's to decide;
when to give up, misbehaviour.py's. No disk and no picking ever lives here.
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
from filesend_tui.core.torrent.pieces.pipeline import RequestPipeline
from filesend_tui.core.torrent.rates.limiter import Limits
from filesend_tui.core.torrent.rates.rates import RateMeter
from filesend_tui.core.torrent.rates.throttle import Throttle
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

#: Seconds after which what may have been lost on lanes is asked for again.
LANE_DOUBT = 1.0
#: Seconds to hear how a channel ended that takes nothing any more.
LAST_WORDS = 1.0
#: Seconds that a peer has to look at its files when it was told that pieces are false, and of how
#: many it is told.
TIME_TO_LOOK = 4.0
MOST_TOLD = 4
#: Seconds between keep-alives.
KEEP_ALIVE = 55.0


class PeerHost(Protocol):
    """What a peer tells its swarm; every method is called on the event loop and returns at once."""

    def handshook(self, peer: Peer) -> WhyDropped | None:
        """The handshake came; return why this peer is refused, if it is."""

    def extended(self, peer: Peer) -> None:
        """The extended handshake came: its metadata may now be asked for."""

    def metadata_message(
        self, peer: Peer, message: MetadataRequest | MetadataData | MetadataReject
    ) -> None:
        """A ut_metadata message came (BEP 9)."""


class Exchange(BlockSource, Protocol):
    """What a peer tells the exchange of pieces that it takes part in; called as a PeerHost is."""

    def peer_has(self, peer: Peer, event: PeerHas) -> None:
        """It announced pieces."""

    def rechoke(self) -> None:
        """A peer became interested, or no longer is: decide anew who is served."""

    def block_arrived(self, peer: Peer, piece: m.Piece) -> bool:
        """A block came; return whether it was of use."""

    def outstanding(self, peer: Peer) -> int:
        """Return how many blocks it owes."""

    def requests_lost(self, peer: Peer, requests: Sequence[BlockRequest] | None) -> None:
        """It will not serve these (None: any) of our requests."""

    def complained(self, index: int) -> None:
        """A piece that it was sent is false, it says; or it asks for it again."""

    def refill(self, peer: Peer) -> None:
        """It may have room for requests."""

    def block_sent(self, peer: Peer, size: int) -> None:
        """A block was handed to the channel."""


class Peer:
    """One peer of one swarm.

    Args:
        channel: Open; the peer closes it.
        wire: Fresh.
        host: The swarm.
        limits: The client's rate limits.
        clock: Seconds, monotonic.
        lanes: How further channels to it are made, where both sides take them; None for never.
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
    ) -> None:
        self.channel = channel
        #: Where it was when it came: ICE may find another way later, but it is the same peer.
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
        #: When a block or a piece of the description last came or went.
        self.traded = clock()
        #: Whole pieces between us, where its channel moves bulk and the torrent's shape is known.
        self.spans: Spans[Peer] | None = None
        #: Bytes of each piece that it was sent.
        self.given: Counter[int] = Counter()
        self._told_false: float | None = None
        self._misbehaviour = Misbehaviour(clock())
        self._spoke = clock()
        self._idle_requests = 0
        # As told up to the event at hand; the wire is ahead by the rest of the chunk.
        self._choked = True
        self._wake = asyncio.Event()
        self._serving = Serving(self, limit=limits.upload)
        self._download_limit = limits.download
        self._doubt: asyncio.TimerHandle | None = None
        self.lanes = Lanes(self, lanes, clock=clock) if lanes else None
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
        }
        self._handlers |= dict.fromkeys(get_args(LaneMessage), self._on_lane)

    def take_part(self, exchange: Exchange) -> None:
        """From now on pieces move between us: the torrent's shape is known and the peer is in."""
        self._exchange = self._serving.source = exchange

    @property
    def has_everything(self) -> bool:
        """Whether it has every piece, as far as it told or was sent them.

        libtorrent hangs up once it has all, without a word of the last pieces.
        """
        shape, has = self.wire.shape, self.wire.peer_pieces
        return shape is not None and (
            has.is_seed
            or all(
                has.has(index) or self.given[index] >= shape.piece_size(index)
                for index in range(shape.piece_count)
            )
        )

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
                # It may have hung up: what it said before, and that it did, the reader hears.
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
            if self.lanes:
                await self.lanes.close()
            await self.channel.close()
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

    def stop(self, reason: WhyDropped) -> None:
        """End the connection; `run` returns this reason."""
        self.reason = self.reason or reason
        self._stopped.set()

    def send(self, message: m.Message) -> None:
        """Queue a message; it goes out soon."""
        self.wire.send(message)
        self._wake.set()

    def flush(self) -> None:
        """Let what was queued on the wire directly, and what is served, go out soon."""
        self._wake.set()
        if self.lanes and self._serving.waits:
            self.lanes.wake()

    def request(self, requests: Sequence[BlockRequest]) -> None:
        """Ask for blocks."""
        for r in requests:
            self.wire.send(m.Request(index=r.index, begin=r.begin, length=r.length))
        self._misbehaviour.asked(len(requests))
        self.pipeline.sent(self._clock())
        self._wake.set()

    def withdraw(self, request: BlockRequest) -> None:
        """Take a request back: the block came from elsewhere."""
        self._misbehaviour.asked(1)
        self.send(m.Cancel(*request))

    def tell_false(self, pieces: Sequence[int]) -> bool:
        """Tell it of pieces that it sent and that are false; return whether it may yet stay.

        Its files may have changed. It is told once, and has a few seconds then to look at them, in
        which nothing more is asked of it; what it sent before it could hear counts no more.
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
        """Whether it was told of false pieces a moment ago."""
        return self._told_false is not None and self._clock() - self._told_false < TIME_TO_LOOK

    def ask_metadata(self, piece: int) -> None:
        """Ask for a piece of the description."""
        if not self.wire.peer_takes_metadata:
            return  # it takes that back in what it has sent since; we shall come to it
        self._misbehaviour.asked_metadata()
        self.wire.send_metadata_request(piece)
        self._wake.set()

    def reject_metadata(self, piece: int) -> None:
        """Refuse a piece of the description."""
        if self.wire.peer_takes_metadata:
            self.wire.send_metadata_reject(piece)
            self._wake.set()

    def serve_metadata(self, description: bytes, piece: int) -> None:
        """Send a piece of the description when its turn comes; asking twice makes no difference."""
        self._judge(self._misbehaviour.wants_metadata(metadata_piece_count(len(description))))
        self._serving.describe(description, piece)
        self._wake.set()

    def choke(self) -> None:
        """Stop serving; what it still waits for is refused (BEP 6) or dropped (BEP 3)."""
        self.send(m.Choke())
        self._serving.choke()
        if self.spans:
            self.spans.choke()

    def bulk_arrived(self, size: int) -> None:
        """So many bytes came that were asked of it whole."""
        now = self._clock()
        self.traded = now
        self.download.add(now, size)
        self.pipeline.received(now, size)
        self._misbehaviour.heard(now)
        self._misbehaviour.served(now)

    def asked_in_vain(self) -> None:
        """It asked for pieces that it is not served."""
        self._idle_requests += not self.wire.am_choking  # else the wire weighs it

    def block_left(self, index: int, size: int) -> None:
        """A block of so many bytes of a piece is on its way out."""
        self.traded = self._clock()
        self.upload.add(self.traded, size)
        self.given[index] += size
        if self._exchange is not None:
            self._exchange.block_sent(self, size)

    def description_left(self) -> None:
        """Pieces of the description are on their way out."""
        self.traded = self._clock()

    def bulk_left(self, size: int) -> None:
        """So many bytes were handed to its channel as bulk."""
        self.traded = self._spoke = self._clock()
        self.upload.add(self.traded, size)

    def tick(self, now: float) -> None:
        """Call about once a second: keep-alives and time-outs."""
        outstanding = self._outstanding
        if self.spans and self.spans.due:
            outstanding += 1  # though others may be asked for it meanwhile
        self._judge(self._misbehaviour.overdue(now, shaken=self.ready, outstanding=outstanding))
        self._judge_burden(now)
        if self.spans and self.spans.stuck_since is not None:
            self._judge(self._misbehaviour.not_reading(self.spans.stuck_since, now))
        if self.ready and now - self._spoke > KEEP_ALIVE:
            self._spoke = now
            self.send(m.KeepAlive())

    def _judge(self, why: WhyDropped | None) -> bool:
        """Act on a judgement; return whether the peer may stay."""
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
                    return  # nothing else from it counts
            if not self._judge_burden(now):
                return
            self._refill()
            self.flush()

    async def _write(self) -> None:
        """The only place that sends: queued messages first, then blocks."""
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
                serving = await self._serving.put()

    # -- LanesHost: the channels beside its own

    @property
    def lane_count(self) -> int:
        """How many of them there are."""
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
        # Soon: lanes break together, and asking again for what is waiting there is a burden to it.
        if self._doubt is None:
            loop = asyncio.get_running_loop()
            self._doubt = loop.call_later(LANE_DOUBT, self._ask_again)

    def _ask_again(self) -> None:
        self._doubt = None
        if self._exchange is not None and self._outstanding:
            self._exchange.requests_lost(self, None)
            self._exchange.refill(self)

    # -- what it says

    @property
    def _outstanding(self) -> int:
        """How many blocks and whole pieces it owes."""
        return 0 if self._exchange is None else self._exchange.outstanding(self)

    def _refill(self) -> None:
        """Ask for what there is room for."""
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
        self._host.extended(self)

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
        self._choked = False  # the refill after the chunk asks

    def _on_request(self, message: m.Request) -> None:
        if self._exchange is not None and not message.begin and self.given[message.index]:
            self._exchange.complained(message.index)  # it was sent this before
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
