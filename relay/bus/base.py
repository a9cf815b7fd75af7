"""Messages to connections of any process of a relay, as an interface.

A relay that is one process has no use for it but for keys; of several, each has connections, and a
person's partner or a peer of a swarm may be another's. What a message means is people's and the
tracker's. What both have in common, the state, is relay/stores' and never goes this way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

#: Called with the process's own name of a connection, and a message for it; must not block.
Receive: TypeAlias = Callable[[str, bytes], None]


class BusAway(Exception):
    """What carries messages does not answer; a message may have arrived all the same."""


class Bus(Protocol):
    """The way to the connections of all processes.

    A message arrives once or not at all, and in the order in which one caller sent it. Where one
    may have been lost on its way to this process, `missed` is called: see `hear`.
    """

    @property
    def is_open(self) -> bool:
        """Whether messages for this process arrive."""

    def key(self, own: str) -> str:
        """Return a key, unique among all processes, for a connection that this one calls `own`.

        own: holds no dot.
        """

    def own(self, key: str) -> str | None:
        """Return what this process calls a connection; None for one of another process."""

    def receive(self, kind: str, receive: Receive) -> None:
        """Have messages of a kind handed to `receive`; called before `hear`."""

    async def send(self, kind: str, key: str, message: bytes) -> bool:
        """Hand a message to the process of a connection; False if there is none that hears.

        Raises:
            BusAway: As it says.
        """

    async def hear(self, missed: Callable[[], Awaitable[None]]) -> None:
        """Take in messages until cancelled, whatever fails.

        missed: awaited when some may be lost.
        """

    async def opened(self) -> None:
        """Return once messages arrive."""

    async def close(self) -> None:
        """Free what it holds."""
