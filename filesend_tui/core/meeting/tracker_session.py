"""One connection to one tracker, for one swarm: when it announces, offers, answers.

Implements bittorrent-tracker's WebSocket protocol (relay/protocol/tracker_json.py). Connecting and
reconnecting is the announcer's; making channels from descriptions is the dialer's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from filesend_tui.core.errors import ChannelFailed, TrackerFailed
from filesend_tui.core.meeting.dialer import Dialer, SealedOffer
from filesend_tui.core.meeting.signaling import Description
from filesend_tui.core.meeting.timings import Timings
from filesend_tui.core.util.own_address import until_lost
from filesend_tui.core.util.text import clean
from filesend_tui.core.util.token_bucket import TokenBucket
from relay.protocol.tracker_json import (
    Announce,
    AnnounceReply,
    Answer,
    AnswerFrame,
    Event,
    Failure,
    FrameError,
    Offer,
    OfferFrame,
    encode,
    parse_server_frame,
)

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

#: Most offers in one announce; what WebTorrent's own clients send.
MAX_OFFERS: Final = 5
#: Rate limits of a tracker's frames, and of bytes in them: at once, and a second. In a swarm of a
#: thousand peers that all offer to us, some 40 frames a second arrive.
FRAMES: Final = (10_000, 500)
FRAME_BYTES: Final = (256 * 1024 * 1024, 4 * 1024 * 1024)

log = logging.getLogger(__name__)


class TrackerFloods(TrackerFailed):
    """A tracker exceeded the rate limit of frames."""


class Totals(NamedTuple):
    """The figures in an announce: bytes. left is None while the metadata is unknown."""

    uploaded: int
    downloaded: int
    left: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """Our membership in a swarm, as its trackers see it.

    swarm: its 20-byte id at trackers. offers: in one announce. totals, wants_peers: called at every
    announce.
    """

    swarm: bytes
    peer_id: bytes
    offers: int
    totals: Callable[[], Totals]
    wants_peers: Callable[[], int]


class TrackerSession:
    """A session that keeps a swarm announced over one open socket.

    Args:
        name: The tracker's address for people.
        again: Whether this is a reconnect.
        key: By which this tracker knows us under another address.
        on_accepted: Called when the tracker accepted an announce.
        on_lame: Called when no offers could be made; announces go on without.
    """

    def __init__(
        self,
        socket: ClientConnection,
        *,
        name: str,
        again: bool,
        key: str,
        presence: Presence,
        dialer: Dialer,
        timings: Timings,
        on_accepted: Callable[[], None],
        on_lame: Callable[[ChannelFailed], None],
    ) -> None:
        self._socket = socket
        self._name = name
        self._again = again
        self._key = key
        self._presence = presence
        self._dialer = dialer
        self._timings = timings
        self._on_accepted = on_accepted
        self._on_lame = on_lame
        self._replied = asyncio.Event()
        self._wake = asyncio.Event()
        self._wanting = False
        self._completed = False
        self._interval = timings.max_interval
        self._spacing = timings.spacing
        self._offers: list[bytes] = []

    async def run(self) -> None:
        """Announce until the connection ends.

        Raises:
            TrackerFailed: It ended, or the tracker refused; `run` ends no other way.
        """
        try:
            await _first_to_end(self._read(), self._talk(), self._watch_address())
        finally:
            # Answers would have come back on this connection.
            self._dialer.withdraw(self._offers)

    async def _watch_address(self) -> None:
        await until_lost(self._socket.local_address)
        raise self._closed()

    def more_peers(self) -> None:
        """Announce soon, subject to the spacing between announces."""
        self._wanting = True
        self._wake.set()

    def peer_met(self) -> None:
        """Reset the spacing: the swarm is alive, so the next `more_peers` may announce quickly."""
        self._wanting = False
        self._spacing = self._timings.spacing

    def completed(self) -> None:
        """Announce that the download is complete."""
        self._completed = True
        self._wake.set()

    async def farewell(self) -> None:
        """Announce that we leave.

        Raises:
            TrackerFailed: The connection is closed.
        """
        if self._replied.is_set():
            await self._announce(Event.STOPPED)

    async def _read(self) -> None:
        clock = asyncio.get_running_loop().time
        frames, sizes = TokenBucket(*FRAMES, clock()), TokenBucket(*FRAME_BYTES, clock())
        async for text in self._socket:
            if not (frames.spend(1, clock()) and sizes.spend(len(text), clock())):
                raise TrackerFloods(f"The tracker at {self._name} says too much at once.")
            try:
                frame = parse_server_frame(text)
            except FrameError as error:
                log.debug("%s sent a frame that was ignored: %s", self._name, error)
                continue
            match frame:
                case AnnounceReply() if frame.info_hash == self._presence.swarm:
                    self._accept(frame)
                case OfferFrame() if frame.info_hash == self._presence.swarm:
                    reply = partial(self._reply, frame.peer_id, frame.offer_id)
                    self._dialer.offered(
                        frame.peer_id, frame.offer_id, frame.offer, reply, tracker=self._name
                    )
                case AnswerFrame() if frame.info_hash == self._presence.swarm:
                    self._dialer.answered(frame.peer_id, frame.offer_id, frame.answer)
                case Failure() if not self._replied.is_set():
                    reason = clean(frame.reason) or "it gave no reason"
                    raise TrackerFailed(f"The tracker at {self._name} refused: {reason}")
                case _:
                    log.debug("%s sent a frame nobody asked for", self._name)
        raise self._closed()

    def _accept(self, reply: AnnounceReply) -> None:
        t = self._timings
        self._interval = min(max(reply.interval, t.min_interval), t.max_interval)
        self._replied.set()
        self._on_accepted()

    async def _talk(self) -> None:
        await self._announce(Event.STARTED)
        try:
            async with asyncio.timeout(self._timings.reply):
                await self._replied.wait()
        except TimeoutError:
            raise TrackerFailed(f"The tracker at {self._name} does not answer.") from None
        if self._again:
            await self._announce(await self._occasion(min(self._interval, self._timings.repeat)))
        while True:
            await self._announce(await self._occasion(self._interval))

    async def _occasion(self, wait: float) -> Event:
        """Wait until an announce is due: the interval, `more_peers`, or a complete download."""
        clock = asyncio.get_running_loop().time
        announced = clock()
        while not self._completed:
            due = announced + (min(wait, self._spacing) if self._wanting else wait)
            if clock() >= due:
                if self._wanting:
                    self._wanting = False
                    self._spacing = min(self._spacing * 2, self._interval)
                return Event.UPDATE
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._wake.wait()
        self._completed = False
        return Event.COMPLETED

    async def _announce(self, event: Event) -> None:
        offers: list[SealedOffer] = []
        wanted = max(0, min(self._presence.offers, MAX_OFFERS, self._presence.wants_peers()))
        if event in (Event.STARTED, Event.UPDATE) and wanted:
            offers = await self._make_offers(wanted)
        uploaded, downloaded, left = self._presence.totals()
        await self._send(
            Announce(
                info_hash=self._presence.swarm,
                peer_id=self._presence.peer_id,
                uploaded=uploaded,
                downloaded=downloaded,
                left=left,
                event=event,
                numwant=wanted,
                offers=tuple(Offer(offer.offer_id, offer.description) for offer in offers),
                key=self._key,
            ),
        )

    async def _make_offers(self, count: int) -> list[SealedOffer]:
        # Two rounds are kept: the previous one may be in flight; older ones found no peer.
        old, self._offers = self._offers[:-count], self._offers[-count:]
        self._dialer.withdraw(old)
        try:
            offers = await self._dialer.make_offers(count)
        except ChannelFailed as problem:
            self._on_lame(problem)
            return []
        self._offers += [offer.offer_id for offer in offers]
        return offers

    async def _reply(self, peer_id: bytes, offer_id: bytes, answer: Description) -> None:
        await self._send(
            Answer(
                info_hash=self._presence.swarm,
                peer_id=self._presence.peer_id,
                to_peer_id=peer_id,
                offer_id=offer_id,
                answer=answer,
            ),
        )

    async def _send(self, frame: Announce | Answer) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            await self._socket.send(encode(frame))
        except ConnectionClosed:
            raise self._closed() from None

    def _closed(self) -> TrackerFailed:
        return TrackerFailed(f"The tracker at {self._name} closed the connection.")


async def _first_to_end(*work: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends; cancel the others, and raise its exception."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
