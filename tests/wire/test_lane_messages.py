from __future__ import annotations

import pytest
from bencode2 import bencode
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.wire.connection import WireConnection
from filesend_tui.core.wire.errors import Reason, WireError
from filesend_tui.core.wire.extensions import HANDSHAKE_ID
from filesend_tui.core.wire.lane_messages import (
    MAX_LANE_SDP,
    LaneAnswer,
    LaneMessage,
    LaneOffer,
    LanePing,
    LanePong,
    LaneRefusal,
    decode_lane,
    encode_lane,
)

MESSAGES: list[LaneMessage] = [
    LaneOffer(3, "v=0\r\n"),
    LaneAnswer(3, "v=0\r\nü"),
    LaneRefusal(0),
    LanePing(2**31 - 1),
    LanePong(1),
]


@pytest.mark.parametrize("message", MESSAGES)
def test_what_goes_out_comes_in(message: LaneMessage) -> None:
    assert decode_lane(encode_lane(message)) == message


def test_a_type_that_nobody_knows_is_ignored() -> None:
    assert decode_lane(bencode({b"msg_type": 99, b"n": 1})) is None


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"x",
        bencode([1]),
        bencode({b"msg_type": 0}),
        bencode({b"msg_type": 0, b"n": 1}),
        bencode({b"msg_type": 1, b"n": 1, b"sdp": 5}),
        bencode({b"msg_type": b"0", b"n": 1}),
        bencode({b"msg_type": 2, b"n": -1}),
        bencode({b"msg_type": 3, b"n": 2**31}),
        bencode({b"msg_type": 0, b"n": 1, b"sdp": b"v" * (MAX_LANE_SDP + 300)}),
    ],
)
def test_nonsense_costs_the_connection(payload: bytes) -> None:
    with pytest.raises(WireError) as caught:
        decode_lane(payload)
    assert caught.value.reason is Reason.BAD_EXTENSION


@pytest.mark.fuzz
@given(st.binary(max_size=200))
def test_anything_is_decoded_or_refused(payload: bytes) -> None:
    try:
        message = decode_lane(payload)
    except WireError:
        return
    assert message is None or decode_lane(encode_lane(message)) == message


def shaken(*, ours: bool, theirs: bool) -> tuple[WireConnection, WireConnection]:
    one, two = (
        WireConnection(
            info_hash=bytes(20), peer_id=bytes([n]) * 20, reqq=250, client="test", lanes=lanes
        )
        for n, lanes in enumerate((ours, theirs))
    )
    one.open()
    two.open()
    swap(one, two)
    one.send_extended_handshake()
    two.send_extended_handshake()
    swap(one, two)
    return one, two


def swap(one: WireConnection, two: WireConnection) -> list[object]:
    there, back = b"".join(one.data_to_send()), b"".join(two.data_to_send())
    return [*two.receive_data(there), *one.receive_data(back)]


def test_lanes_are_spoken_of_where_both_take_them() -> None:
    one, two = shaken(ours=True, theirs=True)
    assert one.peer_takes_lanes
    assert two.peer_takes_lanes
    for message in MESSAGES:
        one.send_lane(message)
    assert swap(one, two) == MESSAGES


@pytest.mark.parametrize(("ours", "theirs"), [(True, False), (False, True), (False, False)])
def test_a_plain_peer_never_hears_of_lanes(ours: bool, theirs: bool) -> None:
    one, two = shaken(ours=ours, theirs=theirs)
    for end in (one, two):
        assert not end.peer_takes_lanes
        with pytest.raises(RuntimeError):
            end.send_lane(LanePing(1))


def test_what_is_said_of_lanes_unasked_is_ignored() -> None:
    one, two = shaken(ours=True, theirs=False)
    del one
    from filesend_tui.core.wire.messages import Extended, encode

    before = two.chatter
    assert two.receive_data(encode(Extended(8, encode_lane(LanePing(1))))) == []
    assert two.chatter > before
    assert HANDSHAKE_ID == 0
