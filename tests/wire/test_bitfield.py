from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.wire.bitfield import Bitfield

pieces = st.integers(0, 100).flatmap(
    lambda count: st.tuples(
        st.just(count), st.sets(st.integers(0, count - 1)) if count else st.just(set())
    )
)


@pytest.mark.parametrize(
    ("count", "indices", "data"),
    [
        (0, [], b""),
        (1, [], b"\x00"),
        (1, [0], b"\x80"),
        (8, [0, 7], b"\x81"),
        (9, [8], b"\x00\x80"),
        (12, [0, 1, 2, 3, 11], b"\xf0\x10"),
    ],
)
def test_first_piece_is_the_high_bit_of_the_first_byte(
    count: int, indices: list[int], data: bytes
) -> None:
    assert Bitfield(count, indices).to_bytes() == data
    assert list(Bitfield(count, indices)) == indices


@given(pieces)
def test_behaves_like_a_set(drawn: tuple[int, set[int]]) -> None:
    count, indices = drawn
    field = Bitfield(count)
    for index in indices:
        field.set(index)
        field.set(index)  # twice is once
    assert set(field) == indices
    assert list(field) == sorted(indices)
    assert [field.has(i) for i in range(count)] == [i in indices for i in range(count)]
    assert field.to_bytes() == Bitfield(count, indices).to_bytes()


@pytest.mark.parametrize("index", [-1, 9, 1000])
def test_refuses_pieces_that_do_not_exist(index: int) -> None:
    field = Bitfield(9)
    with pytest.raises(IndexError):
        field.has(index)
    with pytest.raises(IndexError):
        field.set(index)
