"""Zeros are neither fetched nor stored, on a disk that keeps holes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from filesend_tui.core.errors import NoSpace
from filesend_tui.core.torrent.sources.create import make_torrent, scan
from filesend_tui.core.torrent.storage import disk_space, part_files
from filesend_tui.core.torrent.storage.arrival.holes import filled, zero_pieces
from filesend_tui.core.torrent.storage.download_files import DownloadFiles, Layout
from filesend_tui.core.torrent.storage.file_handles import Handle
from tests.torrent.storage.test_download_files import everything, torrent

PIECE = 16 * 1024
HOLES = pytest.mark.skipif(os.name == "nt", reason="NTFS wants to be told of each such file")
ROW = b"a" * 100 + bytes(5 * PIECE) + b"b" * PIECE + bytes(3 * PIECE)


def _create(folder: Path) -> DownloadFiles:
    info, _ = torrent({("f",): ROW, ("g",): bytes(2 * PIECE)})
    return DownloadFiles.create(info, folder, wanted=everything(info), layout=Layout.FOLDER)


def test_pieces_of_zeros_are_known_by_their_hash_alone() -> None:
    info, _ = torrent({("f",): ROW, ("g",): bytes(2 * PIECE)})
    count = info.shape.piece_count
    zeros = zero_pieces(info, range(count))
    assert zeros == {1, 2, 3, 4, 7, 8, 9, 10, 11}
    assert zero_pieces(info, [0, 1, 5]) == {1}
    assert filled(info, 0, zeros) == [(0, PIECE), (5 * PIECE, 2 * PIECE)]
    assert filled(info, 1, zeros) == []
    assert filled(info, 0, ()) is None


@HOLES
def test_only_what_is_no_hole_is_wanted_and_stored(tmp_path: Path) -> None:
    store = _create(tmp_path)
    _, row = torrent({("f",): ROW, ("g",): bytes(2 * PIECE)})
    assert store.kept.have == store.holes == {1, 2, 3, 4, 7, 8, 9, 10, 11}
    for index in sorted(store.wanted_pieces - store.kept.have):
        store.write_piece(index, row[index * PIECE : (index + 1) * PIECE])
    assert store.read(2, 0, PIECE) == bytes(PIECE)
    store.finish()
    store.close()
    came = tmp_path / "t" / "f"
    assert came.read_bytes() == ROW
    assert 512 * came.stat().st_blocks < len(ROW)
    assert 512 * (tmp_path / "t" / "g").stat().st_blocks == 0


@HOLES
def test_the_room_that_is_asked_for_is_that_without_holes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_space, "free_space", lambda _: 3 * PIECE)
    _create(tmp_path).discard()
    # A disk that fills holes, as FAT does, needs all of it.
    monkeypatch.setattr(part_files, "keeps_holes", lambda _: False)
    with pytest.raises(NoSpace):
        _create(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "SEEK_DATA"), reason="this system cannot seek holes")
def test_a_hole_is_hashed_without_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.seek(64 * 1024 * 1024)
        file.write(b"the end")
    if not scan([path])[0].holes:
        pytest.skip("this file system fills holes")
    plain = tmp_path / "plain" / "sparse"
    plain.parent.mkdir()
    plain.write_bytes(path.read_bytes())
    read = 0
    into = Handle.read_into

    def counting(self: Handle, offset: int, view: memoryview) -> int:
        nonlocal read
        count = into(self, offset, view)
        read += count
        return count

    expected = make_torrent(scan([plain])).info_hash
    monkeypatch.setattr(Handle, "read_into", counting)
    assert make_torrent(scan([path])).info_hash == expected
    assert read < 1024 * 1024
