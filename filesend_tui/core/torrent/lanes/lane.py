"""One lane: a further channel to a peer, over which each side sends blocks to the other.

Blocks only, framed as on the wire (BEP 3), in answer to requests that went over the peer's own
channel. A keep-alive ends its sender's data on the lane; after one from each side the lane is
closed without loss. Opening lanes is lanes.py's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, Protocol

from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.base import Channel, ChannelAbused
from filesend_tui.core.wire.errors import Reason, WireError
from filesend_tui.core.wire.framing import Inbox, Outbox
from filesend_tui.core.wire.messages import KeepAlive, Piece

#: Seconds that a lane retired by one side stays open for data in transit.
FAREWELL: Final = 20.0


class LaneHost(Protocol):
    """The peer that a lane goes to."""

    async def next_blocks(self) -> Sequence[Piece] | None:
        """Return requested blocks that were not sent yet; None: nothing to send now."""

    def lane_heard(self, pieces: Sequence[Piece]) -> None:
        """Take blocks that arrived. Raises WireError where one was not requested."""


class Lane:
    """One lane; it owns its channel."""

    def __init__(self, channel: Channel, host: LaneHost) -> None:
        self._channel = channel
        self._host = host
        self._wake = asyncio.Event()
        self._wake.set()
        self._retiring = False

    def wake(self) -> None:
        """Wake the writer: there may be blocks to send."""
        self._wake.set()

    def retire(self) -> None:
        """Stop sending over it; it is closed once the peer stops too."""
        self._retiring = True
        self._wake.set()

    async def run(self) -> bool:
        """Serve until it ends; return whether all that the peer sent on it arrived.

        Raises:
            WireError, ChannelAbused: The peer sent anything but requested blocks on it.
        """
        reading = asyncio.create_task(self._read())
        writing = asyncio.create_task(self._write())
        both = {reading, writing}
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not any(map(_fault, done)):
                self.retire()
                await asyncio.wait(both, timeout=FAREWELL)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            await self._channel.close()
        for task in both:
            if error := _fault(task):
                raise error
        return not reading.cancelled() and reading.exception() is None and reading.result()

    async def _read(self) -> bool:
        """Take blocks until the end; return whether the peer ended with a keep-alive."""
        inbox = Inbox()
        while not inbox.keep_alives:
            data = await self._channel.receive()
            if not data:
                return False
            inbox.feed(data)
            pieces: list[Piece] = []
            for message in inbox.messages():
                if not isinstance(message, Piece):
                    raise WireError(Reason.BAD_EXTENSION, "something else than blocks on a lane")
                pieces.append(message)
            self._host.lane_heard(pieces)
        return True

    async def _write(self) -> None:
        while not self._retiring:
            await self._wake.wait()
            self._wake.clear()
            while not self._retiring and (pieces := await self._host.next_blocks()) is not None:
                await self._send(pieces)
        await self._send([KeepAlive()])

    async def _send(self, messages: Sequence[Piece | KeepAlive]) -> None:
        outbox = Outbox()
        for message in messages:
            outbox.put(message)
        for chunk in outbox.take():
            await self._channel.send(chunk)


def _fault(task: asyncio.Task[Any]) -> BaseException | None:
    """Return the error that ended a task; None for one that only reports a closed channel."""
    error = None if task.cancelled() else task.exception()
    gone = isinstance(error, ChannelFailed) and not isinstance(error, ChannelAbused)
    return None if gone else error
