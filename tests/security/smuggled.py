"""Requests that hide another one, for a server and a proxy that read them differently."""

from __future__ import annotations

import asyncio
import base64
import re
from dataclasses import dataclass

from tests.security.raw import TIMEOUT, Raw

#: What is not for strangers, and what is hidden behind something else.
HIDDEN = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
#: What stands in every answer to it.
FIGURES = b"filesend_relay_"
#: A request after which a proxy that sees it closes the connection.
LAST = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

_CHUNKS = f"0\r\n\r\n{HIDDEN}"
_LENGTH = f"Content-Length: {len(HIDDEN)}\r\n"
_LONGER = f"Content-Length: {len(_CHUNKS)}\r\n"
_CHUNKED = "Transfer-Encoding: chunked\r\n"
_KEY = f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\n"
_WEBSOCKET = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
_H2C = (
    "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"
    "Connection: Upgrade, HTTP2-Settings\r\n"
)


@dataclass(frozen=True)
class Answers:
    """What came until the other side ended the connection."""

    said: bytes

    @property
    def statuses(self) -> list[int]:
        """The status of every answer."""
        return [int(status) for status in re.findall(rb"^HTTP/1\.[01] (\d+)", self.said, re.M)]


async def answers(raw: Raw, data: bytes) -> Answers:
    """Send something, and hear all until the other side ends the connection."""
    said = b""
    async with asyncio.timeout(TIMEOUT):
        try:
            raw.writer.write(data)
            while chunk := await raw.reader.read(65536):
                said += chunk
        except ConnectionError:
            pass
    raw.abort()
    return Answers(said)


def _request(line: str, fields: str, behind: str) -> tuple[bytes, bytes]:
    return f"{line} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n".encode("latin-1"), behind.encode()


def handshake(*, version: str = "Sec-WebSocket-Version: 13\r\n", key: str = _KEY) -> str:
    """The fields that ask for a WebSocket."""
    return _WEBSOCKET + key + version


#: By name: the head of a request, and what comes behind it.
ATTACKS: dict[str, tuple[bytes, bytes]] = {
    "CL.TE": _request("GET /nothing", _LONGER + _CHUNKED, _CHUNKS),
    "TE.CL": _request(
        "GET /nothing",
        "Content-Length: 4\r\n" + _CHUNKED,
        f"{len(HIDDEN):x}\r\n{HIDDEN}\r\n0\r\n\r\n",
    ),
    "TE.TE": _request("GET /nothing", _CHUNKED + "Transfer-encoding: x\r\n" + _LONGER, _CHUNKS),
    "TE.0": _request("GET /nothing", _CHUNKED, f"{len(HIDDEN):x}\r\n{HIDDEN}\r\n0\r\n\r\n"),
    "CL.0": _request("GET /nothing", _LENGTH, HIDDEN),
    "0.CL": _request("GET /nothing", f"Content-Length: 0\r\n{_LENGTH}", HIDDEN),
    "CL posted": _request("POST /nothing", _LENGTH, HIDDEN),
    "CL of a list": _request("GET /nothing", f"Content-Length: 0, {len(HIDDEN)}\r\n", HIDDEN),
    "CL with a sign": _request("GET /nothing", f"Content-Length: +{len(HIDDEN)}\r\n", HIDDEN),
    "TE of another kind": _request("GET /nothing", "Transfer-Encoding: x\r\n" + _LONGER, _CHUNKS),
    "TE behind a tab": _request(
        "GET /nothing", "Transfer-Encoding:\tchunked\r\n" + _LONGER, _CHUNKS
    ),
    "TE behind a vertical tab": _request(
        "GET /nothing", "Transfer-Encoding: \x0bchunked\r\n" + _LONGER, _CHUNKS
    ),
    "TE with a space": _request(
        "GET /nothing", "Transfer-Encoding : chunked\r\n" + _LONGER, _CHUNKS
    ),
    "TE folded": _request("GET /nothing", "Transfer-Encoding:\r\n chunked\r\n" + _LONGER, _CHUNKS),
    "TE of a folded line": _request(
        "GET /nothing", "X: x\r\n Transfer-Encoding: chunked\r\n" + _LONGER, _CHUNKS
    ),
    "TE of a bare line feed": _request(
        "GET /nothing", "X: x\nTransfer-Encoding: chunked\r\n" + _LONGER, _CHUNKS
    ),
    "TE of a bare return": _request(
        "GET /nothing", "X: x\rTransfer-Encoding: chunked\r\n" + _LONGER, _CHUNKS
    ),
    "a head of bare line feeds": (
        b"GET /nothing HTTP/1.1\nHost: x\n\n",
        b"",
    ),
    "two hosts": _request("GET /nothing", "Host: y\r\n", ""),
    "Expect": _request("GET /nothing", f"Expect: 100-continue\r\n{_LENGTH}", HIDDEN),
    "HTTP/2 without leave": (b"PRI * HTTP/2.0\r\n\r\n", b"SM\r\n\r\n" + HIDDEN.encode()),
    "h2c": _request("GET /nothing", _H2C, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + HIDDEN),
    "h2c of a WebSocket": _request("GET /announce", _H2C + handshake(), HIDDEN),
    "WebSocket of another version": _request(
        "GET /announce", handshake(version="Sec-WebSocket-Version: 777\r\n"), HIDDEN
    ),
    "WebSocket of no version": _request("GET /announce", handshake(version=""), HIDDEN),
    "WebSocket without a key": _request("GET /announce", handshake(key=""), HIDDEN),
    "WebSocket where there is none": _request("GET /healthz", handshake(), HIDDEN),
    "WebSocket posted": _request("POST /announce", handshake() + _LENGTH, HIDDEN),
    "WebSocket with CL": _request("GET /announce", handshake() + _LENGTH, HIDDEN),
    "WebSocket with TE": _request("GET /announce", handshake() + _CHUNKED, _CHUNKS),
    "WebSocket with a control character": _request(
        "GET /announce", handshake() + "X: \x01\r\n", HIDDEN
    ),
    "WebSocket with a line too long": _request(
        "GET /announce", handshake() + f"X: {'x' * 9000}\r\n", HIDDEN
    ),
}

#: Other ways to write a path that a proxy keeps to itself.
PATHS = [
    "/metrics",
    "/metrics?x",
    "/metrics/",
    "/metrics//",
    "//metrics",
    "/./metrics",
    "/x/../metrics",
    "/announce/../metrics",
    "/%6detrics",
    "/%6Detrics",
    "/%256detrics",
    "/metrics%2f",
    "/metrics%3fx",
    "/metrics%00",
    "/%2e/metrics",
    "/x/%2e%2e/metrics",
    "/%2fmetrics",
    "%2fmetrics",
    "/metrics;x",
    "/metrics#x",
    "/x#/../metrics",
    "/x?/../metrics",
    "\\metrics",
    "/METRICS",
    "/metric%C5%BF",
    "/metrics\t",
    "*",
    "metrics",
    "http://x/metrics",
    "http://x/%6detrics",
    "HTTP://x:80/metrics",
    "http:/metrics",
    "//x/metrics",
    "http://x@/metrics",
    "x:80",
]
