"""The host candidates that ICE offers: aioice's own choice, or loopback if there is no other.

aioice leaves 127.0.0.1 out of its host candidates, so on a machine without a network two processes
cannot connect. It has no setting for that; the one function from which it gets addresses is
wrapped here, once, and nothing else of it is ever patched.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Protocol

LOOPBACK: Final = "127.0.0.1"

log = logging.getLogger(__name__)


class HostAddresses(Protocol):
    """The function from which aioice gets this machine's addresses."""

    def __call__(self, use_ipv4: bool, use_ipv6: bool) -> list[str]:
        """Return the addresses of these families."""


def with_loopback_when_alone(
    addresses: Callable[[bool, bool], list[str]],
) -> HostAddresses:
    """Return `addresses` (use_ipv4, use_ipv6) with 127.0.0.1 in place of an empty result.

    Loopback is never offered beside a real address: aioice gives every host candidate the same
    priority. Relay-only connections never use host addresses.
    """

    def choose(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        found = addresses(use_ipv4, use_ipv6)
        return found or ([LOOPBACK] if use_ipv4 else found)

    return choose


def offer_loopback_when_alone() -> None:
    """Make aioice offer 127.0.0.1 on a machine that has no other address. Call only once."""
    from aioice import ice

    original = getattr(ice, "get_host_addresses", None)
    if original is None:
        log.warning("this aioice has no get_host_addresses: loopback is not offered")
        return
    ice.get_host_addresses = with_loopback_when_alone(original)
