"""HTTP sessions of aiohttp, through a proxy where one is in use. Importing this is slow."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler

from filesend_tui.core.util.proxies import Proxy
from filesend_tui.core.util.tunnel import tunnel


def http_session(proxy: Proxy | None, **options: Any) -> aiohttp.ClientSession:
    """Return a session whose connections all go through a proxy; None: through none.

    A connection raises ProxyFailed and what else `tunnel` does. By itself aiohttp would ask a proxy
    of HTTP for a plain WebSocket, and most know CONNECT alone; of SOCKS it knows nothing.

    Args:
        proxy: Which.
        options: Of aiohttp.ClientSession.
    """
    connector = _Tunnelling(proxy) if proxy is not None else None
    return aiohttp.ClientSession(connector=connector, **options)


async def beginning(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """Return what an answer's body begins with: so many bytes at most, however it comes in parts.

    Raises:
        aiohttp.ClientError: The connection failed.
    """
    body = b""
    while len(body) < most and (part := await answer.content.read(most - len(body))):
        body += part
    return body


class _Tunnelling(aiohttp.TCPConnector):
    """Makes each connection through a proxy, and looks no name up."""

    def __init__(self, proxy: Proxy) -> None:
        super().__init__(resolver=_Unresolved(), socket_factory=_never)
        self._proxy = proxy

    # No part of aiohttp's public interface; aiohttp-socks does it like this. Should it become
    # something else, `_never` keeps connections from going around the proxy.
    async def _wrap_create_connection(
        self, *args: Any, req: aiohttp.ClientRequest, **kwargs: Any
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        tls = {key: kwargs[key] for key in ("ssl", "server_hostname") if key in kwargs}
        host, port = req.url.raw_host, req.url.port
        if host is None or port is None:
            raise ValueError("a URL without a host")
        sock = await tunnel(self._proxy, host, port)
        return await self._loop.create_connection(*args, **tls, sock=sock)


class _Unresolved(AbstractResolver):
    """Takes each name for an address: the proxy looks it up."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host=host, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        pass


def _never(_address: object) -> socket.socket:
    raise OSError("a connection would have gone around the proxy")
