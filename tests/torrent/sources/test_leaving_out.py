"""What is left out of a chosen folder: by globs, and by what git ignores."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from filesend_tui.core.choices import Links, Sending
from filesend_tui.core.errors import BadSource
from filesend_tui.core.torrent.metainfo.attributes import Link
from filesend_tui.core.torrent.sources.create import Found, scan
from filesend_tui.core.torrent.sources.scan import Bounds

BOUNDS = Bounds(1000, 1000, links=1000)
LINKS = pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")


def _tree(root: Path, *paths: str) -> Path:
    for path in paths:
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(path)
    return root


def _found(folder: Path, **sending: object) -> Found:
    return scan([folder], bounds=BOUNDS, sending=Sending(**sending))  # type: ignore[arg-type]


def _names(found: Found) -> list[str]:
    return [file.name.partition("/")[2] for file in found]


def test_globs_leave_out_files_and_folders_as_a_gitignore_does(tmp_path: Path) -> None:
    top = _tree(tmp_path / "top", "a.log", "a.txt", "build/x", "sub/b.log", "sub/build", "keep.log")
    found = _found(top, exclude=("*.log", "build/", "!keep.log"))
    assert _names(found) == ["a.txt", "keep.log", "sub/build"]
    assert found.unwanted == 3
    assert [folder.name for folder in found.folders] == ["top", "top/sub"]


def test_a_chosen_file_is_left_out_too_and_nothing_left_is_an_error(tmp_path: Path) -> None:
    _tree(tmp_path, "a.log", "b.txt")
    chosen = [tmp_path / "a.log", tmp_path / "b.txt"]
    found = scan(chosen, sending=Sending(exclude=("*.log",)))
    assert [file.name for file in found] == ["b.txt"]
    with pytest.raises(BadSource, match="no files"):
        scan(chosen, sending=Sending(exclude=("*",)))


def test_what_git_ignores_is_left_out_the_nearest_patterns_first(tmp_path: Path) -> None:
    repository = _tree(
        tmp_path / "repository", "sub/top/a.o", "sub/top/b.tmp", "sub/top/in/a.o", "sub/top/in/c.o"
    )
    (repository / ".git").mkdir()
    (repository / ".gitignore").write_text("*.tmp\n/sub/top/in/c.o\n")
    top = repository / "sub" / "top"
    (top / ".gitignore").write_text("*.o\n")
    (top / "in" / ".gitignore").write_text("!a.o\n")
    assert _names(_found(top, gitignore=True)) == [".gitignore", "in/.gitignore", "in/a.o"]
    assert len(_names(_found(top))) == 6


@LINKS
def test_a_gitignore_that_is_a_link_is_not_read(tmp_path: Path) -> None:
    top = _tree(tmp_path / "top", "a")
    (tmp_path / "patterns").write_text("a\n")
    (top / ".gitignore").symlink_to(tmp_path / "patterns")
    assert _names(_found(top, gitignore=True, links=Links.SKIP)) == ["a"]


# --- links


@LINKS
def test_links_are_kept_as_what_they_lead_to(tmp_path: Path) -> None:
    top = _tree(tmp_path / "top", "lib.so.1", "sub/x")
    (top / "lib.so").symlink_to("lib.so.1")
    (top / "sub" / "up").symlink_to("../lib.so")
    (top / "folder").symlink_to(top / "sub")  # absolute, and inside
    found = _found(top, links=Links.KEEP)
    assert _names(found) == ["lib.so.1", "sub/x"]
    assert found.links == (
        Link(("top", "folder"), ("top", "sub")),
        Link(("top", "lib.so"), ("top", "lib.so.1")),
        Link(("top", "sub", "up"), ("top", "lib.so")),
    )
    skipped = _found(top, links=Links.SKIP)
    assert (_names(skipped), skipped.links) == (["lib.so.1", "sub/x"], ())
    assert len(scan([top / "lib.so"], sending=Sending(links=Links.SKIP))) == 1  # it was chosen


@LINKS
@pytest.mark.parametrize("target", ["/etc/passwd", "../beside", "..", ".", "nowhere", "sub/../.."])
def test_a_kept_link_that_leads_elsewhere_is_refused_by_name(tmp_path: Path, target: str) -> None:
    top = _tree(tmp_path / "top", "a", "sub/b")
    _tree(tmp_path, "beside")
    (top / "link").symlink_to(target)
    with pytest.raises(BadSource, match="is a link that") as caught:
        _found(top, links=Links.KEEP)
    assert str(top / "link") in caught.value.message


@LINKS
def test_a_kept_link_to_what_is_left_out_is_left_out_and_told(tmp_path: Path) -> None:
    top = _tree(tmp_path / "top", "a", "b.log")
    (top / "link").symlink_to("b.log")
    found = _found(top, links=Links.KEEP, exclude=("*.log",))
    assert found.links == ()
    assert [(each.path, each.why) for each in found.left_out] == [
        (top / "link", "is a link to what is not sent")
    ]


@LINKS
def test_a_file_with_several_names_is_found_once(tmp_path: Path) -> None:
    top = _tree(tmp_path / "top", "b", "other")
    os.link(top / "b", top / "a")
    os.link(top / "b", top / "c")
    (top / "followed").symlink_to("b")  # a copy of its own, as ever
    found = _found(top)
    assert _names(found) == ["a", "followed", "other"]
    assert found.links == (
        Link(("top", "b"), ("top", "a"), hard=True),
        Link(("top", "c"), ("top", "a"), hard=True),
    )
    # An open torrent holds no further names.
    assert len(scan([top])) == 5
