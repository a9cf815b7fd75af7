from __future__ import annotations

import bencode2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.torrent.metainfo.info import TorrentInfo, parse_info
from filesend_tui.core.torrent.storage.extents import (
    SPILL,
    Extent,
    ExtentMap,
    FileSlice,
    pieces_of,
    selected_files,
    share_held,
    whole_files,
)
from filesend_tui.core.wire.bitfield import Bitfield

PIECE = 16 * 1024


def torrent(*lengths: int) -> TorrentInfo:
    files = [{"length": length, "path": [f"{n}"]} for n, length in enumerate(lengths)]
    pieces = bytes(20 * -(-sum(lengths) // PIECE))
    info = {"files": files, "name": "t", "piece length": PIECE, "pieces": pieces}
    return parse_info(bencode2.bencode(info))


def test_bytes_are_found_across_files_and_empty_ones_skipped() -> None:
    extents = whole_files(torrent(10, 0, 5, PIECE))
    assert list(extents.find(8, 9)) == [FileSlice(0, 8, 2), FileSlice(2, 0, 5), FileSlice(3, 0, 2)]
    assert list(extents.find(10, 1)) == [FileSlice(2, 0, 1)]


@pytest.mark.parametrize(("start", "length"), [(0, 1), (9, 2), (14, 3), (20, 1), (25, 6), (40, 1)])
def test_bytes_that_are_kept_nowhere_are_not_made_up(start: int, length: int) -> None:
    extents = ExtentMap([Extent(10, 5, 0, 0), Extent(25, 5, 1, 0)])
    with pytest.raises(LookupError):
        list(extents.find(start, length))


def test_pieces_of_a_file() -> None:
    info = torrent(PIECE, 1, 0, PIECE, 3 * PIECE)
    assert [pieces_of(info, n) for n in range(5)] == [
        range(1),
        range(1, 2),
        range(0),
        range(1, 3),
        range(2, 6),
    ]


def test_neighbours_bytes_are_spilled_only_where_a_piece_is_shared() -> None:
    info = torrent(3 * PIECE + 10, 20, 3 * PIECE)
    extents, spilled = selected_files(info, {1}, {3})
    assert spilled == PIECE - 20
    assert list(extents.find(3 * PIECE, PIECE)) == [
        FileSlice(SPILL, 0, 10),
        FileSlice(1, 0, 20),
        FileSlice(SPILL, 10, PIECE - 30),
    ]
    with pytest.raises(LookupError):
        list(extents.find(2 * PIECE, PIECE))


_lengths = st.lists(st.integers(0, 3 * PIECE), min_size=1, max_size=8)


@given(_lengths, st.data())
def test_every_wanted_piece_is_kept_whole_and_nothing_twice(
    lengths: list[int], data: st.DataObject
) -> None:
    info = torrent(*lengths)
    wanted = data.draw(st.sets(st.sampled_from(range(len(lengths)))))
    pieces = {i for n in wanted for i in pieces_of(info, n)}
    extents, spilled = selected_files(info, wanted, pieces)
    seen: set[tuple[int, int]] = set()
    for index in pieces:
        size = info.shape.piece_size(index)
        spans = list(extents.find(index * PIECE, size))
        assert sum(span.length for span in spans) == size
        for span in spans:
            where = {(span.file, span.offset + i) for i in range(span.length)}
            assert not where & seen
            seen |= where
    assert len([1 for file, _ in seen if file == SPILL]) == spilled
    assert {n for n, _ in seen} - {SPILL} == {n for n in wanted if lengths[n]}


@given(_lengths, st.data())
def test_the_share_of_a_file_is_that_of_its_bytes(lengths: list[int], data: st.DataObject) -> None:
    info = torrent(*lengths)
    count = info.shape.piece_count
    held = data.draw(st.sets(st.integers(0, count - 1))) if count else set()
    bits = Bitfield(count, held).to_bytes()
    for number, file in enumerate(info.files):
        inside = range(file.offset, file.offset + file.length)
        expected = sum(
            max(0, min(inside.stop, (i + 1) * PIECE) - max(inside.start, i * PIECE)) for i in held
        )
        assert share_held(info, number, bits) * file.length == pytest.approx(expected)
    assert all(share_held(info, n, bits) == 1 for n, size in enumerate(lengths) if not size)
