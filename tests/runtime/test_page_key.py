"""The key of saved pages as it is asked of a relay, which may be none, or answer anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from filesend_tui.core.errors import RelayUnreachable
from filesend_tui.core.util.proxies import NO_PROXIES
from filesend_tui.runtime import page_key
from filesend_tui.runtime.page_key import page_key_of
from relay.web.page_key import SavedPages
from tests.conftest import RunningRelay, running_relay

KEY = "abcdefghijklmnopqrst-_"
Answering = Callable[[bytes], Awaitable[str]]


@pytest.fixture
async def answering() -> AsyncIterator[Answering]:
    """Starts a server that answers whatever it is asked with these bytes; returns its URL."""
    servers: list[asyncio.Server] = []

    async def start(answer: bytes) -> str:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            if answer.endswith(b"..."):  # without end
                await reader.read()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        servers.append(server)
        host, port = server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    yield start
    for server in servers:
        server.close()


def said(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def test_a_relay_that_lets_pages_in_tells_it() -> None:
    with running_relay(pages=SavedPages(KEY)) as relay:
        assert await page_key_of(relay.url, NO_PROXIES) == KEY


async def test_one_that_lets_none_in_tells_none(relay: RunningRelay) -> None:
    assert await page_key_of(relay.url, NO_PROXIES) is None


@pytest.mark.parametrize(
    "answer",
    [
        said("200 OK", b""),
        said("200 OK", b"<html>"),
        said("200 OK", b'{"key":"short"}'),
        said("200 OK", b'{"key":"\\"><script>alert(1)"}'),
        said("200 OK", f'{{"key":"{KEY}\\n"}}'.encode()),
        said("200 OK", f'{{"key":["{KEY}"]}}'.encode()),
        said("200 OK", b"[" * 100_000),
        said("403 Forbidden", f'{{"key":"{KEY}"}}'.encode()),
        said("302 Found", b"", "Location: http://127.0.0.1:9/page-key"),
    ],
)
async def test_what_is_no_key_is_none(answer: bytes, answering: Answering) -> None:
    assert await page_key_of(await answering(answer), NO_PROXIES) is None


async def test_a_key_that_comes_in_parts_is_whole(answering: Answering) -> None:
    body = f'{{"key":"{KEY}"}}'
    parts = "".join(f"1\r\n{char}\r\n" for char in body)
    head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    url = await answering(f"{head}{parts}0\r\n\r\n".encode())
    assert await page_key_of(url, NO_PROXIES) == KEY


@pytest.mark.parametrize(
    "answer", [b"", b"220 mail ready\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"a" * 10**6]
)
async def test_who_speaks_something_else_is_told_of(answer: bytes, answering: Answering) -> None:
    url = await answering(answer)
    with pytest.raises(RelayUnreachable, match=url):
        await page_key_of(url, NO_PROXIES)


async def test_an_answer_without_end_is_given_up(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_key, "_PATIENCE", 0.5)
    url = await answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n...")
    with pytest.raises(RelayUnreachable, match=url):
        await page_key_of(url, NO_PROXIES)
    url = await answering(
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + b"a" * 5000 + b"..."
    )
    assert await page_key_of(url, NO_PROXIES) is None
