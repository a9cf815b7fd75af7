"""Which TURN servers of a relay this client asks: a relay is not trusted, and could name any host.

A server must be no nearer than the relay itself: on this machine only where the relay is named by a
loopback address, in a private network only where the relay is in one. Else a relay on the internet
could have packets sent to what only this machine reaches. Which of them works is turn.py's.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable
from enum import IntEnum
from typing import TypeAlias
from urllib.parse import urlsplit

from filesend_tui.core.config import IceServer
from filesend_tui.core.transports.base import RELAY_TIMEOUT, RelayEntry
from filesend_tui.core.transports.webrtc.turn import Server
from filesend_tui.core.util.hosts import is_address
from filesend_tui.core.util.proxies import is_loopback_host
from relay.protocol.turn import TurnUrl, parse_turn_url

#: Returns the addresses of a host by name; raises OSError.
Lookup: TypeAlias = Callable[[str], Awaitable[list[str]]]

log = logging.getLogger(__name__)


class Place(IntEnum):
    """Where an address is, the nearest first."""

    MACHINE = 0
    NETWORK = 1
    INTERNET = 2


async def lookup(host: str) -> list[str]:
    """Return the addresses of a host. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    return [str(each[4][0]) for each in found]


def place_of(address: str) -> Place | None:
    """Return where an IP address is; None for one that no server has: multicast, link-local."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    if parsed.is_loopback:
        return Place.MACHINE
    # Link-local is also where clouds tell a machine its secrets.
    if parsed.is_multicast or parsed.is_unspecified or parsed.is_link_local:
        return None
    return Place.INTERNET if parsed.is_global else Place.NETWORK


async def place_of_relay(host: str, find: Lookup = lookup) -> Place:
    """Return where a relay is; on this machine only if it is named by a loopback address.

    A name could mean another address the next time: so it never means this machine.
    """
    if is_loopback_host(host):
        return Place.MACHINE
    if (place := place_of(host)) is not None:
        return place
    try:
        places = [place_of(each) for each in await find(host)]
    except OSError:
        return Place.INTERNET
    return Place.NETWORK if places and Place.INTERNET not in places else Place.INTERNET


async def servers_of(entry: RelayEntry, find: Lookup = lookup) -> list[Server]:
    """Return the TURN servers of a relay that may be asked, with the login that it gave.

    A host's name is looked up once, and what is connected to is what was found; but with TLS the
    name, whose certificate whoever answers must have.
    """
    if entry.turn is None:
        return []
    relay = urlsplit(f"//{entry.address}").hostname or ""
    vetted = await asyncio.gather(*(_vetted(url, relay, find) for url in entry.turn.urls))
    login = entry.turn
    return [
        Server(IceServer(urls=_url(at), username=login.username, credential=login.credential), at)
        for at in vetted
        if at is not None
    ]


async def _vetted(url: str, relay: str, find: Lookup) -> TurnUrl | None:
    """Return where to ask a server; None where it may not be asked, or is unknown."""
    try:
        at = parse_turn_url(url)
        async with asyncio.timeout(RELAY_TIMEOUT):
            found = [at.host] if is_address(at.host) else await find(at.host)
            nearest = min(map(_certain_place, found), default=Place.INTERNET)
            if nearest < Place.INTERNET and nearest < await place_of_relay(relay, find):
                raise ValueError("it is nearer than the relay")
    except (ValueError, OSError) as refusal:  # a timeout is an OSError
        log.debug("a TURN server of the relay is not asked: %s", refusal)
        return None
    # aiortc takes no IPv6 address in a URL, but a name that means one.
    old = [each for each in found if ":" not in each]
    if not old:
        return None if is_address(at.host) else at
    return at if at.transport == "tls" else at._replace(host=old[0])


def _certain_place(address: str) -> Place:
    place = place_of(address)
    if place is None:
        raise ValueError("no server has such an address")
    return place


def _url(at: TurnUrl) -> str:
    if at.transport == "tls":
        return f"turns:{at.host}:{at.port}"
    return f"turn:{at.host}:{at.port}?transport={at.transport}"
