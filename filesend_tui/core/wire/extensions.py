"""Payloads of extended messages: the extended handshake and ut_metadata (BEP 10, BEP 9).

And two of FileSend's own: fs_span requests runs of whole pieces, which are sent beside the wire;
fs_bad reports a false piece to the peer that sent it.

Payloads to values and back, each on its own. Which metadata pieces to request from which peer is
decided in torrent/metadata/exchange.py; the state of a connection is connection.py's.
"""

from __future__ import annotations

import struct
from typing import Any, Final, TypeAlias

import msgspec
from bencode2 import bencode

from filesend_tui.core.util.text import clean
from filesend_tui.core.wire.errors import Reason, WireError
from filesend_tui.core.wire.extension_fields import decode_fields, number
from filesend_tui.core.wire.lane_messages import LANE_EXTENSION
from filesend_tui.core.wire.shape import MAX_METADATA, MAX_PIECES, TorrentShape
from filesend_tui.core.wire.streams.messages import STREAM_EXTENSION
from filesend_tui.core.wire.word_messages import WORDS_EXTENSION

#: Extended message id of the extended handshake.
HANDSHAKE_ID: Final = 0
#: Extended message id under which peers send us ut_metadata messages.
UT_METADATA_ID: Final = 1
#: Extended message id under which peers send us fs_span messages.
FS_SPAN_ID: Final = 2
#: Extended message id under which peers send us fs_bad messages.
FS_BAD_ID: Final = 3
#: Most bytes of one span, unless it is a single piece.
MAX_SPAN: Final = 16 * 1024 * 1024
#: Bytes of one piece of metadata; only the last is shorter (BEP 9).
METADATA_PIECE: Final = 16 * 1024
#: Most requests in flight to a peer, whatever its `reqq`.
MAX_REQQ: Final = 10_000

_CLIENT_LENGTH: Final = 64
_REQUEST, _DATA, _REJECT = range(3)
_SPAN: Final = struct.Struct(">BII")
_FALSE: Final = struct.Struct(">I")


class ExtendedHandshake(msgspec.Struct, frozen=True, kw_only=True):
    """An extended handshake; a later one may change what an earlier one announced (BEP 10).

    ut_metadata, fs_span, fs_bad: the extended message ids under which its sender takes these, 0 for
    not at all.
    metadata_size: bytes of the info dictionary. reqq: requests its sender queues. client: name
    and version. lane: as ut_metadata, for fs_lane (lane_messages.py). words: likewise, for fs_words
    (word_messages.py). stream: likewise, for fs_stream (streams/messages.py). None: not sent.
    """

    ut_metadata: int | None = None
    fs_span: int | None = None
    fs_bad: int | None = None
    metadata_size: int | None = None
    reqq: int | None = None
    client: str | None = None
    lane: int | None = None
    words: int | None = None
    stream: int | None = None


class MetadataRequest(msgspec.Struct, frozen=True):
    """Requests a piece of the info dictionary."""

    piece: int


class MetadataData(msgspec.Struct, frozen=True):
    """A piece of the info dictionary; total_size: bytes of the whole."""

    piece: int
    total_size: int
    data: bytes


class MetadataReject(msgspec.Struct, frozen=True):
    """The sender will not serve a MetadataRequest."""

    piece: int


class SpanRequest(msgspec.Struct, frozen=True):
    """Requests `count` whole pieces from piece `first` on, to be sent as bulk."""

    first: int
    count: int


class SpanReject(msgspec.Struct, frozen=True):
    """The sender will not serve a SpanRequest."""

    first: int
    count: int


class FalsePiece(msgspec.Struct, frozen=True):
    """Reports to a peer that a piece it sent does not match its hash."""

    index: int


SpanMessage: TypeAlias = SpanRequest | SpanReject
_SPANS: Final[tuple[type[SpanMessage], ...]] = (SpanRequest, SpanReject)

MetadataMessage: TypeAlias = MetadataRequest | MetadataData | MetadataReject


