"""The direct road as a Transport: its offers as texts, and meetings as attempts.

Connecting the two ends is road.py's.
"""

from __future__ import annotations

import asyncio

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import ChannelFailed, FileSendError
from filesend_tui.core.transports.base import RELAY_TIMEOUT, Attempt, RelayAccess, Transport
from filesend_tui.core.transports.clues import Clue
from filesend_tui.core.transports.direct.obstacles import obstacles
from filesend_tui.core.transports.direct.offer import BadDirectOffer, DirectOffer
from filesend_tui.core.transports.direct.road import DirectRoad
from filesend_tui.core.transports.tls.attempt import TaskAttempt


class DirectAttempt(TaskAttempt):
    """One meeting on the direct road.

    Args:
        road: Started.
    """

    def __init__(self, road: DirectRoad) -> None:
        super().__init__("A peer could not be reached directly.")
        self._road = road
        self._ours = road.offer()
        self._theirs: DirectOffer | None = None
        self._dialled: set[Clue] = set()
        self.text = self._ours.encode()
        self.port = road.fixed_port

    @property
    def clues(self) -> frozenset[Clue]:
        """See Attempt."""
        if self._theirs is None:
            return frozenset()
        return obstacles(self._ours, self._theirs) | self._dialled

    async def accept(self, text: str) -> None:
        """See Attempt."""
        self.meet(_decoded(text), chooses=False)

    def meet(self, theirs: DirectOffer, *, chooses: bool) -> None:
        """Start to reach the partner. chooses: see DirectRoad.meet."""
        self._theirs = theirs
        self.begin(
            self._road.meet(
                self._ours,
                theirs,
                chooses=chooses,
                chosen=self.settle,
                failed=self._dialled.add,
            )
        )


class DirectTransport(Transport):
    """TLS over TCP between two machines of which one can reach the other.

    Args:
        config: Where to listen.
        road: The client's end of it; made from the settings if None.
    """

    name = "direct"
    lasting = True
    hint = "Let one side be reached at its direct_port, or allow WebRTC with --road auto."

    def __init__(self, config: ClientConfig, *, road: DirectRoad | None = None) -> None:
        self._told_by: RelayAccess | None = None
        self.road = road or DirectRoad(
            port=config.direct_port, mapping=config.port_mapping, local=config.local
        )

    async def warm(self) -> None:
        """Make the certificate, and listen. Raises ChannelFailed."""
        await self.road.start()

    async def offer(self, relay: RelayAccess) -> Attempt:
        """See Transport."""
        await self.road.start()
        await self._look_outside(relay)
        return DirectAttempt(self.road)

    async def answer(self, text: str, relay: RelayAccess) -> Attempt:
        """See Transport."""
        theirs = _decoded(text)
        await self.road.start()
        await self._look_outside(relay)
        attempt = DirectAttempt(self.road)
        attempt.meet(theirs, chooses=True)
        return attempt

    async def _look_outside(self, relay: RelayAccess) -> None:
        """Learn where connections from the listening port come from, where that may be outdated.

        What the relay of one session says is in no offer of another: it may be a lie.
        """
        if self._told_by is not relay:
            self.road.forget_outside()
            self._told_by = relay
        if not self.road.outside_is_due:
            return
        try:
            async with asyncio.timeout(RELAY_TIMEOUT):
                entry = await relay()
        except (FileSendError, TimeoutError):
            return
        await self.road.look_outside(entry.reflect)

    async def close(self) -> None:
        """Stop listening and cancel every meeting."""
        await self.road.close()


def _decoded(text: str) -> DirectOffer:
    try:
        return DirectOffer.decode(text)
    except BadDirectOffer:
        raise ChannelFailed("A peer's direct offer makes no sense.") from None
