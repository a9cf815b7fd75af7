"""A relay of bare TCP: enough WebSocket and engine.io to be believed, and then anything at all."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import struct
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
OPENING: dict[str, Any] = {
    "sid": "session",
    "upgrades": [],
    "pingInterval": 25_000,
    "pingTimeout": 20_000,
    "maxPayload": 1_000_000,
}
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(data: str | bytes, opcode: int | None = None, *, fin: bool = True) -> bytes:
    """A WebSocket frame as a server sends it."""
    content = data.encode() if isinstance(data, str) else data
    opcode = (TEXT if isinstance(data, str) else BINARY) if opcode is None else opcode
    first = opcode | (0x80 if fin else 0)
    if len(content) < 126:
        return struct.pack("!BB", first, len(content)) + content
    if len(content) < 65536:
        return struct.pack("!BBH", first, 126, len(content)) + content
    return struct.pack("!BBQ", first, 127, len(content)) + content


class PacketRelay:
    """Says the same to everybody who connects.

    Args:
        said: Bytes for the socket, in order, once somebody came as a person.
        again: Say them over and over, until the other side hangs up.
        reads: Whether it reads what the other side says after that.
        opening: The first engine.io packet; the usual one where None.
        welcome: The answer to a person who comes.

    connections: how many came. hung_up: how many of those have ended the connection. sent: bytes
    of `said` that the network took.
    """

    def __init__(
        self,
        said: Sequence[bytes],
        *,
        again: bool = False,
        reads: bool = True,
        opening: str | None = None,
        welcome: str = '40{"sid":"person"}',
    ) -> None:
        self.url = ""
        self.connections = 0
        self.hung_up = 0
        self.sent = 0
        self._said = said
        self._again = again
        self._reads = reads
        self._opening = "0" + json.dumps(OPENING) if opening is None else opening
        self._welcome = welcome
        self._changed = asyncio.Condition()
        self._talks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def until(self, *, connections: int = 0, hung_up: int = 0) -> None:
        """Wait until so many came, and so many ended it."""
        async with asyncio.timeout(30), self._changed:
            await self._changed.wait_for(
                lambda: self.connections >= connections and self.hung_up >= hung_up
            )

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk to one who came, until they hang up."""
        self._talks.add(asyncio.create_task(self._talk(reader, writer)))

    def say(self, data: bytes) -> None:
        """Say this now, to everybody."""
        for writer in self._writers:
            writer.write(data)

    async def close(self) -> None:
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._count(connections=1)
        try:
            await self._welcome_in(reader, writer)
            self._writers.add(writer)
            async with asyncio.TaskGroup() as both:
                if self._reads:
                    both.create_task(self._read(reader))
                both.create_task(self._say(writer))
        except* (OSError, EOFError):
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()
            await self._count(hung_up=1)

    async def _say(self, writer: asyncio.StreamWriter) -> None:
        for data in self._words():
            writer.write(data)
            await writer.drain()
            self.sent += len(data)
            await asyncio.sleep(0)
        while not self._reads:  # whoever does not read finds out by writing that nobody is there
            await asyncio.sleep(0.05)
            writer.write(frame("2"))
            await writer.drain()

    def _words(self) -> Iterable[bytes]:
        yield from self._said
        while self._again:
            yield from self._said

    async def _welcome_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        key = next(
            line.split(b":", 1)[1].strip()
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"sec-websocket-key:")
        )
        proof = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest())
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n" + frame(self._opening)
        )
        await reader.readexactly(8)  # that somebody comes: `40` and nothing, or `{}`
        writer.write(frame(self._welcome))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while await reader.read(65536):
            pass
        raise EOFError

    async def _count(self, *, connections: int = 0, hung_up: int = 0) -> None:
        async with self._changed:
            self.connections += connections
            self.hung_up += hung_up
            self._changed.notify_all()


@asynccontextmanager
async def packet_relay(said: Sequence[bytes], **more: Any) -> AsyncIterator[PacketRelay]:
    """Serve one on a free port of this machine."""
    relay = PacketRelay(said, **more)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    relay.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield relay
    finally:
        server.close()
        await relay.close()
