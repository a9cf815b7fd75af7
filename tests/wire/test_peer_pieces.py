"""peer_pieces.py: what a peer has, told before or after the number of pieces is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.wire.errors import WireError
from filesend_tui.core.wire.peer_pieces import PeerPieces
from filesend_tui.core.wire.shape import MAX_PIECES


def bitfield(indices: set[int], total: int) -> bytes:
    bits = bytearray(-(-total // 8))
    for index in indices:
        bits[index // 8] |= 128 >> index % 8
    return bytes(bits)


@given(st.integers(1, 100).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))))
@pytest.mark.parametrize("total_first", [True, False])
@pytest.mark.parametrize("one_by_one", [True, False])
def test_it_is_the_set_that_was_told(
    total_first: bool, one_by_one: bool, told: tuple[int, set[int]]
) -> None:
    total, indices = told
    pieces = PeerPieces()
    if total_first:
        pieces.set_total(total)
    if one_by_one:
        assert all(pieces.add(index) for index in sorted(indices))
    else:
        pieces.set_bits(bitfield(indices, total))
    if not total_first:
        pieces.set_total(total)
    assert list(pieces.indices()) == sorted(indices)
    assert {index for index in range(-9, total + 9) if pieces.has(index)} == indices
    assert pieces.count == len(indices)
    assert pieces.is_seed == (len(indices) == total)
    assert not any(pieces.add(index) for index in indices)


@pytest.mark.parametrize("total", [1, 7, 8, 9, 100])
@pytest.mark.parametrize("total_first", [True, False])
def test_all(total: int, total_first: bool) -> None:
    pieces = PeerPieces()
    if total_first:
        pieces.set_total(total)
    pieces.set_all()
    assert pieces.is_seed
    if not total_first:
        assert pieces.count == 0
        pieces.set_total(total)
    assert pieces.indices() == range(total)
    assert pieces.count == total
    assert pieces.has(total - 1)
    assert not pieces.has(total)
    assert not pieces.add(0)


@pytest.mark.parametrize("total_first", [True, False])
@pytest.mark.parametrize(
    ("bits", "total"),
    [(b"", 1), (b"\xff\xff", 8), (b"\xff", 9), (b"\x01", 7), (b"\xff\x40", 9), (b"\x00", 0)],
)
def test_a_bitfield_that_does_not_fit(bits: bytes, total: int, total_first: bool) -> None:
    pieces = PeerPieces()
    if total_first:
        pieces.set_total(total)
        with pytest.raises(WireError, match="badBitfield"):
            pieces.set_bits(bits)
    else:
        pieces.set_bits(bits)
        with pytest.raises(WireError, match="badBitfield"):
            pieces.set_total(total)


def test_a_piece_that_does_not_exist() -> None:
    pieces = PeerPieces()
    pieces.set_total(9)
    with pytest.raises(WireError, match="indexOutOfRange"):
        pieces.add(9)
    early = PeerPieces()
    early.set_all()
    early.add(9)
    with pytest.raises(WireError, match="indexOutOfRange"):
        early.set_total(9)


def test_memory_is_bounded_before_the_number_is_known() -> None:
    pieces = PeerPieces()
    assert pieces.add(MAX_PIECES - 1)
    with pytest.raises(WireError, match="indexOutOfRange"):
        pieces.add(MAX_PIECES)


def test_a_torrent_without_pieces() -> None:
    pieces = PeerPieces()
    pieces.set_total(0)
    pieces.set_bits(b"")
    assert list(pieces.indices()) == []
    assert pieces.is_seed
