"""By which family a WebSocket's server is reached, over real sockets."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from filesend_tui.core.util import websocket_client
from filesend_tui.core.util.websocket_client import way_to

V4, V6 = ("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)


def _has_v6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


pytestmark = pytest.mark.skipif(not _has_v6(), reason="no IPv6 here")


def named(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, socket.AddressFamily]) -> None:
    """Have every host have these addresses, in this order."""

    async def found(_: object, host: str, port: int, **how: Any) -> list[Any]:
        return [(family, socket.SOCK_STREAM, 6, "", (text, port)) for text, family in addresses]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", found)


async def listening(*hosts: str) -> int:
    """Accept connections at these addresses, at one port; return it."""
    port = 0
    for host in hosts:
        server = await asyncio.start_server(lambda _, writer: writer.close(), host, port)
        port = server.sockets[0].getsockname()[1]
    return port


async def reached(port: int) -> socket.AddressFamily:
    way = await way_to(f"ws://tracker.example:{port}/announce", None)
    with way["sock"] as connected:
        return socket.AddressFamily(connected.family)


@pytest.mark.parametrize("order", [(V6, V4), (V4, V6)], ids=["IPv6 named first", "IPv4 first"])
async def test_whoever_has_both_is_reached_by_ipv4(
    monkeypatch: pytest.MonkeyPatch, order: tuple[tuple[str, socket.AddressFamily], ...]
) -> None:
    """Or two who come to a tracker by different families would not meet there."""
    port = await listening("127.0.0.1", "::1")
    named(monkeypatch, *order)
    assert await reached(port) == socket.AF_INET


async def test_where_ipv4_leads_nowhere_ipv6_does(monkeypatch: pytest.MonkeyPatch) -> None:
    port = await listening("::1")
    named(monkeypatch, V6, V4)
    assert await reached(port) == socket.AF_INET6
    # Where IPv4 is silent, and not refused: 192.0.2.0/24 is nobody's (RFC 5737).
    monkeypatch.setattr(websocket_client, "HEAD_START", 0.05)
    named(monkeypatch, ("192.0.2.1", socket.AF_INET), V6)
    assert await reached(port) == socket.AF_INET6


async def test_where_nothing_answers_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    port = await listening("::1")
    named(monkeypatch, V4)
    with pytest.raises(ConnectionRefusedError):
        await reached(port)
