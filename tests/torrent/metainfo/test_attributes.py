"""What is kept beside names and bytes: permissions, times, and folders without files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from filesend_tui.core.torrent.metainfo.attributes import (
    Attributes,
    Extras,
    Folder,
    file_mode,
    folder_mode,
)
from filesend_tui.core.torrent.sources.create import make_torrent, scan
from filesend_tui.core.torrent.storage import dir_handle as ground_module
from filesend_tui.core.torrent.storage.download_files import DownloadFiles, Layout
from filesend_tui.core.torrent.storage.paths import Folding, lay_out
from tests.torrent.storage.test_download_files import everything, fill, torrent

POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no permissions of this kind")
THEN = 1_234_567_890_123_456_789
TREE = {("a",): b"x" * 20_000, ("d", "b"): b"", ("d", "c"): b"y" * 40_000}


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def _received(folder: Path, extras: Extras, wanted: list[bool] | None = None) -> DownloadFiles:
    info, row = torrent(TREE)
    store = DownloadFiles.create(
        info, folder, wanted=wanted or everything(info), layout=Layout.FOLDER, extras=extras
    )
    fill(store, info, row)
    store.finish()
    return store


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _near(time_ns: int) -> bool:
    return abs(time_ns - THEN) < 1000  # file systems count in 100 ns, or less finely


@pytest.mark.parametrize(
    ("mode", "kept"),
    [
        (0o644, 0o644),
        (0o600, 0o600),
        (0o755, 0o755),
        (0o700, 0o700),
        (0o640, 0o640),
        (0o666, 0o644),
        (0o777, 0o755),
        (0o400, 0o600),
        (0o000, 0o600),
        (0o7777, 0o755),
    ],
)
def test_a_file_keeps_what_the_umask_leaves_of_its_mode(mode: int, kept: int) -> None:
    assert file_mode(mode, 0o755) == kept


def test_a_folder_stays_its_owners_to_look_into() -> None:
    assert folder_mode(0o500, 0o755) == 0o700
    assert folder_mode(0o711, 0o755) == 0o711
    assert folder_mode(0o1777, 0o750) == 0o750


@POSIX
def test_modes_times_and_empty_folders_arrive(tmp_path: Path) -> None:
    extras = Extras(
        (Attributes(0o600, THEN), Attributes(0o755, THEN), Attributes(None, None)),
        (
            Folder(("t",), Attributes(0o700, THEN)),
            Folder(("t", "d"), Attributes(0o755, THEN)),
            Folder(("t", "empty", "inside"), Attributes(0o750, THEN)),
            Folder(("beside",), Attributes(None, None)),
        ),
    )
    store = _received(tmp_path / "in", extras)
    top = tmp_path / "in" / "t"
    assert _mode(top / "a") == 0o600
    assert _mode(top / "d" / "b") == 0o755
    assert _mode(top / "d" / "c") == 0o644
    assert _mode(top) == 0o700
    assert _mode(top / "empty" / "inside") == 0o750
    for path in (top / "a", top / "d" / "b", top, top / "d", top / "empty" / "inside"):
        assert _near(path.stat().st_mtime_ns), path
    assert not _near((top / "d" / "c").stat().st_mtime_ns)
    assert list((tmp_path / "in" / "beside").iterdir()) == []
    # Placed, with another time, it still is what was received, and is served.
    assert store.read(0, 0, 16384) == b"x" * 16384
    store.close()
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["beside", "t"]


def test_without_steps_from_folder_to_folder_times_and_folders_arrive_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ground_module, "HAS_STEPS", False)
    extras = Extras((Attributes(0o600, THEN),) * 3, (Folder(("t", "empty"), Attributes(0, THEN)),))
    store = _received(tmp_path / "in", extras)
    store.close()
    for name in ("a", "d/c", "empty"):
        assert _near((tmp_path / "in" / "t" / name).stat().st_mtime_ns)


@POSIX
@pytest.mark.parametrize("call", ["fchmod", "utime"])
def test_a_file_system_that_keeps_neither_is_no_failure(
    tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: Any, **_options: Any) -> None:
        raise PermissionError(1, "no such thing here")

    extras = Extras((Attributes(0o600, THEN),) * 3)
    info, row = torrent(TREE)
    store = DownloadFiles.create(
        info, tmp_path / "in", wanted=everything(info), layout=Layout.FOLDER, extras=extras
    )
    fill(store, info, row)
    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        store.finish()
    store.close()
    assert (tmp_path / "in" / "t" / "a").read_bytes() == TREE["a",]


@POSIX
def test_a_link_in_a_part_files_place_is_given_nothing(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"")
    before = precious.stat()
    info, row = torrent(TREE)
    extras = Extras((Attributes(0o777, THEN),) * 3)
    store = DownloadFiles.create(
        info, tmp_path / "in", wanted=everything(info), layout=Layout.FOLDER, extras=extras
    )
    fill(store, info, row)
    (part,) = (tmp_path / "in").iterdir()
    (part / "tree" / "t" / "d" / "b").unlink()
    (part / "tree" / "t" / "d" / "b").symlink_to(precious)
    try:
        store.finish()
    except Exception as error:
        assert "changed" in str(error) or "disk" in str(error)
    store.discard()
    assert (precious.stat().st_mode, precious.stat().st_mtime_ns) == (
        before.st_mode,
        before.st_mtime_ns,
    )


def test_hostile_folders_get_good_places_beside_the_files() -> None:
    same = Folding(case=True, form=True)
    places = lay_out(
        [("d", "a"), ("x", "y")],
        same,
        folders=[("D",), ("..", "..", "up"), ("d", "A"), ("con", "nul"), ("d",), ("", "")],
        system="windows",
    )
    assert places[:2] == [("d", "a"), ("x", "y")]
    for place in places:
        assert all(name not in ("", ".", "..") and "/" not in name for name in place)
    upper, _, beside_a, *_ = places[2:]
    assert upper == ("D (1)",)
    assert beside_a == ("d", "A (1)")
    assert places[6] == ("d",)


# --- at the sender


def test_what_is_found_has_its_modes_times_and_folders(tmp_path: Path) -> None:
    for name in ("d/full", "d/empty/inside"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "d" / "full" / "f").write_text("x")
    os.utime(tmp_path / "d" / "full" / "f", ns=(THEN, THEN))
    if os.name != "nt":
        (tmp_path / "d" / "full" / "f").chmod(0o6750)
        (tmp_path / "d" / "empty" / "inside").chmod(0o700)
    found = scan([tmp_path / "d"])
    (file,) = found
    assert _near(file.attributes.modified_ns or 0)
    assert [folder.name for folder in found.folders] == ["d", "d/empty", "d/empty/inside", "d/full"]
    assert [folder.name for folder in found.empty_folders] == ["d/empty/inside"]
    if os.name != "nt":
        assert file.attributes.mode == 0o750
        assert file.attributes.is_private
        assert found.folders[2].attributes.mode == 0o700
    # None of it is in the torrent.
    assert len(make_torrent(found).files) == 1
