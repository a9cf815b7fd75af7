"""TLS to servers with certificates that this system trusts. Pinned ones are transports/tls's."""

from __future__ import annotations

import asyncio
import ssl


async def system_trust() -> ssl.SSLContext:
    """Return a client's context; in a thread, as reading the store takes tens of milliseconds."""
    return await asyncio.to_thread(ssl.create_default_context)
