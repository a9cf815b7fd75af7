"""A transport for tests: a pipe in memory between two clients of one process.

It stands for any kind that may come: nothing but a line in the registry knows of it.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import ClassVar

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.base import (
    OPEN_TIMEOUT,
    Attempt,
    Channel,
    RelayAccess,
    Transport,
)
from tests.torrent.lab import MemoryChannel


class Pipe(MemoryChannel):
    """One end of a pipe."""

    road = "pipe"


class PipeAttempt(Attempt):
    """One end of a pipe on its way; its text is a number."""

    _numbers: ClassVar = itertools.count()
    _offers: ClassVar[dict[str, PipeAttempt]] = {}
    _answers: ClassVar[dict[str, PipeAttempt]] = {}

    def __init__(self) -> None:
        self.text = str(next(self._numbers))
        self._channel: asyncio.Future[Pipe] = asyncio.get_running_loop().create_future()
        self._handed_out = False

    @classmethod
    def offering(cls) -> PipeAttempt:
        """Make one end, for whoever answers it."""
        attempt = cls()
        cls._offers[attempt.text] = attempt
        return attempt

    @classmethod
    def answering(cls, text: str) -> PipeAttempt:
        """Make the other end of an offer. Raises ChannelFailed where there is none."""
        if text not in cls._offers:
            raise ChannelFailed("There is no such pipe.")
        attempt = cls()
        cls._answers[attempt.text] = attempt
        return attempt

    async def accept(self, text: str) -> None:
        """See Attempt."""
        other = self._answers.pop(text, None)
        if other is None:
            raise ChannelFailed("There is no such pipe.")
        here, there = Pipe("here"), Pipe("there")
        here.other, there.other = there, here
        self._channel.set_result(here)
        other._channel.set_result(there)

    async def opened(self, timeout: float = OPEN_TIMEOUT) -> Channel:
        """See Attempt."""
        await asyncio.wait({self._channel}, timeout=timeout)
        if not self._channel.done():
            raise ChannelFailed("Nobody took the other end of a pipe.")
        self._handed_out = True
        return self._channel.result()

    async def close(self) -> None:
        """See Attempt."""
        self._offers.pop(self.text, None)
        self._answers.pop(self.text, None)
        if self._channel.done() and not self._handed_out:
            await self._channel.result().close()


class PipeTransport(Transport):
    """Makes pipes."""

    name = "pipe"

    def __init__(self, _config: ClientConfig) -> None:
        self.warmed = self.closed = False

    async def warm(self) -> None:
        """See Transport."""
        self.warmed = True

    async def offer(self, _relay: RelayAccess) -> Attempt:
        """See Transport."""
        return PipeAttempt.offering()

    async def answer(self, text: str, _relay: RelayAccess) -> Attempt:
        """See Transport."""
        return PipeAttempt.answering(text)

    async def close(self) -> None:
        """See Transport."""
        self.closed = True
