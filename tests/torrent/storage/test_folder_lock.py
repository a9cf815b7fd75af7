from __future__ import annotations

import os
from pathlib import Path

import pytest

from filesend_tui.core.torrent.storage import dir_handle as ground_module
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.part_folder.folder_lock import FolderLock


@pytest.mark.parametrize("steps", [True, False], ids=["steps", "paths"])
def test_one_at_a_time_has_it(tmp_path: Path, steps: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if steps and not ground_module.HAS_STEPS:
        pytest.skip("this system has no steps")
    monkeypatch.setattr(ground_module, "HAS_STEPS", steps)
    with DirHandle.at(tmp_path) as ground:
        lock = FolderLock.take(ground, "lock")
        assert lock is not None
        assert lock.is_held
        assert FolderLock.take(ground, "lock") is None
        lock.release()
        lock.release()
        assert not lock.is_held
        again = FolderLock.take(ground, "lock")
        assert again is not None
        again.release()


@pytest.mark.skipif(os.name == "nt", reason="Windows deletes no open file")
def test_a_lock_whose_file_was_deleted_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    flock = fcntl.flock

    def deleted_meanwhile(descriptor: int, how: int) -> None:
        (tmp_path / "lock").unlink()
        flock(descriptor, how)

    with DirHandle.at(tmp_path) as ground:
        monkeypatch.setattr(fcntl, "flock", deleted_meanwhile)
        assert FolderLock.take(ground, "lock") is None
        monkeypatch.undo()
        lock = FolderLock.take(ground, "lock")
        assert lock is not None
        lock.release()
    with DirHandle.at(tmp_path) as ground:
        (tmp_path / "lock").unlink()
        tmp_path.rmdir()
        assert FolderLock.take(ground, "lock") is None


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "lock").symlink_to("precious")
    with DirHandle.at(tmp_path) as ground, pytest.raises(OSError, match="symbolic"):
        FolderLock.take(ground, "lock")
    assert (tmp_path / "precious").read_text() == "precious"
