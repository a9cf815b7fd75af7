"""A connection that stays: made anew, with backoff, whenever it is lost, until it is closed.

    closed ──connect──▶ connecting ──▶ connected ──lost──▶ lost ──made anew──▶ connected

What it connects to, and what is said there, is the subclasses'.
"""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from enum import StrEnum
from typing import Final, TypeAlias

from filesend_tui.core.errors import RelayUnreachable

#: Backoff in seconds: before the first reconnect, and the most between two.
FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 30.0
#: The first one where a server has said that its address leads to another; and for how long it may
#: not say so again, or it could keep this side busy.
SOON: Final = 0.05
HURRIED_ONCE_IN: Final = 5.0

#: Awaited before each reconnect; returns whether to connect to what is there now. It may first
#: start a relay there, and must not raise.
Again: TypeAlias = Callable[[], Awaitable[bool]]


class ConnectionState(StrEnum):
    """The states of the connection."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    LOST = "lost"
    CLOSED = "closed"


async def always() -> bool:
    """Return True: reconnect to a lost server in any case."""
    return True


class Staying(ABC):
    """One connection to one server at a time.

    Args:
        on_state: Called on each change of state; must not block.
    """

    def __init__(self, on_state: Callable[[ConnectionState], None]) -> None:
        self.state = ConnectionState.CLOSED
        self._on_state = on_state
        self._reconnecting: asyncio.Task[None] | None = None
        self._since = 0.0
        self._hurried = -HURRIED_ONCE_IN
        self._waits = delays()
        self._again: Again = always

    @property
    @abstractmethod
    def _is_there(self) -> bool:
        """Whether there is a connection."""

    @abstractmethod
    async def _open(self) -> None:
        """Make a fresh connection, and call `_opened`. Raises RelayUnreachable."""

    async def _connect(self, again: Again) -> None:
        """Connect for the first time. Raises RelayUnreachable."""
        self._waits = delays()
        self._again = again
        self._enter(ConnectionState.CONNECTING)
        try:
            await self._open()
        except BaseException:
            self._enter(ConnectionState.CLOSED)
            raise

    async def _try_now(self, again: Again) -> None:
        """Reconnect to what was lost without the rest of the backoff. Raises RelayUnreachable."""
        await self._stop_reconnecting()
        self._again = again
        self._waits = delays()
        try:
            if not self._is_there:  # else it is just back
                await self._open()
        except BaseException:
            if self.state is ConnectionState.LOST:  # else it was closed meanwhile
                self._reconnecting = asyncio.create_task(self._return())
            raise

    def _opened(self) -> None:
        self._since = asyncio.get_running_loop().time()
        self._enter(ConnectionState.CONNECTED)

    def _gone(self, *, soon: bool = False) -> None:
        """Handle that the connection is lost: make it anew. soon: there is one to be had."""
        now = asyncio.get_running_loop().time()
        if soon and now - self._hurried > HURRIED_ONCE_IN:
            self._hurried, self._waits = now, delays(SOON)
        elif now - self._since > LONGEST_DELAY:
            self._waits = delays()  # else the backoff goes on: the connection flaps
        self._enter(ConnectionState.LOST)
        self._reconnecting = asyncio.create_task(self._return())

    async def _return(self) -> None:
        """Reconnect, with backoff, until it works."""
        for delay in self._waits:
            await asyncio.sleep(delay)
            if await self._again():
                with suppress(RelayUnreachable):
                    await self._open()
                    return

    async def _stop_reconnecting(self) -> None:
        if self._reconnecting is not None:
            self._reconnecting.cancel()
            await asyncio.gather(self._reconnecting, return_exceptions=True)
            self._reconnecting = None

    def _enter(self, state: ConnectionState) -> None:
        self.state = state
        self._on_state(state)


def delays(first: float | None = None) -> Iterator[float]:
    """Yield the seconds to wait before each reconnect, without end."""
    delay = FIRST_DELAY if first is None else first
    while True:
        yield delay * random.uniform(0.8, 1.2)  # noqa: S311 - spreads clients, hides nothing
        delay = min(delay * 2, LONGEST_DELAY)
