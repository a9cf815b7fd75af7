"""The messages of the peer wire as values, and their bytes (BEP 3, BEP 5, BEP 6, BEP 10).

Each message is coded on its own; nothing about a connection's state, a torrent's shape, or what
an extension puts into its payload ever lives here.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import astuple

from filesend_tui.core.wire.errors import Reason, WireError
from filesend_tui.core.wire.shape import BLOCK, MAX_PIECES

#: Largest payload of an extended message in bytes; a ut_metadata piece and its dictionary fit.
MAX_EXTENDED: Final = 64 * 1024
#: Largest message that this program does not know, in bytes; it is skipped.
_MAX_UNKNOWN: Final = 64 * 1024


class Message(msgspec.Struct, frozen=True, gc=False):
    """Base of all messages."""


class KeepAlive(Message, frozen=True, gc=False):
    """No content; keeps the connection open."""


class Choke(Message, frozen=True, gc=False):
    """The sender will not serve requests."""


class Unchoke(Message, frozen=True, gc=False):
    """The sender serves requests from now on."""


class Interested(Message, frozen=True, gc=False):
    """The sender wants something that the receiver has."""


class NotInterested(Message, frozen=True, gc=False):
    """The sender wants nothing that the receiver has."""


class Have(Message, frozen=True, gc=False):
    """The sender has piece `index` now."""

    index: int


class Bitfield(Message, frozen=True, gc=False):
    """What the sender has: a bit a piece, the first piece in the highest bit of the first byte."""

    bits: bytes


class Request(Message, frozen=True, gc=False):
    """Requests `length` bytes at `begin` in piece `index`."""

    index: int
    begin: int
    length: int


class Piece(Message, frozen=True, gc=False):
    """A block: the bytes at `begin` in piece `index`.

    A received block may be a view of a larger buffer: copy it to keep it.
    """

    index: int
    begin: int
    block: bytes | memoryview


class Cancel(Message, frozen=True, gc=False):
    """Withdraws a Request."""

    index: int
    begin: int
    length: int


class Port(Message, frozen=True, gc=False):
    """UDP port of the sender's DHT node (BEP 5)."""

    port: int


class SuggestPiece(Message, frozen=True, gc=False):
    """The sender would rather serve piece `index` (BEP 6)."""

    index: int


class HaveAll(Message, frozen=True, gc=False):
    """The sender has every piece (BEP 6)."""


class HaveNone(Message, frozen=True, gc=False):
    """The sender has no piece (BEP 6)."""


class RejectRequest(Message, frozen=True, gc=False):
    """The sender will not serve this Request (BEP 6)."""

    index: int
    begin: int
    length: int


class AllowedFast(Message, frozen=True, gc=False):
    """The sender serves piece `index` even while it chokes (BEP 6)."""

    index: int


class Extended(Message, frozen=True, gc=False):
    """A message of an extension (BEP 10); id 0 is the extended handshake."""

    ext_id: int
    payload: bytes


class Unknown(Message, frozen=True, gc=False):
    """A message that this program does not know; its payload was discarded."""

    id: int


class _Layout(NamedTuple):
    """How a message is laid out: numbers, then at most `max_tail` raw bytes, if any."""

    type: type[Message]
    numbers: struct.Struct
    max_tail: int | None = None


_NONE, _INDEX, _SPAN = struct.Struct(">"), struct.Struct(">I"), struct.Struct(">III")
_LAYOUTS: Final = {
    0: _Layout(Choke, _NONE),
    1: _Layout(Unchoke, _NONE),
    2: _Layout(Interested, _NONE),
    3: _Layout(NotInterested, _NONE),
    4: _Layout(Have, _INDEX),
    5: _Layout(Bitfield, _NONE, -(-MAX_PIECES // 8)),
    6: _Layout(Request, _SPAN),
    # We request at most BLOCK bytes, so no peer has reason to send more.
    7: _Layout(Piece, struct.Struct(">II"), BLOCK),
    8: _Layout(Cancel, _SPAN),
    9: _Layout(Port, struct.Struct(">H")),
    13: _Layout(SuggestPiece, _INDEX),
    14: _Layout(HaveAll, _NONE),
    15: _Layout(HaveNone, _NONE),
    16: _Layout(RejectRequest, _SPAN),
    17: _Layout(AllowedFast, _INDEX),
    20: _Layout(Extended, struct.Struct(">B"), MAX_EXTENDED),
}
_IDS: Final = {layout.type: message_id for message_id, layout in _LAYOUTS.items()}
_PREFIX: Final = struct.Struct(">IB")
_PIECE_HEADER: Final = struct.Struct(">IBII")


def check_length(message_id: int, length: int) -> None:
    """Refuse a message by its id and length (bytes after the prefix), before it is buffered.

    Raises:
        WireError: `badLength`, or `oversizedMessage` for one whose length may vary.
    """
    layout = _LAYOUTS.get(message_id)
    fixed = 1 if layout is None else 1 + layout.numbers.size
    most_more = _MAX_UNKNOWN - 1 if layout is None else layout.max_tail
    if length < fixed or (most_more is None and length > fixed):
        raise WireError(Reason.BAD_LENGTH, f"message {message_id} of {length} bytes")
    if most_more is not None and length > fixed + most_more:
        raise WireError(Reason.OVERSIZED_MESSAGE, f"message {message_id} of {length} bytes")


def decode(payload: bytes | memoryview) -> Message:
    """Return the message whose bytes after the length prefix are `payload`.

    The block of a Piece is not copied where the payload is read-only.

    Raises:
        WireError: `badLength` or `oversizedMessage`.
    """
    if not payload:
        return KeepAlive()
    message_id = payload[0]
    check_length(message_id, len(payload))
    layout = _LAYOUTS.get(message_id)
    if layout is None:
        return Unknown(message_id)
    kind, numbers, max_tail = layout
    if max_tail is None:
        return kind(*numbers.unpack_from(payload, 1))
    tail = payload[1 + numbers.size :]
    if kind is not Piece or not isinstance(tail, memoryview) or not tail.readonly:
        tail = bytes(tail)
    return kind(*numbers.unpack_from(payload, 1), tail)


def encode(message: Message) -> bytes:
    """Return the bytes of a message with its length prefix.

    Raises:
        ValueError: A message of unknown kind cannot be sent.
        struct.error: A number does not fit.
    """
    kind = type(message)
    if kind is KeepAlive:
        return bytes(4)
    message_id = _IDS.get(kind)
    if message_id is None:
        raise ValueError(f"{kind.__name__} cannot be sent")
    numbers, max_tail = _LAYOUTS[message_id][1:]
    fields = astuple(message)
    tail: bytes = b""
    if max_tail is not None:
        *fields, tail = fields  # type: ignore[assignment]
    length = 1 + numbers.size + len(tail)
    return b"".join((_PREFIX.pack(length, message_id), numbers.pack(*fields), tail))


def piece_header(piece: Piece) -> bytes:
    """Return the bytes before the block of a Piece, so that the block need not be copied."""
    return _PIECE_HEADER.pack(9 + len(piece.block), _IDS[Piece], piece.index, piece.begin)


#: Message types that may be sent only after both sides agreed on the fast extension (BEP 6).
FAST: Final[frozenset[type[Message]]] = frozenset(
    {SuggestPiece, HaveAll, HaveNone, RejectRequest, AllowedFast}
)
