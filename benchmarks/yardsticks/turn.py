"""Bytes through coturn, between two clients that reach it by TCP, as where UDP is blocked.

python -m benchmarks.yardsticks.turn ADDRESS N     sends N bytes through the TURN server there

Between its two allocations coturn sends UDP to itself, which loses what comes too fast: so no more
than a window is under way, and what is lost is sent again, which is not counted as carried. What it
prints is as of pipe.py.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from aioice.turn import TurnClientTcpProtocol

from benchmarks.processes import Failed, Program

_TIMEOUT: Final = 60.0
_START: Final = 20.0
_USER: Final = "bench"
_CHANNEL: Final = 0x4000
#: Bytes of a datagram, as WebRTC sends them; divisible by four, so that none is padded.
_DATAGRAM: Final = 1200
#: Datagrams that are written at once, and bytes that may be under way.
_AT_ONCE: Final = 32
_WINDOW: Final = 96 * 1024
#: Seconds without anything that arrives after which what is under way counts as lost.
_LOST: Final = 0.02
_READ: Final = 1024 * 1024


@contextmanager
def server(folder: Path) -> Iterator[tuple[Program, str]]:
    """Run coturn; yield it, and its address. Raises Failed where it is not installed."""
    program = shutil.which("turnserver")
    if program is None:
        raise Failed("coturn is not installed: make interop-deps installs it, as root on Debian")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "turnserver.conf"
    lines = [
        f"listening-port={port}",
        "listening-ip=127.0.0.1",
        "relay-ip=127.0.0.1",
        "allow-loopback-peers",
        "lt-cred-mech",
        f"user={_USER}:{_USER}",
        f"realm={_USER}",
        "no-tls",
        "no-dtls",
        "no-cli",
        "log-file=stdout",
        f"userdb={folder / 'db'}",
        f"pidfile={folder / 'pid'}",
    ]
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with Program([program, "-c", str(config)], folder=folder) as running:
        deadline = time.monotonic() + _START
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise Failed("coturn does not start") from None
                time.sleep(0.05)
        yield running, f"127.0.0.1:{port}"


async def through(address: str, size: int) -> None:
    """Have an allocation each for two clients, and send from one to the other."""
    host, _, port = address.rpartition(":")
    clients = [await _client(host, int(port)) for _ in range(2)]
    one, other = clients
    for client, peer in ((one, other), (other, one)):
        assert peer.relayed_address is not None
        await client.channel_bind(_CHANNEL, peer.relayed_address)
    ends = [_socket(client) for client in clients]
    await asyncio.to_thread(_measure, ends[0], ends[1], size)


async def _client(host: str, port: int) -> TurnClientTcpProtocol:
    loop = asyncio.get_running_loop()

    def make() -> TurnClientTcpProtocol:
        return TurnClientTcpProtocol((host, port), _USER, _USER, 600, 500)

    _, client = await loop.create_connection(make, host, port)
    await client.connect()
    return client


def _socket(client: TurnClientTcpProtocol) -> socket.socket:
    """Return a client's socket, from which asyncio reads no more."""
    transport = client.transport
    assert isinstance(transport, asyncio.Transport)
    transport.pause_reading()
    sock = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
    sock.setblocking(True)
    return sock


class _Flow:
    """What arrived of all that is sent, and what may be under way. One thread waits, one tells."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.got = 0
        self._gone = 0
        self._moved = threading.Condition()

    @property
    def over(self) -> bool:
        return self.got >= self.size

    def came(self, count: int) -> None:
        with self._moved:
            self.got += count
            self._moved.notify()

    def wait_for_room(self) -> None:
        """Wait until no more than a window is under way; what does not move is lost."""
        with self._moved:
            if not self._moved.wait_for(self._has_room, _LOST):
                self._gone = self.got

    def _has_room(self) -> bool:
        return self.over or self._gone - self.got <= _WINDOW

    def send(self, sender: socket.socket, frames: memoryview) -> None:
        """Send until all has arrived."""
        while not self.over:
            self.wait_for_room()
            sender.sendall(frames)
            self._gone += len(frames)


def _measure(sender: socket.socket, receiver: socket.socket, size: int) -> None:
    frame = struct.pack("!HH", _CHANNEL, _DATAGRAM) + os.urandom(_DATAGRAM)
    flow = _Flow(-(-size // _DATAGRAM) * len(frame))
    frames = memoryview(frame * _AT_ONCE)
    thread = threading.Thread(target=flow.send, args=(sender, frames), daemon=True)
    thread.start()
    buffer = bytearray(_READ)
    receiver.settimeout(_TIMEOUT)
    began = 0.0
    while not flow.over:
        count = receiver.recv_into(buffer)
        assert count, f"it ended after {flow.got} bytes"
        began = began or time.perf_counter()
        flow.came(count)
    seconds = time.perf_counter() - began
    carried = flow.got * _DATAGRAM // len(frame)
    print(json.dumps({"bytes": carried, "seconds": seconds}), flush=True)


def main() -> None:
    """Read the command, and do it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("where")
    parser.add_argument("bytes", type=int)
    options = parser.parse_args()
    asyncio.run(through(options.where, options.bytes))


if __name__ == "__main__":
    main()
