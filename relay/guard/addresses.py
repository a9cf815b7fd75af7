"""The client's address: the remote address, or the one that a trusted proxy names.

And the networks under which it is counted. Pure. Headers of strangers are ignored, or anybody could
forge an address.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

#: HTTP headers as ASGI has them: names in lower case.
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_FORWARDED: Final = b"x-forwarded-for"
#: Headers that show that a request came by a proxy, whether that is trusted or not.
_BY_PROXY: Final = frozenset({_FORWARDED, b"forwarded", b"via", b"x-real-ip"})
# Prefixes under which an IPv6 address is counted, with their share: a machine commonly has a /64, a
# household a /56 and a company a /48 (RFC 6177). The share is the factor of an IPv4 address's
# bound: 65,536 times the addresses are not as many people.
_PREFIXES: Final = ((64, 1), (56, 2), (48, 8))


class Network(NamedTuple):
    """A network under which an address is counted.

    name: the IPv4 address, or the IPv6 prefix. share: how many times the bound of an address it
    has.
    """

    name: str
    share: int


@lru_cache(maxsize=20_000)
def networks(host: str) -> tuple[Network, ...]:
    """Return the networks under which a remote address is counted, the narrowest first.

    An IPv4 address is counted alone, even if mapped in IPv6; an IPv6 address by its /64, /56 and
    /48, as single addresses are free to a client. A text that is not an address counts as itself.
    """
    address = address_of(host)
    if address is None:
        return (Network(host, 1),)
    if isinstance(address, ipaddress.IPv4Address):
        return (Network(str(address), 1),)
    number = int(address)
    return tuple(
        Network(str(ipaddress.ip_network((number, length), strict=False)), share)
        for length, share in _PREFIXES
    )


def is_loopback(host: str) -> bool:
    """Return whether an address is a loopback address."""
    address = address_of(host)
    return address is not None and address.is_loopback


class Networks:
    """A set of addresses and networks, such as `10.0.0.0/8`.

    Raises:
        ValueError: One of them is neither.
    """

    def __init__(self, members: Sequence[str] = ()) -> None:
        self._members = tuple(ipaddress.ip_network(each) for each in members)

    def __contains__(self, host: str) -> bool:
        address = address_of(host)
        return address is not None and any(address in network for network in self._members)


class Proxies:
    """The trusted proxies. trusted: addresses or networks, such as `10.0.0.0/8`.

    Only `X-Forwarded-For` is read. Most proxies forward a stranger's `Forwarded` (RFC 7239)
    unchanged.

    Raises:
        ValueError: One of them is neither.
    """

    def __init__(self, trusted: Sequence[str] = ()) -> None:
        self._trusted = Networks(trusted)

    def trusts(self, host: str) -> bool:
        """Return whether this address is a trusted proxy's."""
        return host in self._trusted

    def client(self, peer: str, headers: Headers) -> str:
        """Return the address of the client that makes a request.

        peer: the remote address. Each proxy appends the address that it received the request from:
        so from the right, the first address that is not a trusted proxy's is the client's; any to
        the left of it are only the client's claims.
        """
        if not self.trusts(peer):
            return peer
        hops = b",".join(value for name, value in headers if name == _FORWARDED).split(b",")
        client = peer
        for hop in reversed(hops):
            address = address_of(hop.strip().decode("latin-1"))
            if address is None:
                break
            client = str(address)
            if not self.trusts(client):
                break
        return client

    def hides(self, peer: str, headers: Headers) -> bool:
        """Return whether a request came by an untrusted proxy: then its client is unknown."""
        return not self.trusts(peer) and any(name in _BY_PROXY for name, _ in headers)


def address_of(host: str) -> Address | None:
    """Parse an address, bare or as `192.0.2.1:80` and `[2001:db8::1]:80`; a mapped one as IPv4.

    None for a text that is none.
    """
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
