"""What a wire connection reports to its owner: frozen values, beside the messages themselves.

Everything in an event was checked against the protocol and, once it is known, the torrent's shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from filesend_tui.core.wire.extensions import (
    FalsePiece,
    MetadataData,
    MetadataReject,
    MetadataRequest,
    SpanReject,
    SpanRequest,
)
from filesend_tui.core.wire.lane_messages import (
    LaneAnswer,
    LaneOffer,
    LanePing,
    LanePong,
    LaneRefusal,
)
from filesend_tui.core.wire.messages import (
    Cancel,
    Choke,
    Interested,
    NotInterested,
    Piece,
    RejectRequest,
    Request,
    Unchoke,
)
from filesend_tui.core.wire.streams.messages import (
    StreamBlock,
    StreamCredit,
    StreamEnd,
    StreamFrom,
)
from filesend_tui.core.wire.word_messages import WordChunk


class Handshook(msgspec.Struct, frozen=True):
    """The peer's handshake arrived: messages may be sent. The connection holds its content."""


class ExtendedHandshook(msgspec.Struct, frozen=True):
    """The peer's extended handshake arrived, perhaps again. The connection holds its content."""


class PeerHas(msgspec.Struct, frozen=True):
    """The peer has these pieces, which it did not have before. all: there are no others."""

    indices: Sequence[int]
    all: bool = False


WireEvent: TypeAlias = (
    Handshook
    | ExtendedHandshook
    | PeerHas
    | Choke
    | Unchoke
    | Interested
    | NotInterested
    | Request
    | Piece
    | Cancel
    | RejectRequest
    | MetadataRequest
    | MetadataData
    | MetadataReject
    | SpanRequest
    | SpanReject
    | FalsePiece
    | LaneOffer
    | LaneAnswer
    | LaneRefusal
    | LanePing
    | LanePong
    | WordChunk
    | StreamFrom
    | StreamCredit
    | StreamBlock
    | StreamEnd
)
