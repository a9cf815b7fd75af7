"""The list of all transports, and the choice of those that one client uses.

How each works is its own package's; trying several at once is meeting/transport_race.py's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import msgspec

from filesend_tui.core.config import ClientConfig, RoadChoice
from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.base import RelayAccess, Transport
from filesend_tui.core.transports.clues import Clue
from filesend_tui.core.transports.direct.transport import DirectTransport
from filesend_tui.core.transports.relayed.transport import RelayedTransport
from filesend_tui.core.transports.webrtc.transport import WebRtcTransport

#: The kinds by name, best first. Each makes a client's end of it, of its settings, and raises
#: ChannelFailed if these force something unavailable. Both sides of a pair prefer in this order.
KINDS: dict[str, Callable[[ClientConfig], Transport]] = {
    "direct": DirectTransport,
    "webrtc": WebRtcTransport,
    "relayed": RelayedTransport,
}
#: The only one used in an open swarm: WebTorrent supports no other.
OPEN: Final = "webrtc"

log = logging.getLogger(__name__)


class Transports:
    """One client's transports, for all its partners: what each of these may use, `by` tells.

    Nothing listens or is imported before its first use, or `warm`.

    Args:
        config: Which may be used, and their settings.

    Raises:
        ChannelFailed: The settings force something unavailable.
    """

    def __init__(self, config: ClientConfig) -> None:
        def chosen(name: str) -> bool:
            return config.road in (RoadChoice.AUTO, name)

        made = [make(config) for name, make in KINDS.items() if name == OPEN or chosen(name)]
        self._all = tuple(each for each in made if each.hides_addresses or not config.relay_only)
        self._open = tuple(each for each in self._all if each.name == OPEN)
        # relay_only takes precedence over the choice of a road that does not support it.
        self._private = tuple(each for each in self._all if chosen(each.name)) or self._open
        self._by_proxy = self._private
        if config.road is RoadChoice.AUTO:
            # One of its own: it waits for no other.
            alone = msgspec.structs.replace(config, road=RoadChoice.RELAYED)
            self._by_proxy = (RelayedTransport(alone),)
            self._all += self._by_proxy
        #: All kinds, best first.
        self.order = tuple(KINDS)
        shows = {each.name for each in made if each not in self._all}
        used = {each.name for each in self._private}
        self._left_out = {
            name: Clue.SHOWS_ADDRESS_HERE if name in shows else Clue.LEFT_OUT_HERE
            for name in self.order
            if name not in used
        }

    def by(self, relay: RelayAccess) -> Roads:
        """Return what may be used where `relay` is the one that the partner is met at."""
        return Roads(self, relay)

    def usable(self, *, private: bool, proxied: bool) -> tuple[Transport, ...]:
        """Return the transports for a swarm, best first.

        Args:
            private: Whether it is a private one.
            proxied: Whether its relay is reached by a proxy. Then a partner is only reached through
                that relay, unless the settings chose a road: all others would go around the proxy.
        """
        if not private:
            return self._open
        return self._by_proxy if proxied else self._private

    def left_out(self, *, proxied: bool) -> dict[str, Clue]:
        """Return the kinds that this machine leaves out of private swarms, and why."""
        if proxied and len(self._by_proxy) < len(self._private):
            used = {each.name for each in self._by_proxy}
            return {name: Clue.PROXY_HERE for name in self.order if name not in used}
        return dict(self._left_out)

    async def close(self) -> None:
        """Cancel every attempt and free everything; channels that were handed out stay open."""
        await asyncio.gather(*(each.close() for each in self._all))


class Roads:
    """A client's transports as one partner may be reached by them; holds nothing itself.

    Args:
        transports: The client's.
        relay: The one that the channels may use; whether a proxy leads to it is asked each time.
    """

    def __init__(self, transports: Transports, relay: RelayAccess) -> None:
        self._transports = transports
        self.relay = relay
        #: All kinds, best first.
        self.order = transports.order

    def usable(self, *, private: bool) -> tuple[Transport, ...]:
        """Return the transports for a swarm, best first. private: whether it is a private one."""
        return self._transports.usable(private=private, proxied=self.relay.proxied)

    @property
    def left_out(self) -> dict[str, Clue]:
        """The kinds that this machine leaves out of private swarms, and why."""
        return self._transports.left_out(proxied=self.relay.proxied)

    async def warm(self, *, private: bool) -> None:
        """Prepare what a first attempt would wait for; idempotent.

        A failure is only logged: the first attempt raises it again. private: see `usable`.
        """
        results = await asyncio.gather(
            *(each.warm() for each in self.usable(private=private)), return_exceptions=True
        )
        for result in results:
            if isinstance(result, ChannelFailed):
                log.debug("a transport is not ready: %s", result)
            elif isinstance(result, BaseException):
                raise result