def metadata_piece_count(size: int) -> int:
    """Return how many pieces an info dictionary of `size` bytes has."""
    return -(-size // METADATA_PIECE)


def metadata_piece_size(piece: int, size: int) -> int:
    """Return the bytes of one piece of an info dictionary of `size` bytes."""
    return min(METADATA_PIECE, size - piece * METADATA_PIECE)


def encode_handshake(handshake: ExtendedHandshake) -> bytes:
    """Return the payload of an extended handshake."""
    fields: dict[bytes, Any] = {b"m": {}}
    if handshake.fs_span is not None:
        fields[b"m"][b"fs_span"] = handshake.fs_span
    if handshake.fs_bad is not None:
        fields[b"m"][b"fs_bad"] = handshake.fs_bad
    if handshake.ut_metadata is not None:
        fields[b"m"][b"ut_metadata"] = handshake.ut_metadata
    if handshake.lane is not None:
        fields[b"m"][LANE_EXTENSION] = handshake.lane
    if handshake.words is not None:
        fields[b"m"][WORDS_EXTENSION] = handshake.words
    if handshake.stream is not None:
        fields[b"m"][STREAM_EXTENSION] = handshake.stream
    if handshake.metadata_size is not None:
        fields[b"metadata_size"] = handshake.metadata_size
    if handshake.reqq is not None:
        fields[b"reqq"] = handshake.reqq
    if handshake.client is not None:
        fields[b"v"] = handshake.client.encode()
    return bencode(fields)


def decode_handshake(payload: bytes) -> ExtendedHandshake:
    """Return the extended handshake that `payload` holds, without unknown extensions.

    Raises:
        WireError: `badExtension`: not bencoded, or a field of the wrong type or out of bounds.
    """
    fields = decode_fields(payload)
    messages = fields.get(b"m", {})
    if not isinstance(messages, dict):
        raise WireError(Reason.BAD_EXTENSION, "m")
    size = number(fields, b"metadata_size", MAX_METADATA)
    reqq = fields.get(b"reqq")
    client = fields.get(b"v")
    return ExtendedHandshake(
        ut_metadata=number(messages, b"ut_metadata", 255),
        fs_span=number(messages, b"fs_span", 255),
        fs_bad=number(messages, b"fs_bad", 255),
        # Peers that do not have the metadata yet leave it out or send 0.
        metadata_size=size or None,
        # Clamp implausible values: this only paces our requests.
        reqq=max(1, min(reqq, MAX_REQQ)) if isinstance(reqq, int) else None,
        client=clean(client[: _CLIENT_LENGTH * 4].decode(errors="replace"), _CLIENT_LENGTH)
        if isinstance(client, bytes)
        else None,
        lane=number(messages, LANE_EXTENSION, 255),
        words=number(messages, WORDS_EXTENSION, 255),
        stream=number(messages, STREAM_EXTENSION, 255),
    )


def encode_metadata(message: MetadataMessage) -> bytes:
    """Return the payload of a ut_metadata message.

    The dictionary ends in an integer, so that the first `ee` is its end: some peers search for it.
    """
    match message:
        case MetadataRequest(piece):
            return bencode({b"msg_type": _REQUEST, b"piece": piece})
        case MetadataReject(piece):
            return bencode({b"msg_type": _REJECT, b"piece": piece})
        case MetadataData(piece, total_size, data):
            head = bencode({b"msg_type": _DATA, b"piece": piece, b"total_size": total_size})
            return head + data


def decode_metadata(payload: bytes, size: int | None) -> MetadataMessage | None:
    """Return the ut_metadata message that `payload` holds, or None for a type to be ignored.

    Args:
        payload: The payload of the extended message.
        size: Bytes of the info dictionary where known; data is refused where it is not.

    Raises:
        WireError: `badExtension`: not bencoded, a piece out of range, data of the wrong length.
    """
    fields, data = _split(payload, size)
    message_type = number(fields, b"msg_type", 2**31)
    last = metadata_piece_count(size or MAX_METADATA) - 1
    piece = number(fields, b"piece", last)
    if message_type is None or piece is None:
        raise WireError(Reason.BAD_EXTENSION, "ut_metadata without msg_type or piece")
    if message_type == _REQUEST:
        return MetadataRequest(piece)
    if message_type == _REJECT:
        return MetadataReject(piece)
    if message_type != _DATA:
        return None
    if size is None or fields.get(b"total_size") != size:
        raise WireError(Reason.BAD_EXTENSION, "metadata of another size")
    if len(data) != metadata_piece_size(piece, size):
        raise WireError(Reason.BAD_EXTENSION, f"metadata piece of {len(data)} bytes")
    return MetadataData(piece, size, data)


def encode_span(message: SpanMessage) -> bytes:
    """Return the payload of an fs_span message: its kind, the first piece, how many pieces."""
    return _SPAN.pack(_SPANS.index(type(message)), message.first, message.count)


def decode_span(payload: bytes, shape: TorrentShape | None) -> SpanMessage:
    """Return the fs_span message that `payload` holds, checked against the shape where known.

    Raises:
        WireError: `badExtension`, `indexOutOfRange`, `oversizedRequest`.
    """
    if len(payload) != _SPAN.size:
        raise WireError(Reason.BAD_EXTENSION, "fs_span")
    kind, first, count = _SPAN.unpack(payload)
    if kind >= len(_SPANS) or not count:
        raise WireError(Reason.BAD_EXTENSION, "fs_span")
    message: SpanMessage = _SPANS[kind](first, count)
    if first + count > (MAX_PIECES if shape is None else shape.piece_count):
        raise WireError(Reason.INDEX_OUT_OF_RANGE, f"{count} pieces from {first}")
    if shape is not None and count > 1 and count * shape.piece_length > MAX_SPAN:
        raise WireError(Reason.OVERSIZED_REQUEST, f"{count} pieces")
    return message


def encode_false(message: FalsePiece) -> bytes:
    """Return the payload of an fs_bad message: the piece's index."""
    return _FALSE.pack(message.index)


def decode_false(payload: bytes, shape: TorrentShape | None) -> FalsePiece:
    """Return the fs_bad message that `payload` holds, checked against the shape where known.

    Raises:
        WireError: `badExtension`, `indexOutOfRange`.
    """
    if len(payload) != _FALSE.size:
        raise WireError(Reason.BAD_EXTENSION, "fs_bad")
    (index,) = _FALSE.unpack(payload)
    if index >= (MAX_PIECES if shape is None else shape.piece_count):
        raise WireError(Reason.INDEX_OUT_OF_RANGE, f"piece {index}")
    return FalsePiece(index)


def _split(payload: bytes, size: int | None) -> tuple[dict[bytes, Any], bytes]:
    # The dictionary's length is not sent, but the data after it has one of three: zero, a full
    # piece, or the last piece. No two can fit, as no bencoded value is a prefix of another.
    tails = {0}
    if size is not None:
        last = metadata_piece_size(metadata_piece_count(size) - 1, size)
        tails |= {METADATA_PIECE, last}
    for tail in tails:
        cut = len(payload) - tail
        if cut > 0 and payload[cut - 1 : cut] == b"e":
            try:
                return decode_fields(payload[:cut]), payload[cut:]
            except WireError:
                continue
    raise WireError(Reason.BAD_EXTENSION, "ut_metadata")
