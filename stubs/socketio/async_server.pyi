import logging
from collections.abc import Callable
from typing import Any

import engineio

from .async_manager import AsyncManager
from .packet import Packet

class AsyncServer:
    reserved_events: list[str]
    eio: engineio.AsyncServer
    manager: AsyncManager
    packet_class: type[Packet]
    environ: dict[str, Any]
    _binary_packet: dict[str, Packet]

    def __init__(
        self,
        client_manager: Any = None,
        logger: bool | logging.Logger = False,
        json: Any = None,
        async_handlers: bool = True,
        namespaces: Any = None,
        **kwargs: Any,
    ) -> None: ...
    def on(self, event: str, handler: Any = None, namespace: str | None = None) -> Any: ...
    async def emit(
        self,
        event: str,
        data: Any = None,
        to: str | None = None,
        room: str | None = None,
        skip_sid: Any = None,
        namespace: str | None = None,
        callback: Callable[..., Any] | None = None,
        ignore_queue: bool = False,
    ) -> None: ...
    async def disconnect(
        self, sid: str, namespace: str | None = None, ignore_queue: bool = False
    ) -> None: ...
    async def shutdown(self) -> None: ...
    async def _send_packet(self, eio_sid: str, pkt: Packet) -> None: ...
    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> Any: ...
    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None: ...
    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None: ...
    async def _handle_disconnect(
        self, eio_sid: str, namespace: str | None, reason: str | None = None
    ) -> None: ...
