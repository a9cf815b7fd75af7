"""A connection through a proxy, as a socket: CONNECT of HTTP, to one with TLS too, or SOCKS 5.

What goes through it is its caller's, as is TLS to the far end: a proxy is trusted with nothing but
the names of hosts. What it answers is bounded, and of that no text is shown.
"""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from filesend_tui.core.util.proxies import Proxy, ProxyFailed
from filesend_tui.core.util.tls import system_trust
from filesend_tui.core.util.unreachable import why_unreached

if TYPE_CHECKING:
    import h11

#: Timeout in seconds for a proxy, and for what it connects to: Tor needs some.
TIMEOUT: Final = 20.0
#: Most bytes of a proxy's answer to CONNECT.
MOST: Final = 64 * 1024
_CHUNK: Final = 64 * 1024

_CHECK: Final = "Check proxy in the settings, or HTTPS_PROXY and ALL_PROXY; none goes without."
_LOGIN: Final = "Name both in the proxy's URL: http://user:password@host:port."
_WRONG: Final = (
    "Check both in the proxy's URL; what is no letter or digit is written as %40 and so on."
)
_NOT_THERE: Final = "Check the relay's address; the proxy may not be allowed to reach it."
_FORBIDS: Final = "Ask whoever runs it: many let nothing through but port 443."

#: What SOCKS 5 answers (RFC 1928), and Tor's own, where the proxy itself did its part.
_UNREACHED: Final = frozenset({3, 4, 5, 6, *range(0xF0, 0xF8)})
_FORBIDDEN: Final = 2

#: Connections that are carried between a socket and a proxy's TLS.
_carried: set[asyncio.Task[None]] = set()


class _Talk(NamedTuple):
    """A connection to a proxy, as what its answer is read by."""

    send: Callable[[bytes], Awaitable[None]]
    receive: Callable[[], Awaitable[bytes]]


async def tunnel(proxy: Proxy, host: str, port: int) -> socket.socket:
    """Connect to a host through a proxy; the caller closes the socket.

    Only by `socks5` the name of the host is looked up here.

    Args:
        proxy: Which.
        host: A name, or an address.
        port: Of TCP.

    Raises:
        ProxyFailed: The proxy cannot be used, does not answer in time, or refuses.
        OSError: The host's name cannot be looked up, by `socks5`.
        ValueError: It is no name.
    """
    if proxy.fault:
        raise ProxyFailed(proxy.fault, _CHECK)
    how = {"http": _by_http, "https": _by_https}.get(proxy.scheme, _by_socks)
    try:
        async with asyncio.timeout(TIMEOUT):
            return await how(proxy, host if host.isascii() else _ascii(host), port)
    except TimeoutError:
        raise _failed(proxy, "does not answer in time", _CHECK) from None


# -- CONNECT


