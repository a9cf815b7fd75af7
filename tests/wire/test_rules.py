"""rules.py, and the connection that keeps them: each way to break the protocol and its reason."""

from __future__ import annotations

import pytest

from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.errors import Reason, WireError
from filesend_tui.core.wire.handshake import OUR_RESERVED, Handshake
from filesend_tui.core.wire.shape import BLOCK, MAX_PIECES

from .helpers import (
    ALICE,
    BOB,
    INFO_HASH,
    ONLY_EXTENDED,
    ONLY_FAST,
    SHAPE,
    connection,
    raw,
    shaken,
)

LAST = 9
METADATA = b"d1:md11:ut_metadatai3ee13:metadata_sizei9ee"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (Handshake(bytes(20), BOB).encode(), Reason.WRONG_INFO_HASH),
        (Handshake(INFO_HASH, ALICE).encode(), Reason.SELF_CONNECTION),
        (b"\x13BitTorrent protocoX", Reason.BAD_HANDSHAKE),
        (raw([m.Choke()]), Reason.BAD_HANDSHAKE),
    ],
)
def test_before_the_handshake(data: bytes, reason: Reason) -> None:
    end = connection()
    with pytest.raises(WireError) as caught:
        end.receive_data(data)
    assert caught.value.reason is reason
    assert end.closed
    assert not end.handshake_done


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([m.Have(10)], Reason.INDEX_OUT_OF_RANGE),
        ([m.Request(10, 0, 1)], Reason.INDEX_OUT_OF_RANGE),
        ([m.Piece(10, 0, b"x")], Reason.INDEX_OUT_OF_RANGE),
        ([m.Cancel(10, 0, 1)], Reason.INDEX_OUT_OF_RANGE),
        ([m.RejectRequest(10, 0, 1)], Reason.INDEX_OUT_OF_RANGE),
        ([m.AllowedFast(10)], Reason.INDEX_OUT_OF_RANGE),
        ([m.SuggestPiece(2**32 - 1)], Reason.INDEX_OUT_OF_RANGE),
        ([m.Request(0, 0, 0)], Reason.BLOCK_OUT_OF_RANGE),
        ([m.Request(0, 2 * BLOCK, 1)], Reason.BLOCK_OUT_OF_RANGE),
        ([m.Request(0, BLOCK + 1, BLOCK)], Reason.BLOCK_OUT_OF_RANGE),
        ([m.Request(0, 2**32 - 1, BLOCK)], Reason.BLOCK_OUT_OF_RANGE),
        ([m.Request(LAST, BLOCK, 101)], Reason.BLOCK_OUT_OF_RANGE),
        ([m.Cancel(LAST, BLOCK, 101)], Reason.BLOCK_OUT_OF_RANGE),
        ([m.RejectRequest(LAST, BLOCK, 101)], Reason.BLOCK_OUT_OF_RANGE),
        ([m.Piece(LAST, BLOCK, b"x" * 101)], Reason.BLOCK_OUT_OF_RANGE),
        ([m.Piece(0, 0, b"")], Reason.BLOCK_OUT_OF_RANGE),
        ([m.Piece(0, 0, bytes(BLOCK + 1))], Reason.OVERSIZED_MESSAGE),
        ([m.Request(0, 0, 128 * 1024 + 1)], Reason.OVERSIZED_REQUEST),
        ([m.Bitfield(b"\xff")], Reason.BAD_BITFIELD),
        ([m.Bitfield(b"\xff\xff")], Reason.BAD_BITFIELD),
        ([m.Bitfield(b"\xff\xc0\x00")], Reason.BAD_BITFIELD),
        ([m.Bitfield(bytes(MAX_PIECES // 8 + 2))], Reason.OVERSIZED_MESSAGE),
        *(
            ([first, second], Reason.MISPLACED_BITFIELD)
            for first in (
                m.Bitfield(bytes(2)),
                m.HaveAll(),
                m.HaveNone(),
                m.Have(1),
                m.Request(0, 0, 1),
                m.Piece(0, 0, b"x"),
                m.Cancel(0, 0, 1),
                m.RejectRequest(0, 0, 1),
            )
            for second in (m.Bitfield(bytes(2)), m.HaveAll(), m.HaveNone())
        ),
        ([m.Extended(0, b"nonsense")], Reason.BAD_EXTENSION),
        ([m.Extended(0, bytes(64 * 1024 + 1))], Reason.OVERSIZED_MESSAGE),
        ([m.Extended(1, b"nonsense")], Reason.BAD_EXTENSION),
        ([m.Extended(1, b"d8:msg_typei0e5:piecei0ee")], Reason.BAD_EXTENSION),
        ([m.Extended(0, METADATA), m.Extended(1, b"d8:msg_typei0e5:piecei1ee")], "badExtension"),
    ],
)
def test_with_everything_agreed(messages: list[m.Message], reason: Reason) -> None:
    _breaks(shaken(), messages, reason)


@pytest.mark.parametrize(
    "message",
    [m.HaveAll(), m.HaveNone(), m.SuggestPiece(0), m.AllowedFast(0), m.RejectRequest(0, 0, 1)],
)
def test_fast_messages_that_were_not_agreed_on(message: m.Message) -> None:
    _breaks(shaken(reserved=ONLY_EXTENDED), [message], Reason.FAST_NOT_NEGOTIATED)


def test_extended_messages_that_were_not_agreed_on() -> None:
    end = shaken(reserved=ONLY_FAST)
    _breaks(end, [m.Extended(0, b"de")], Reason.EXTENSIONS_NOT_NEGOTIATED)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (m.Piece(0, 0, b"x"), Reason.UNREQUESTED),
        (m.RejectRequest(0, 0, 1), Reason.UNREQUESTED),
        (m.Request(0, 0, 128 * 1024 + 1), Reason.OVERSIZED_REQUEST),
        (m.Have(MAX_PIECES), Reason.INDEX_OUT_OF_RANGE),
        (m.AllowedFast(MAX_PIECES), Reason.INDEX_OUT_OF_RANGE),
        (m.SuggestPiece(MAX_PIECES), Reason.INDEX_OUT_OF_RANGE),
    ],
)
def test_before_the_shape_is_known(message: m.Message, reason: Reason) -> None:
    _breaks(shaken(shape=None), [message], reason)


