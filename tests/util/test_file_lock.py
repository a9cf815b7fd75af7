from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from filesend_tui.core.util import file_lock
from filesend_tui.core.util.file_lock import FileLock


@pytest.fixture(params=["path", "folder", "filelock"])
def folder(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[int | None]:
    """A descriptor of tmp_path where locks are taken through it; None where by their paths."""
    if request.param != "filelock" and os.name == "nt":
        pytest.skip("Windows has no flock")
    if request.param == "folder":
        descriptor = os.open(tmp_path, os.O_RDONLY)
        yield descriptor
        os.close(descriptor)
    else:
        monkeypatch.setattr(file_lock, "_FLOCKS", request.param == "path")
        yield None


def test_one_at_a_time_has_it(tmp_path: Path, folder: int | None) -> None:
    lock = FileLock.take(tmp_path / "lock", folder)
    assert lock is not None
    assert lock.is_held
    assert FileLock.take(tmp_path / "lock", folder) is None
    lock.release()
    lock.release()
    assert not lock.is_held
    again = FileLock.take(tmp_path / "lock", folder)
    assert again is not None
    again.remove()
    again.remove()
    assert not (tmp_path / "lock").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows deletes no open file")
def test_a_lock_whose_file_was_deleted_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    flock = fcntl.flock

    def deleted_meanwhile(descriptor: int, how: int) -> None:
        (tmp_path / "lock").unlink()
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", deleted_meanwhile)
    assert FileLock.take(tmp_path / "lock") is None
    monkeypatch.undo()
    lock = FileLock.take(tmp_path / "lock")
    assert lock is not None
    lock.release()


@pytest.mark.skipif(os.name == "nt", reason="Windows removes no open folder")
def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    below = tmp_path / "below"
    below.mkdir()
    descriptor = os.open(below, os.O_RDONLY)
    below.rmdir()
    try:
        with pytest.raises(FileNotFoundError):
            FileLock.take(below / "lock", descriptor)
    finally:
        os.close(descriptor)


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "lock").symlink_to("precious")
    with pytest.raises(OSError, match="symbolic"):
        FileLock.take(tmp_path / "lock")
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.skipif(os.name == "nt", reason="Windows opens no folders")
def test_a_folder_that_was_moved_away_is_locked_where_it_is(tmp_path: Path) -> None:
    below, moved = tmp_path / "below", tmp_path / "moved"
    below.mkdir()
    descriptor = os.open(below, os.O_RDONLY)
    below.rename(moved)
    below.mkdir()
    lock = FileLock.take(below / "lock", descriptor)
    os.close(descriptor)
    assert lock is not None
    lock.release()
    assert (moved / "lock").exists()
    assert not (below / "lock").exists()
