"""Which transports there are, and which of them one client uses: the one place that names them all.

How each works is its own package's; how several are tried at once is meeting/transport_race.py's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from filesend_tui.core.config import ClientConfig, RoadChoice
from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.base import Transport
from filesend_tui.core.transports.direct.transport import DirectTransport
from filesend_tui.core.transports.webrtc.transport import WebRtcTransport

#: The kinds by name, best first. Each makes a client's end of it, and raises ChannelFailed where
#: the settings force what is not to be had. Both sides of a pair prefer in this order.
KINDS: dict[str, Callable[[ClientConfig], Transport]] = {
    "direct": DirectTransport,
    "webrtc": WebRtcTransport,
}
#: The one that strangers speak in an open swarm: WebTorrent has no other.
OPEN: Final = "webrtc"

log = logging.getLogger(__name__)


class Transports:
    """One client's transports. Nothing listens or is loaded before it is used, or `warm`.

    Args:
        config: Which may be used, and their settings.

    Raises:
        ChannelFailed: The settings force what is not to be had.
    """

    def __init__(self, config: ClientConfig) -> None:
        def chosen(name: str) -> bool:
            return config.road in (RoadChoice.AUTO, name)

        made = [make(config) for name, make in KINDS.items() if name == OPEN or chosen(name)]
        self._all = tuple(each for each in made if each.hides_addresses or not config.relay_only)
        self._open = tuple(each for each in self._all if each.name == OPEN)
        # To hide behind a TURN server goes before the choice of a road that cannot.
        self._private = tuple(each for each in self._all if chosen(each.name)) or self._open

    def usable(self, *, private: bool) -> tuple[Transport, ...]:
        """Return what peers of a swarm are met by, best first. private: they are members of it."""
        return self._private if private else self._open

    async def warm(self, *, private: bool) -> None:
        """Make ready what a first attempt would wait for; may be called again.

        What fails here is told when it is needed. private: see `usable`.
        """
        results = await asyncio.gather(
            *(each.warm() for each in self.usable(private=private)), return_exceptions=True
        )
        for result in results:
            if isinstance(result, ChannelFailed):
                log.debug("a transport is not ready: %s", result)
            elif isinstance(result, BaseException):
                raise result

    async def close(self) -> None:
        """Give up every attempt and free everything; channels that were handed out stay open."""
        await asyncio.gather(*(each.close() for each in self._all))
