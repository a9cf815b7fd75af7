"""Links are made last, by a text of this side's own, and without them all else arrives."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from filesend_tui.core.torrent.metainfo.attributes import Attributes, Extras, Folder, Link
from filesend_tui.core.torrent.storage import dir_handle as ground_module
from filesend_tui.core.torrent.storage.arrival.links import text_of
from filesend_tui.core.torrent.storage.download_files import DownloadFiles, Layout
from tests.torrent.storage.test_download_files import everything, fill, torrent

POSIX = pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
TREE = {("a",): b"x" * 20_000, ("d", "b"): b"y" * 100}
EXTRAS = Extras(
    (Attributes(0o755, 10**18), Attributes(0o600, None)),
    (Folder(("t", "d"), Attributes(0o755, 10**18 + 5)),),
    (
        Link(("t", "d", "up"), ("t", "a")),
        Link(("t", "to"), ("t", "d")),
        Link(("t", "again"), ("t", "to")),
        Link(("t", "d", "same"), ("t", "a"), hard=True),
    ),
)


def _received(folder: Path, extras: Extras = EXTRAS) -> DownloadFiles:
    info, row = torrent(TREE)
    store = DownloadFiles.create(
        info, folder, wanted=everything(info), layout=Layout.FOLDER, extras=extras
    )
    fill(store, info, row)
    store.finish()
    store.close()
    return store


@pytest.mark.parametrize(
    ("place", "to", "text"),
    [
        (("t", "l"), ("t", "a"), "a"),
        (("t", "d", "l"), ("t", "a"), "../a"),
        (("t", "l"), ("t", "d", "e", "b"), "d/e/b"),
        (("t", "d", "l"), ("t", "d"), "."),
        (("t", "d", "e", "l"), ("t",), "../.."),
    ],
)
def test_the_text_of_a_link_is_the_way_to_it(
    place: tuple[str, ...], to: tuple[str, ...], text: str
) -> None:
    assert text_of(place, to) == text


@POSIX
def test_links_arrive_and_a_further_name_is_of_the_same_file(tmp_path: Path) -> None:
    store = _received(tmp_path / "in")
    top = tmp_path / "in" / "t"
    assert store.unmade == ()
    assert {name: str((top / name).readlink()) for name in ("d/up", "to", "again")} == {
        "d/up": "../a",
        "to": "d",
        "again": "to",
    }
    assert (top / "d" / "up").read_bytes() == TREE["a",]
    assert (top / "d" / "same").samefile(top / "a")
    assert (top / "d").stat().st_mtime_ns == 10**18 + 5
    assert sorted(each.name for each in (tmp_path / "in").iterdir()) == ["t"]


@POSIX
@pytest.mark.parametrize("steps", [True, False], ids=["with steps", "without steps"])
def test_where_no_links_can_be_made_a_further_name_is_a_copy_and_the_rest_is_told(
    tmp_path: Path, steps: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on FAT, in a share, and on Windows without the privilege."""

    def refuse(*_args: Any, **_options: Any) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(ground_module, "HAS_STEPS", steps)
    monkeypatch.setattr(os, "symlink", refuse)
    monkeypatch.setattr(os, "link", refuse)
    store = _received(tmp_path / "in")
    top = tmp_path / "in" / "t"
    assert set(store.unmade) == {("t", "d", "up"), ("t", "to"), ("t", "again")}
    assert sorted(each.name for each in top.iterdir()) == ["a", "d"]
    copy = top / "d" / "same"
    assert copy.read_bytes() == TREE["a",]
    assert not copy.samefile(top / "a")
    if steps:
        assert copy.stat().st_mode & 0o777 == (top / "a").stat().st_mode & 0o777
    assert copy.stat().st_mtime_ns == 10**18


@POSIX
def test_names_that_are_one_here_stay_apart_and_links_lead_to_the_right_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS and Windows: `A` and `a` are one name."""
    from filesend_tui.core.torrent.storage import part_files
    from filesend_tui.core.torrent.storage.paths import Folding

    monkeypatch.setattr(part_files, "folding", lambda _: Folding(case=True, form=True))
    extras = Extras(links=(Link(("t", "A"), ("t", "d", "b")), Link(("t", "z"), ("t", "A"))))
    _received(tmp_path / "in", extras)
    top = tmp_path / "in" / "t"
    assert str((top / "A (1)").readlink()) == "d/b"
    assert str((top / "z").readlink()) == "A (1)"


@POSIX
def test_links_of_a_run_that_ended_before_its_files_were_in_place_do_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info, row = torrent(TREE)

    def begin() -> DownloadFiles:
        return DownloadFiles.create(
            info,
            tmp_path / "in",
            wanted=everything(info),
            layout=Layout.FOLDER,
            extras=EXTRAS,
            keep=True,
        )

    store = begin()
    fill(store, info, row)
    with monkeypatch.context() as patch:
        patch.setattr(DownloadFiles, "_put_in_place", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.finish()
    store.close()
    store = begin()
    for piece in store.kept.doubted:
        assert store.recheck(piece)
    store.finish()
    store.close()
    assert (tmp_path / "in" / "t" / "d" / "same").samefile(tmp_path / "in" / "t" / "a")
