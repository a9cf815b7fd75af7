from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from filesend_tui.core.errors import StorageFailed
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.part_folder import part_folder
from filesend_tui.core.torrent.storage.part_folder.part_folder import PartFolder
from filesend_tui.core.util.file_lock import FileLock
from tests.torrent.windows import as_on_windows

HASH = bytes.fromhex("0123456789abcdef" + "00" * 12)
NAME = ".filesend-0123456789abcdef.part"

_CRASH = """
import os, sys
from pathlib import Path
from filesend_tui.core.torrent.storage.part_folder.part_folder import PartFolder
part = PartFolder.claim(Path(sys.argv[1]), bytes.fromhex(sys.argv[2]))
(part.tree.path / "half").write_text("half of it")
(part.path / "spill").write_text("spilled")
if sys.argv[3] == "crash":
    os._exit(9)
print("claimed", flush=True)
sys.stdin.read()
"""


def _child(folder: Path, what: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _CRASH, str(folder), HASH.hex(), what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("windows", [False, True], ids=["here", "as-on-windows"])
def test_it_is_made_private_and_goes_without_a_trace(
    tmp_path: Path, windows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if windows:
        as_on_windows(monkeypatch)
    part = PartFolder.claim(tmp_path / "new" / "folder", HASH)
    assert part.path == tmp_path / "new" / "folder" / NAME
    assert part.tree.path.is_dir()
    if os.name != "nt" and not windows:
        assert part.path.stat().st_mode & 0o777 == 0o700
    (part.tree.path / "a").mkdir()
    (part.tree.path / "a" / "b").touch()
    (part.path / "spill").touch()
    part.remove()
    part.remove()
    assert list((tmp_path / "new" / "folder").iterdir()) == []


def test_where_open_files_stay_the_next_claim_keeps_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_on_windows(monkeypatch)
    part = PartFolder.claim(tmp_path, HASH)
    let_go = part.release
    others: list[PartFolder] = []

    def release() -> None:
        let_go()
        others.append(PartFolder.claim(tmp_path, HASH))

    monkeypatch.setattr(part, "release", release)
    part.remove()
    (other,) = others
    assert other.tree.path.is_dir()
    with pytest.raises(StorageFailed, match="already"):
        PartFolder.claim(tmp_path, HASH)
    other.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_second_claim_in_this_process_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    part = PartFolder.claim(tmp_path, HASH)
    (part.tree.path / "a").touch()
    with pytest.raises(StorageFailed, match="already being downloaded") as caught:
        PartFolder.claim(tmp_path, HASH)
    assert caught.value.hint
    assert (part.tree.path / "a").exists()
    other = PartFolder.claim(tmp_path, bytes(20))
    other.remove()
    part.remove()


@pytest.mark.parametrize("deleted", [False, True], ids=["looked at", "deleted"])
def test_whoever_only_looks_at_it_is_waited_for(tmp_path: Path, deleted: bool) -> None:
    """Another download into this folder looks for leftovers, and holds each for a moment."""
    earlier = PartFolder.claim(tmp_path, HASH)
    looked = threading.Event()

    def look() -> None:
        looked.wait(10)
        if deleted:
            earlier.remove()
        else:
            earlier.release()

    looker = threading.Thread(target=look)
    looker.start()
    take = part_folder.take_lock

    def seen(ground: DirHandle) -> FileLock | None:
        lock = take(ground)
        looked.set()  # only after it was found held
        return lock

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(part_folder, "take_lock", seen)
        part = PartFolder.claim(tmp_path, HASH)
    looker.join()
    assert part.path.is_dir()
    part.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_claim_of_another_process_is_respected_while_it_lives(tmp_path: Path) -> None:
    with _child(tmp_path, "hold") as child:
        assert child.stdout is not None
        assert child.stdin is not None
        assert child.stdout.readline() == "claimed\n"
        with pytest.raises(StorageFailed):
            PartFolder.claim(tmp_path, HASH)
        assert (tmp_path / NAME / "tree" / "half").exists()
        child.stdin.close()
        child.wait(20)
    PartFolder.claim(tmp_path, HASH).remove()


def test_what_a_crash_left_is_cleared(tmp_path: Path) -> None:
    with _child(tmp_path, "crash") as child:
        assert child.wait(20) == 9
    assert (tmp_path / NAME / "tree" / "half").exists()
    part = PartFolder.claim(tmp_path, HASH)
    assert list(part.tree.path.iterdir()) == []
    assert not (part.path / "spill").exists()
    part.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_released_folder_stays_for_the_next(tmp_path: Path) -> None:
    part = PartFolder.claim(tmp_path, HASH)
    (part.tree.path / "a").touch()
    part.release()
    part.remove()  # it is no longer ours to remove
    assert (part.tree.path / "a").exists()
    PartFolder.claim(tmp_path, HASH).remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_links_in_its_place_or_inside_it_lead_nowhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    target = tmp_path / "target"
    target.mkdir()
    (target / NAME).symlink_to(elsewhere)
    with pytest.raises(StorageFailed, match="in the way"):
        PartFolder.claim(target, HASH)
    (target / NAME).unlink()
    (target / NAME).mkdir()
    (target / NAME / "tree").symlink_to(elsewhere)
    PartFolder.claim(target, HASH).remove()
    assert (elsewhere / "precious").exists()


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / NAME).touch()
    with pytest.raises(StorageFailed, match="in the way"):
        PartFolder.claim(tmp_path, HASH)
    assert (tmp_path / NAME).is_file()
