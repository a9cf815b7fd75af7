"""A socket whose bytes are protected, first on the event loop and then in two threads.

Agreeing on keys is awaited, so that strangers cost no thread. After it one thread may read while
another writes, and the socket blocks. How bytes are protected is a subclass's: tls/connection.py,
relayed/sealed_connection.py. The meaning of the bytes is not known here.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Any, Final

from filesend_tui.core.transports.base import Slowing
from filesend_tui.core.util.figures import address_text

#: Bytes received at a time: a tenth faster than 256 KiB; larger steps gain nothing.
STEP: Final = 512 * 1024
#: And on the event loop.
SMALL_STEP: Final = 16 * 1024
#: TCP keepalive: idle seconds before the first probe, seconds between probes, and how many may stay
#: unanswered.
_KEEP_ALIVE: Final = (
    ("TCP_KEEPALIVE" if sys.platform == "darwin" else "TCP_KEEPIDLE", 15),
    ("TCP_KEEPINTVL", 5),
    ("TCP_KEEPCNT", 4),
)
#: Milliseconds that sent bytes may stay unacknowledged (RFC 5482).
_USER_TIMEOUT_MS: Final = 30_000
#: Seconds between checks for `sever`, on systems where shutdown may not wake a blocked thread.
_LOOK: Final = 0.5 if sys.platform == "win32" else None


class ConnectionBroken(OSError):
    """The connection ended without a farewell, or its bytes are not the right partner's."""


class SecureConnection(ABC):
    """One connection.

    Args:
        sock: Connected; this connection owns it.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        with suppress(OSError):  # on macOS, if it was closed already: what follows fails then
            tune(sock)
        self._sock = sock
        self._scratch = memoryview(b"")  # allocated after the handshake: strangers cost little
        self._severed = False

    @property
    def address(self) -> str:
        """The other end, such as `192.0.2.7:51413`; empty if it is gone."""
        try:
            host, port, *_ = self._sock.getpeername()
        except OSError:
            return ""
        return address_text(host.removeprefix("::ffff:"), port)

    @property
    def slowed(self) -> Slowing | None:
        """What a server in between makes its bytes wait for; None where nothing does."""
        return None

    @property
    def own_name(self) -> Any:
        """The name of this end, as `socket.getsockname` returns it; None if it is gone."""
        try:
            return self._sock.getsockname()
        except OSError:
            return None

    # -- on the event loop

    @abstractmethod
    async def send(self, data: bytes) -> None:
        """Send a few bytes. Raises ConnectionBroken."""

    @abstractmethod
    async def receive(self, count: int) -> bytes:
        """Return exactly so many bytes. Raises ConnectionBroken."""

    async def _transmit(self, data: bytes) -> None:
        """Send these as they are. Raises OSError."""
        await asyncio.get_running_loop().sock_sendall(self._sock, data)

    async def _arrived(self) -> bytes:
        """Return the next bytes as they came. Raises ConnectionBroken."""
        try:
            data = await asyncio.get_running_loop().sock_recv(self._sock, SMALL_STEP)
        except OSError as error:
            raise ConnectionBroken("it is gone") from error
        if not data:
            raise ConnectionBroken("it is gone")
        return data

    # -- in threads: one that reads, one that writes

    def go_blocking(self) -> None:
        """Switch to blocking: `read_into`, `write` and `say_farewell` only from now on."""
        self._sock.settimeout(_LOOK)
        self._scratch = memoryview(bytearray(STEP))

    @abstractmethod
    def read_into(self, view: memoryview) -> int:
        """Fill some of `view`, as much as is available; return 0 after the other side's farewell.

        Raises:
            OSError: The connection failed.
        """

    @abstractmethod
    def write(self, *parts: bytes | memoryview) -> None:
        """Send all of it. Raises OSError."""

    @abstractmethod
    def say_farewell(self) -> None:
        """Tell the other side that nothing more will be written. Raises OSError."""

    def _receive(self) -> memoryview:
        """Wait for bytes as they come, and return them; they are gone with the next call.

        Raises:
            OSError: There are none any more.
        """
        while True:
            try:
                count = self._sock.recv_into(self._scratch)
            except TimeoutError as error:
                self._go_on(error)
                continue
            if not count:
                raise ConnectionBroken("it is gone")
            return self._scratch[:count]

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[self._sock.send(view) :]
            except TimeoutError as error:
                self._go_on(error)

    def _go_on(self, error: TimeoutError) -> None:
        """Return if this was only the periodic check, and the connection was not severed."""
        if error.errno is not None:  # TCP itself gave up
            raise error
        if self._severed:
            raise ConnectionBroken("it was severed") from None

    def _end_sending(self) -> None:
        self._sock.shutdown(socket.SHUT_WR)

    # -- at any time

    def sever(self) -> None:
        """Shut the socket down, from any thread; blocked threads wake up."""
        self._severed = True
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Free the socket; no thread may be using it."""
        self._sock.close()

    async def freed(self) -> None:  # noqa: B027 - most have nothing below it
        """Wait until what is below the socket is freed, too; only after `close`."""


def tune(sock: socket.socket) -> None:
    """Send small messages at once, and detect a dead peer by keepalive and timeout."""
    with suppress(OSError):  # macOS refuses for a connection that was closed again
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (*_KEEP_ALIVE, ("TCP_USER_TIMEOUT", _USER_TIMEOUT_MS)):
        if (option := getattr(socket, name, None)) is not None:
            with suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
