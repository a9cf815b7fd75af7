"""The WebSocket client of trackers and of the transit: the library's, without redirects.

Addresses, retries and what is said never live here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from filesend_tui.core.util.proxies import Proxy
from filesend_tui.core.util.tls import system_trust
from filesend_tui.core.util.tunnel import tunnel

if TYPE_CHECKING:
    from websockets.asyncio.client import connect
    from websockets.exceptions import WebSocketException


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
    """Return the client's arguments for how a WebSocket's URL is reached; use them at once.

    Args:
        url: ws or wss.
        proxy: What it is reached by, connected already; None: by nothing.

    Raises:
        OSError, ValueError: The proxy failed, or the URL makes no sense.
    """
    # The library would ask the environment itself.
    way: dict[str, Any] = {"ssl": None, "proxy": None}
    secure = url.startswith("wss:")
    if secure:
        way["ssl"] = await system_trust()
    if proxy is not None:
        parts = urlsplit(url)
        port = parts.port or (443 if secure else 80)
        way["sock"] = await tunnel(proxy, parts.hostname or "", port)
    return way
