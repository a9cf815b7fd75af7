"""Whether something still is the file that it was: renamed, changed, replaced, forgotten."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from filesend_tui.core.util import file_id
from filesend_tui.core.util.file_id import SETTLED, FileId, Seen, look, look_at_all

LINKS = pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")


def status(number: int, changed_ns: int, *, device: int = 7, owner: int = 1000) -> os.stat_result:
    return os.stat_result(
        (0o100644, number, device, 1, owner, 0, 5, 0, 0, changed_ns // 10**9),
        {"st_ctime_ns": changed_ns, "st_mtime_ns": 0, "st_atime_ns": 0},
    )


def old() -> int:
    return time.time_ns() - 10 * SETTLED


def test_a_file_stays_the_same_whatever_is_done_to_it(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("1")
    seen = FileId.of(path.stat())
    path.write_text("other content")
    path.chmod(0o600)
    os.link(path, tmp_path / "b")
    os.utime(path, (1, 1))
    path.rename(tmp_path / "c")
    assert seen.is_of((tmp_path / "c").stat())
    assert seen.is_of((tmp_path / "b").stat())
    with (tmp_path / "c").open() as file:
        assert seen.is_of(os.fstat(file.fileno()))


def test_another_file_is_another_however_much_alike(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text("1")
        os.utime(tmp_path / name, (1, 1))
    assert not FileId.of((tmp_path / "a").stat()).is_of((tmp_path / "b").stat())
    assert not FileId.of(status(1, old(), device=7)).is_of(status(1, old(), device=8))
    # A number that was used again, by somebody else.
    assert not FileId.of(status(1, old(), owner=1)).is_of(status(1, old(), owner=2))


def test_a_file_that_was_numbered_anew_is_known_by_its_last_change() -> None:
    changed = old()
    assert FileId.of(status(1, changed)).is_of(status(2, changed))
    assert not FileId.of(status(1, changed)).is_of(status(2, changed + 1))
    # Just changed, that tells nothing: others may have been in the same moment.
    now = time.time_ns()
    assert not FileId.of(status(1, now)).is_of(status(2, now))
    assert FileId.of(status(1, now)).is_of(status(1, now + 1))


def test_on_windows_the_number_alone_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_id, "_WINDOWS", True)
    made = old()
    assert not FileId.of(status(1, made)).is_of(status(2, made))
    long = FileId.of(status((9 << 64) + 1, made, device=(5 << 32) + 7))
    assert long.is_of(status(1, made, device=7))


def test_what_is_not_there_was_not_seen(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    seen = look_at_all([tmp_path / "b", tmp_path / "a"])
    assert list(seen) == [tmp_path / "b", tmp_path / "a"]
    assert seen[tmp_path / "b"] is None
    assert seen[tmp_path / "a"] is not None
    assert look(Path("a\0b")) is None


@LINKS
def test_the_way_counts_too(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a").touch()
    (tmp_path / "way").symlink_to("real")
    path = tmp_path / "way" / "a"
    seen = Seen.at(path)
    assert seen.leads(path, path.stat())
    # The very same file by another way: of a deleted one the number may be in use again.
    (tmp_path / "real").rename(tmp_path / "moved")
    (tmp_path / "way").unlink()
    (tmp_path / "way").symlink_to("moved")
    assert not seen.leads(path, path.stat())
