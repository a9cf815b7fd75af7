import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import engineio

class AsyncClient:
    eio: engineio.AsyncClient
    connected: bool
    # Those connected to, and the id there, if it was told one.
    namespaces: dict[str, Any]
    failed_namespaces: list[str]
    connection_namespaces: list[str]
    # By namespace, and in it by the number of what is to be acknowledged.
    callbacks: dict[str, dict[int | None, Callable[..., Any]]]
    _connect_event: asyncio.Event

    def __init__(
        self,
        reconnection: bool = True,
        reconnection_attempts: int = 0,
        reconnection_delay: float = 1,
        reconnection_delay_max: float = 5,
        randomization_factor: float = 0.5,
        logger: bool | logging.Logger = False,
        serializer: Any = "default",
        json: Any = None,
        handle_sigint: bool = True,
        **kwargs: Any,
    ) -> None: ...
    def on(self, event: str, handler: Any = None, namespace: str | None = None) -> Any: ...
    async def connect(
        self,
        url: str,
        headers: Mapping[str, str] = {},
        auth: Any = None,
        transports: Sequence[str] | None = None,
        namespaces: Sequence[str] | None = None,
        socketio_path: str = "socket.io",
        wait: bool = True,
        wait_timeout: float = 1,
        retry: bool = False,
    ) -> None: ...
    async def emit(
        self,
        event: str,
        data: Any = None,
        namespace: str | None = None,
        callback: Callable[..., Any] | None = None,
    ) -> None: ...
    async def call(
        self, event: str, data: Any = None, namespace: str | None = None, timeout: float = 60
    ) -> Any: ...
    async def disconnect(self) -> None: ...
    def _engineio_client_class(self) -> type[engineio.AsyncClient]: ...
    async def _handle_connect(self, namespace: str | None, data: Any) -> None: ...
    async def _handle_error(self, namespace: str | None, data: Any) -> None: ...
    async def _handle_eio_message(self, data: Any) -> None: ...
    async def _handle_eio_disconnect(self, reason: str) -> None: ...
