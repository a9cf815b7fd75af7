"""Relays nearby, as somebody there announced them.

Whether one of them is what it says is never known here: who connects finds out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from filesend_tui.core.nearby.announced import Announced
from filesend_tui.core.nearby.interfaces import Here
from filesend_tui.core.nearby.looking import Looking
from relay.protocol import nearby


class NearbyRelay(NamedTuple):
    """A relay on a network of this machine.

    url: `http://address:port`. instance: the random name of its announcement.
    """

    url: str
    instance: str


class NearbyRelays(Looking[NearbyRelay]):
    """Relays nearby that can be connected to; what is called with what is told is Looking's."""

    def __init__(
        self,
        found: Callable[[NearbyRelay], None],
        gone: Callable[[NearbyRelay], None],
        own: Callable[[], str] = str,
    ) -> None:
        super().__init__(nearby.SERVICE_TYPE, relay_in, found, gone, own)


def relay_in(instance: str, said: Announced, here: Here) -> NearbyRelay | None:
    """Return the relay of an announcement; None where it is of another version, or not near."""
    if said.facts.get(nearby.VERSION_KEY.encode()) != nearby.VERSION.encode():
        return None
    url = here.url(said.addresses, said.port)
    return NearbyRelay(url, instance) if url is not None else None
