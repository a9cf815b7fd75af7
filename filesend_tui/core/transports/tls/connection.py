"""TLS 1.3 over one socket.

An OpenSSL object supports one thread at a time, so it works on memory buffers, under a lock, and
socket I/O blocks outside the lock.
"""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from typing import Final

from filesend_tui.core.transports.secure_connection import STEP, ConnectionBroken, SecureConnection

#: Most bytes of one TLS record (RFC 8446): one read never returns more.
RECORD: Final = 16 * 1024


class TlsConnection(SecureConnection):
    """One connection.

    Args:
        sock: Connected; this connection owns it.
        context: This side's.
        server: Whether this side is the TLS server.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, *, server: bool) -> None:
        super().__init__(sock)
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=server)
        self._lock = threading.Lock()

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
                self._in.write(await self._arrived())
            await self._flush()
        except OSError as error:
            # Send the TLS alert, if the other side still reads.
            with suppress(OSError):
                await self._flush()
            raise ConnectionBroken("no handshake") from error

    async def send(self, data: bytes) -> None:
        """See SecureConnection."""
        try:
            self._tls.write(data)
            await self._flush()
        except OSError as error:
            raise ConnectionBroken("it is gone") from error

    async def receive(self, count: int) -> bytes:
        """See SecureConnection."""
        heard = b""
        while len(heard) < count:
            try:
                part = self._tls.read(count - len(heard))
            except ssl.SSLWantReadError:
                self._in.write(await self._arrived())
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
            await self._transmit(self._out.read())

    # -- in threads

    def read_into(self, view: memoryview) -> int:
        """See SecureConnection; the farewell is close_notify."""
        while True:
            count = self._decrypt(view)
            if count is not None:
                return count
            received = self._receive()
            with self._lock:
                self._in.write(received)

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
        """See SecureConnection."""
        for part in parts:
            view = memoryview(part)
            for start in range(0, len(view), STEP):
                with self._lock:
                    self._tls.write(view[start : start + STEP])
                    if start + STEP >= len(view) and part is not parts[-1] and len(view) < RECORD:
                        continue  # a small head is sent with the part after it
                    data = self._out.read()
                self._send(data)

    def say_farewell(self) -> None:
        """See SecureConnection."""
        with self._lock:
            with suppress(ssl.SSLError):  # the other side's close_notify has not come yet
                self._tls.unwrap()
            data = self._out.read()
        self._send(data)
        self._end_sending()
