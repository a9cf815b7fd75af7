"""Two ends of a real WebRTC connection in one process, for tests of channels."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TypeVar

from filesend_tui.core.channels.attempt import WebRtcAttempt
from filesend_tui.core.channels.webrtc import UNREAD_LIMIT, WebRtcChannel
from filesend_tui.core.config import ClientConfig

CONFIG = ClientConfig()
T = TypeVar("T")


async def soon(awaitable: Awaitable[T], seconds: float = 15.0) -> T:
    """Await something that must not take long."""
    return await asyncio.wait_for(awaitable, seconds)


async def connect(unread_limit: int = UNREAD_LIMIT) -> tuple[WebRtcChannel, WebRtcChannel]:
    """Return the offerer's and the answerer's open channel; the limit is the answerer's."""
    offerer = await WebRtcAttempt.offer(CONFIG)
    answerer = await WebRtcAttempt.answer(offerer.description, CONFIG, unread_limit=unread_limit)
    await offerer.accept(answerer.description)
    ours, theirs = await soon(asyncio.gather(offerer.opened(), answerer.opened()))
    return ours, theirs


@asynccontextmanager
async def connected(
    unread_limit: int = UNREAD_LIMIT,
) -> AsyncIterator[tuple[WebRtcChannel, WebRtcChannel]]:
    """Two open channels that are closed at the end."""
    ours, theirs = await connect(unread_limit)
    try:
        yield ours, theirs
    finally:
        await soon(asyncio.gather(ours.close(), theirs.close()))


async def read_exactly(channel: WebRtcChannel, count: int) -> bytes:
    """Read `count` bytes, or fewer where the stream ends before."""
    data = bytearray()
    while len(data) < count and (chunk := await soon(channel.receive())):
        data += chunk
    return bytes(data)
