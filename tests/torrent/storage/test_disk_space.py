"""disk_space.py, preallocate.py and file_sync.py, on a real disk."""

import errno
import os
import sys
from pathlib import Path

import pytest

from filesend_tui.core.errors import NoSpace, StorageFailed
from filesend_tui.core.torrent.storage import file_sync, preallocate
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.disk_error import disk_error
from filesend_tui.core.torrent.storage.disk_space import check_room
from filesend_tui.core.torrent.storage.file_sync import sync_files
from filesend_tui.core.torrent.storage.free_space import free_space
from filesend_tui.core.torrent.storage.preallocate import make_file


def test_a_missing_folder_has_the_room_of_where_it_would_be(tmp_path: Path) -> None:
    assert free_space(tmp_path / "not" / "there") > 0
    check_room(tmp_path / "not" / "there", 1)
    with pytest.raises(NoSpace, match=r"needs 1 EB, but .* has only .* free"):
        check_room(tmp_path, 10**18)


@pytest.mark.parametrize("promised", [True, False])
def test_a_file_is_made_at_full_length_and_never_over_another(
    tmp_path: Path, promised: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not promised:
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    ground = DirHandle.at(tmp_path)
    make_file(ground, ("a",), 100_000)
    make_file(ground, ("empty",), 0)
    assert (tmp_path / "a").read_bytes() == bytes(100_000)
    assert (tmp_path / "empty").stat().st_size == 0
    if promised and hasattr(os, "posix_fallocate"):
        assert (tmp_path / "a").stat().st_blocks * 512 >= 100_000
    with pytest.raises(FileExistsError):
        make_file(ground, ("a",), 1)
    sync_files(ground, [("a",), ("empty",)])
    with pytest.raises(FileNotFoundError):
        sync_files(ground, [("a",), ("missing",)])
    ground.close()


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, NoSpace),
        (getattr(errno, "EDQUOT", errno.ENOSPC), NoSpace),
        (errno.EACCES, StorageFailed),
        (errno.EFBIG, StorageFailed),
    ],
)
def test_what_the_system_says_becomes_something_to_act_on(number: int, kind: type) -> None:
    error = disk_error(OSError(number, os.strerror(number)), "writing")
    assert type(error) is kind
    assert "writing" in error.message
    assert error.hint


def test_many_files_are_waited_for_all_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [(str(n),) for n in range(file_sync.MANY)]
    with DirHandle.at(tmp_path) as ground:
        for name in names:
            make_file(ground, name, 10)
        one_by_one: list[int] = []
        monkeypatch.setattr(os, "fsync", one_by_one.append)
        sync_files(ground, names)
        assert len(one_by_one) == (0 if sys.platform == "linux" else file_sync.MANY)
        monkeypatch.setattr(file_sync, "_syncfs", lambda: None)
        sync_files(ground, names)
        assert len(one_by_one) >= file_sync.MANY


@pytest.mark.skipif(sys.platform != "linux", reason="syncfs is Linux's")
def test_a_file_system_that_cannot_keep_them_is_told() -> None:
    sync_all = file_sync._syncfs()
    assert sync_all is not None
    with pytest.raises(OSError):
        sync_all(-1)


def test_a_small_file_is_not_worth_a_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    promised: list[int] = []
    monkeypatch.setattr(
        os, "posix_fallocate", lambda _fd, _at, size: promised.append(size), raising=False
    )
    with DirHandle.at(tmp_path) as ground:
        make_file(ground, ("small",), preallocate.SMALL)
        make_file(ground, ("large",), preallocate.SMALL + 1)
    assert promised == [preallocate.SMALL + 1]
    assert (tmp_path / "small").stat().st_size == preallocate.SMALL
