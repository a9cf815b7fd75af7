"""Clients that keep to no rule: bare TCP, with just enough HTTP and WebSocket to be let in."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

TIMEOUT = 20

TEXT, PING, MORE = 1, 9, 0


def frame(opcode: int, data: bytes, *, fin: bool = True) -> bytes:
    """A masked WebSocket frame."""
    first = opcode | (0x80 if fin else 0)
    if len(data) < 126:
        head = struct.pack("!BB", first, 0x80 | len(data))
    elif len(data) < 65536:
        head = struct.pack("!BBH", first, 0x80 | 126, len(data))
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, len(data))
    return head + bytes(4) + data


def announce(peer: str, swarm: str = "s", **more: Any) -> bytes:
    return json.dumps(
        {"action": "announce", "info_hash": swarm.ljust(20), "peer_id": peer.ljust(20), "left": 1}
        | more
    ).encode()


class Raw:
    """One connection. proxied: what its X-Forwarded-For says. host: what it calls the relay."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        proxied: str | None,
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.host = "localhost"
        self._forwarded = f"X-Forwarded-For: {proxied}\r\n" if proxied else ""

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await asyncio.wait_for(self.writer.drain(), TIMEOUT)

    async def flood(self, data: bytes, times: int = 1_000_000) -> None:
        """Send over and over; returns when the other side has ended the connection."""
        async with asyncio.timeout(TIMEOUT):
            try:
                for _ in range(times):
                    self.writer.write(data)
                    await self.writer.drain()
                    await asyncio.sleep(0)
            except OSError:
                return
        raise AssertionError("nobody minded")

    async def ended(self) -> None:
        """Wait until the other side ends the connection, whatever it says before."""
        async with asyncio.timeout(TIMEOUT):
            try:
                while await self.reader.read(65536):
                    pass
            except ConnectionError:
                pass

    async def everything(self) -> bytes:
        """All that the other side says until it ends the connection."""
        return await asyncio.wait_for(self.reader.read(), TIMEOUT)

    async def request(self, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Do a whole HTTP request; status and body of the answer."""
        method = "GET" if body is None else "POST"
        length = f"Content-Length: {len(body)}\r\n" if body is not None else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\n{self._forwarded}{length}\r\n"
        await self.send(head.encode() + (body or b""))
        return await asyncio.wait_for(self._answer(), TIMEOUT)

    async def _answer(self) -> tuple[int, bytes]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        status = int(head.split()[1])
        if "content-length:" in head:
            length = int(head.partition("content-length:")[2].split()[0])
            return status, await self.reader.readexactly(length)
        body = b""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readexactly(2)
        return status, body

    async def upgrade(self, path: str) -> int:
        """Ask for a WebSocket; the status of the answer."""
        key = base64.b64encode(os.urandom(16)).decode()
        await self.send(
            f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            f"{self._forwarded}"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        answer = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), TIMEOUT)
        return int(answer.split()[1])

    async def hear(self) -> bytes:
        """One short frame's content, whatever it is."""
        async with asyncio.timeout(TIMEOUT):
            _, length = await self.reader.readexactly(2)
            if length == 126:
                (length,) = struct.unpack("!H", await self.reader.readexactly(2))
            return await self.reader.readexactly(length)

    def stop_reading(self) -> None:
        transport = self.writer.transport
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()

    def abort(self) -> None:
        self.writer.transport.abort()


class Town:
    """Connections to one relay; all are closed in the end."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._where = (parts.hostname, parts.port)
        self._open: list[Raw] = []

    async def connect(self, proxied: str | None = None, *, buffer: int | None = None) -> Raw:
        sock = socket.socket()
        if buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, self._where)
        raw = Raw(*await asyncio.open_connection(sock=sock, limit=2**20), proxied)
        self._open.append(raw)
        return raw

    async def tracker(self, proxied: str | None = None, *, buffer: int | None = None) -> Raw:
        raw = await self.connect(proxied, buffer=buffer)
        assert await raw.upgrade("/announce") == 101
        return raw

    async def session(self, proxied: str | None = None, *, buffer: int | None = None) -> Raw:
        """An engine.io session over WebSocket of which no person came yet."""
        raw = await self.connect(proxied, buffer=buffer)
        assert await raw.upgrade("/socket.io/?EIO=4&transport=websocket") == 101
        assert (await raw.hear()).startswith(b"0")
        return raw

    async def person(self, proxied: str | None = None, *, buffer: int | None = None) -> Raw:
        raw = await self.session(proxied, buffer=buffer)
        await raw.send(frame(TEXT, b"40"))
        assert (await raw.hear()).startswith(b"40")
        return raw

    async def figures(self) -> dict[str, float]:
        raw = await self.connect()
        status, body = await raw.request("/metrics")
        raw.abort()
        assert status == 200
        lines = (line for line in body.decode().splitlines() if not line.startswith("#"))
        return {
            name.removeprefix("filesend_relay_"): float(value)
            for name, value in (line.rsplit(" ", 1) for line in lines)
        }

    async def until(self, name: str, value: float) -> None:
        """Wait until one of the relay's figures has this value."""
        async with asyncio.timeout(TIMEOUT):
            while (await self.figures()).get(name, 0) != value:
                await asyncio.sleep(0.05)

    async def until_at_least(self, name: str, value: float) -> None:
        """Wait until one of the relay's figures has this value or more."""
        async with asyncio.timeout(TIMEOUT):
            while (await self.figures())[name] < value:
                await asyncio.sleep(0.05)

    def close(self) -> None:
        for raw in self._open:
            raw.abort()


@asynccontextmanager
async def town(url: str) -> AsyncIterator[Town]:
    here = Town(url)
    try:
        yield here
    finally:
        here.close()
