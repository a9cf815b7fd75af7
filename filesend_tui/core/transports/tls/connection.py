"""TLS 1.3 over one socket, first on the event loop and then in two threads.

A handshake is awaited, so that strangers cost no thread. After it one thread may read while another
writes: an OpenSSL object supports only one at a time, so it works on memory buffers, under a lock,
and socket I/O blocks outside the lock. The meaning of the bytes is not known here.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
import threading
from contextlib import suppress
from typing import Any, Final

from filesend_tui.core.transports.base import Slowing
from filesend_tui.core.util.figures import address_text

#: Bytes received and encrypted at a time: a tenth faster than 256 KiB; larger steps gain nothing.
STEP: Final = 512 * 1024
#: Most bytes of one TLS record (RFC 8446): one read never returns more.
RECORD: Final = 16 * 1024
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
    """The connection ended without close_notify, or its bytes are not the right partner's TLS."""


class TlsConnection:
    """One connection.

    Args:
        sock: Connected; this connection owns it.
        context: This side's.
        server: Whether this side is the TLS server.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, *, server: bool) -> None:
        sock.setblocking(False)
        with suppress(OSError):  # on macOS, if it was closed already: the handshake fails then
            tune(sock)
        self._sock = sock
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=server)
        self._lock = threading.Lock()
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

    @property
    def certificate(self) -> bytes:
        """The other end's certificate in DER, once the handshake is done."""
        return self._tls.getpeercert(binary_form=True) or b""

    # -- on the event loop

    async def handshake(self) -> None:
        """Agree on keys. Raises ConnectionBroken."""
        try:
            while not self._step():
                await self._flush()
                await self._more()
            await self._flush()
        except OSError as error:
            # Send the TLS alert, if the other side still reads.
            with suppress(OSError):
                await self._flush()
            raise ConnectionBroken("no handshake") from error

    async def send(self, data: bytes) -> None:
        """Send a few bytes. Raises ConnectionBroken."""
        try:
            self._tls.write(data)
            await self._flush()
        except OSError as error:
            raise ConnectionBroken("it is gone") from error

    async def receive(self, count: int) -> bytes:
        """Return exactly so many bytes. Raises ConnectionBroken."""
        heard = b""
        while len(heard) < count:
            try:
                part = self._tls.read(count - len(heard))
            except ssl.SSLWantReadError:
                await self._more()
                continue
            except OSError as error:
                raise ConnectionBroken("it is gone") from error
            if not part:
                raise ConnectionBroken("it left")
            heard += part
        return heard

    def _step(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    async def _flush(self) -> None:
        if self._out.pending:
            await asyncio.get_running_loop().sock_sendall(self._sock, self._out.read())

    async def _more(self) -> None:
        try:
            data = await asyncio.get_running_loop().sock_recv(self._sock, RECORD)
        except OSError as error:
            raise ConnectionBroken("it is gone") from error
        if not data:
            raise ConnectionBroken("it is gone")
        self._in.write(data)

    # -- in threads: one that reads, one that writes

    def go_blocking(self) -> None:
        """Switch to blocking: `read_into`, `write` and `close_notify` only from now on."""
        self._sock.settimeout(_LOOK)
        self._scratch = memoryview(bytearray(STEP))

    def read_into(self, view: memoryview) -> int:
        """Fill some of `view`, as much as is available; return 0 after close_notify.

        Raises:
            OSError: The connection failed.
        """
        while True:
            count = self._decrypt(view)
            if count is not None:
                return count
            received = self._receive()
            if not received:
                raise ConnectionBroken("it is gone")
            with self._lock:
                self._in.write(self._scratch[:received])

    def _decrypt(self, view: memoryview) -> int | None:
        """Return the number of bytes, 0 after close_notify, None if more must be received first."""
        count = 0
        with self._lock:
            read = self._tls.read
            try:
                while count < len(view):
                    part = read(RECORD, view[count:])
                    if not part:
                        break
                    count += part  # type: ignore[operator]
            except ssl.SSLWantReadError:
                return count or None
            except ssl.SSLZeroReturnError:
                pass
        return count

    def write(self, *parts: bytes | memoryview) -> None:
        """Send all of it. Raises OSError."""
        for part in parts:
            view = memoryview(part)
            for start in range(0, len(view), STEP):
                with self._lock:
                    self._tls.write(view[start : start + STEP])
                    if start + STEP >= len(view) and part is not parts[-1] and len(view) < RECORD:
                        continue  # a small head is sent with the part after it
                    data = self._out.read()
                self._send(data)

    def close_notify(self) -> None:
        """Send close_notify: nothing more will be written. Raises OSError."""
        with self._lock:
            with suppress(ssl.SSLError):  # the other side's close_notify has not come yet
                self._tls.unwrap()
            data = self._out.read()
        self._send(data)
        self._sock.shutdown(socket.SHUT_WR)

    def _receive(self) -> int:
        """Wait for bytes from the socket; return 0 at its end."""
        while True:
            try:
                return self._sock.recv_into(self._scratch)
            except TimeoutError as error:
                self._go_on(error)

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

    # -- at any time

    def sever(self) -> None:
        """Shut the socket down, from any thread; blocked threads wake up."""
        self._severed = True
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Free the socket; no thread may be using it."""
        self._sock.close()

    async def freed(self) -> None:
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
