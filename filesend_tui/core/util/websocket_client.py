"""The WebSocket client of trackers and of the transit: the library's, without redirects.

Addresses, retries and what is said never live here.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

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


async def tls_context(url: str) -> ssl.SSLContext | None:
    """Return the TLS context for a WebSocket's URL; None for `ws:`."""
    if not url.startswith("wss:"):
        return None
    # Reading the certificate store takes tens of milliseconds.
    return await asyncio.to_thread(ssl.create_default_context)
