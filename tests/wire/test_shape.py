"""shape.py: pieces and blocks add up to the torrent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.wire.shape import TorrentShape


@given(st.integers(1, 2**22), st.integers(0, 2**26))
def test_pieces_add_up_to_the_total(piece_length: int, total: int) -> None:
    count = min(-(-total // piece_length), 2000)
    total = min(total, count * piece_length)
    shape = TorrentShape(count, piece_length, total)
    sizes = [shape.piece_size(index) for index in range(count)]
    assert sum(sizes) == total
    assert all(size > 0 for size in sizes)
    assert sizes[:-1] == [piece_length] * (count - 1) or not sizes


@pytest.mark.parametrize("numbers", [(1, 10, 0), (0, 10, 1), (2, 10, 10), (1, 0, 0), (0, 1, -1)])
def test_contradictions_are_refused(numbers: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="piece"):
        TorrentShape(*numbers)


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_piece_outside(index: int) -> None:
    with pytest.raises(IndexError):
        TorrentShape(3, 10, 25).piece_size(index)
