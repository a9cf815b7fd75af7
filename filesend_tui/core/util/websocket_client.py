"""The WebSocket client of trackers and of the transit: the library's, without redirects.

Addresses, retries and what is said never live here.
"""

from __future__ import annotations

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
