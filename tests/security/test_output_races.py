"""What is put in place is what was verified, in a folder that others may write to too."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.errors import FileSendError, StorageFailed
from filesend_tui.core.events import TransferPhase
from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.storage import place as placing
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.download_files import DownloadFiles, Layout
from filesend_tui.core.torrent.storage.part_folder.part_folder import PartFolder
from filesend_tui.core.torrent.storage.place import place
from tests.conftest import RunningRelay
from tests.core.test_client import pair, yes
from tests.security.attacker import MARK
from tests.torrent.lab import write_tree
from tests.torrent.storage.test_download_files import PIECE, everything, fill, piece, torrent

POSIX = pytest.mark.skipif(os.name == "nt", reason="there a file that is open is not replaced")
FILE = os.urandom(4 * PIECE)


def _download(target: Path, layout: Layout = Layout.LOOSE) -> tuple[DownloadFiles, TorrentInfo]:
    info, _ = torrent({("a",): FILE[: 3 * PIECE], ("d", "b"): FILE[3 * PIECE :]})
    return DownloadFiles.create(info, target, wanted=everything(info), layout=layout), info


def _part_file(target: Path, name: str = "a") -> Path:
    (part,) = target.glob(f".filesend-*/tree/{name}")
    return part


# --- another program changes a part file


def _cut(part: Path, _precious: Path) -> None:
    os.truncate(part, 0)


def _grow(part: Path, _precious: Path) -> None:
    with part.open("ab") as file:
        file.write(b"x")


def _overwrite(part: Path, _precious: Path) -> None:
    with part.open("r+b") as file:
        file.write(b"changed")
    # Any later time than that of the last write, on a clock that may be coarse.
    os.utime(part)


def _replace(part: Path, _precious: Path) -> None:
    other = part.with_name("other")
    other.write_bytes(bytes(part.stat().st_size))
    os.utime(other, ns=(0, part.stat().st_mtime_ns))
    other.replace(part)


def _hard_link(part: Path, precious: Path) -> None:
    part.unlink()
    os.link(precious, part)


def _delete(part: Path, _precious: Path) -> None:
    part.unlink()


def _folder(part: Path, _precious: Path) -> None:
    part.unlink()
    part.mkdir()


MEDDLING = [
    _cut,
    _grow,
    pytest.param(_overwrite, marks=POSIX),
    pytest.param(_replace, marks=POSIX),
    pytest.param(_hard_link, marks=POSIX),
    pytest.param(_delete, marks=POSIX),
    pytest.param(_folder, marks=POSIX),
]


@pytest.fixture
def precious(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "precious"
    path.write_bytes(b"p" * 3 * PIECE)  # as long as the file it is put in place of
    os.utime(path, (1, 1))
    yield path
    assert path.read_bytes() == b"p" * 3 * PIECE


@pytest.mark.parametrize("meddle", MEDDLING)
@pytest.mark.parametrize("layout", list(Layout))
def test_a_part_file_that_was_changed_after_it_was_verified_is_not_put_in_place(
    tmp_path: Path, precious: Path, meddle: Callable[[Path, Path], None], layout: Layout
) -> None:
    target = tmp_path / "in"
    store, info = _download(target, layout)
    fill(store, info, FILE)
    meddle(_part_file(target, "a" if layout is Layout.LOOSE else "t/a"), precious)
    with pytest.raises(StorageFailed) as caught:
        store.finish()
    if meddle in {_cut, _grow, _overwrite, _replace, _hard_link}:
        assert "Another program changed" in caught.value.message
        assert "have it sent again" in caught.value.hint
    store.discard()
    assert not list(target.iterdir())


@pytest.mark.parametrize("meddle", [_cut, _grow])
def test_a_part_file_that_was_cut_is_not_written_to_further(
    tmp_path: Path, precious: Path, meddle: Callable[[Path, Path], None]
) -> None:
    """It would have its length again, and a hole where verified bytes were."""
    target = tmp_path / "in"
    store, info = _download(target)
    for index in (0, 1):
        store.write_piece(index, piece(info, FILE, index))
    meddle(_part_file(target), precious)
    with pytest.raises(StorageFailed, match="Another program changed"):
        store.write_piece(2, piece(info, FILE, 2))
    store.discard()
    assert not list(target.iterdir())


@POSIX
@pytest.mark.parametrize("meddle", [_overwrite, _replace])
def test_what_was_changed_between_two_writes_is_found_in_the_end(
    tmp_path: Path, precious: Path, meddle: Callable[[Path, Path], None]
) -> None:
    target = tmp_path / "in"
    store, info = _download(target)
    store._files._limit = 1
    store.write_piece(0, piece(info, FILE, 0))
    store.write_piece(3, piece(info, FILE, 3))  # the first one is closed
    meddle(_part_file(target), precious)
    store.write_piece(1, piece(info, FILE, 1))
    store.write_piece(2, piece(info, FILE, 2))
    with pytest.raises(StorageFailed, match="Another program changed"):
        store.finish()
    store.discard()
    assert not list(target.iterdir())


@POSIX
def test_a_part_file_that_became_a_link_to_another_file_is_not_written_to(
    tmp_path: Path, precious: Path
) -> None:
    target = tmp_path / "in"
    store, info = _download(target)
    store._files._limit = 1
    store.write_piece(0, piece(info, FILE, 0))
    store.write_piece(3, piece(info, FILE, 3))  # the first one is closed
    _hard_link(_part_file(target), precious)
    with pytest.raises(StorageFailed, match="Another program changed"):
        store.write_piece(1, piece(info, FILE, 1))
    store.discard()


def _touch(part: Path) -> None:
    os.utime(part, (1, 1))


def _copy(part: Path) -> None:
    """As a program does that moves files to another disk and back."""
    other = part.with_name("other")
    shutil.copy(part, other)
    other.replace(part)


def _protect(part: Path) -> None:
    part.chmod(0o600)


def _snapshot(part: Path) -> None:
    os.link(part, part.parents[3] / "snapshot")


@POSIX
@pytest.mark.parametrize("handle", [_touch, _copy, _protect, _snapshot])
def test_what_is_in_a_part_file_counts_and_not_how_it_looks(
    tmp_path: Path, handle: Callable[[Path], None]
) -> None:
    target = tmp_path / "in"
    store, info = _download(target)
    fill(store, info, FILE)
    handle(_part_file(target))
    store.finish()
    store.close()
    assert (target / "a").read_bytes() == FILE[: 3 * PIECE]
    assert (target / "d" / "b").read_bytes() == FILE[3 * PIECE :]


@POSIX
def test_nothing_is_served_that_took_the_place_of_what_arrived(
    tmp_path: Path, precious: Path
) -> None:
    target = tmp_path / "in"
    store, info = _download(target)
    fill(store, info, FILE)
    store.finish()
    (target / "a").unlink()
    os.link(precious, target / "a")
    with pytest.raises(StorageFailed, match="changed after it arrived"):
        store.read(0, 0, 10)
    assert store.read(3, 0, 10) == piece(info, FILE, 3)[:10]
    store.close()


# --- the folder and its names


@pytest.mark.parametrize("ours", ["document", "sub/document", ".git/config"])
def test_a_folder_that_was_given_a_part_folders_name_is_not_cleared(
    tmp_path: Path, ours: str
) -> None:
    """Who may write to the target may rename a folder in it whose content they may not delete."""
    write_tree(tmp_path, {f"mine/{ours}": b"precious"})
    part = PartFolder.claim(tmp_path, bytes(20))
    part.remove()
    (tmp_path / "mine").rename(part.path)
    mode = part.path.stat().st_mode
    with pytest.raises(StorageFailed, match="in the way"):
        PartFolder.claim(tmp_path, bytes(20))
    assert (part.path / ours).read_bytes() == b"precious"
    assert part.path.stat().st_mode == mode


@POSIX
@pytest.mark.parametrize("folder", [False, True])
def test_what_is_replaced_as_soon_as_it_is_put_in_place_is_told_of(
    tmp_path: Path, folder: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "part" / "x").mkdir(parents=True)
    if not folder:
        (tmp_path / "part" / "x").rmdir()
        (tmp_path / "part" / "x").write_text("verified")
    kind = "_move_folder" if folder else "_move_file"
    move = getattr(placing, kind)

    def move_and_replace(*args: object) -> None:
        move(*args)
        (tmp_path / "x").rename(tmp_path / "away")
        (tmp_path / "x").symlink_to("elsewhere")

    monkeypatch.setattr(placing, kind, move_and_replace)
    with (
        DirHandle.at(tmp_path / "part") as here,
        DirHandle.at(tmp_path) as there,
        pytest.raises(StorageFailed, match=r"replaced .*x as soon as it was put there"),
    ):
        place(here, "x", there, "x")


def test_somebody_who_takes_every_name_is_not_followed_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placing, "MOST_NAMES", 20)
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "x").write_text("verified")
    for number in range(20):
        (tmp_path / (f"x ({number})" if number else "x")).touch()
    with (
        DirHandle.at(tmp_path / "part") as here,
        DirHandle.at(tmp_path) as there,
        pytest.raises(StorageFailed, match="too many files called x"),
    ):
        place(here, "x", there, "x")
    assert (tmp_path / "part" / "x").read_text() == "verified"


@POSIX
async def test_a_path_that_leads_elsewhere_is_not_told_as_where_it_arrived(
    relay: RunningRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tree(tmp_path / "src", {"f": b"x"})
    write_tree(tmp_path / "elsewhere", {"f": b"of somebody else's"})
    finish = DownloadFiles.finish

    def finish_late(store: DownloadFiles) -> Path:
        (tmp_path / "bob").rename(tmp_path / "away")
        (tmp_path / "bob").symlink_to("elsewhere")
        return finish(store)

    monkeypatch.setattr(DownloadFiles, "finish", finish_late)
    async with pair(relay, tmp_path) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src" / "f"])
        await yes(bob)
        assert await bob.ended(transfer) is TransferPhase.DONE
        assert await ann.ended(transfer) is TransferPhase.DONE
        (told,) = bob.of(e.DownloadComplete)
        assert told.url == (tmp_path / "away" / "f").as_uri()
    assert (tmp_path / "away" / "f").read_bytes() == b"x"
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["f"]


# --- all at once, over and over


class _Rounds:
    """Counts the attacker's lines."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.count = 0
        self._process = process
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for _ in self._process.stdout:
            self.count += 1

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._reader.join(30)
        assert self._process.wait(30) == 0


