"""Part folders that are gone on with, as another program left them: they lead nowhere else."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from filesend_tui.core.errors import StorageFailed
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.part_folder import manifest, part_folder
from filesend_tui.core.torrent.storage.part_folder.leftovers import sweep
from tests.torrent.storage.test_download_files import PIECE, torrent
from tests.torrent.storage.test_resuming import COUNT, INFO, begin, complete, leave

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """What a link might lead to: a part folder of the same names, sizes and content."""
    place = leave(tmp_path / "other", *range(COUNT))
    for path in place.rglob("*"):
        if path.is_file():
            path.write_bytes(b"p" * path.stat().st_size)
    return place


def _untouched(elsewhere: Path) -> None:
    for path in elsewhere.rglob("*"):
        assert path.is_dir() or set(path.read_bytes()) <= {ord("p")}, path
    assert len([path for path in elsewhere.rglob("*") if path.is_file()]) >= 7


def test_a_part_folder_that_is_a_link_is_not_gone_on_with(tmp_path: Path, elsewhere: Path) -> None:
    target = tmp_path / "in"
    part = leave(target, 0, 1)
    shutil.rmtree(part)
    part.symlink_to(elsewhere)
    with pytest.raises(StorageFailed, match="in the way"):
        begin(target)
    assert part_folder.peek(target, INFO.info_hash) is None
    assert sweep(target) == ()
    _untouched(elsewhere)


@pytest.mark.parametrize("name", ["tree", "tree/t", "tree/t/d", "tree/t/big", "info", "pieces"])
def test_links_in_it_are_not_followed(tmp_path: Path, elsewhere: Path, name: str) -> None:
    target = tmp_path / "in"
    part = leave(target, *range(COUNT))
    place = part / name
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    place.symlink_to(elsewhere / name)
    complete(begin(target), target)
    _untouched(elsewhere)


@pytest.mark.parametrize("name", ["manifest.json", "record.json"])
def test_links_to_what_describes_it_are_not_read(
    tmp_path: Path, elsewhere: Path, name: str
) -> None:
    target = tmp_path / "in"
    part = leave(target, *range(COUNT))
    shutil.copy(part / name, elsewhere / name)
    content = (elsewhere / name).read_bytes()
    (part / name).unlink()
    (part / name).symlink_to(elsewhere / name)
    store = begin(target)
    assert not store.kept.have
    complete(store, target)
    assert (elsewhere / name).read_bytes() == content


@pytest.mark.parametrize("name", ["info", "manifest.json", "pieces", "tree/t/big"])
def test_a_fifo_in_it_keeps_nobody_waiting(tmp_path: Path, name: str) -> None:
    part = leave(tmp_path, *range(COUNT))
    (part / name).unlink()
    os.mkfifo(part / name)
    began = time.monotonic()
    complete(begin(tmp_path), tmp_path)
    assert time.monotonic() - began < 30


def _huge(name: str) -> Callable[[Path], None]:
    def spoil(part: Path) -> None:
        os.truncate(part / name, 2**40)  # sparse: it takes no room, and would take all memory

    return spoil


@pytest.mark.parametrize("name", ["info", "manifest.json", "pieces", "record.json"])
def test_what_is_far_too_long_is_not_read(tmp_path: Path, name: str) -> None:
    part = leave(tmp_path, *range(COUNT))
    _huge(name)(part)
    sweep(tmp_path)
    assert part_folder.peek(tmp_path, INFO.info_hash) in (None, INFO.raw)
    if part.exists():  # else it could not be gone on with, and was removed
        complete(begin(tmp_path), tmp_path)


def test_a_manifest_of_very_many_or_deep_folders_is_not_believed(tmp_path: Path) -> None:
    part = leave(tmp_path, 0)
    told = msgspec.json.decode((part / "manifest.json").read_bytes())
    nothing = [None, None]
    for folders in (
        [[["x"] * 1000, nothing]],
        [[["y" * 5000], nothing]],
        [[[str(number)], nothing] for number in range(50_001)],
    ):
        changed = told | {"extras": [[], folders]}
        (part / "manifest.json").write_bytes(msgspec.json.encode(changed))
        with DirHandle.at(part) as ground:
            assert manifest.read(ground) is None


def test_it_holds_nothing_that_a_torrent_of_another_hash_names(tmp_path: Path) -> None:
    """Who may write to it gives it the description of another torrent, with paths of their own."""
    hostile, _ = torrent({("..", "..", "up"): b"x" * PIECE, ("/", "etc"): b"y"}, name="..")
    target = tmp_path / "in"
    part = leave(target, *range(COUNT))
    (part / "info").write_bytes(hostile.raw)
    complete(begin(target), target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
