"""Bytes through a relay, between two raw sockets, which cost little beside it.

python -m benchmarks.yardsticks.pipe serve              runs a relay whose transit has no bounds
python -m benchmarks.yardsticks.pipe filesend URL N     sends N bytes through the transit of one
python -m benchmarks.yardsticks.pipe wormhole ADDRESS N the same with magic-wormhole's transit relay

What it prints is JSON: bytes, and seconds from the first byte that arrived to the last.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import secrets
import socket
import threading
import time
from typing import Final
from urllib.parse import urlsplit

import msgspec

from filesend_tui.core.relay_client.address import parse_relay_url
from filesend_tui.core.relay_client.connection import RelayConnection
from relay.guard.limits import Limits, Rate
from relay.protocol.transit import MAX_MESSAGE, PIPE, greeting
from relay.protocol.words import Allocate, Allocated, AskRoads, Claim, Joined, Roads
from relay.server import RelayServer, listen

_TIMEOUT: Final = 60.0
_READ: Final = 1024 * 1024
#: Frames, or so many bytes without any, that are sent by one call.
_FRAMES: Final = 8
_UNBOUNDED: Final = Rate(10**15, 10**15)
#: A header (RFC 6455, section 5.2) of a client's whole binary message, with a length in 8 bytes.
_CLIENT: Final = b"\x82\xff"
#: Bytes of a header with such a length that a server sends, which masks nothing.
_SERVER_HEADER: Final = 10


def serve() -> None:
    """Run a relay on any port until it is ended."""
    limits = msgspec.structs.replace(
        Limits(),
        transit_pipe_bytes=_UNBOUNDED,
        transit_bytes=_UNBOUNDED,
        transit_day=_UNBOUNDED,
    )
    with listen("127.0.0.1", 0) as listener:
        ready = lambda url: print(f"ready at {url}", flush=True)  # noqa: E731
        RelayServer(listener, limits=limits, on_ready=ready).run()


async def through_filesend(url: str, size: int) -> None:
    """Pair two connections, and send through a pipe of theirs."""
    people = [RelayConnection(lambda _word: None, lambda _state: None) for _ in range(2)]
    try:
        for each in people:
            await each.connect(url)
        one, other = people
        nameplate = (await one.call(Allocate(), Allocated)).nameplate
        await other.call(Claim(nameplate=nameplate), Joined)
        name = secrets.token_bytes(PIPE)
        ends = []
        for each in people:
            given = (await each.call(AskRoads(), Roads)).pass_
            assert given is not None
            ends.append(await asyncio.to_thread(_end, parse_relay_url(url).transit, given, name))
        for end in ends:
            await asyncio.to_thread(_exactly, end, 2)  # that both are there
        frame = _frame(os.urandom(MAX_MESSAGE))
        frames = -(-size // MAX_MESSAGE)
        await asyncio.to_thread(
            _measure,
            (ends[0], ends[1]),
            frame * _FRAMES,
            sent=frames * len(frame),
            size=frames * MAX_MESSAGE,
            arriving=frames * (MAX_MESSAGE + _SERVER_HEADER),
        )
    finally:
        for each in people:
            await each.close()


def through_wormhole(address: str, size: int) -> None:
    """Introduce two sockets to each other, and send from one to the other."""
    host, _, port = address.rpartition(":")
    token = secrets.token_hex(32)
    ends = []
    for _ in range(2):
        sock = socket.create_connection((host, int(port)), _TIMEOUT)
        sock.sendall(f"please relay {token} for side {secrets.token_hex(8)}\n".encode())
        ends.append(sock)
    for each in ends:
        assert _exactly(each, 3) == b"ok\n"
    data = os.urandom(MAX_MESSAGE) * _FRAMES
    _measure((ends[0], ends[1]), data, sent=size, size=size, arriving=size)


def _end(url: str, pass_: bytes, name: bytes) -> socket.socket:
    """Open an end of a pipe."""
    parts = urlsplit(url)
    sock = socket.create_connection((parts.hostname or "", parts.port or 80), _TIMEOUT)
    sock.sendall(
        f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {base64.b64encode(secrets.token_bytes(16)).decode()}\r\n\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += _exactly(sock, 1)
    assert b" 101 " in head.partition(b"\r\n")[0], head
    sock.sendall(_frame(greeting(pass_, name)))
    return sock


def _frame(data: bytes) -> bytes:
    """Return a message of a client; masked with zeros, which changes nothing."""
    return _CLIENT + len(data).to_bytes(8) + bytes(4) + data


def _exactly(sock: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        got += sock.recv(count - len(got)) or b"\0" * count
    return got


def _measure(
    ends: tuple[socket.socket, socket.socket], data: bytes, *, sent: int, size: int, arriving: int
) -> None:
    """Send from the first end to the second, and print how long it took.

    data: what is sent over and over. sent: bytes in all. size: bytes that are carried by them.
    arriving: bytes that arrive.
    """
    sender, receiver = ends

    def send() -> None:
        for start in range(0, sent, len(data)):
            sender.sendall(memoryview(data)[: sent - start])

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    buffer = bytearray(_READ)
    got = receiver.recv_into(buffer)
    began = time.perf_counter()
    while got < arriving:
        count = receiver.recv_into(buffer)
        assert count, f"it ended after {got} bytes"
        got += count
    seconds = time.perf_counter() - began
    thread.join()
    print(json.dumps({"bytes": size, "seconds": seconds}), flush=True)


def main() -> None:
    """Read the command, and do it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("serve", "filesend", "wormhole"))
    parser.add_argument("where", nargs="?", default="")
    parser.add_argument("bytes", nargs="?", type=int, default=0)
    options = parser.parse_args()
    match options.what:
        case "serve":
            serve()
        case "filesend":
            asyncio.run(through_filesend(options.where, options.bytes))
        case _:
            through_wormhole(options.where, options.bytes)


if __name__ == "__main__":
    main()
