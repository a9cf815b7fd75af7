"""The direct road's offer: where one side listens, and its certificate.

A short text inside a sealed description (docs/protocol.md). A partner's text is untrusted until it
is validated here: this machine will connect to its addresses.
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Iterable, Sequence
from typing import Annotated, Final, NamedTuple, TypeAlias

import msgspec

from filesend_tui.core.transports.tls.identity import MAX_CERTIFICATE

#: Longest text, in characters.
MAX_TEXT: Final = 2048
#: Most addresses that are sent, and tried.
MAX_ADDRESSES: Final = 16
#: Most addresses at which to dial a partner from the listening port: of IPv4 and IPv6.
MAX_OUTSIDE: Final = 4
#: Most ports that a router may give next.
MAX_NEXT: Final = 8
#: Bytes of a ticket, which identifies the offer that a connection belongs to.
TICKET: Final = 16
#: This machine's own addresses, of IPv4 and IPv6.
LOOPBACK: Final = ("127.0.0.1", "::1")

IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


class BadDirectOffer(ValueError):
    """A text that is not a direct offer."""


class Endpoint(NamedTuple):
    """A listening address. host: an IP address as text."""

    host: str
    port: int


class DirectOffer(NamedTuple):
    """One side's half. ticket: TICKET random bytes. certificate: DER.

    endpoints: where it listens. outside: where routers and firewalls may let in who is dialled
    from there at the same time. next_ports: under which a router that counts up may show the next
    connections, at the first outside address of IPv4.
    """

    ticket: bytes
    certificate: bytes
    endpoints: tuple[Endpoint, ...]
    outside: tuple[Endpoint, ...] = ()
    next_ports: tuple[int, ...] = ()

    @property
    def doors(self) -> tuple[Endpoint, ...]:
        """Where to dial from a listening port: `outside`, and before it the ports that come next.

        In this order two whose routers both count up dial each other's N-th port by their own N-th.
        """
        v4 = next((each.host for each in self.outside if ":" not in each.host), None)
        guessed = () if v4 is None else (Endpoint(v4, port) for port in self.next_ports)
        return tuple(dict.fromkeys((*guessed, *self.outside)))

    def encode(self) -> str:
        """Return it as text; of more than MAX_ADDRESSES endpoints the first."""
        wire = _Wire(
            t=base64.b64encode(self.ticket).decode(),
            c=base64.b64encode(self.certificate).decode(),
            a=[(host, port) for host, port in self.endpoints[:MAX_ADDRESSES]],
            o=[(host, port) for host, port in self.outside[:MAX_OUTSIDE]],
            n=list(self.next_ports[:MAX_NEXT]),
        )
        return msgspec.json.encode(wire).decode()

    @classmethod
    def decode(cls, text: str) -> DirectOffer:
        """Parse a partner's text; leave out endpoints that must not be connected to.

        Raises:
            BadDirectOffer: It is something else, or too long.
        """
        if len(text) > MAX_TEXT:
            raise BadDirectOffer("it is too long")
        try:
            wire = _decoder.decode(text)
            ticket = base64.b64decode(wire.t, validate=True)
            certificate = base64.b64decode(wire.c, validate=True)
        except (msgspec.DecodeError, ValueError) as error:
            raise BadDirectOffer("it makes no sense") from error
        if len(ticket) != TICKET or not 0 < len(certificate) <= MAX_CERTIFICATE:
            raise BadDirectOffer("it makes no sense")
        ways = _endpoints(wire.a), _endpoints(wire.o), tuple(wire.n)
        return cls(ticket, certificate, *ways)


_Port: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=65535)]
_Pair: TypeAlias = tuple[Annotated[str, msgspec.Meta(max_length=45)], _Port]


class _Wire(msgspec.Struct, frozen=True, omit_defaults=True):
    """The JSON: t, ticket; c, certificate (both base64); a and o, addresses and ports; n, ports."""

    t: str
    c: str
    a: Annotated[list[_Pair], msgspec.Meta(max_length=MAX_ADDRESSES)]
    o: Annotated[list[_Pair], msgspec.Meta(max_length=MAX_OUTSIDE)] = []
    n: Annotated[list[_Port], msgspec.Meta(max_length=MAX_NEXT)] = []


_decoder: Final = msgspec.json.Decoder(_Wire)


def _endpoints(pairs: Iterable[tuple[str, int]]) -> tuple[Endpoint, ...]:
    return tuple(
        dict.fromkeys(
            Endpoint(str(address), port) for host, port in pairs if (address := address_of(host))
        )
    )


def address_of(host: str) -> IpAddress | None:
    """Return an address that one machine may have, or None.

    Link-local ones need an interface, and some of them are metadata services of cloud machines.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return None
        address = address.ipv4_mapped or address
    unusable = (
        address.is_multicast
        or address.is_unspecified
        or address.is_link_local
        or (isinstance(address, ipaddress.IPv4Address) and (address.is_reserved))
    )
    return None if unusable else address


def own_addresses() -> list[str]:
    """Return this machine's addresses that another may reach, best first.

    127.0.0.1 and ::1 only if it has no other: two processes on it can connect in no other way then.
    """
    import ifaddr

    found: list[IpAddress] = []
    for adapter in ifaddr.get_adapters():
        for entry in adapter.ips:
            text = entry.ip if isinstance(entry.ip, str) else entry.ip[0]
            if (address := address_of(text)) and address not in found:
                found.append(address)
    elsewhere = [address for address in found if not address.is_loopback]
    return [str(address) for address in _spread(elsewhere or found)][:MAX_ADDRESSES]


def plausible(theirs: Iterable[Endpoint], ours: Sequence[str]) -> list[Endpoint]:
    """Return the endpoints at which to try a partner.

    A loopback address is this machine's own, so it is tried only if we offer no other of our own:
    no partner elsewhere may direct us to the services of this machine.

    Args:
        theirs: The partner's endpoints.
        ours: own_addresses(), or LOOPBACK if all partners are on this machine.
    """
    alone = all(ipaddress.ip_address(own).is_loopback for own in ours)
    return [
        endpoint
        for endpoint in theirs
        if alone or not ipaddress.ip_address(endpoint.host).is_loopback
    ]


def _spread(addresses: Sequence[IpAddress]) -> list[IpAddress]:
    """Interleave IPv6 and IPv4 (RFC 8305), so that both are among the first."""
    turns = {4: 0, 6: 0}

    def turn(address: IpAddress) -> tuple[int, int]:
        turns[address.version] += 1
        return turns[address.version], address.version

    return sorted(addresses, key=turn)
