"""Under which address and port routers show this machine's listening port: asked of the relay.

A relay that lies has a partner knock at somebody else's door, where TLS with the wrong certificate
ends it, and where a hostile partner could send this machine as well. Whether the answer is good for
anybody but the relay depends on the router.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, Any, Final

import msgspec

from filesend_tui.core.transports.direct.offer import MAX_NEXT, Endpoint, address_of
from filesend_tui.core.transports.direct.ports import from_port
from relay.protocol.reflect import MAX_REFLECTION, Reflection

if TYPE_CHECKING:
    import aiohttp

#: Timeout in seconds.
TIMEOUT = 2.0
#: Most by which a router's next port is greater, where it counts up.
MOST_STEP: Final = 4

log = logging.getLogger(__name__)


async def reflected(url: str, family: socket.AddressFamily, port: int) -> Endpoint | None:
    """Return where a connection from a listening port comes from, as the relay sees it.

    Where a proxy in front of the relay hides the port, a router is taken to keep it, as most do.

    Args:
        url: The relay's reflection.
        family: IPv4 or IPv6.
        port: A listener's of this process; 0 for any, of which nothing is known if it is hidden.

    Returns:
        None: No relay answers by this family, or the system does not let two sockets have the port.
    """
    try:
        async with asyncio.timeout(TIMEOUT):
            seen = await _asked(url, family, port)
        address = address_of(seen.address)
    except Exception as error:  # a server there that is no relay may answer anything at all
        log.debug("the relay does not tell where connections come from: %r", error)
        return None
    if address is None or address.is_loopback:
        return None
    return Endpoint(str(address), seen.port or port)


async def next_ports(url: str, family: socket.AddressFamily, seen: Endpoint) -> tuple[int, ...]:
    """Return the ports at which a router will show the next connections, if it counts up.

    Args:
        url: The relay's reflection.
        family: IPv4 or IPv6.
        seen: What `reflected` returned just now: a second connection tells how the two differ.
    """
    second = await reflected(url, family, 0)
    if second is None or second.host != seen.host or not second.port:
        return ()
    step = second.port - seen.port
    if not 0 < step <= MOST_STEP:
        return ()
    following = range(second.port + step, second.port + (MAX_NEXT + 1) * step, step)
    return tuple(port for port in following if port < 65536)


async def _asked(url: str, family: socket.AddressFamily, port: int) -> Reflection:
    aiohttp: Any = await asyncio.to_thread(__import__, "aiohttp")

    def factory(_info: object) -> socket.socket:
        return from_port(family, port)

    connector = aiohttp.TCPConnector(family=family, socket_factory=factory)
    session: aiohttp.ClientSession
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        # A redirect could lead to a service that listens on loopback only.
        session.get(url, allow_redirects=False) as answer,
    ):
        text = await answer.content.read(MAX_REFLECTION + 1)
    if len(text) > MAX_REFLECTION:
        raise ValueError("it is too long")
    return msgspec.json.decode(text, type=Reflection)
