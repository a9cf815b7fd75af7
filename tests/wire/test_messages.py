"""messages.py: every message and its bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.errors import Reason, WireError
from filesend_tui.core.wire.shape import BLOCK, MAX_PIECES

U32 = st.integers(0, 2**32 - 1)
MESSAGES = st.one_of(
    st.just(m.KeepAlive()),
    st.just(m.Choke()),
    st.just(m.Unchoke()),
    st.just(m.Interested()),
    st.just(m.NotInterested()),
    st.builds(m.Have, U32),
    st.builds(m.Bitfield, st.binary(max_size=300)),
    st.builds(m.Request, U32, U32, U32),
    st.builds(m.Piece, U32, U32, st.binary(max_size=300)),
    st.builds(m.Cancel, U32, U32, U32),
    st.builds(m.Port, st.integers(0, 65535)),
    st.builds(m.SuggestPiece, U32),
    st.just(m.HaveAll()),
    st.just(m.HaveNone()),
    st.builds(m.RejectRequest, U32, U32, U32),
    st.builds(m.AllowedFast, U32),
    st.builds(m.Extended, st.integers(0, 255), st.binary(max_size=300)),
)

# Laid out by hand from BEP 3, 5, 6 and 10.
VECTORS = [
    (m.KeepAlive(), "00000000"),
    (m.Choke(), "00000001 00"),
    (m.Unchoke(), "00000001 01"),
    (m.Interested(), "00000001 02"),
    (m.NotInterested(), "00000001 03"),
    (m.Have(0x01020304), "00000005 04 01020304"),
    (m.Bitfield(b"\xff\x80"), "00000003 05 ff80"),
    (m.Request(1, 0x4000, 0x4000), "0000000d 06 00000001 00004000 00004000"),
    (m.Piece(1, 0x4000, b"xyz"), "0000000c 07 00000001 00004000 78797a"),
    (m.Cancel(1, 0x4000, 0x4000), "0000000d 08 00000001 00004000 00004000"),
    (m.Port(6881), "00000003 09 1ae1"),
    (m.SuggestPiece(2), "00000005 0d 00000002"),
    (m.HaveAll(), "00000001 0e"),
    (m.HaveNone(), "00000001 0f"),
    (m.RejectRequest(1, 0, 0x4000), "0000000d 10 00000001 00000000 00004000"),
    (m.AllowedFast(3), "00000005 11 00000003"),
    (m.Extended(0, b"de"), "00000004 14 00 6465"),
]


@pytest.mark.parametrize(("message", "text"), VECTORS)
def test_known_bytes(message: m.Message, text: str) -> None:
    data = bytes.fromhex(text)
    assert m.encode(message) == data
    assert m.decode(data[4:]) == message


@given(MESSAGES)
def test_what_is_encoded_decodes_to_itself(message: m.Message) -> None:
    data = m.encode(message)
    assert int.from_bytes(data[:4], "big") == len(data) - 4
    assert m.decode(data[4:]) == m.decode(memoryview(data)[4:]) == message


@given(st.binary(max_size=100))
def test_any_bytes_are_a_message_or_a_wire_error(payload: bytes) -> None:
    try:
        message = m.decode(payload)
    except WireError as error:
        assert error.reason is Reason.BAD_LENGTH
    else:
        assert isinstance(message, m.Unknown) or m.encode(message)[4:] == payload


@pytest.mark.parametrize(
    "text",
    [
        *(f"{kind:02x}00" for kind in (0, 1, 2, 3, 14, 15)),
        *(f"{kind:02x}000000" for kind in (4, 13, 17)),
        *(f"{kind:02x}" + 13 * "00" for kind in (6, 8, 16)),
        *(f"{kind:02x}" + 11 * "00" for kind in (6, 8, 16)),
        "07" + 7 * "00",
        "0900",
        "09000000",
        "14",
    ],
)
def test_a_message_of_the_wrong_length_is_refused(text: str) -> None:
    with pytest.raises(WireError) as caught:
        m.decode(bytes.fromhex(text))
    assert caught.value.reason is Reason.BAD_LENGTH


@pytest.mark.parametrize(
    ("message_id", "most", "reason"),
    [
        (0, 1, Reason.BAD_LENGTH),
        (4, 5, Reason.BAD_LENGTH),
        (5, 1 + -(-MAX_PIECES // 8), Reason.OVERSIZED_MESSAGE),
        (6, 13, Reason.BAD_LENGTH),
        (7, 9 + BLOCK, Reason.OVERSIZED_MESSAGE),
        (20, 2 + 64 * 1024, Reason.OVERSIZED_MESSAGE),
        (99, 64 * 1024, Reason.OVERSIZED_MESSAGE),
    ],
)
def test_each_message_has_its_bound(message_id: int, most: int, reason: Reason) -> None:
    m.check_length(message_id, most)
    with pytest.raises(WireError) as caught:
        m.check_length(message_id, most + 1)
    assert caught.value.reason is reason


def test_an_unknown_message_is_known_as_such_and_never_sent() -> None:
    assert m.decode(b"\x63hello") == m.Unknown(99)
    with pytest.raises(ValueError, match="cannot be sent"):
        m.encode(m.Unknown(99))
