"""An attempt whose channel is the result of one task. What the task does is each kind's own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.base import OPEN_TIMEOUT, Attempt, Channel


class TaskAttempt(Attempt):
    """An attempt that begins once both texts are known.

    Args:
        unreached: The error's text where no channel came in time.
    """

    def __init__(self, unreached: str) -> None:
        self._unreached = unreached
        self._meeting: asyncio.Task[Channel] | None = None
        self._handed_out = False

    def begin(self, meeting: Coroutine[Any, Any, Channel]) -> None:
        """Start to reach the peer. meeting: returns the channel, or raises ChannelFailed."""
        self._meeting = asyncio.create_task(meeting)

    async def opened(self, timeout: float = OPEN_TIMEOUT) -> Channel:
        """See Attempt."""
        meeting = self._meeting
        assert meeting is not None
        await asyncio.wait({meeting}, timeout=timeout)
        if not meeting.done() or meeting.cancelled():
            raise ChannelFailed(self._unreached)
        channel = meeting.result()
        self._handed_out = True
        return channel

    def abandon(self) -> None:
        """See Attempt."""
        if self._meeting is not None:
            self._meeting.cancel()

    async def close(self) -> None:
        """See Attempt."""
        meeting = self._meeting
        if meeting is None or self._handed_out:
            return
        meeting.cancel()
        await asyncio.wait({meeting})
        if not meeting.cancelled() and meeting.exception() is None:
            await meeting.result().close()

    def settle(self) -> None:
        """Note that the peer may have the channel from now on."""
        self.settled = True