def test_nothing_counts_from_a_dead_connection() -> None:
    end = shaken()
    _breaks(end, [m.Have(10)], Reason.INDEX_OUT_OF_RANGE)
    _breaks(end, [m.Have(1)], Reason.DEAD_CONNECTION)
    assert not end.peer_pieces.has(1)


def test_the_bounds_themselves_are_kept() -> None:
    end = shaken(reserved=OUR_RESERVED)
    fine = [
        m.Have(LAST),
        m.Request(0, 0, 2 * BLOCK),
        m.Request(LAST, BLOCK, 100),
        m.Piece(LAST, BLOCK, bytes(100)),
        m.Piece(0, 0, bytes(BLOCK)),
        m.Piece(0, BLOCK, bytes(BLOCK)),
    ]
    assert len(end.receive_data(raw(fine))) == len(fine)
    hints = [m.AllowedFast(SHAPE.piece_count - 1), m.SuggestPiece(SHAPE.piece_count - 1)]
    assert end.receive_data(raw(hints)) == []


def test_an_error_says_figures_and_its_reason() -> None:
    error = WireError(Reason.BAD_LENGTH, "message 4 of 7 bytes")
    assert str(error) == "badLength: message 4 of 7 bytes"
    assert str(WireError(Reason.BAD_HANDSHAKE)) == "badHandshake"


def _breaks(end: object, messages: list[m.Message], reason: Reason | str) -> None:
    with pytest.raises(WireError) as caught:
        end.receive_data(raw(messages))  # type: ignore[attr-defined]
    assert caught.value.reason == reason
    assert end.closed  # type: ignore[attr-defined]
