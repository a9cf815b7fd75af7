"""TCP connections that can be frozen: as by a router that forgot them, or a cable that was pulled.

Nothing comes over a frozen one any more and neither end hears of it; new ones work.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from filesend_tui.core.transports.direct import road
from filesend_tui.core.transports.direct.offer import Endpoint

Connect = Callable[[Endpoint], Awaitable[socket.socket]]


class FrozenRoads:
    """Carries what goes over direct connections, until `freeze`."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._carrying: set[asyncio.Task[Any]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self._ways: dict[int, Endpoint] = {}

    async def connect(self, endpoint: Endpoint) -> socket.socket:
        """Connect to an endpoint by way of this; for road._connect."""
        assert self._server is not None
        way = Endpoint(*self._server.sockets[0].getsockname()[:2])
        sock = await self._connect(way)
        self._ways[sock.getsockname()[1]] = endpoint
        return sock

    def freeze(self) -> int:
        """Carry nothing more over the connections there are; return how many ways that were."""
        frozen = len(self._carrying)
        for task in self._carrying:
            task.cancel()
        return frozen

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        port = writer.get_extra_info("peername")[1]
        while port not in self._ways:  # it is about to say where it wants to
            await asyncio.sleep(0)
        there, back = await asyncio.open_connection(*self._ways[port])
        self._writers.append(back)
        for ends in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._carry(*ends))
            self._carrying.add(task)
            task.add_done_callback(self._carrying.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(64 * 1024):
                writer.write(data)
                await writer.drain()
            writer.close()

    async def close(self) -> None:
        self.freeze()
        for writer in self._writers:
            writer.transport.abort()
        if self._server is not None:
            self._server.close()


@asynccontextmanager
async def frozen_roads(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FrozenRoads]:
    """Have every direct connection that is dialled from now on go by way of one of these."""
    roads = FrozenRoads(road._connect)
    await roads.start()
    monkeypatch.setattr(road, "_connect", roads.connect)
    try:
        yield roads
    finally:
        await roads.close()
