from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from filesend_tui.core.torrent.storage import dir_handle as ground_module
from filesend_tui.core.torrent.storage.dir_cache import DirCache, Replaced, RootedDirCache
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.util.file_id import FileId
from tests.torrent.storage.test_dir_handle import NEW, POSIX, ways

__all__ = ["ways"]  # a fixture


def read(descriptor: int) -> str:
    with os.fdopen(descriptor) as file:
        return file.read()


def tree(root: Path, *files: str) -> Path:
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def _descriptors() -> int:
    return psutil.Process().num_fds()


@pytest.mark.usefixtures("ways")
def test_files_are_opened_and_made_in_any_order(tmp_path: Path) -> None:
    names = ["a/1", "a/2", "top", "a/b/1", "a/1", "b/1", "a/b/2"]
    tree(tmp_path, *names)
    with DirHandle.at(tmp_path) as ground:
        trail = DirCache(ground)
        for name in names:
            assert read(trail.open(name.split("/"), os.O_RDONLY)) == name
        os.close(trail.open(("a", "b", "new"), NEW))
        with pytest.raises(FileExistsError):
            trail.open(("a", "b", "new"), NEW)
        trail.close()
        trail.close()
        assert read(trail.open(("a", "2"), os.O_RDONLY)) == "a/2"
        trail.close()
    assert (tmp_path / "a" / "b" / "new").exists()


@POSIX
@pytest.mark.usefixtures("ways")
def test_a_trail_follows_no_link(tmp_path: Path) -> None:
    root = tree(tmp_path, "out/f", "in/a/f", "in/a/b/f") / "in"
    (root / "a" / "l").symlink_to("f")
    (root / "link").symlink_to("../out")
    with DirHandle.at(root) as ground:
        trail = DirCache(ground)
        assert read(trail.open(("a", "f"), os.O_RDONLY)) == "in/a/f"
        for parts in (("a", "l"), ("link", "f"), ("a", "..", "link", "f")):
            with pytest.raises(OSError, match=r"link|directory|levels"):
                trail.open(parts, os.O_RDWR)
        # What failed led nowhere else either.
        assert read(trail.open(("a", "f"), os.O_RDONLY)) == "in/a/f"
        trail.close()


@POSIX
def test_a_folder_replaced_by_a_link_stays_itself_or_is_refused(tmp_path: Path, ways: str) -> None:
    tree(tmp_path, "precious/f", "precious/g", "in/a/f", "in/a/g")
    with DirHandle.at(tmp_path / "in") as ground:
        trail = DirCache(ground)
        assert read(trail.open(("a", "f"), os.O_RDONLY)) == "in/a/f"
        (tmp_path / "in" / "a").rename(tmp_path / "in" / "moved")
        (tmp_path / "in" / "a").symlink_to(tmp_path / "precious")
        if ways == "steps":
            assert read(trail.open(("a", "g"), os.O_RDONLY)) == "in/a/g"
            trail.close()
        with pytest.raises(OSError, match=r"link|directory|levels"):
            trail.open(("a", "g"), os.O_RDONLY)


@POSIX
def test_no_more_than_a_root_and_a_folder_are_held_open(tmp_path: Path) -> None:
    names = [f"{root}/{folder}/f" for root in "xyz" for folder in "abc"]
    tree(tmp_path, *names)
    roots = {root: FileId.of((tmp_path / root).stat()) for root in "xyz"}
    before = _descriptors()
    trail = RootedDirCache()
    for name in [*names, *reversed(names)]:
        root, *parts = name.split("/")
        assert read(trail.open(tmp_path / root, roots[root], parts)) == name
        assert _descriptors() - before <= 2
    with pytest.raises(FileNotFoundError):
        trail.open(tmp_path / "missing", roots["x"], ("f",))
    with pytest.raises(FileNotFoundError):
        trail.open(tmp_path / "x", roots["x"], ("missing", "f"))
    with pytest.raises(Replaced):
        trail.open(tmp_path / "x", roots["y"], ("a", "f"))
    trail.close()
    trail.close()
    assert _descriptors() == before


@POSIX
def test_a_root_is_the_same_folder_whatever_becomes_of_its_name(tmp_path: Path) -> None:
    if not ground_module.HAS_STEPS:
        pytest.skip("this system has no steps")
    tree(tmp_path, "root/f", "other/f")
    root = FileId.of((tmp_path / "root").stat())
    trail = RootedDirCache()
    assert read(trail.open(tmp_path / "root", root, ("f",))) == "root/f"
    (tmp_path / "root").rename(tmp_path / "moved")
    (tmp_path / "root").symlink_to("other")
    assert read(trail.open(tmp_path / "root", root, ("f",))) == "root/f"
    trail.close()
    with pytest.raises(Replaced):
        trail.open(tmp_path / "root", root, ("f",))
    assert read(trail.open(tmp_path / "moved", root, ("f",))) == "root/f"
    trail.close()
