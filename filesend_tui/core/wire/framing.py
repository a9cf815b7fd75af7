"""Message framing: bytes to messages and messages to bytes (BEP 3).

Both directions of the hot path live here. An outgoing block is copied once, so that chunks end at
message boundaries; an incoming one is copied, once, only where they do not. What a message means
never lives here.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator
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
    """Decodes chunks of bytes of any size into a handshake, then messages.

    Holds at most one incomplete message, and what was fed since. keep_alives: how many arrived so
    far.
    """

    def __init__(self) -> None:
        # The last bytes fed, where nothing was left over before: their blocks need no copies.
        self._fed = b""
        self._buffer = bytearray()
        self.keep_alives = 0

    def feed(self, data: bytes) -> None:
        """Append received bytes."""
        if self._fed or self._buffer:
            self._gather()
            self._buffer += data
        else:
            self._fed = data

    def _gather(self) -> None:
        self._buffer += self._fed
        self._fed = b""

    def handshake(self) -> Handshake | None:
        """Return the handshake once it is complete.

        Raises:
            WireError: `badHandshake`, as early as the bytes show it.
        """
        self._gather()
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
        if self._fed:
            fed = memoryview(self._fed)
            taken = yield from self._messages(fed)
            self._fed = b""
            self._buffer += fed[taken:]
        else:
            with memoryview(self._buffer) as view:
                taken = yield from self._messages(view)
            del self._buffer[:taken]

    def _messages(self, view: memoryview) -> Generator[Message, None, int]:
        """Yield the complete messages in `view`; return their length in bytes."""
        offset = 0
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
        return offset


class Outbox:
    """A queue of handshake and messages, taken in order as chunks of bytes.

    size: bytes queued.
    """

    def __init__(self) -> None:
        # Messages: the length of each, and its parts.
        self._queue: list[tuple[int, tuple[bytes | memoryview, ...]]] = []
        self.size = 0

    def put(self, message: Message) -> None:
        """Queue a message; a block is not copied.

        Raises:
            ValueError: A message of unknown kind cannot be sent.
            struct.error: A number does not fit.
        """
        if isinstance(message, Piece):
            self._add(piece_header(message), message.block)
        else:
            self._add(encode(message))

    def put_handshake(self, handshake: Handshake) -> None:
        """Queue the handshake."""
        self._add(handshake.encode())

    def _add(self, *parts: bytes | memoryview) -> None:
        length = sum(map(len, parts))
        self._queue.append((length, parts))
        self.size += length

    def take(self) -> list[bytes]:
        """Dequeue everything as chunks of whole messages, none over CHUNK.

        Only a message longer than CHUNK is cut.
        """
        chunks: list[bytes] = []
        parts: list[bytes | memoryview] = []
        size = 0
        for length, message in self._queue:
            if parts and size + length > CHUNK:
                chunks += _cut(b"".join(parts))
                parts, size = [], 0
            parts += message
            size += length
        chunks += _cut(b"".join(parts))
        self._queue.clear()
        self.size = 0
        return chunks


def _cut(data: bytes) -> list[bytes]:
    if len(data) <= CHUNK:
        return [data] if data else []
    return [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
