from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.place import place


def _source(tmp_path: Path, name: str, text: str, *, folder: bool) -> Path:
    source = tmp_path / "part" / name
    source.parent.mkdir(exist_ok=True)
    if folder:
        source.mkdir()
        (source / "inside").write_text(text)
    else:
        source.write_text(text)
    return source


def _place(source: Path, folder: Path, wish: str) -> Path:
    with DirHandle.at(source.parent) as here, DirHandle.at(folder) as there:
        return folder / place(here, source.name, there, wish)


def _text(place_: Path) -> str:
    return (place_ / "inside" if place_.is_dir() else place_).read_text()


@pytest.mark.parametrize("folder", [False, True])
def test_it_moves_to_the_first_free_name(tmp_path: Path, folder: bool) -> None:
    (tmp_path / "a.txt").write_text("precious")
    (tmp_path / "a (1).txt").mkdir()
    source = _source(tmp_path, "x", "new", folder=folder)
    assert _place(source, tmp_path, "a.txt") == tmp_path / "a (2).txt"
    assert _text(tmp_path / "a (2).txt") == "new"
    assert not source.exists()
    assert (tmp_path / "a.txt").read_text() == "precious"
    assert list((tmp_path / "a (1).txt").iterdir()) == []


def test_an_empty_folder_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    inode = (tmp_path / "d").stat().st_ino
    assert _place(_source(tmp_path, "x", "new", folder=True), tmp_path, "d") == tmp_path / "d (1)"
    assert (tmp_path / "d").stat().st_ino == inode


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_dangling_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "elsewhere")
    assert _place(_source(tmp_path, "x", "new", folder=False), tmp_path, "a") == tmp_path / "a (1)"
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
@pytest.mark.parametrize("folder", [False, True])
def test_many_at_once_all_keep_their_own(
    tmp_path: Path, folder: bool, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:

        def refuse(*_args: object, **_options: object) -> None:
            raise OSError(errno.EPERM, "no hard links on this file system")

        monkeypatch.setattr(os, "link", refuse)
    workers = 8
    start = Barrier(workers)
    sources = [_source(tmp_path, str(n), f"text {n}", folder=folder) for n in range(workers)]

    def work(source: Path) -> Path:
        start.wait(10)
        return _place(source, tmp_path, "same.tar.gz")

    with ThreadPoolExecutor(workers) as threads:
        places = list(threads.map(work, sources))
    expected = {"same.tar.gz", *(f"same ({n}).tar.gz" for n in range(1, workers))}
    assert {p.name for p in places} == expected
    assert [_text(p) for p in places] == [f"text {n}" for n in range(workers)]
    assert {p.name for p in tmp_path.iterdir()} == expected | {"part"}


def test_what_cannot_be_moved_stays_and_leaves_no_claim(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        _place(tmp_path / "missing", tmp_path, "a")
    source = _source(tmp_path, "x", "new", folder=True)
    with pytest.raises(OSError, match=r"Invalid argument|because"):
        _place(source, source, "inside itself")
    assert _text(source) == "new"
    assert [p.name for p in source.iterdir()] == ["inside"]
    assert [p.name for p in tmp_path.iterdir()] == ["part"]
