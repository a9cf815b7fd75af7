"""fs_span: what may be asked for, and that nobody hears of it who does not speak it."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.wire.connection import WireConnection
from filesend_tui.core.wire.errors import Reason, WireError
from filesend_tui.core.wire.extensions import (
    MAX_SPAN,
    SpanReject,
    SpanRequest,
    decode_span,
    encode_span,
)
from filesend_tui.core.wire.shape import TorrentShape

MIB = 1024 * 1024
SHAPE = TorrentShape(100, MIB, 100 * MIB - 5)


def pair(*, ours: bool = True, theirs: bool = True) -> tuple[WireConnection, WireConnection]:
    ends = []
    for name, spans in ((b"a", ours), (b"b", theirs)):
        end = WireConnection(
            info_hash=bytes(20), peer_id=name * 20, reqq=10, client="", spans=spans
        )
        end.set_shape(SHAPE)
        end.open()
        ends.append(end)
    here, there = ends
    carry(here, there)
    for end in ends:
        end.send_extended_handshake()
    carry(here, there)
    return here, there


def carry(here: WireConnection, there: WireConnection) -> list[object]:
    heard = [there.receive_data(chunk) for chunk in here.data_to_send()]
    back = [here.receive_data(chunk) for chunk in there.data_to_send()]
    return [event for events in (*heard, *back) for event in events]


@given(st.integers(0, 99), st.integers(1, 16), st.sampled_from([SpanRequest, SpanReject]))
def test_a_message_is_read_as_it_was_written(first: int, count: int, kind: Any) -> None:
    message = kind(first, min(count, 100 - first))
    assert decode_span(encode_span(message), SHAPE) == message


def test_a_request_and_a_rejection_travel_where_both_speak_it() -> None:
    here, there = pair()
    assert here.spans
    assert there.spans
    here.send_span(SpanRequest(3, 4))
    assert carry(here, there) == [SpanRequest(3, 4)]
    there.send_span(SpanReject(3, 4))
    assert carry(here, there) == [SpanReject(3, 4)]


@pytest.mark.parametrize(("ours", "theirs"), [(True, False), (False, True), (False, False)])
def test_where_one_does_not_speak_it_neither_does(ours: bool, theirs: bool) -> None:
    here, there = pair(ours=ours, theirs=theirs)
    for end in (here, there):
        assert not end.spans
        with pytest.raises(RuntimeError):
            end.send_span(SpanRequest(0, 1))


def test_a_peer_without_bulk_never_sees_a_word_of_it() -> None:
    end = WireConnection(info_hash=bytes(20), peer_id=b"a" * 20, reqq=10, client="")
    other = WireConnection(info_hash=bytes(20), peer_id=b"b" * 20, reqq=10, client="")
    end.open()
    other.open()
    carry(end, other)
    end.send_extended_handshake()
    assert b"fs_span" not in b"".join(end.data_to_send())


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.BAD_EXTENSION),
        (struct.pack(">BII", 0, 1, 1) + b"x", Reason.BAD_EXTENSION),
        (struct.pack(">BII", 2, 1, 1), Reason.BAD_EXTENSION),
        (struct.pack(">BII", 0, 1, 0), Reason.BAD_EXTENSION),
        (struct.pack(">BII", 0, 100, 1), Reason.INDEX_OUT_OF_RANGE),
        (struct.pack(">BII", 0, 95, 6), Reason.INDEX_OUT_OF_RANGE),
        (struct.pack(">BII", 0, 2**32 - 1, 2**32 - 1), Reason.INDEX_OUT_OF_RANGE),
        (struct.pack(">BII", 0, 0, MAX_SPAN // MIB + 1), Reason.OVERSIZED_REQUEST),
    ],
)
def test_what_cannot_be_served_ends_the_connection(payload: bytes, reason: Reason) -> None:
    with pytest.raises(WireError) as caught:
        decode_span(payload, SHAPE)
    assert caught.value.reason is reason


def test_a_single_piece_may_be_longer_than_any_run() -> None:
    shape = TorrentShape(3, 2 * MAX_SPAN, 6 * MAX_SPAN)
    assert decode_span(encode_span(SpanRequest(2, 1)), shape) == SpanRequest(2, 1)


def test_asking_while_choked_is_chatter() -> None:
    here, there = pair()
    before = there.chatter
    here.send_span(SpanRequest(0, 1))
    carry(here, there)
    assert there.chatter == before + 1


def test_a_message_from_one_who_could_not_be_answered_ends_the_connection() -> None:
    here, there = pair(ours=False)
    here.send_extended_handshake()
    here._extensions._spans = True  # it speaks though it never said under which id to answer
    here._extensions._peer_fs_span = 2
    here.send_span(SpanRequest(0, 1))
    with pytest.raises(WireError) as caught:
        carry(here, there)
    assert caught.value.reason is Reason.BAD_EXTENSION
