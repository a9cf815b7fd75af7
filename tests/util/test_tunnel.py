"""util/tunnel.py: connections through real proxies, and what is told where one is of no use."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from filesend_tui.core.util import tunnel as tunnels
from filesend_tui.core.util.proxies import ProxyFailed, of_environment, parse_proxy
from filesend_tui.core.util.tunnel import MOST, tunnel
from tests.certificates import own_certificate
from tests.recording_proxy import FAR, RecordingProxy

SCHEMES = ["http", "https", "socks5", "socks5h"]
LOGIN = "ann:p%40ss%3Aword"
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """TLS of a proxy at localhost, which is trusted as long as the test runs."""
    certificate, key = own_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


async def failure(url: str, host: str = FAR) -> ProxyFailed:
    """What is told of a proxy; neither that nor its traceback has the password."""
    with pytest.raises(ProxyFailed) as caught:
        (await asyncio.wait_for(tunnel(parse_proxy(url), host, 443), 10)).close()
    for text in (caught.value.reason, caught.value.hint, repr(caught.value)):
        assert "p@ss" not in text
        assert "p%40ss" not in text
        assert text.isprintable()
    return caught.value


@pytest.mark.parametrize("login", ["", "ann:p@ss:word"], ids=["open", "with a login"])
@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
async def test_bytes_go_both_ways(scheme: str, login: str, context: ssl.SSLContext) -> None:
    loop = asyncio.get_running_loop()
    # By socks5 alone names are looked up here: an address needs none.
    host = "192.0.2.1" if scheme == "socks5" else FAR
    async with (
        serving(echo) as port,
        RecordingProxy(login, context=context if scheme == "https" else None) as proxy,
    ):
        named = parse_proxy(proxy.url(scheme, LOGIN if login else ""))
        sock = await asyncio.wait_for(tunnel(named, host, port), 10)
        with sock:
            sent = bytes(range(256)) * 4096
            sending = asyncio.create_task(loop.sock_sendall(sock, sent))
            got = bytearray()
            while len(got) < len(sent):
                got += await asyncio.wait_for(loop.sock_recv(sock, 65536), 10)
            await sending
        assert got == sent
        assert proxy.asked == [(host, port)]
        assert not proxy.denied


@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
async def test_the_end_is_told(scheme: str, context: ssl.SSLContext) -> None:
    async def leave(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"bye")

    async with (
        serving(leave) as port,
        RecordingProxy(context=context if scheme == "https" else None) as proxy,
    ):
        sock = await tunnel(parse_proxy(proxy.url(scheme)), "192.0.2.1", port)
        with sock:
            said = b""
            while data := await asyncio.wait_for(
                asyncio.get_running_loop().sock_recv(sock, 100), 10
            ):
                said += data
        assert said == b"bye"
    async with asyncio.timeout(10):
        while tunnels._carried:
            await asyncio.wait(tunnels._carried)


@pytest.mark.parametrize(("scheme", "here"), [("socks5", True), ("socks5h", False)], ids=str)
async def test_who_looks_a_name_up(
    scheme: str, here: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[object] = []
    real = socket.getaddrinfo

    def noting(host: object, *more: object, **options: object) -> object:
        looked_up.append(host)
        return real("127.0.0.1" if host == FAR else host, *more, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", noting)
    async with serving(echo) as port, RecordingProxy() as proxy:
        (await tunnel(parse_proxy(proxy.url(scheme)), FAR, port)).close()
    assert (FAR in looked_up) is here
    assert proxy.asked == [("127.0.0.1" if here else FAR, port)]


@pytest.mark.parametrize("scheme", ["http", "socks5h"], ids=str)
async def test_a_proxy_is_found_by_each_of_its_addresses(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As localhost, which is ::1 first and where only 127.0.0.1 listens."""
    async with serving(echo) as port, RecordingProxy() as proxy:

        def two(*_: object, **__: object) -> list[tuple[object, ...]]:
            there = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
            return [(*there, ("127.0.0.9", proxy.port)), (*there, ("127.0.0.1", proxy.port))]

        monkeypatch.setattr(socket, "getaddrinfo", two)
        named = parse_proxy(f"{scheme}://two.example:{proxy.port}")
        (await tunnel(named, FAR, port)).close()
        assert proxy.asked == [(FAR, port)]


@pytest.mark.parametrize("scheme", ["http", "https", "socks5h"], ids=str)
async def test_a_wrong_password_is_told_as_such(scheme: str, context: ssl.SSLContext) -> None:
    async with RecordingProxy("ann:right", context=context if scheme == "https" else None) as proxy:
        error = await failure(proxy.url(scheme, LOGIN))
        assert f":{proxy.port} does not accept this user name and password" in error.reason
        error = await failure(proxy.url(scheme, ""))
        assert f":{proxy.port} wants a user name and a password" in error.reason
        assert "user:password@" in error.hint
        assert proxy.denied == 2
        assert not proxy.asked


