"""A connection of sealed records in a socket; what a record is, is records.py's."""

from __future__ import annotations

import socket

from filesend_tui.core.transports.relayed.records import BadRecord, Opening, Sealing
from filesend_tui.core.transports.secure_connection import ConnectionBroken, SecureConnection


class SealedConnection(SecureConnection):
    """One connection; its farewell is an empty record.

    Args:
        sock: Connected; this connection owns it.
        sealing, opening: Both directions, unused.
    """

    def __init__(self, sock: socket.socket, sealing: Sealing, opening: Opening) -> None:
        super().__init__(sock)
        self._sealing = sealing
        self._opening = opening
        self._plain = memoryview(b"")  # opened, and not read

    async def send(self, data: bytes) -> None:
        """See SecureConnection."""
        try:
            await self._transmit(self._sealing.seal(data))
        except OSError as error:
            raise ConnectionBroken("it is gone") from error

    async def receive(self, count: int) -> bytes:
        """See SecureConnection."""
        heard = b""
        while len(heard) < count:
            if not self._plain:
                self._open(await self._arrived())
                if self._opening.ended and not self._plain:
                    raise ConnectionBroken("it left")
            heard += self._taken(count - len(heard))
        return heard

    def read_into(self, view: memoryview) -> int:
        """See SecureConnection."""
        while not self._plain:
            if self._opening.ended:
                return 0
            self._open(self._receive())
        part = self._taken(len(view))
        view[: len(part)] = part
        return len(part)

    def write(self, *parts: bytes | memoryview) -> None:
        """See SecureConnection."""
        self._send(self._sealing.seal(parts[0] if len(parts) == 1 else b"".join(parts)))

    def say_farewell(self) -> None:
        """See SecureConnection."""
        self._send(self._sealing.seal(b""))
        self._end_sending()

    def _open(self, data: bytes | memoryview) -> None:
        try:
            self._plain = memoryview(self._opening.open(data))
        except BadRecord as error:
            raise ConnectionBroken(f"not the partner's: {error}") from error

    def _taken(self, most: int) -> bytes:
        part, self._plain = bytes(self._plain[:most]), self._plain[most:]
        return part
