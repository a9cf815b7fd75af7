from __future__ import annotations

import os
from pathlib import Path

import pytest

from filesend_tui.core.torrent.storage import dir_handle as ground_module
from filesend_tui.core.torrent.storage.dir_handle import DirHandle

NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL
POSIX = pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")


@pytest.fixture(params=["steps", "paths"])
def ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to reach things: this system's own, and the one that Windows has."""
    if request.param == "paths":
        monkeypatch.setattr(ground_module, "HAS_STEPS", False)
    elif not ground_module.HAS_STEPS:
        pytest.skip("this system has no steps")
    return str(request.param)


@pytest.mark.usefixtures("ways")
def test_files_and_folders_are_made_opened_and_deleted(tmp_path: Path) -> None:
    with DirHandle.at(tmp_path) as ground:
        ground.make_folders(("a", "b"))
        ground.make_folders(("a", "b"))
        os.close(ground.open(("a", "b", "c"), NEW))
        with pytest.raises(FileExistsError):
            ground.open(("a", "b", "c"), NEW)
        with ground.below("a", "b") as below:
            assert below.path == tmp_path / "a" / "b"
            assert below.exists("c")
            below.delete("c")
            assert not below.exists("c")
        with ground.below("a") as a:
            a.delete_folder("b")
        with pytest.raises(FileNotFoundError):
            ground.below("missing")
    ground.close()


@pytest.mark.usefixtures("ways")
def test_what_is_no_folder_is_no_ground(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        DirHandle.at(tmp_path / "file")
    with DirHandle.at(tmp_path) as ground, pytest.raises(NotADirectoryError):
        ground.below("file")


@POSIX
@pytest.mark.usefixtures("ways")
def test_no_link_is_followed_below(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_text("precious")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(outside)
    (tmp_path / "in" / "f").symlink_to(outside / "f")
    (tmp_path / "in" / "new").symlink_to(outside / "new")
    # The way to a ground is the person's own word, links and all.
    (tmp_path / "alias").symlink_to("in")
    with DirHandle.at(tmp_path / "alias") as ground:
        for parts in (("f",), ("link", "f")):
            with pytest.raises(OSError, match=r"link|directory|levels"):
                ground.open(parts, os.O_RDWR)
        for parts in (("new",), ("link", "new")):
            with pytest.raises(OSError, match=r"link|directory|levels|exists"):
                ground.open(parts, NEW)
        with pytest.raises(OSError, match=r"link|directory"):
            ground.below("link")
        with pytest.raises(OSError, match=r"link|directory"):
            ground.make_folders(("link", "deeper"))
        assert ground.exists("new")
        ground.delete("new")
    assert [path.name for path in outside.iterdir()] == ["f"]
    assert (outside / "f").read_text() == "precious"


@POSIX
@pytest.mark.usefixtures("ways")
def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with DirHandle.at(tmp_path) as ground, pytest.raises(OSError, match="regular"):
        ground.open(("fifo",), os.O_RDONLY)


@POSIX
def test_it_is_the_same_folder_whatever_becomes_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "elsewhere").mkdir()
    with DirHandle.at(tmp_path / "a") as ground:
        (tmp_path / "a").rename(tmp_path / "moved")
        (tmp_path / "a").symlink_to("elsewhere")
        os.close(ground.open(("f",), NEW))
    assert (tmp_path / "moved" / "f").exists()
    assert not list((tmp_path / "elsewhere").iterdir())
