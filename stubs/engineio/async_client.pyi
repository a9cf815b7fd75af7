import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp

from .base_client import BaseClient
from .packet import Packet

class AsyncClient(BaseClient):
    handlers: dict[str, Callable[..., Any]]
    state: str
    ping_interval: float
    ping_timeout: float
    http: aiohttp.ClientSession | None
    ws: aiohttp.ClientWebSocketResponse
    read_loop_task: asyncio.Task[None] | None
    write_loop_task: asyncio.Task[None] | None
    queue: asyncio.Queue[Any]

    def create_queue(self, *args: Any, **kwargs: Any) -> asyncio.Queue[Any]: ...
    async def _reset(self) -> None: ...
    async def _send_packet(self, pkt: Packet) -> None: ...
    async def _trigger_event(self, event: str, *args: Any, **kwargs: Any) -> Any: ...
    async def _read_loop_websocket(self) -> None: ...
    async def _write_loop(self) -> None: ...
