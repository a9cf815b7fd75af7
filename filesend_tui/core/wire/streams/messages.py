"""The messages of `fs_stream`, which move one stream of unknown length between two FileSend peers.

One byte for the kind, then numbers, big-endian (docs/protocol.md). Bytes of the stream are counted
from its beginning, over all connections. What is sent when, and what a hash is of, is
torrent/streams/'s; no buffer ever lives here.
"""

from __future__ import annotations

import struct
from typing import Final, TypeAlias

import msgspec

from filesend_tui.core.wire.errors import Reason, WireError

#: Name of the extension in an extended handshake, and the id under which we take its messages.
STREAM_EXTENSION: Final = b"fs_stream"
STREAM_ID: Final = 10
#: Most bytes of the stream in one message; whole blocks travel as bulk where a channel has it.
STREAM_BLOCK: Final = 16 * 1024
#: Bytes of the hash of the whole stream, SHA-256.
DIGEST: Final = 32
#: Most bytes of a stream: far more than anybody sends, and no number overflows.
MAX_STREAM: Final = 2**53

_FROM, _CREDIT, _BLOCK, _END = range(4)
_TWO: Final = struct.Struct(">BQQ")
_ONE: Final = struct.Struct(">BQ")


class StreamFrom(msgspec.Struct, frozen=True):
    """The receiver asks for the stream over this connection, from byte `offset` on, up to `limit`.

    Once a connection; from then on it takes nothing over any other.
    """

    offset: int
    limit: int


class StreamCredit(msgspec.Struct, frozen=True):
    """The receiver has the bytes before `offset`, and takes those before `limit`."""

    offset: int
    limit: int


class StreamBlock(msgspec.Struct, frozen=True):
    """Bytes of the stream, from byte `offset` on; on channels that move no bulk."""

    offset: int
    data: bytes


class StreamEnd(msgspec.Struct, frozen=True):
    """The stream ends at byte `length`; digest: SHA-256 of all of it."""

    length: int
    digest: bytes


StreamMessage: TypeAlias = StreamFrom | StreamCredit | StreamBlock | StreamEnd


def encode_stream(message: StreamMessage) -> bytes:
    """Return the payload of an fs_stream message."""
    match message:
        case StreamFrom(offset, limit):
            return _TWO.pack(_FROM, offset, limit)
        case StreamCredit(offset, limit):
            return _TWO.pack(_CREDIT, offset, limit)
        case StreamBlock(offset, data):
            return _ONE.pack(_BLOCK, offset) + data
        case StreamEnd(length, digest):
            return _ONE.pack(_END, length) + digest


def decode_stream(payload: bytes) -> StreamMessage:
    """Return the fs_stream message that `payload` holds.

    Raises:
        WireError: `badExtension`: of another kind, length or order than it may have.
    """
    kind = payload[0] if payload else -1
    if kind in (_FROM, _CREDIT) and len(payload) == _TWO.size:
        _, offset, limit = _TWO.unpack(payload)
        if offset <= limit <= MAX_STREAM:
            return StreamFrom(offset, limit) if kind == _FROM else StreamCredit(offset, limit)
    elif kind == _BLOCK and 0 < len(payload) - _ONE.size <= STREAM_BLOCK:
        _, offset = _ONE.unpack_from(payload)
        data = bytes(payload[_ONE.size :])
        if offset + len(data) <= MAX_STREAM:
            return StreamBlock(offset, data)
    elif kind == _END and len(payload) == _ONE.size + DIGEST:
        _, length = _ONE.unpack_from(payload)
        if length <= MAX_STREAM:
            return StreamEnd(length, bytes(payload[_ONE.size :]))
    raise WireError(Reason.BAD_EXTENSION, "fs_stream")
