"""An end of a bare aiortc data channel, at aiortc's full rate.

Imports nothing of the product. The connection is made as the product's is: no ICE servers, an
ordered and reliable channel, all candidates in the description.
"""

from __future__ import annotations

import asyncio

from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
)

from benchmarks.yardsticks.arrivals import Arrivals

_OPEN_TIMEOUT = 30.0


class AiortcEnd:
    """One end of one connection, which carries bytes one way, once."""

    def __init__(self) -> None:
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._channel: RTCDataChannel | None = None
        self._open = asyncio.Event()
        self._room = asyncio.Event()
        self._arrivals = Arrivals()
        self._connection.on("datachannel", self._adopt)

    async def offer(self) -> str:
        """Return this end's offer."""
        self._adopt(self._connection.createDataChannel("raw"))
        await self._connection.setLocalDescription()
        return str(self._connection.localDescription.sdp)

    async def answer(self, sdp: str) -> str:
        """Take the other end's offer and return the answer."""
        await self._connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        await self._connection.setLocalDescription()
        return str(self._connection.localDescription.sdp)

    async def accept(self, sdp: str) -> None:
        """Take the other end's answer and wait until the channel is open."""
        await self._connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        await asyncio.wait_for(self._open.wait(), _OPEN_TIMEOUT)

    async def send(self, total: int, *, message: int, high: int, low: int) -> None:
        """Send `total` bytes in messages of `message`; wait above `high` queued, go on at `low`.

        Returns once everything is handed to SCTP.
        """
        channel = self._channel
        assert channel is not None
        channel.bufferedAmountLowThreshold = low
        channel.on("bufferedamountlow", self._room.set)
        payload = bytes(message)
        left = total
        while left > 0:
            channel.send(payload if left >= message else payload[:left])
            left -= message
            await self._below(channel, high)
        channel.bufferedAmountLowThreshold = 0
        await self._below(channel, 1)

    async def _below(self, channel: RTCDataChannel, mark: int) -> None:
        while channel.bufferedAmount >= mark:
            self._room.clear()
            await self._room.wait()

    async def receive(self, total: int, seconds: float) -> dict[str, float]:
        """Return bytes and seconds, first to last, of `total` or of those received in time."""
        return await self._arrivals.of(total, seconds)

    async def close(self) -> None:
        """Free everything."""
        await self._connection.close()

    def _adopt(self, channel: RTCDataChannel) -> None:
        self._channel = channel
        channel.on("open", self._open.set)
        channel.on("message", self._arrivals.count)
