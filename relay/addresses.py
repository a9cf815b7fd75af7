"""Whose connection it is: the address that speaks to us, or the one that a trusted proxy names.

Pure. A header of a stranger counts for nothing, or everybody could be anybody.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from relay.limits import address_key

#: HTTP headers as ASGI has them: names in lower case.
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]
_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_FORWARDED = b"x-forwarded-for"


class Proxies:
    """The proxies that are believed. trusted: addresses or networks, such as `10.0.0.0/8`.

    Only `X-Forwarded-For` is read. Most proxies pass a stranger's `Forwarded` (RFC 7239) on as it
    came.

    Raises:
        ValueError: One of them is neither.
    """

    def __init__(self, trusted: Sequence[str] = ()) -> None:
        self._trusted = tuple(ipaddress.ip_network(each) for each in trusted)

    def trusts(self, host: str) -> bool:
        """Whether this address is a proxy's that is believed."""
        address = _parsed(host)
        return address is not None and any(address in network for network in self._trusted)

    def client(self, peer: str, headers: Headers) -> str:
        """Return what a request is counted under (see `address_key`).

        peer: the address that is connected. Each proxy adds at the right whom it heard from: so
        from the right, the first address that is no trusted proxy is the client; what stands left
        of it is only what the client says.
        """
        if not self.trusts(peer):
            return address_key(peer)
        hops = b",".join(value for name, value in headers if name == _FORWARDED).split(b",")
        client = peer
        for hop in reversed(hops):
            address = _parsed(hop.strip().decode("latin-1"))
            if address is None:
                break
            client = str(address)
            if not self.trusts(client):
                break
        return address_key(client)


def _parsed(host: str) -> _Address | None:
    """Read an address, bare or as `192.0.2.1:80` and `[2001:db8::1]:80`."""
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
