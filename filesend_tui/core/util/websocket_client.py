"""The WebSocket client of trackers and the transit: the library's, without redirects, IPv4 first.

Retries and what is said never live here.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from filesend_tui.core.util.hosts import is_address
from filesend_tui.core.util.proxies import Proxy
from filesend_tui.core.util.tls import system_trust
from filesend_tui.core.util.tunnel import tunnel

if TYPE_CHECKING:
    from websockets.asyncio.client import connect
    from websockets.exceptions import WebSocketException

#: Timeout in seconds for the TCP connection.
CONNECT_TIMEOUT: Final = 10.0
#: Seconds that IPv4 has before IPv6 is tried beside it.
HEAD_START: Final = 1.0


def websocket_client() -> tuple[type[connect], type[WebSocketException]]:
    """Import the client: tens of milliseconds, so in a worker thread.

    Returns it, and what it raises beside OSError and ValueError.
    """
    from websockets.asyncio.client import connect
    from websockets.exceptions import WebSocketException

    class ConnectHere(connect):
        """Follows no redirect: one could lead to a service that listens on loopback only."""

        def process_redirect(self, exc: Exception) -> Exception:
            return exc

    return ConnectHere, WebSocketException


async def way_to(url: str, proxy: Proxy | None) -> dict[str, Any]:
    """Connect to where a WebSocket's URL leads; return the client's arguments, to be used at once.

    Args:
        url: ws or wss.
        proxy: What it is reached by; None: by nothing.

    Raises:
        OSError, ValueError: Nothing answers there, the proxy failed, or the URL makes no sense.
    """
    # The library would ask the environment itself.
    way: dict[str, Any] = {"ssl": None, "proxy": None}
    secure = url.startswith("wss:")
    if secure:
        way["ssl"] = await system_trust()
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if secure else 80)
    if proxy is not None:
        way["sock"] = await tunnel(proxy, host, port)
    elif not is_address(host):  # a name may stand for addresses of both kinds
        way["sock"] = await _connected(host, port)
    return way


async def _connected(host: str, port: int) -> socket.socket:
    """Connect by TCP, by IPv4 where that leads there.

    Trackers that keep swarms of IPv4 and IPv6 apart, as aquatic does, let only those meet who come
    by the same; and nearly everybody has a way to IPv4.

    Raises:
        OSError: There is no such host, or nothing answers there.
    """
    from aiohappyeyeballs import start_connection

    loop = asyncio.get_running_loop()
    async with asyncio.timeout(CONNECT_TIMEOUT):
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        found.sort(key=lambda each: each[0] != socket.AF_INET)  # stable: else as the system has it
        return await start_connection(found, happy_eyeballs_delay=HEAD_START)
