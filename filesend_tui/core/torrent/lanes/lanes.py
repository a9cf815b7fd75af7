"""The lanes to one peer: offered, answered, opened, and closed where they do not help.

Only FileSend peers have any (fs_lane). Offers and answers go over the peer's own channel; the side
that downloads offers, and how many there should be is lane_count.py's. The data on one is
lane.py's. To every other module a peer with lanes is one peer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final, NamedTuple, Protocol

from filesend_tui.core.errors import ChannelFailed, FileSendError
from filesend_tui.core.torrent.drop_reasons import WhyDropped
from filesend_tui.core.torrent.lanes.lane import Lane, LaneHost
from filesend_tui.core.torrent.lanes.lane_count import MOST_LANES, LaneCount
from filesend_tui.core.transports.base import Channel, ChannelAbused, RelayAccess, Transport
from filesend_tui.core.util.tasks import Tasks
from filesend_tui.core.wire.errors import WireError
from filesend_tui.core.wire.lane_messages import (
    LaneAnswer,
    LaneMessage,
    LaneOffer,
    LanePing,
    LanePong,
    LaneRefusal,
)

#: Most lanes of one torrent, whatever the number of peers: each has a socket and a handshake.
MOST_OF_A_TORRENT: Final = 30
#: Seconds between two decisions on how many there should be.
LOOK: Final = 0.25
#: Seconds between two measurements of the round trip, and how many come first, LOOK apart: a
#: program that is just starting may be too busy to answer the first at once.
PING: Final = 5.0
FIRST_PINGS: Final = 4
#: Seconds that the peer has to answer an offer.
ANSWER_TIMEOUT: Final = 20.0

log = logging.getLogger(__name__)


class LaneRoom:
    """Room for the lanes of one torrent. free: how many more there may be."""

    def __init__(self) -> None:
        self.free = MOST_OF_A_TORRENT


class LaneRoad(NamedTuple):
    """How to make lanes to a peer: as its own channel was. room: shared with other peers."""

    transport: Transport
    relay: RelayAccess
    room: LaneRoom


class LanesHost(LaneHost, Protocol):
    """The peer that the lanes go to."""

    @property
    def channel(self) -> Channel:
        """Its own channel."""

    @property
    def received(self) -> int:
        """Bytes of blocks received from it so far."""

    @property
    def held_up(self) -> bool:
        """Whether blocks are in flight, and only the peer and the path to it bound their rate."""

    def send_lane_message(self, message: LaneMessage) -> None:
        """Send it a message of fs_lane."""

    def lane_broke(self) -> None:
        """Request again what may have been lost on a lane."""

    def stop(self, reason: WhyDropped) -> None:
        """Disconnect it: it sent anything but requested blocks on a lane."""


class Lanes:
    """The lanes to one peer.

    Args:
        host: The peer.
        road: How their channels are made.
        clock: Seconds, monotonic.
    """

    def __init__(self, host: LanesHost, road: LaneRoad, *, clock: Callable[[], float]) -> None:
        self._host = host
        self._transport, self._relay, self._room = road
        self._clock = clock
        self._count = LaneCount()
        #: Lanes that this side offered, oldest first, and those that the peer offered.
        self._ours: list[Lane] = []
        self._theirs: list[Lane] = []
        self._offers: dict[int, asyncio.Future[str]] = {}
        self._opening = 0
        self._answering = 0
        self._next_number = 0
        self._pinged: float | None = None
        self.round_trip: float | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._tasks = Tasks(_broke)

    @property
    def count(self) -> int:
        """How many lanes are open."""
        return len(self._ours) + len(self._theirs)

    def begin(self) -> None:
        """Start to decide on lanes, as the peer takes them; idempotent."""
        if self._keeper is None:
            self._keeper = self._tasks.spawn(self._keep())

    def wake(self) -> None:
        """Wake the writers: there may be blocks to send."""
        for lane in (*self._ours, *self._theirs):
            lane.wake()

    async def close(self) -> None:
        """Close every lane."""
        await self._tasks.cancel()

    def heard(self, message: LaneMessage) -> None:
        """Handle a message of fs_lane."""
        match message:
            case LanePing(number):
                self._host.send_lane_message(LanePong(number))
            case LanePong() if self._pinged is not None:
                took = self._clock() - self._pinged
                self._pinged = None
                self.round_trip = min(took, self.round_trip or took)
            case LaneOffer(number, text):
                if self._answering + len(self._theirs) < MOST_LANES and self._room.free > 0:
                    self._answering += 1
                    self._claim(self._answer(number, text))
                else:
                    self._host.send_lane_message(LaneRefusal(number))
            case LaneAnswer(number, text) if self._is_waited_for(number):
                self._offers.pop(number).set_result(text)
            case LaneRefusal(number) if self._is_waited_for(number):
                self._offers.pop(number).set_exception(ChannelFailed("A lane was refused."))

    def _is_waited_for(self, number: int) -> bool:
        # An offer that timed out is listed until its task has run.
        return number in self._offers and not self._offers[number].done()

    async def _keep(self) -> None:
        """Measure the round trip; open and close lanes as LaneCount decides."""
        next_ping = 0.0
        pings = 0
        while True:
            now = self._clock()
            if now >= next_ping or (pings < FIRST_PINGS and self._pinged is None):
                pings += 1
                next_ping = now + PING
                self._pinged = now
                self._host.send_lane_message(LanePing(0))
            wanted = self._count.wanted(
                now,
                received=self._host.received,
                busy=self._host.held_up,
                lanes=len(self._ours),
                round_trip=self.round_trip,
            )
            for _ in range(min(wanted - len(self._ours) - self._opening, self._room.free)):
                self._offer()
            for lane in self._ours[wanted:]:
                lane.retire()
            await asyncio.sleep(LOOK)

    def _offer(self) -> None:
        number = self._next_number
        self._next_number += 1
        answer = self._offers[number] = asyncio.get_running_loop().create_future()
        self._opening += 1
        self._claim(self._open(number, answer))

    async def _open(self, number: int, answer: asyncio.Future[str]) -> None:
        try:
            channel = await self._connect(number, answer)
            await self._run(Lane(channel, self._host), self._ours)
        except (ChannelFailed, TimeoutError) as failure:
            log.debug("a lane did not open: %s", failure)

    async def _connect(self, number: int, answer: asyncio.Future[str]) -> Channel:
        attempt = None
        try:
            attempt = await self._transport.offer(self._relay)
            self._host.send_lane_message(LaneOffer(number, attempt.text))
            await attempt.accept(await asyncio.wait_for(answer, ANSWER_TIMEOUT))
            return await attempt.opened()
        finally:
            self._opening -= 1
            self._offers.pop(number, None)
            if attempt is not None:
                await attempt.close()

    async def _answer(self, number: int, text: str) -> None:
        try:
            channel = await self._take(number, text)
        except ChannelFailed as failure:
            log.debug("a lane was not answered: %s", failure)
            self._host.send_lane_message(LaneRefusal(number))
            return
        finally:
            self._answering -= 1
        await self._run(Lane(channel, self._host), self._theirs)

    async def _take(self, number: int, text: str) -> Channel:
        attempt = await self._transport.answer(text, self._relay)
        try:
            self._host.send_lane_message(LaneAnswer(number, attempt.text))
            return await attempt.opened()
        finally:
            await attempt.close()

    async def _run(self, lane: Lane, among: list[Lane]) -> None:
        among.append(lane)
        whole = False
        try:
            whole = await lane.run()
        except WireError as error:
            self._host.stop(error.reason)
        except ChannelAbused as error:
            self._host.stop(error.abuse)
        except FileSendError as error:
            log.debug("a lane ended: %s", error)
        finally:
            among.remove(lane)
        if not whole:
            self._count.broke(self._clock())
            self._host.lane_broke()

    def _claim(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a lane from its offer to its end; it takes one of the free ones meanwhile."""
        self._room.free -= 1
        self._tasks.spawn(work).add_done_callback(self._give_back)

    def _give_back(self, _task: asyncio.Task[None]) -> None:
        self._room.free += 1


def _broke(error: BaseException) -> None:
    log.error("a fault of this program ended a lane", exc_info=error)
