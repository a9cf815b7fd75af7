"""What a message may contain: bounds of indices, blocks and requests, and the order of messages.

Pure checks that raise; the state of a connection is connection.py's.
"""

from __future__ import annotations

from typing import Final

from filesend_tui.core.wire.errors import Reason, WireError
from filesend_tui.core.wire.messages import (
    Bitfield,
    Cancel,
    Have,
    HaveAll,
    HaveNone,
    Message,
    Piece,
    RejectRequest,
    Request,
)
from filesend_tui.core.wire.shape import MAX_PIECES, TorrentShape

#: Longest block that may be requested, in bytes; peers request 16 KiB, some more.
MAX_REQUEST: Final = 128 * 1024
#: Announce all that the sender has; only one of them may come, once and first.
OPENING: Final[frozenset[type[Message]]] = frozenset({Bitfield, HaveAll, HaveNone})
#: After one of these it is too late for an opening. BEP 3 wants it to be the very first message,
#: but real peers send extended messages, choke and interest while they still fetch the metadata.
ENDS_OPENING: Final[frozenset[type[Message]]] = OPENING | {
    Have,
    Request,
    Piece,
    Cancel,
    RejectRequest,
}


def check_index(index: int, shape: TorrentShape | None) -> None:
    """Refuse a piece that the torrent or, while its shape is unknown, any torrent cannot have.

    Raises:
        WireError: `indexOutOfRange`.
    """
    if index >= (MAX_PIECES if shape is None else shape.piece_count):
        raise WireError(Reason.INDEX_OUT_OF_RANGE, f"piece {index}")


def check_block(index: int, begin: int, length: int, shape: TorrentShape) -> None:
    """Refuse a block that is empty or not within its piece.

    Raises:
        WireError: `indexOutOfRange` or `blockOutOfRange`.
    """
    check_index(index, shape)
    if not 0 < length <= shape.piece_size(index) - begin:
        raise WireError(Reason.BLOCK_OUT_OF_RANGE, f"{length} bytes at {begin} of {index}")


def check_request(message: Request | Cancel, shape: TorrentShape | None) -> None:
    """Refuse a request or cancel that is too long or, where the shape is known, out of range.

    Raises:
        WireError: `oversizedRequest`, `indexOutOfRange` or `blockOutOfRange`.
    """
    if message.length > MAX_REQUEST:
        raise WireError(Reason.OVERSIZED_REQUEST, f"{message.length} bytes")
    if shape is not None:
        check_block(message.index, message.begin, message.length, shape)


def check_answer(index: int, begin: int, length: int, shape: TorrentShape | None) -> None:
    """Refuse a block or a rejection that cannot answer a request of ours.

    Raises:
        WireError: `unrequested`, `indexOutOfRange` or `blockOutOfRange`.
    """
    if shape is None:
        # Nothing is requested before the shape is known.
        raise WireError(Reason.UNREQUESTED, f"piece {index}")
    check_block(index, begin, length, shape)
