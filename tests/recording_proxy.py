"""A proxy that notes what it is asked for: CONNECT and SOCKS 5, at one port.

python -m tests.recording_proxy HOST PORT [USER:PASSWORD]    runs one, and prints each
"""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

Place = tuple[str, int]

#: A name that no machine looks up: whoever is there is reached by a proxy or not at all.
FAR: Final = "relay.invalid"


def as_asked(place: Place) -> Place:
    return place


def here(place: Place) -> Place:
    """Every host is this machine."""
    return "127.0.0.1", place[1]


class RecordingProxy:
    """A proxy; an async context manager.

    asked: what it was asked to connect to, in order. carried: bytes, both ways together. denied:
    how many came without the login.

    Args:
        login: `user:password`, which everybody has to say.
        context: For TLS to the proxy itself.
        where: Where a host that is asked for really is.
        status: Answers CONNECT with this instead, or SOCKS with this code.
        ports: All that it connects to.
        listens_at: The port; any free one if 0.
    """

    def __init__(
        self,
        login: str = "",
        *,
        context: ssl.SSLContext | None = None,
        where: Callable[[Place], Place] = here,
        status: int | None = None,
        ports: frozenset[int] | None = None,
        listens_at: int = 0,
        told: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.asked: list[Place] = []
        self.carried = 0
        self.denied = 0
        self._login = login
        self._context = context
        self._where = where
        self._status = status
        self._ports = ports
        self._told = told
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self.port = listens_at

    def url(self, scheme: str = "http", login: str | None = None) -> str:
        """How it is named. login: another than its own."""
        login = self._login if login is None else login
        host = "localhost" if scheme == "https" else "127.0.0.1"
        return f"{scheme}://{f'{login}@' if login else ''}{host}:{self.port}"

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._server = await asyncio.start_server(self._begin, host, port, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def __aenter__(self) -> Self:
        await self.start(port=self.port)
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for serving in self._serving:
            serving.cancel()
        if self._serving:
            await asyncio.wait(self._serving)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first = await reader.readexactly(1)
            await (self._socks if first == b"\x05" else self._http)(first, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _http(
        self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.splitlines()[0].split()
        assert method == "CONNECT", head
        host, _, port = target.rpartition(":")

        async def answer(status: int) -> None:
            # In two parts, as some proxies do.
            writer.write(f"HTTP/1.1 {status} Whatever\r\n".encode())
            await writer.drain()
            await asyncio.sleep(0)
            writer.write(b"Via: a test\r\n\r\n")
            await writer.drain()

        said = f"Basic {base64.b64encode(self._login.encode()).decode()}"
        if self._login and f"Proxy-Authorization: {said}".lower() not in head.lower():
            self.denied += 1
            await answer(407)
        elif self._status is not None:
            await answer(self._status)
        else:
            await self._reach(
                (host.strip("[]"), int(port)), reader, writer, lambda ok: answer(200 if ok else 502)
            )

    async def _socks(
        self, _first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        methods = await reader.readexactly((await reader.readexactly(1))[0])
        if self._login:
            if 2 not in methods:
                self.denied += 1
                writer.write(b"\x05\xff")
                return
            writer.write(b"\x05\x02")
            await reader.readexactly(1)
            user = await reader.readexactly((await reader.readexactly(1))[0])
            password = await reader.readexactly((await reader.readexactly(1))[0])
            right = user + b":" + password == self._login.encode()
            writer.write(b"\x01" + (b"\x00" if right else b"\x01"))
            if not right:
                self.denied += 1
                return
        else:
            writer.write(b"\x05\x00")
        kind = (await reader.readexactly(4))[3]
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            family, size = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
            host = socket.inet_ntop(family, await reader.readexactly(size))
        port = int.from_bytes(await reader.readexactly(2))

        async def answer(code: int) -> None:
            writer.write(bytes((5, code, 0, 1)) + bytes(6))
            await writer.drain()

        if self._status is not None:
            await answer(self._status)
        else:
            await self._reach((host, port), reader, writer, lambda ok: answer(0 if ok else 5))

    async def _reach(
        self,
        place: Place,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answer: Callable[[bool], Awaitable[None]],
    ) -> None:
        self.asked.append(place)
        self._told(f"asked for {place[0]}:{place[1]}")
        try:
            if self._ports is not None and place[1] not in self._ports:
                raise ConnectionRefusedError
            far_reader, far_writer = await asyncio.open_connection(*self._where(place))
        except OSError:
            await answer(False)
            return
        await answer(True)
        ways = {
            asyncio.create_task(self._carry(reader, far_writer)),
            asyncio.create_task(self._carry(far_reader, writer)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in (writer, far_writer):
                end.close()
            for way in ways:
                way.cancel()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                self.carried += len(data)
                writer.write(data)
                await writer.drain()


async def main(host: str, port: str, login: str = "", only: str = "") -> None:
    proxy = RecordingProxy(
        login,
        where=as_asked if only else here,
        ports=frozenset({int(only)}) if only else None,
        told=lambda line: print(line, flush=True),
    )
    await proxy.start(host, int(port))
    print(f"a proxy at {proxy.port}", flush=True)
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