@pytest.mark.parametrize(
    ("scheme", "status", "told"),
    [
        ("http", 403, "refuses (HTTP 403)"),
        ("http", 301, "refuses (HTTP 301)"),
        ("http", 502, "cannot reach it (HTTP 502)"),
        ("socks5h", 1, "failed (SOCKS 1)"),
        ("socks5h", 2, "refuses (SOCKS 2)"),
        ("socks5h", 4, "cannot reach it (SOCKS 4)"),
        ("socks5h", 99, "does not speak SOCKS 5"),
    ],
    ids=str,
)
async def test_a_refusal_is_told(scheme: str, status: int, told: str) -> None:
    async with RecordingProxy(status=status) as proxy:
        error = await failure(proxy.url(scheme))
        assert error.reason == f"the proxy at 127.0.0.1:{proxy.port} {told}"
        assert error.hint.endswith(".")


@pytest.mark.parametrize("scheme", ["http", "socks5h"], ids=str)
async def test_where_no_proxy_listens(scheme: str, unused_tcp_port: int) -> None:
    error = await failure(f"{scheme}://127.0.0.1:{unused_tcp_port}")
    assert "cannot be used: nothing listens there" in error.reason
    error = await failure(f"{scheme}://no-such-proxy.invalid:1")
    assert "no-such-proxy.invalid:1 cannot be used: " in error.reason


async def test_a_proxy_whose_certificate_is_not_trusted(
    context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    async with RecordingProxy(context=context) as proxy:
        assert "its certificate is not trusted" in (await failure(proxy.url("https"))).reason
    async with serving(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        error = await failure(f"https://localhost:{port}")
        assert "it does not speak TLS" in error.reason


async def test_a_variable_that_makes_no_sense_connects_to_nothing() -> None:
    proxy = of_environment({"ALL_PROXY": "socks4://127.0.0.1:1"}).of("https://relay.example")
    assert proxy is not None
    with pytest.raises(ProxyFailed, match="ALL_PROXY makes no sense"):
        await tunnel(proxy, FAR, 443)


def saying(answer: bytes, *, then: bytes = b"") -> Answer:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(answer)
        await writer.drain()
        while then:
            writer.write(then)
            await writer.drain()

    return say


@pytest.mark.parametrize(
    ("scheme", "answer", "then", "told"),
    [
        ("http", b"", b"", "hung up"),
        ("http", b"HTTP/1.1 200 OK\r\n", b"", "hung up"),
        ("http", b"\x1b[31m\x00\xff\r\n\r\n", b"", "does not speak HTTP"),
        ("http", b"HTTP/1.1 999999999999 OK\r\n\r\n", b"", "does not speak HTTP"),
        ("http", b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 100, "does not speak HTTP"),
        ("http", b"HTTP/1.1 200 ", b"x" * 1000, "does not speak HTTP"),
        ("http", b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100, "does not speak HTTP"),
        # A proxy cannot put words into the far end's mouth.
        ("http", b"HTTP/1.1 200 OK\r\n\r\nhello", b"", "spoke out of turn"),
        ("http", b"HTTP/1.1 301 \r\nLocation: http://127.0.0.1/\r\n\r\n", b"", "refuses"),
        ("socks5h", b"", b"", "does not speak SOCKS 5"),
        ("socks5h", b"HTTP/1.1 400 Bad\r\n\r\n", b"", "does not speak SOCKS 5"),
        ("socks5h", b"\x05\x02", b"", "does not speak SOCKS 5"),
        ("socks5h", b"\x05\x00\x05\x00\x00\x03\xff", b"x" * 1000, ""),
        ("socks5h", b"\xff" * 1000, b"\xff" * 1000, "does not speak SOCKS 5"),
    ],
    ids=[
        *("silence", "half", "garbage", "a long number", "endless headers", "an endless line"),
        *("endless patience", "early words", "a redirect", "socks silence", "http", "a login"),
        *("an endless address", "socks garbage"),
    ],
)
async def test_a_hostile_proxy_is_bounded(
    scheme: str, answer: bytes, then: bytes, told: str
) -> None:
    async with serving(saying(answer, then=then)) as port:
        if told:
            assert told in (await failure(f"{scheme}://127.0.0.1:{port}")).reason
        else:  # a valid answer, and then what the far end may say
            (await tunnel(parse_proxy(f"{scheme}://127.0.0.1:{port}"), FAR, 1)).close()
    assert MOST < 100_000


@pytest.mark.parametrize("scheme", ["http", "socks5h"], ids=str)
async def test_a_silent_proxy_is_given_up(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnels, "TIMEOUT", 0.2)
    asked = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        asked.set()
        while await reader.read(1000):
            pass

    async with serving(listen) as port:
        assert "does not answer in time" in (await failure(f"{scheme}://127.0.0.1:{port}")).reason
        assert asked.is_set()
