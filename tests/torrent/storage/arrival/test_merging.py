"""What arrives goes into folders that are there, and replaces only what may be replaced."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from filesend_tui.core.choices import ARRIVING, Arriving, Overwrite, Stood
from filesend_tui.core.torrent.metainfo.attributes import Attributes, Extras
from filesend_tui.core.torrent.storage import dir_handle as ground_module
from filesend_tui.core.torrent.storage.arrival.existing import Arrives, look
from filesend_tui.core.torrent.storage.arrival.placed import Placed
from filesend_tui.core.torrent.storage.download_files import DownloadFiles, Layout
from filesend_tui.core.torrent.storage.target import Target
from tests.torrent.storage.test_download_files import everything, fill, torrent

THEN = 1_500_000_000 * 10**9
TREE = {("a",): b"new a", ("d", "b"): b"new b", ("d", "c"): b"new c"}
OLDER = Arriving(overwrite=Overwrite.OLDER)


def _receive(folder: Path, arriving: Arriving, *, keep: bool = False) -> DownloadFiles:
    info, row = torrent(TREE)
    store = DownloadFiles.create(
        info,
        folder,
        wanted=everything(info),
        layout=Layout.FOLDER,
        extras=Extras((Attributes(None, THEN),) * 3),
        arriving=arriving,
        keep=keep,
    )
    fill(store, info, row)
    return store


def _there(folder: Path, name: str, modified_ns: int) -> Path:
    path = folder / "t" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("old")
    os.utime(path, ns=(modified_ns, modified_ns))
    return path


def _contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


@pytest.mark.parametrize("steps", [True, False], ids=["with steps", "without steps"])
def test_only_what_is_older_is_replaced_and_all_else_stays(
    tmp_path: Path, steps: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ground_module, "HAS_STEPS", steps and os.name != "nt")
    _there(tmp_path, "a", THEN - 10**10)
    _there(tmp_path, "d/b", THEN + 10**10)
    _there(tmp_path, "d/own", THEN)
    store = _receive(tmp_path, OLDER)
    assert store.finish() == tmp_path / "t"
    assert store.read(0, 0, 5) == b"new a"
    store.close()
    assert _contents(tmp_path / "t") == {
        "a": "new a",
        "d/b": "old",
        "d/b (1)": "new b",
        "d/c": "new c",
        "d/own": "old",
    }
    assert [each.name for each in tmp_path.iterdir()] == ["t"]


def test_without_a_choice_it_arrives_beside_as_ever(tmp_path: Path) -> None:
    _there(tmp_path, "a", THEN - 10**10)
    _receive(tmp_path, ARRIVING).finish()
    assert (tmp_path / "t" / "a").read_text() == "old"
    assert (tmp_path / "t (1)" / "a").read_text() == "new a"


def test_what_was_agreed_to_is_replaced_only_as_it_was_then(tmp_path: Path) -> None:
    a, b = _there(tmp_path, "a", THEN), _there(tmp_path, "d/b", THEN)
    agreed = tuple(
        Stood(number, path.stat().st_size, path.stat().st_mtime_ns)
        for number, path in enumerate((a, b))
    )
    store = _receive(tmp_path, Arriving(overwrite=Overwrite.ASK, replace=agreed))
    b.write_text("written meanwhile")
    store.finish()
    assert a.read_text() == "new a"
    assert b.read_text() == "written meanwhile"
    assert (tmp_path / "t" / "d" / "b (1)").read_text() == "new b"


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_interrupted_between_two_files_nothing_is_lost_and_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "d/b", "d/c"):
        _there(tmp_path, name, THEN - 10**10)
    store = _receive(tmp_path, OLDER)
    calls = 0
    replace = os.replace

    def failing(*args: object, **options: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(5, "the disk is gone")
        replace(*args, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", failing)
        with pytest.raises(Exception, match="disk"):
            store.finish()
    texts = _contents(tmp_path / "t")
    assert sorted(texts.values()) == ["new a", "old", "old"]
    store.finish()
    assert sorted(_contents(tmp_path / "t").values()) == ["new a", "new b", "new c"]


def test_what_is_there_is_found_by_status_alone(tmp_path: Path) -> None:
    _there(tmp_path, "a", THEN)
    _there(tmp_path, "d/b", THEN - 10**10)
    if os.name != "nt":
        (tmp_path / "t" / "link").symlink_to("a")
    names = [("t", "a"), ("t", "d", "b"), ("t", "d", "c"), ("t", "link"), ("u", "x")]
    found = look(Target.of(tmp_path), [Arrives(parts, 3, THEN) for parts in names])
    assert [(each.number, each.same, each.older) for each in found] == [
        (0, True, False),
        (1, False, True),
    ]
    assert look(Target.of(tmp_path / "none"), [Arrives(("t", "a"), 3, THEN)]) == []
    (unknown, _) = look(Target.of(tmp_path), [Arrives(parts, 3, None) for parts in names[:2]])
    assert (unknown.same, unknown.older) == (False, False)


def test_a_time_of_the_future_is_not_kept_and_makes_nothing_older(tmp_path: Path) -> None:
    future = time.time_ns() + 2 * 24 * 3600 * 10**9
    a = _there(tmp_path, "a", time.time_ns())
    info, row = torrent(TREE)
    store = DownloadFiles.create(
        info,
        tmp_path,
        wanted=everything(info),
        layout=Layout.FOLDER,
        extras=Extras((Attributes(None, future),) * 3),
        arriving=OLDER,
    )
    fill(store, info, row)
    store.finish()
    assert a.read_text() == "old"
    assert (tmp_path / "t" / "a (1)").stat().st_mtime_ns < time.time_ns() + 10**9


def test_where_things_are_is_told_by_paths_and_believed_only_where_it_makes_sense() -> None:
    placed = Placed({"t/a": "t/a (1)", "t/d": "u"})
    assert placed.of(("t", "a")) == ("t", "a (1)")
    assert placed.of(("t", "d", "x")) == ("u", "x")
    assert placed.of(("t",)) is None
    assert placed.is_sane
    assert Placed(placed.told()).of(("t", "d", "x")) == ("u", "x")
    for hostile in ("../x", "/etc/x", "a//b", ".."):
        assert not Placed({"t": hostile}).is_sane
