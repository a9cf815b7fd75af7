"""An end of a bare libdatachannel data channel, at its Python binding's full rate.

Imports nothing of the product. Uses the binding's (aiolibdatachannel) lower layer, one call for one
of the C API's, so that the library itself is measured.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aiolibdatachannel import _core

from benchmarks.yardsticks.arrivals import Arrivals

_OPEN_TIMEOUT = 30.0
#: The last gathering state (rtcGatheringState).
_GATHERED: Final = 2


class NativeEnd:
    """One end of one connection, which carries bytes one way, once."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection = _core.PeerConnection([])
        self._channel: Any = None
        self._gathered = asyncio.Event()
        self._open = asyncio.Event()
        self._room = asyncio.Event()
        self._arrivals = Arrivals()
        self._connection.set_on_gathering_state_change(
            lambda state: self._tell(self._gathered) if state == _GATHERED else None
        )
        self._connection.set_on_data_channel(self._adopt)

    async def offer(self) -> str:
        """Return this end's offer."""
        self._adopt(self._connection.create_data_channel("raw"))
        return await self._describe("offer")

    async def answer(self, sdp: str) -> str:
        """Take the other end's offer and return the answer."""
        self._connection.set_remote_description(sdp, "offer")
        return await self._describe("answer")

    async def accept(self, sdp: str) -> None:
        """Take the other end's answer and wait until the channel is open."""
        self._connection.set_remote_description(sdp, "answer")
        await asyncio.wait_for(self._open.wait(), _OPEN_TIMEOUT)

    async def send(self, total: int, *, message: int, high: int, low: int) -> None:
        """Send `total` bytes in messages of `message`; wait above `high` queued, go on at `low`."""
        channel = self._channel
        channel.set_buffered_amount_low_threshold(low)
        channel.set_on_buffered_amount_low(lambda: self._tell(self._room))
        payload = bytes(message)
        left = total
        while left > 0:
            channel.send_bytes(payload if left >= message else payload[:left])
            left -= message
            while channel.buffered_amount() >= high:
                self._room.clear()
                if channel.buffered_amount() >= high:
                    await self._room.wait()

    async def receive(self, total: int, seconds: float) -> dict[str, float]:
        """Return bytes and seconds, first to last, of `total` or of those received in time."""
        return await self._arrivals.of(total, seconds)

    async def close(self) -> None:
        """Free everything."""
        await asyncio.to_thread(self._free)

    def _free(self) -> None:
        if self._channel is not None:
            self._channel.destroy()
        self._connection.destroy()

    async def _describe(self, kind: str) -> str:
        self._connection.set_local_description(kind)
        await self._gathered.wait()
        return str(self._connection.get_local_description())

    def _adopt(self, handle: int) -> None:
        self._channel = channel = _core.DataChannel(handle)
        channel.set_on_open(lambda: self._tell(self._open))
        channel.set_on_message(self._arrivals.count)

    def _tell(self, event: asyncio.Event) -> None:
        self._loop.call_soon_threadsafe(event.set)
