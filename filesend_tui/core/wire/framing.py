"""Bytes to messages and messages to bytes: where one ends and the next begins (BEP 3).

Both directions of the hot path live here: a block is copied once on its way in and once on its way
out. What a message means never lives here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from filesend_tui.core.wire.errors import Reason, WireError
from filesend_tui.core.wire.handshake import (
    HANDSHAKE_SIZE,
    PROTOCOL,
    Handshake,
    decode_handshake,
)
from filesend_tui.core.wire.messages import (
    Message,
    Piece,
    check_length,
    decode,
    encode,
    piece_header,
)

#: Most bytes in one chunk to send: 16 to 64 KiB are fastest over a data channel, and a peer that
#: names no limit takes 64 KiB.
CHUNK: Final = 64 * 1024

_LENGTH: Final = struct.Struct(">I")


class Inbox:
    """Takes bytes in pieces of any size and gives back a handshake, then messages.

    It holds at most one message that is not complete, and what was fed since. keep_alives: how many
    came so far.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.keep_alives = 0

    def feed(self, data: bytes) -> None:
        """Take bytes in."""
        self._buffer += data

    def handshake(self) -> Handshake | None:
        """Return the handshake once it is complete.

        Raises:
            WireError: `badHandshake`, as early as the bytes show it.
        """
        head = bytes(self._buffer[:HANDSHAKE_SIZE])
        if not head.startswith(PROTOCOL[: len(head)]):
            raise WireError(Reason.BAD_HANDSHAKE)
        if len(head) < HANDSHAKE_SIZE:
            return None
        del self._buffer[:HANDSHAKE_SIZE]
        return decode_handshake(head)

    def messages(self) -> Iterator[Message]:
        """Yield every complete message but keep-alives. Exhaust it before feeding again.

        Raises:
            WireError: `oversizedMessage` or `badLength`, before such a message is buffered.
        """
        offset = 0
        with memoryview(self._buffer) as view:
            size = len(view)
            while size - offset >= 4:
                (length,) = _LENGTH.unpack_from(view, offset)
                start = offset + 4
                if size - start < length:
                    if start < size:
                        check_length(view[start], length)
                    break
                offset = start + length
                if length:
                    yield decode(view[start:offset])
                else:
                    self.keep_alives += 1
        del self._buffer[:offset]


class Outbox:
    """Queues handshake and messages in order, and gives their bytes back in chunks.

    size: bytes queued.
    """

    def __init__(self) -> None:
        self._queue: list[bytes] = []
        self.size = 0

    def put(self, message: Message) -> None:
        """Queue a message; a block is not copied.

        Raises:
            ValueError: A message of unknown kind cannot be sent.
            struct.error: A number does not fit.
        """
        if isinstance(message, Piece):
            self._add(piece_header(message))
            self._add(message.block)
        else:
            self._add(encode(message))

    def put_handshake(self, handshake: Handshake) -> None:
        """Queue the handshake."""
        self._add(handshake.encode())

    def _add(self, data: bytes) -> None:
        self._queue.append(data)
        self.size += len(data)

    def take(self) -> list[bytes]:
        """Return everything queued, as few chunks of like size, none over CHUNK; forget it."""
        joined = b"".join(self._queue)
        self._queue.clear()
        self.size = 0
        size = len(joined)
        if size <= CHUNK:
            return [joined] if joined else []
        # Four blocks are just over CHUNK: two halves go faster than one whole and a crumb.
        step = -(-size // -(-size // CHUNK))
        return [joined[at : at + step] for at in range(0, size, step)]
