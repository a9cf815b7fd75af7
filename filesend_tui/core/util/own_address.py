"""Which addresses this machine has, as its connections use them. No connection ever lives here.

A machine that goes to another network is told so by nobody: TCP notices only by bytes that stay
unacknowledged, after half a minute.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from contextlib import suppress
from typing import Any, Final

#: Seconds between two looks. An address that is missing at two of them in a row is gone: where a
#: cable is put in again, it may be the same.
LOOK: Final = 1.0


async def until_lost(name: Any) -> None:
    """Return once this machine does not have an address any more.

    Args:
        name: The name of a connection's own end, as `socket.getsockname` returns it: host and port,
            and flow and scope for IPv6. Anything else, and loopback, is never lost.
    """
    missing = 0
    while missing < 2:
        await asyncio.sleep(LOOK)
        missing = 0 if has(name) else missing + 1


#: Of networks for documentation (RFC 5737, RFC 3849): whatever is sent there reaches nobody.
_ELSEWHERE: Final = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


def outward() -> str | None:
    """Return the address by which this machine goes out, of IPv4 where it has one; else None.

    Nothing is sent: the system only says which it would take.
    """
    for family, address in _ELSEWHERE:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            found = ipaddress.ip_address(probe.getsockname()[0])
            if not (found.is_loopback or found.is_unspecified):
                return str(found)
    return None


def has(name: Any) -> bool:
    """Return whether this machine has the address of a name; True where that cannot be told."""
    try:
        host, _, *rest = name
        address = ipaddress.ip_address(host.partition("%")[0])
    except (TypeError, ValueError, AttributeError):
        return True
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address, rest = address.ipv4_mapped, []
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0, *rest))
    except OSError as error:
        return error.errno != errno.EADDRNOTAVAIL
    return True
