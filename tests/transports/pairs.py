"""Two ends of a real WebRTC connection in one process, for tests of channels."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import psutil
import pytest

from filesend_tui.core.config import ClientConfig, WebRtcStack
from filesend_tui.core.transports.base import Channel, no_relay
from filesend_tui.core.transports.webrtc.transport import WebRtcTransport
from filesend_tui.core.transports.webrtc.webrtc import UNREAD_LIMIT, WebRtcChannel
from tests.waiting import until

CONFIG = ClientConfig()
AIORTC = ClientConfig(webrtc=WebRtcStack.AIORTC)
NATIVE = ClientConfig(webrtc=WebRtcStack.NATIVE)
STACKS = [
    pytest.param(WebRtcStack.AIORTC, id="aiortc"),
    pytest.param(WebRtcStack.NATIVE, id="native", marks=pytest.mark.native),
]
T = TypeVar("T")


async def soon(awaitable: Awaitable[T], seconds: float = 15.0) -> T:
    """Await something that must not take long."""
    return await asyncio.wait_for(awaitable, seconds)


async def connect(
    unread_limit: int = UNREAD_LIMIT,
    *,
    config: ClientConfig = CONFIG,
    answerer_config: ClientConfig | None = None,
) -> tuple[WebRtcChannel, WebRtcChannel]:
    """Return the offerer's and the answerer's open channel; the limit is the answerer's."""
    offerer = await WebRtcTransport(config).offer(no_relay)
    answering = WebRtcTransport(answerer_config or config, unread_limit=unread_limit)
    answerer = await answering.answer(offerer.text, no_relay)
    await offerer.accept(answerer.text)
    ours, theirs = await soon(asyncio.gather(offerer.opened(), answerer.opened()))
    return ours, theirs


@asynccontextmanager
async def connected(
    unread_limit: int = UNREAD_LIMIT,
    *,
    config: ClientConfig = CONFIG,
    answerer_config: ClientConfig | None = None,
) -> AsyncIterator[tuple[Any, Any]]:
    """Two open WebRtcChannels that are closed at the end; what is inside depends on the stack."""
    ours, theirs = await connect(unread_limit, config=config, answerer_config=answerer_config)
    try:
        yield ours, theirs
    finally:
        await soon(asyncio.gather(ours.close(), theirs.close()))


def udp_sockets() -> int:
    """Return how many UDP sockets this process has."""
    return len(psutil.Process().net_connections(kind="udp"))


async def sockets_left(count: int) -> None:
    """Wait until no more than these are left; libdatachannel closes them in a thread."""
    await until(lambda: udp_sockets() <= count, 5)


async def read_exactly(channel: Channel, count: int) -> bytes:
    """Read `count` bytes, or fewer where the stream ends before."""
    data = bytearray()
    while len(data) < count and (chunk := await soon(channel.receive())):
        data += chunk
    return bytes(data)