async def _by_http(proxy: Proxy, host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    sock = await _connected(proxy)
    try:
        await _connect(
            proxy,
            host,
            port,
            _Talk(
                send=lambda data: loop.sock_sendall(sock, data),
                receive=lambda: loop.sock_recv(sock, 4096),
            ),
        )
    except BaseException:
        sock.close()
        raise
    return sock


async def _by_https(proxy: Proxy, host: str, port: int) -> socket.socket:
    context = await system_trust()
    sock = await _connected(proxy)
    try:
        reader, writer = await asyncio.open_connection(
            sock=sock, ssl=context, server_hostname=proxy.host
        )
    except OSError as error:
        sock.close()
        raise _unreached(proxy, error) from error
    except BaseException:
        sock.close()
        raise

    async def send(data: bytes) -> None:
        writer.write(data)
        await writer.drain()

    try:
        await _connect(proxy, host, port, _Talk(send, lambda: reader.read(4096)))
    except BaseException:
        writer.transport.abort()
        raise
    # What comes next may be TLS as well, which neither library does within TLS in every loop.
    near, far = socket.socketpair()
    for each in (near, far):
        each.setblocking(False)
    carrying = asyncio.create_task(_carry(near, reader, writer))
    _carried.add(carrying)
    carrying.add_done_callback(_carried.discard)
    return far


async def _carry(
    near: socket.socket, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Carry bytes both ways until either ends: TLS cannot end one alone."""
    loop = asyncio.get_running_loop()

    async def out() -> None:
        with suppress(OSError):
            while data := await loop.sock_recv(near, _CHUNK):
                writer.write(data)
                await writer.drain()

    async def back() -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                await loop.sock_sendall(near, data)

    ways = {asyncio.create_task(out()), asyncio.create_task(back())}
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        with suppress(Exception):
            async with asyncio.timeout(1):  # what was written still goes
                writer.close()
                await writer.wait_closed()
        writer.transport.abort()
        await asyncio.wait(ways)
        near.close()


async def _connect(proxy: Proxy, host: str, port: int, talk: _Talk) -> None:
    """Ask for a connection, and read the answer. Raises ProxyFailed."""
    import h11

    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST)
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    headers = [("Host", target), ("User-Agent", "FileSend")]
    if proxy.username is not None:
        login = base64.b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
        headers.append(("Proxy-Authorization", f"Basic {login}"))
    try:
        request = http.send(h11.Request(method="CONNECT", target=target, headers=headers))
        await talk.send((request or b"") + (http.send(h11.EndOfMessage()) or b""))
        status = await _status(http, talk)
    except h11.ProtocolError:
        raise _failed(proxy, "does not speak HTTP", _CHECK) from None
    except OSError:
        raise _failed(proxy, "hung up", _CHECK) from None
    # Nobody speaks before this side does: whatever is there already is not the far end's.
    if 200 <= status < 300 and not http.trailing_data[0]:
        return
    raise _refused(proxy, status)


async def _status(http: h11.Connection, talk: _Talk) -> int:
    """Return the status of the answer. Raises h11.ProtocolError and OSError."""
    import h11

    left = MOST
    while True:
        event = http.next_event()
        if isinstance(event, h11.Response):
            return int(event.status_code)
        if isinstance(event, h11.InformationalResponse):
            continue
        if event is not h11.NEED_DATA:
            raise h11.RemoteProtocolError("it said something else")
        data = await talk.receive()
        left -= len(data)
        if not data:
            raise ConnectionResetError
        if left < 0:
            raise h11.RemoteProtocolError("it said too much")
        http.receive_data(data)


def _refused(proxy: Proxy, status: int) -> ProxyFailed:
    if 200 <= status < 300:
        return _failed(proxy, "spoke out of turn", _CHECK)
    if status == 407:
        return _no_login(proxy)
    if status >= 500:
        return _failed(proxy, f"cannot reach it (HTTP {status})", _NOT_THERE)
    return _failed(proxy, f"refuses (HTTP {status})", _FORBIDS)


# -- SOCKS 5


async def _by_socks(proxy: Proxy, host: str, port: int) -> socket.socket:
    # Late: only where one is in use.
    from python_socks import ProxyConnectionError, ProxyError, ProxyType
    from python_socks.async_.asyncio import Proxy as SocksProxy

    last: OSError | None = None
    # The library tries one address only, and `localhost` often has two.
    for _, address in await _addresses(proxy):
        socks = SocksProxy(
            ProxyType.SOCKS5,
            str(address[0]),
            proxy.port,
            proxy.username,
            proxy.password,
            rdns=proxy.looks_up,
        )
        try:
            return await socks.connect(host, port, timeout=TIMEOUT)
        except ProxyConnectionError as error:
            last = error
        except ProxyError as error:
            raise _denied(proxy, error.error_code, str(error)) from None
        except socket.gaierror:
            raise  # of the host
        except OSError:
            raise _failed(proxy, "hung up", _CHECK) from None
        except (ValueError, AssertionError, RuntimeError):
            raise _failed(proxy, "does not speak SOCKS 5", _CHECK) from None
    raise _unreached(proxy, last or OSError())


def _denied(proxy: Proxy, code: int | None, said: str) -> ProxyFailed:
    """said: by the library, of what it was answered."""
    if code is None:
        login = "authentication failure" in said or "No acceptable authentication" in said
        return _no_login(proxy) if login else _failed(proxy, "does not speak SOCKS 5", _CHECK)
    if code == _FORBIDDEN:
        return _failed(proxy, f"refuses (SOCKS {int(code)})", _FORBIDS)
    if code in _UNREACHED:
        return _failed(proxy, f"cannot reach it (SOCKS {int(code)})", _NOT_THERE)
    return _failed(proxy, f"failed (SOCKS {int(code)})", _NOT_THERE)


# -- both


def _ascii(host: str) -> str:
    return host.encode("idna").decode()


async def _addresses(proxy: Proxy) -> list[tuple[socket.AddressFamily, Any]]:
    """Look the proxy's own name up. Raises ProxyFailed."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(proxy.host, proxy.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise _unreached(proxy, error) from error
    return [(family, address) for family, *_, address in found]


async def _connected(proxy: Proxy) -> socket.socket:
    """Connect to the proxy itself. Raises ProxyFailed."""
    last: OSError | None = None
    for family, address in await _addresses(proxy):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, address)
        except OSError as error:
            sock.close()
            last = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise _unreached(proxy, last or OSError())


def _unreached(proxy: Proxy, error: OSError) -> ProxyFailed:
    why = why_unreached(error)
    return _failed(proxy, f"cannot be used{f': {why.reason}' if why else ''}", _CHECK)


def _no_login(proxy: Proxy) -> ProxyFailed:
    if proxy.username is None:
        return _failed(proxy, "wants a user name and a password", _LOGIN)
    return _failed(proxy, "does not accept this user name and password", _WRONG)


def _failed(proxy: Proxy, what: str, hint: str) -> ProxyFailed:
    return ProxyFailed(f"the proxy at {proxy.name} {what}", hint)
