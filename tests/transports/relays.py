"""Relays that a test scripts: what transports ask, and whether a proxy leads there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from filesend_tui.core.transports.base import RelayAccess, RelayEntry


@dataclass
class ScriptedRelay:
    """A RelayAccess. ask: what it answers. proxied: what a test says of it by now."""

    ask: Callable[[], Awaitable[RelayEntry]]
    proxied: bool = False

    async def __call__(self) -> RelayEntry:
        return await self.ask()


def access(entry: RelayEntry) -> RelayAccess:
    """A relay that has this."""

    async def ask() -> RelayEntry:
        return entry

    return ScriptedRelay(ask)
