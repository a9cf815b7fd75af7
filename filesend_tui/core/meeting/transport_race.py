"""One attempt to reach one peer by every road that both sides allow; the first good one wins.

WebRTC is there for all. Where only members read descriptions and both sides told where they listen,
a direct connection is tried at the same time: it opens sooner and carries more, so WebRTC waits a
moment for it, and is let go once it is there. How each road works is channels/'s.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final, TypeAlias

from filesend_tui.core.config import ClientConfig, RoadChoice
from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.meeting.signaling import Description
from filesend_tui.core.transports.direct.channel import DirectChannel
from filesend_tui.core.transports.direct.offer import BadDirectOffer, DirectOffer
from filesend_tui.core.transports.direct.road import DirectRoad
from filesend_tui.core.transports.webrtc import attempt as webrtc_attempt
from filesend_tui.core.transports.webrtc.attempt import WebRtcAttempt
from filesend_tui.core.transports.webrtc.webrtc import WebRtcChannel

#: Seconds that an open WebRTC channel waits for a direct one that is still on its way.
GRACE: Final = 0.4

OpenChannel: TypeAlias = WebRtcChannel | DirectChannel

log = logging.getLogger(__name__)


async def prepare(config: ClientConfig, road: DirectRoad | None) -> None:
    """Load what the roads that are allowed need, before the first offer.

    Raises:
        ChannelFailed: The settings force a road, or a kind of it, that is not to be had.
    """
    if not _only_direct(config, road):
        await webrtc_attempt.prepare(config)


class RoadAttempt:
    """Made by `offer` or `answer`; ends with `opened` or `close`.

    Attributes:
        description: What the peer must be told; "direct" stands in it where that road is offered.
        settled: The peer may have the channel already, so that giving this up would lose it.
    """

    def __init__(
        self, webrtc: WebRtcAttempt | None, road: DirectRoad | None, ours: DirectOffer | None
    ) -> None:
        self.description: Description = {}
        self.settled = False
        self._webrtc = webrtc
        self._road = road
        self._ours = ours
        self._direct: asyncio.Task[DirectChannel] | None = None
        self._opening: asyncio.Task[WebRtcChannel] | None = None
        self._handed_out: asyncio.Task[Any] | None = None

    @classmethod
    async def offer(cls, config: ClientConfig, road: DirectRoad | None) -> RoadAttempt:
        """Make an offer for a peer that is not known yet.

        Args:
            config: Which roads are allowed.
            road: Our end of the direct one; None in an open swarm, whose peers are strangers.

        Raises:
            ChannelFailed: No road that is allowed can be offered.
        """
        ours = await _our_half(config, road)
        webrtc = None if _only_direct(config, road) else await WebRtcAttempt.offer(config)
        attempt = cls(webrtc, road, ours)
        attempt._describe("offer")
        return attempt

    @classmethod
    async def answer(
        cls, offer: Description, config: ClientConfig, road: DirectRoad | None
    ) -> RoadAttempt:
        """Answer a peer's offer; see `offer`.

        Raises:
            ChannelFailed: The offer was refused, or no road that is allowed can be answered.
        """
        ours = await _our_half(config, road) if "direct" in offer else None
        attempt = cls(None, road, ours)
        attempt._meet(offer, chooses=True)
        if attempt._direct is None and _only_direct(config, road):
            raise ChannelFailed("A peer does not offer to be reached directly.")
        try:
            if offer.get("sdp") and not _only_direct(config, road):
                attempt._webrtc = await WebRtcAttempt.answer(offer, config)
        except ChannelFailed:
            if attempt._direct is None:
                raise
            log.debug("an offer is answered for the direct road alone")
        except BaseException:
            await attempt.close()
            raise
        if attempt._direct is None and attempt._webrtc is None:
            raise ChannelFailed("A peer offers no road that is allowed here.")
        attempt._describe("answer")
        return attempt

    async def accept(self, answer: Description) -> None:
        """Take the peer's answer to our offer; `opened` tells how it went.

        Raises:
            ChannelFailed: It was refused; the attempt is closed.
        """
        self._meet(answer, chooses=False)
        if self._webrtc is None:
            if self._direct is None:
                raise ChannelFailed("A peer does not want to be reached directly.")
            return
        try:
            if answer.get("sdp"):
                await self._webrtc.accept(answer)
            else:
                await self._drop_webrtc()
        except ChannelFailed:
            if self._direct is None:
                raise
            await self._drop_webrtc()
        if self._webrtc is None and self._direct is None:
            raise ChannelFailed("A peer answered no road.")

    async def opened(self, timeout: float) -> OpenChannel:
        """Wait for the channel; the caller closes it.

        Raises:
            ChannelFailed: The peer could not be reached by any road.
        """
        if self._direct is None:
            assert self._webrtc is not None
            return await self._webrtc.opened(timeout)
        if self._webrtc is None:
            channel = await self._direct
            self._handed_out = self._direct
            return channel
        return await self._race(self._webrtc, self._direct, timeout)

    def abandon(self) -> None:
        """Choose no connection from now on; `close` frees what there is."""
        if self._direct is not None:
            self._direct.cancel()

    async def close(self) -> None:
        """Give it up and free everything; an open channel that was handed out stays open."""
        for task in (self._direct, self._opening):
            if task is not None and task is not self._handed_out:
                await _let_go(task)
        if self._webrtc is not None:
            await self._webrtc.close()

    async def _race(
        self, webrtc: WebRtcAttempt, direct: asyncio.Task[DirectChannel], timeout: float
    ) -> OpenChannel:
        opening = self._opening = asyncio.create_task(webrtc.opened(timeout))
        await asyncio.wait({opening, direct}, return_when=asyncio.FIRST_COMPLETED)
        if not direct.done():
            # Where WebRTC failed there is nothing to hurry for.
            await asyncio.wait({direct}, timeout=timeout if opening.exception() else GRACE)
        # At once: the peer has this one already. Letting go of the other is `close`'s.
        if direct.done() and not direct.cancelled() and direct.exception() is None:
            self._handed_out = direct
            return direct.result()
        channel = await opening
        self._handed_out = opening
        return channel

    def _meet(self, theirs: Description, *, chooses: bool) -> None:
        """Begin to look for the peer on the direct road, where it told us how.

        Whoever answers chooses, and so has the channel first, as with WebRTC: two that offered to
        each other come to the same one by that (see glare.py).
        """
        text = theirs.get("direct")
        if text is None or self._ours is None or self._road is None:
            return
        try:
            offer = DirectOffer.decode(text)
        except BadDirectOffer:
            log.debug("a direct offer makes no sense")
            return
        self._direct = asyncio.create_task(
            self._road.meet(self._ours, offer, chooses=chooses, chosen=self._settle)
        )

    def _settle(self) -> None:
        self.settled = True

    async def _drop_webrtc(self) -> None:
        webrtc, self._webrtc = self._webrtc, None
        if webrtc is not None:
            await webrtc.close()

    def _describe(self, kind: str) -> None:
        self.description = {"type": kind, "sdp": ""}
        if self._webrtc is not None:
            self.description |= self._webrtc.description
        if self._ours is not None:
            self.description["direct"] = self._ours.encode()


def _only_direct(config: ClientConfig, road: DirectRoad | None) -> bool:
    return road is not None and config.road is RoadChoice.DIRECT


async def _our_half(config: ClientConfig, road: DirectRoad | None) -> DirectOffer | None:
    if road is None or config.road is RoadChoice.WEBRTC:
        return None
    try:
        await road.start()
    except ChannelFailed:
        if config.road is RoadChoice.DIRECT:
            raise
        log.debug("the direct road cannot be offered", exc_info=True)
        return None
    return road.offer()


async def _let_go(task: asyncio.Task[Any]) -> None:
    """Close a channel that nobody needs, whether or not it is open yet."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled() and task.exception() is None:
        await task.result().close()
