"""The bus of a relay that is one process: every connection is its own, and nothing is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from relay.bus.base import Receive


class LocalBus:
    """A Bus."""

    is_open = True

    def key(self, own: str) -> str:
        """Return a key for a connection: what it is called anyway."""
        return own

    def own(self, key: str) -> str:
        """Return what this process calls a connection."""
        return key

    def receive(self, kind: str, receive: Receive) -> None:
        """Do nothing: no message comes from elsewhere."""

    async def send(self, kind: str, key: str, message: bytes) -> bool:  # noqa: ARG002
        """Return False: there is no other process."""
        return False

    async def hear(self, missed: Callable[[], Awaitable[None]]) -> None:  # noqa: ARG002
        """Wait until cancelled."""
        await asyncio.get_running_loop().create_future()

    async def opened(self) -> None:
        """Return at once."""

    async def close(self) -> None:
        """Do nothing."""
