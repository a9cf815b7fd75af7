"""handshake.py: 68 bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.wire.errors import WireError
from filesend_tui.core.wire.handshake import OUR_RESERVED, Handshake, decode_handshake

TWENTY = st.binary(min_size=20, max_size=20)


def test_ours_is_what_webtorrent_sends() -> None:
    data = Handshake(b"\xab" * 20, b"-WW0208-abcdefghijkl").encode()
    assert data == (
        b"\x13BitTorrent protocol"
        + bytes.fromhex("0000000000100004")
        + b"\xab" * 20
        + b"-WW0208-abcdefghijkl"
    )


@given(TWENTY, TWENTY, st.binary(min_size=8, max_size=8))
def test_what_is_encoded_decodes_to_itself(info: bytes, peer: bytes, reserved: bytes) -> None:
    handshake = Handshake(info, peer, reserved)
    assert decode_handshake(handshake.encode()) == handshake


@pytest.mark.parametrize(
    ("reserved", "extended", "fast"),
    [
        (OUR_RESERVED, True, True),
        (bytes(8), False, False),
        (bytes.fromhex("0000000000100000"), True, False),
        (bytes.fromhex("0000000000000005"), False, True),
        (bytes.fromhex("ffffffffffeffffb"), False, False),
    ],
)
def test_the_reserved_bits(reserved: bytes, extended: bool, fast: bool) -> None:
    handshake = Handshake(bytes(20), bytes(20), reserved)
    assert (handshake.extended, handshake.fast) == (extended, fast)


@given(st.binary(max_size=100))
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(WireError, match="badHandshake"):
        decode_handshake(data)


def test_fields_of_another_length_are_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="20 bytes"):
        Handshake(bytes(19), bytes(20))
