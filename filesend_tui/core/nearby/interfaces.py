"""The networks that this machine is connected to, and which announced addresses are on them.

Anybody on a network may announce anything. So nobody is connected to who is not on one of them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias

from relay.protocol.nearby import MAX_ADDRESSES, MAX_INTERFACES

IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

#: The shortest prefix of a network that counts: else an interface that leads everywhere, as some
#: tunnels' do, would make every address one of this machine's own networks.
_SHORTEST: Final = {4: 8, 6: 32}


class Here(NamedTuple):
    """This machine's place in its networks.

    interfaces: as zeroconf takes them, addresses of IPv4 and indexes of interfaces for IPv6.
    networks: that it is directly connected to. own: its addresses.
    """

    interfaces: tuple[str | int, ...]
    networks: tuple[IpNetwork, ...]
    own: frozenset[IpAddress]

    def url(self, addresses: Iterable[str], port: int) -> str | None:
        """Return the URL of a relay by the best of its addresses; None where none is usable.

        Args:
            addresses: IP addresses as text, a link-local one of IPv6 with the index of the
                interface as its zone; of more than MAX_ADDRESSES the first.
            port: Its port.
        """
        if not 0 < port < 65536:
            return None
        usable = [
            address
            for text, _ in zip(addresses, range(MAX_ADDRESSES), strict=False)
            if (address := self._usable(text)) is not None
        ]
        if not usable:
            return None
        best = min(usable, key=self._rank)
        return f"http://[{best}]:{port}" if best.version == 6 else f"http://{best}:{port}"

    def has(self, addresses: Iterable[str]) -> bool:
        """Return whether one of these, as `url` takes them, is on one of the networks."""
        some = zip(addresses, range(MAX_ADDRESSES), strict=False)
        return any(self._usable(text) is not None for text, _ in some)

    @property
    def told(self) -> tuple[IpAddress, ...]:
        """The addresses by which this machine is told of: those of its networks."""
        near = [each for each in self.own if any(each in network for network in self.networks)]
        return tuple(sorted(near, key=str)[:MAX_ADDRESSES])

    def _usable(self, text: str) -> IpAddress | None:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return None
        if isinstance(address, ipaddress.IPv6Address):
            if address.ipv4_mapped is not None:
                return None
            scope = address.scope_id or ""
            if address.is_link_local:
                # It means nothing without the interface that it was heard on.
                if not scope.isdecimal() or int(scope) not in self.interfaces:
                    return None
            elif scope:
                return None
        if address.is_loopback or address.is_multicast or address.is_unspecified:
            return None
        bare = ipaddress.ip_address(int(address)) if address.version == 4 else _bare(address)
        return address if any(_is_host(bare, network) for network in self.networks) else None

    def _rank(self, address: IpAddress) -> tuple[bool, bool, bool]:
        """Order addresses, best first.

        One that this machine has too may be that of another: a bridge of containers has the same
        one everywhere.
        """
        return address in self.own, address.version == 6, address.is_link_local


def here() -> Here:
    """Return where this machine is now; no interfaces where it has no network."""
    import ifaddr

    interfaces: dict[str | int, None] = {}
    networks: dict[IpNetwork, None] = {}
    own: set[IpAddress] = set()
    for adapter in ifaddr.get_adapters():
        for entry in adapter.ips:
            text = entry.ip if isinstance(entry.ip, str) else entry.ip[0]
            address = ipaddress.ip_address(text.partition("%")[0])
            if address.is_loopback or address.is_unspecified:
                continue
            own.add(address)
            where = str(address) if address.version == 4 else adapter.index
            if where is not None and len(interfaces) < MAX_INTERFACES:
                interfaces[where] = None
            if entry.network_prefix >= _SHORTEST[address.version]:
                networks[ipaddress.ip_network((address, entry.network_prefix), strict=False)] = None
    return Here(tuple(interfaces), tuple(networks), frozenset(own))


def _bare(address: IpAddress) -> ipaddress.IPv6Address:
    return ipaddress.IPv6Address(int(address))


def _is_host(address: IpAddress, network: IpNetwork) -> bool:
    """Return whether an address is that of one machine of a network."""
    if address.version != network.version or address not in network:
        return False
    return (
        address.version == 6
        or network.prefixlen >= 31
        or (address not in (network.network_address, network.broadcast_address))
    )
