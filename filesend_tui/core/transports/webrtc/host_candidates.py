"""Which addresses of this machine ICE offers: aioice's own choice, and loopback where it is alone.

aioice leaves 127.0.0.1 out of its host candidates, so on a machine without a network two processes
find no way to each other. It has no setting for that; the one function it asks for addresses is
wrapped here, once, and nothing else of it is ever touched.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Protocol

LOOPBACK: Final = "127.0.0.1"

log = logging.getLogger(__name__)


class HostAddresses(Protocol):
    """How aioice asks for this machine's addresses."""

    def __call__(self, use_ipv4: bool, use_ipv6: bool) -> list[str]:
        """Return those of these families."""


def with_loopback_when_alone(
    addresses: Callable[[bool, bool], list[str]],
) -> HostAddresses:
    """Return `addresses` (use_ipv4, use_ipv6) with 127.0.0.1 in place of an empty answer.

    A real address always wins because loopback is not even offered beside one: aioice gives every
    host candidate the same priority. Relay-only connections never ask for host addresses.
    """

    def choose(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        found = addresses(use_ipv4, use_ipv6)
        return found or ([LOOPBACK] if use_ipv4 else found)

    return choose


def offer_loopback_when_alone() -> None:
    """Make aioice offer 127.0.0.1 on a machine that has no other address. Call it once."""
    from aioice import ice

    original = getattr(ice, "get_host_addresses", None)
    if original is None:
        log.warning("this aioice has no get_host_addresses: loopback is not offered")
        return
    ice.get_host_addresses = with_loopback_when_alone(original)