@POSIX
@pytest.mark.parametrize("layout", list(Layout))
def test_a_racing_attacker_gets_nothing_through(tmp_path: Path, layout: Layout) -> None:
    shared = tmp_path / "shared"
    precious = shared / "precious"
    write_tree(precious, {"file": b"precious", "sub/file": b"precious too"})
    modes = {path: path.stat().st_mode for path in precious.rglob("*")}
    store, info = _download(shared, layout)
    part = store._part.path.name
    store.discard()
    tops = ["t"] if layout is Layout.FOLDER else ["a", "d"]
    names = [f"{top}{number}" for top in tops for number in ("", " (1)", " (2)")]

    attacker = subprocess.Popen(
        [sys.executable, "-m", "tests.security.attacker", shared, part, *names, "--", precious],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    rounds = _Rounds(attacker)
    arrived = refused = 0
    deadline = time.monotonic() + 120
    try:
        while min(arrived, refused) < 10 or arrived + refused < 200 or rounds.count < 500:
            assert time.monotonic() < deadline, (arrived, refused, rounds.count)
            try:
                store, info = _download(shared, layout)
            except FileSendError:
                refused += 1
                continue
            try:
                fill(store, info, FILE)
                store.finish()
                arrived += 1
            except FileSendError:
                refused += 1
            finally:
                with suppress(FileSendError):
                    store.discard()
    finally:
        rounds.stop()

    assert {path: path.stat().st_mode for path in precious.rglob("*")} == modes
    assert (precious / "file").read_bytes() == b"precious"
    assert (precious / "sub" / "file").read_bytes() == b"precious too"
    # Whatever stands there whole is what was verified, wherever it was moved.
    good = {b"", FILE[: 3 * PIECE], FILE[3 * PIECE :], b"precious", b"precious too"}
    for path in shared.rglob("*"):
        if path.is_file() and not path.is_symlink() and ".filesend" not in str(path):
            assert path.read_bytes() in good or MARK in str(path), path
