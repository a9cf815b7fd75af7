"""One connection: pumps bytes between a channel and the wire, serves blocks, asks for blocks.

What to fetch, whom to serve and when to give up is the swarm's to decide. No disk and no picking
ever lives here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from filesend_tui.core.channels.base import Channel
from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.torrent.allowance import Allowance
from filesend_tui.core.torrent.limiter import Limits
from filesend_tui.core.torrent.picker import BlockRequest
from filesend_tui.core.torrent.pipeline import RequestPipeline
from filesend_tui.core.torrent.rates import RateMeter
from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.connection import WireConnection
from filesend_tui.core.wire.errors import WireError
from filesend_tui.core.wire.events import ExtendedHandshook, Handshook, PeerHas
from filesend_tui.core.wire.extensions import MetadataData, MetadataReject, MetadataRequest

#: Requests a peer may have waiting here; told to it in the extended handshake (BEP 10 `reqq`).
OUR_REQQ = 1024
#: Bytes read from disk at a time to be sent.
SERVE_BYTES = 256 * 1024
#: Seconds a new connection has for its handshake.
HANDSHAKE_TIMEOUT = 25.0
#: Seconds after which a silent connection is given up (BEP 3: two minutes).
SILENCE_TIMEOUT = 120.0
#: Requests refused one after another by a peer that does not choke us before it is given up.
PATIENCE_REJECTS = 256
#: Seconds between keep-alives.
KEEP_ALIVE = 55.0


class PeerHost(Protocol):
    """What a peer tells its swarm; every method is called on the event loop and returns at once."""

    def handshook(self, peer: Peer) -> bool:
        """The handshake came; return False to refuse this peer."""

    def extended(self, peer: Peer) -> None:
        """The extended handshake came: its metadata may now be asked for."""

    def peer_has(self, peer: Peer, event: PeerHas) -> None:
        """It announced pieces."""

    def interest_changed(self) -> None:
        """A peer became interested, or no longer is."""

    def block_arrived(self, peer: Peer, piece: m.Piece) -> None:
        """A block came."""

    def requests_lost(self, peer: Peer, requests: Sequence[BlockRequest] | None) -> None:
        """It will not serve these (None: any) of our requests."""

    def refill(self, peer: Peer) -> None:
        """It may have room for requests."""

    def metadata_message(
        self, peer: Peer, message: MetadataRequest | MetadataData | MetadataReject
    ) -> None:
        """A ut_metadata message came (BEP 9)."""

    async def read_blocks(self, requests: Sequence[BlockRequest]) -> list[bytes]:
        """Return blocks to send."""

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
    """

    def __init__(
        self,
        channel: Channel,
        wire: WireConnection,
        host: PeerHost,
        *,
        limits: Limits,
        clock: Callable[[], float],
    ) -> None:
        self.channel = channel
        self.wire = wire
        self._host = host
        self._clock = clock
        self.pipeline = RequestPipeline()
        self.download = RateMeter(5.0)
        self.upload = RateMeter(5.0)
        self.ready = False
        self.reason = ""
        self.since = clock()
        self._heard = clock()
        self._spoke = clock()
        self._refusals = 0
        self._uploads: dict[BlockRequest, None] = {}
        self._wake = asyncio.Event()
        self._upload_turns = Allowance(limits.upload, self._wake.set)
        self.download_turns = Allowance(limits.download, lambda: host.refill(self))
        self._stopped = asyncio.Event()
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            Handshook: self._on_handshake,
            ExtendedHandshook: self._on_extended,
            PeerHas: lambda event: host.peer_has(self, event),
            m.Choke: self._on_choke,
            m.Unchoke: lambda _: None,  # the refill after the chunk asks
            m.Interested: lambda _: host.interest_changed(),
            m.NotInterested: lambda _: host.interest_changed(),
            m.Request: self._on_request,
            m.Cancel: self._on_cancel,
            m.Piece: self._on_piece,
            m.RejectRequest: self._on_reject,
            MetadataRequest: lambda message: host.metadata_message(self, message),
            MetadataData: lambda message: host.metadata_message(self, message),
            MetadataReject: lambda message: host.metadata_message(self, message),
        }

    async def run(self) -> str:
        """Serve until the connection ends; return a stable word that says why."""
        self.wire.open()
        self.flush()
        tasks = [
            asyncio.create_task(self._read()),
            asyncio.create_task(self._write()),
            asyncio.create_task(self._stopped.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            self._upload_turns.close()
            self.download_turns.close()
            await self.channel.close()
        for result in results:
            if isinstance(result, WireError):
                self.reason = self.reason or result.reason
            elif isinstance(result, ChannelFailed):
                self.reason = self.reason or "channelFailed"
            elif isinstance(result, Exception):
                raise result
        return self.reason or "closed"

    def stop(self, reason: str) -> None:
        """End the connection; `run` returns this reason."""
        self.reason = self.reason or reason
        self._stopped.set()

    def send(self, message: m.Message) -> None:
        """Queue a message; it goes out soon."""
        self.wire.send(message)
        self._wake.set()

    def flush(self) -> None:
        """Let what was queued on the wire directly go out soon."""
        self._wake.set()

    def request(self, requests: Sequence[BlockRequest]) -> None:
        """Ask for blocks."""
        for r in requests:
            self.wire.send(m.Request(index=r.index, begin=r.begin, length=r.length))
        self.pipeline.sent(self._clock())
        self._wake.set()

    def choke(self) -> None:
        """Stop serving; what it still waits for is refused (BEP 6) or dropped (BEP 3)."""
        self.send(m.Choke())
        if self.wire.fast:
            for r in self._uploads:
                self.wire.send(m.RejectRequest(index=r.index, begin=r.begin, length=r.length))
        self._uploads.clear()

    def beat(self, now: float) -> None:
        """Call about once a second: keep-alives and time-outs."""
        if not self.ready and now - self.since > HANDSHAKE_TIMEOUT:
            self.stop("handshakeTimeout")
        elif now - self._heard > SILENCE_TIMEOUT:
            self.stop("silent")
        elif self.ready and now - self._spoke > KEEP_ALIVE:
            self._spoke = now
            self.send(m.KeepAlive())

    async def _read(self) -> None:
        handlers = self._handlers
        wire = self.wire
        while data := await self.channel.receive():
            self._heard = self._clock()
            for event in wire.receive_data(data):
                handler = handlers.get(type(event))
                if handler is not None:
                    handler(event)
            if self.ready:
                self._host.refill(self)
            self._wake.set()

    async def _write(self) -> None:
        """The only place that sends: queued messages first, then blocks."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            serving = True
            while serving:
                chunks = self.wire.data_to_send()
                for chunk in chunks:
                    await self.channel.send(chunk)
                if chunks:
                    self._spoke = self._clock()
                serving = await self._serve()

    async def _serve(self) -> bool:
        """Put the next blocks on the wire; return whether there were any."""
        # Where a limit says later, it wakes the writer; small messages go out meanwhile.
        allowed = self._upload_turns.take(SERVE_BYTES) if self._uploads else 0
        if not allowed:
            return False
        batch: list[BlockRequest] = []
        size = 0
        for request in self._uploads:
            if size + request.length > allowed and batch:
                break
            batch.append(request)
            size += request.length
        blocks = await self._host.read_blocks(batch)
        sent = 0
        for request, block in zip(batch, blocks, strict=True):
            # A cancel or a choke may have come while the disk was read.
            if request in self._uploads:
                del self._uploads[request]
                self.wire.send(m.Piece(index=request.index, begin=request.begin, block=block))
                self.upload.add(self._clock(), len(block))
                self._host.block_sent(self, len(block))
                sent += len(block)
        self._upload_turns.settle(sent)
        return True

    def _on_handshake(self, _event: Handshook) -> None:
        if not self._host.handshook(self):
            self.stop("refused")
            return
        self.ready = True

    def _on_extended(self, _event: ExtendedHandshook) -> None:
        if self.wire.peer_reqq:
            self.pipeline.limit(self.wire.peer_reqq)
        self._host.extended(self)

    def _on_choke(self, _event: m.Choke) -> None:
        # Without the fast extension a choke drops our requests; with it each is rejected (BEP 6).
        if not self.wire.fast:
            self.pipeline.dropped()
            self._host.requests_lost(self, None)

    def _on_request(self, message: m.Request) -> None:
        request = BlockRequest(message.index, message.begin, message.length)
        if self.wire.am_choking:
            if self.wire.fast:
                self.send(m.RejectRequest(*request))
            return
        if len(self._uploads) >= 2 * OUR_REQQ:
            self.stop("requestFlood")
            return
        self._uploads[request] = None

    def _on_cancel(self, message: m.Cancel) -> None:
        request = BlockRequest(message.index, message.begin, message.length)
        if request in self._uploads:
            del self._uploads[request]
            if self.wire.fast:
                self.send(m.RejectRequest(*request))

    def _on_piece(self, message: m.Piece) -> None:
        now = self._clock()
        self._refusals = 0
        self.download.add(now, len(message.block))
        self.pipeline.received(now, len(message.block))
        self._host.block_arrived(self, message)

    def _on_reject(self, message: m.RejectRequest) -> None:
        if not self.wire.peer_choking:
            self._refusals += 1
            if self._refusals > PATIENCE_REJECTS:
                self.stop("rejectsAll")
                return
        self._host.requests_lost(self, [BlockRequest(message.index, message.begin, message.length)])
