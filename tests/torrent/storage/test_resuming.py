"""Part folders that are gone on with: what counts, what is verified first, what begins anew."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from filesend_tui.core.errors import NoSpace, StorageFailed
from filesend_tui.core.torrent.metainfo.attributes import NOTHING, Attributes, Extras, Folder
from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.storage import download_files
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.disk_error import Trouble, trouble_of
from filesend_tui.core.torrent.storage.download_files import DownloadFiles, Layout
from filesend_tui.core.torrent.storage.file_handles import Handle
from filesend_tui.core.torrent.storage.part_folder import manifest, owner_record, part_folder
from filesend_tui.core.torrent.storage.part_folder.kept import Kept
from filesend_tui.core.torrent.storage.part_folder.part_folder import PartFolder
from filesend_tui.core.torrent.storage.part_folder.written import PIECES, Mark
from tests.torrent.storage.test_download_files import PIECE, everything, fill, piece, torrent, tree
from tests.torrent.windows import as_on_windows

FILES: Mapping[Any, bytes] = {
    ("big",): os.urandom(4 * PIECE),
    ("d", "small"): os.urandom(100),
    ("d", "empty"): b"",
    ("d", "middle"): os.urandom(2 * PIECE - 50),
}
INFO, ROW = torrent(FILES)
COUNT = INFO.shape.piece_count

BOOTS = pytest.mark.skipif(not owner_record._boot(), reason="no boot is told from another here")


def begin(folder: Path, **options: Any) -> DownloadFiles:
    chosen: dict[str, Any] = {"wanted": everything(INFO), "layout": Layout.FOLDER, "keep": True}
    info = options.pop("info", INFO)
    return DownloadFiles.create(info, folder, **(chosen | options))


def leave(folder: Path, *pieces: int, **options: Any) -> Path:
    """Let a run end with these pieces written; return its part folder."""
    store = begin(folder, **options)
    for index in pieces:
        store.write_piece(index, piece(INFO, ROW, index))
    store.close()
    (part,) = folder.glob(".filesend-*")
    return part


def another_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner_record, "_boot", lambda: "another start")
    monkeypatch.setattr(owner_record, "_machine", lambda: "this machine")


def settle(store: DownloadFiles) -> tuple[set[int], set[int]]:
    """Compare what is doubted with its hashes; return the right and the wrong pieces."""
    right = {index for index in store.kept.doubted if store.recheck(index)}
    return right, set(store.kept.doubted) - right


def complete(store: DownloadFiles, folder: Path, info: TorrentInfo = INFO) -> None:
    """Write what is missing, put all in place, and compare it with what was sent."""
    settle(store)
    for index in store.wanted_pieces - store._written:
        store.write_piece(index, piece(info, ROW, index))
    store.finish()
    store.close()
    there = tree(folder / "t")
    assert {"/".join(parts) for parts in FILES} <= set(there) | {"d"}
    for parts, content in FILES.items():
        assert folder.joinpath("t", *parts).read_bytes() == content
    assert [path.name for path in folder.iterdir()] == ["t"]


# --- what counts


@BOOTS
def test_what_was_written_counts_at_once(tmp_path: Path) -> None:
    leave(tmp_path, 0, 2, 5)
    store = begin(tmp_path)
    assert store.kept.have == {0, 2, 5}
    assert not store.kept.doubted
    assert store.read(2, 0, 50) == piece(INFO, ROW, 2)[:50]
    with pytest.raises(StorageFailed, match="not here yet"):
        store.read(1, 0, 50)
    with pytest.raises(StorageFailed, match="Not all of it"):
        store.finish()
    complete(store, tmp_path)


@BOOTS
def test_it_goes_on_as_often_as_it_ends(tmp_path: Path) -> None:
    for number in range(COUNT):
        leave(tmp_path, number)
        store = begin(tmp_path)
        assert store.kept.have == set(range(number + 1))
        store.close()
    store = begin(tmp_path)
    # Nothing is missing: it ended between the last piece and its end.
    complete(store, tmp_path)


@pytest.mark.parametrize("windows", [False, True], ids=["here", "as-on-windows"])
def test_after_another_boot_every_piece_is_verified_first(
    tmp_path: Path, windows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if windows:
        as_on_windows(monkeypatch)
    monkeypatch.setattr(owner_record, "_machine", lambda: "this machine")
    leave(tmp_path, 0, 2, 5)
    another_boot(monkeypatch)
    store = begin(tmp_path)
    assert not store.kept.have
    assert store.kept.doubted == {0, 2, 5}
    with pytest.raises(StorageFailed, match="not here yet"):
        store.read(2, 0, 50)
    assert settle(store) == ({0, 2, 5}, set())
    assert store.read(2, 0, 50) == piece(INFO, ROW, 2)[:50]
    complete(store, tmp_path)


def test_what_was_verified_again_counts_in_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner_record, "_machine", lambda: "this machine")
    leave(tmp_path, 0, 2, 5)
    another_boot(monkeypatch)
    store = begin(tmp_path)
    assert store.recheck(2)
    store.close()
    store = begin(tmp_path)
    assert (store.kept.have, store.kept.doubted) == ({2}, {0, 5})
    complete(store, tmp_path)


@pytest.mark.parametrize("boot", ["this", "another"])
def test_a_flipped_byte_costs_its_piece(
    tmp_path: Path, boot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner_record, "_machine", lambda: "this machine")
    part = leave(tmp_path, *range(COUNT))
    with (part / "tree" / "t" / "big").open("r+b") as file:
        file.seek(PIECE + 7)
        byte = file.read(1)
        file.seek(PIECE + 7)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(part / "tree" / "t" / "big")
    if boot == "another":
        another_boot(monkeypatch)
    store = begin(tmp_path)
    # The other files are as they were left: within one boot that is enough.
    assert store.kept.doubted >= set(range(4))
    _, wrong = settle(store)
    assert wrong == {1}
    complete(store, tmp_path)


@BOOTS
@pytest.mark.parametrize("cut", [0, PIECE + 5, 4 * PIECE + 1])
def test_a_part_file_of_another_length_costs_what_is_gone(tmp_path: Path, cut: int) -> None:
    part = leave(tmp_path, *range(COUNT))
    os.truncate(part / "tree" / "t" / "big", cut)
    store = begin(tmp_path)
    _, wrong = settle(store)
    assert wrong == {index for index in range(4) if (index + 1) * PIECE > cut}
    complete(store, tmp_path)


@BOOTS
def test_a_part_file_that_is_gone_costs_itself(tmp_path: Path) -> None:
    part = leave(tmp_path, *range(COUNT))
    (part / "tree" / "t" / "d" / "middle").unlink()
    store = begin(tmp_path)
    assert store.kept.have == set(range(4))
    assert not store.kept.doubted
    complete(store, tmp_path)


@BOOTS
@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
@pytest.mark.parametrize("kind", ["hard link", "link", "fifo", "folder"])
def test_nothing_else_is_written_to_that_took_a_part_files_name(tmp_path: Path, kind: str) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"p" * 4 * PIECE)
    target = tmp_path / "in"
    place = leave(target, *range(COUNT)) / "tree" / "t" / "big"
    place.unlink()
    make: dict[str, Callable[[], object]] = {
        "hard link": lambda: os.link(precious, place),
        "link": lambda: place.symlink_to(precious),
        "fifo": lambda: os.mkfifo(place),
        "folder": place.mkdir,
    }
    make[kind]()
    complete(begin(target), target)
    assert precious.read_bytes() == b"p" * 4 * PIECE


@BOOTS
def test_nothing_is_put_in_place_that_is_not_of_the_torrent(tmp_path: Path) -> None:
    part = leave(tmp_path, 0, 1)
    (part / "tree" / "t" / "stray").write_text("of another program")
    (part / "tree" / "t" / "d" / "deep" / "er").mkdir(parents=True)
    (part / "tree" / "other").mkdir()
    (part / "tree" / ".\u00e9a").touch()  # what finding out about names leaves, if it is killed
    complete(begin(tmp_path), tmp_path)
    assert set(tree(tmp_path / "t")) == {"big", "d", "d/small", "d/empty", "d/middle"}


# --- an end just after it was put in place


class Killed(BaseException):
    pass


def _end_in_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run end when all is in place, and the part folder is there still."""

    def end(_: object) -> None:
        raise Killed

    store = begin(folder)
    for index in sorted(store.wanted_pieces):
        store.write_piece(index, piece(INFO, ROW, index))
    with monkeypatch.context() as patch:
        patch.setattr(download_files, "sync_names", end)
        with pytest.raises(Killed):
            store.finish()
    store.close()
    assert (folder / "t" / "big").exists()
    assert len(list(folder.iterdir())) == 2


def test_what_was_put_in_place_does_not_arrive_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _end_in_place(tmp_path, monkeypatch)
    store = begin(tmp_path)
    assert store.kept.have == store.wanted_pieces
    assert store.read(2, 0, 50) == piece(INFO, ROW, 2)[:50]
    assert store.finish() == tmp_path / "t"
    assert store.where() == tmp_path / "t"
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


AFTERWARDS: dict[str, Callable[[Path], object]] = {
    "moved": lambda folder: (folder / "t").rename(folder / "mine"),
    "changed": lambda folder: (folder / "t" / "big").write_bytes(b"changed"),
    "a file missing": lambda folder: (folder / "t" / "d" / "small").unlink(),
    "false word": lambda folder: next(folder.glob("*.part/placed.json")).write_text("[]"),
    "a path": lambda folder: next(folder.glob("*.part/placed.json")).write_text('{"t": "../t"}'),
}


@pytest.mark.parametrize("change", AFTERWARDS.values(), ids=AFTERWARDS)
def test_what_was_put_in_place_and_is_not_there_any_more_is_fetched_again(
    tmp_path: Path, change: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    _end_in_place(folder, monkeypatch)
    before = {path for path in folder.iterdir() if not path.name.endswith(".part")}
    change(folder)
    left = {path.name for path in folder.iterdir() if not path.name.endswith(".part")}
    store = begin(folder)
    assert not store.kept.have
    fill(store, INFO, ROW)
    name = store.finish().name
    store.close()
    assert before
    # What is there belongs to whoever put or changed it.
    assert {path.name for path in folder.iterdir()} == left | {name}
    assert (folder / name / "big").read_bytes() == FILES["big",]


# --- another choice


@BOOTS
def test_what_another_choice_has_in_common_is_kept_and_verified(tmp_path: Path) -> None:
    small = [False, True, False, False]
    part = leave(tmp_path, 4, wanted=small)
    assert (part / "spill").stat().st_size == PIECE - 100
    store = begin(tmp_path)
    assert not store.kept.have
    # The small file's piece lacks now what was in the spill.
    assert store.kept.doubted == set()
    assert not (part / "spill").exists()
    complete(store, tmp_path)


@BOOTS
def test_a_smaller_choice_keeps_its_own(tmp_path: Path) -> None:
    leave(tmp_path, *range(COUNT))
    store = begin(tmp_path, wanted=[True, False, False, False])
    assert store.kept.doubted == set(range(4))
    assert settle(store) == (set(range(4)), set())
    assert store.finish() == tmp_path / "t"
    store.close()
    assert tree(tmp_path / "t").keys() == {"big"}
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


@BOOTS
def test_a_spill_is_gone_on_with(tmp_path: Path) -> None:
    wanted = [False, True, False, False]
    leave(tmp_path, 4, wanted=wanted)
    store = begin(tmp_path, wanted=wanted)
    assert store.kept.have == {4}
    assert store.read(4, 0, PIECE) == piece(INFO, ROW, 4)
    store.finish()
    store.close()
    assert (tmp_path / "t" / "d" / "small").read_bytes() == FILES["d", "small"]
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


@BOOTS
def test_a_changed_spill_is_verified(tmp_path: Path) -> None:
    wanted = [False, True, False, False]
    part = leave(tmp_path, 4, wanted=wanted)
    (part / "spill").write_bytes(bytes(PIECE - 100))
    os.utime(part / "spill")
    store = begin(tmp_path, wanted=wanted)
    assert settle(store) == (set(), {4})
    store.discard()


def test_without_keeping_it_is_begun_anew(tmp_path: Path) -> None:
    part = leave(tmp_path, *range(COUNT))
    store = begin(tmp_path, keep=False)
    assert store.kept == Kept()
    assert sorted(path.name for path in part.iterdir()) == ["lock", "record.json", "tree"]
    store.discard()
    assert not list(tmp_path.iterdir())


# --- what is no sense


def _other_info(part: Path) -> None:
    other, _ = torrent({("x",): b"x" * 50_000})
    (part / "info").write_bytes(other.raw)


def _garbage(name: str, content: bytes) -> Callable[[Path], None]:
    def spoil(part: Path) -> None:
        (part / name).write_bytes(content)

    return spoil


def _changed(**changes: object) -> Callable[[Path], None]:
    def spoil(part: Path) -> None:
        told = msgspec.json.decode((part / manifest.MANIFEST).read_bytes())
        (part / manifest.MANIFEST).write_bytes(msgspec.json.encode(told | changes))

    return spoil


def _folder(name: str) -> Callable[[Path], None]:
    def spoil(part: Path) -> None:
        (part / name).unlink()
        (part / name).mkdir()

    return spoil


def _file_for_a_tree(part: Path) -> None:
    shutil.rmtree(part / "tree")
    (part / "tree").touch()


SPOILED: dict[str, Callable[[Path], None]] = {
    "no manifest": lambda part: (part / "manifest.json").unlink(),
    "an empty manifest": _garbage("manifest.json", b""),
    "a cut manifest": lambda part: os.truncate(part / "manifest.json", 20),
    "no text": _garbage("manifest.json", b"\xff" * 100),
    "very deep": _garbage("manifest.json", b"[" * 100_000),
    "a later version": _changed(version=2),
    "another count of files": _changed(wanted="//8="),
    "bits beyond the files": _changed(wanted="/w=="),
    "a folder without a name": _changed(extras=[[], [[[], [None, None]]]]),
    "a time beyond all": _changed(extras=[[[None, 2**64]] * 4, []]),
    "permissions beyond all": _changed(extras=[[[0o4777, None]] * 4, []]),
    "no info": lambda part: (part / "info").unlink(),
    "a cut info": lambda part: os.truncate(part / "info", 100),
    "garbage": _garbage("info", os.urandom(5000)),
    "another torrent's": _other_info,
    "a manifest that is a folder": _folder("manifest.json"),
    "an info that is a folder": _folder("info"),
    "no tree": lambda part: shutil.rmtree(part / "tree"),
    "a file for a tree": _file_for_a_tree,
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_where_it_makes_no_sense_it_is_begun_anew(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    part = leave(tmp_path, *range(COUNT))
    spoil(part)
    store = begin(tmp_path)
    assert not store.kept.have
    assert not store.kept.doubted
    complete(store, tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"\2" * 10, b"\2" * 100_000])
def test_without_word_of_pieces_all_are_verified(tmp_path: Path, content: bytes | None) -> None:
    part = leave(tmp_path, 0, 3)
    (part / PIECES).unlink()
    if content is not None:
        (part / PIECES).write_bytes(content)
    store = begin(tmp_path)
    assert not store.kept.have
    right, _ = settle(store)
    assert right == {0, 3}
    complete(store, tmp_path)


def test_false_word_of_pieces_is_found_out(tmp_path: Path) -> None:
    """They are told to be there by who never wrote to the files."""
    part = leave(tmp_path)
    data = bytearray((part / PIECES).read_bytes())
    data[:COUNT] = bytes([Mark.WRITTEN]) * COUNT
    (part / PIECES).write_bytes(data)
    store = begin(tmp_path)
    assert not store.kept.have
    assert settle(store) == (set(), set(range(COUNT)))
    complete(store, tmp_path)


def test_a_manifest_leads_nowhere(tmp_path: Path) -> None:
    """Places come from the info dictionary alone, and are made safe anew."""
    hostile, row = torrent({("..", "..", "evil"): b"e" * PIECE, ("/etc/x",): b"x"}, name="../up")
    target = tmp_path / "a" / "b"
    options: Any = {"wanted": everything(hostile), "layout": Layout.FOLDER, "keep": True}
    for _ in range(2):
        store = DownloadFiles.create(hostile, target, **options)
        store.write_piece(0, piece(hostile, row, 0))
        store.close()
    store = DownloadFiles.create(hostile, target, **options)
    fill(store, hostile, row)
    store.finish()
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert [path.name for path in target.parent.iterdir()] == ["b"]


def test_what_it_says_of_itself_comes_back(tmp_path: Path) -> None:
    extras = Extras(
        (Attributes(0o640, 5), *[Attributes()] * 3), (Folder(("t", "new"), Attributes(0o700, 7)),)
    )
    part = leave(tmp_path, 0, extras=extras, transfer="ab" * 8, wanted=[True, False, True, True])
    with DirHandle.at(part) as ground:
        described = manifest.read(ground)
    assert described is not None
    assert described.info == INFO
    told = described.manifest
    assert told.extras == extras
    assert told.transfer == "ab" * 8
    assert [told.wants(number) for number in range(4)] == [True, False, True, True]
    assert told.layout == Layout.FOLDER
    assert 0 < told.begun <= told.used
    assert part_folder.peek(tmp_path, INFO.info_hash) == INFO.raw
    assert part_folder.peek(tmp_path, bytes(20)) is None
    assert part_folder.peek(tmp_path / "nowhere", INFO.info_hash) is None
    begin(tmp_path).close()
    with DirHandle.at(part) as ground:
        later = manifest.read(ground)
    assert later is not None
    assert later.manifest.begun == told.begun
    assert later.manifest.used >= told.used
    assert later.manifest.extras == NOTHING


# --- room


def test_room_is_not_asked_for_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    big, row = torrent({("a",): os.urandom(8 * PIECE)})
    options: Any = {"wanted": [True], "layout": Layout.LOOSE, "keep": True}
    store = DownloadFiles.create(big, tmp_path, **options)
    fill(store, big, row)
    store.close()
    monkeypatch.setattr(download_files, "free_space", lambda _: 0)
    store = DownloadFiles.create(big, tmp_path, **options)
    assert store.finish().read_bytes() == row
    store.close()


def test_without_room_for_the_rest_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = leave(tmp_path, 0, 1, 2)
    (part / "tree" / "t" / "d" / "middle").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(download_files, "free_space", lambda _: 10)
        with pytest.raises(NoSpace) as caught:
            begin(tmp_path)
    assert trouble_of(caught.value) is Trouble.FULL
    store = begin(tmp_path)
    assert store.kept.have | store.kept.doubted == {0, 1, 2}
    complete(store, tmp_path)


class FullDisk:
    """A disk with no room at all, which fails one step of the end with that, at its n-th time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, step: str, time: int = 1) -> None:
        self.free = 0
        monkeypatch.setattr(download_files, "free_space", lambda _: self.free)
        owner: Any = PartFolder if step == "remove" else download_files
        real, left = getattr(owner, step), [time]

        def fail_once(*args: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*args)

        monkeypatch.setattr(owner, step, fail_once)


@pytest.mark.parametrize("step", ["sync_names", "remove"])
def test_what_is_in_place_needs_no_room(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = begin(tmp_path)
    fill(store, INFO, ROW)
    FullDisk(monkeypatch, step)
    with pytest.raises(NoSpace) as caught:
        store.finish()
    assert trouble_of(caught.value) is Trouble.FULL
    store.look_again()
    complete(store, tmp_path)


def test_what_is_put_in_place_already_is_not_asked_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, row = torrent({("a",): os.urandom(8 * PIECE), ("b",): os.urandom(2 * PIECE)})
    store = begin(tmp_path, info=pair, wanted=[True, True], layout=Layout.LOOSE)
    fill(store, pair, row)
    disk = FullDisk(monkeypatch, "place", time=2)
    with pytest.raises(NoSpace):
        store.finish()
    assert (tmp_path / "a").read_bytes() == row[: 8 * PIECE]
    with pytest.raises(NoSpace, match="more are needed"):
        store.look_again()
    disk.free = PIECE
    store.look_again()
    assert store.finish() == tmp_path
    assert (tmp_path / "b").read_bytes() == row[8 * PIECE :]
    store.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


# --- a disk that was away


def _swap_disks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a copy of a folder in its place; what is held open of it fails from now on."""
    copy, away = folder.with_name("copy"), folder.with_name("away")
    shutil.copytree(folder, copy)
    folder.rename(away)
    copy.rename(folder)
    dead = {(path.stat().st_dev, path.stat().st_ino) for path in (away, *away.rglob("*"))}
    write, probe = Handle.write_at, PartFolder.probe

    def check(descriptor: int | None) -> None:
        assert descriptor is not None
        status = os.fstat(descriptor)
        if (status.st_dev, status.st_ino) in dead:
            raise OSError(errno.EIO, "Input/output error")

    def write_at(handle: Handle, offset: int, data: memoryview) -> None:
        check(handle.descriptor)
        write(handle, offset, data)

    def probe_it(part: PartFolder, size: int) -> None:
        check(part.ground.descriptor)
        probe(part, size)

    monkeypatch.setattr(Handle, "write_at", write_at)
    monkeypatch.setattr(PartFolder, "probe", probe_it)


POSIX = pytest.mark.skipif(os.name == "nt", reason="there folders are found by their paths")


@POSIX
@pytest.mark.parametrize("keep", [True, False])
def test_a_disk_that_was_away_is_found_again(
    tmp_path: Path, keep: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "in"
    store = begin(target, keep=keep)
    for index in (0, 1):
        store.write_piece(index, piece(INFO, ROW, index))
    _swap_disks(target, monkeypatch)
    with pytest.raises(StorageFailed, match="Input/output error") as caught:
        store.write_piece(2, piece(INFO, ROW, 2))
    assert trouble_of(caught.value) is Trouble.AWAY
    store.look_again()
    store.look_again()
    complete(store, target)
    assert [path.name for path in (tmp_path / "away").glob("*/tree/t/*")], "it was not touched"


@POSIX
def test_what_a_disk_lost_while_it_was_away_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "in"
    store = begin(target)
    for index in (0, 1, 2, 3):
        store.write_piece(index, piece(INFO, ROW, index))
    _swap_disks(target, monkeypatch)
    (place,) = target.glob(".filesend-*/tree/t/big")
    status = place.stat()
    with place.open("r+b") as file:
        file.write(bytes(PIECE))
    os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(StorageFailed):
        store.write_piece(4, piece(INFO, ROW, 4))
    store.look_again()
    for index in range(4, COUNT):
        store.write_piece(index, piece(INFO, ROW, index))
    with pytest.raises(StorageFailed, match="Another program changed"):
        store.finish()
    store.close()
    store = begin(target)
    assert settle(store)[1] == {0}
    complete(store, target)


@POSIX
def test_another_folder_in_its_place_is_not_gone_on_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "in"
    store = begin(target)
    store.write_piece(0, piece(INFO, ROW, 0))
    _swap_disks(target, monkeypatch)
    (record,) = target.glob(".filesend-*/record.json")
    record.write_bytes(record.read_bytes().replace(b'"pid":', b'"pid":1'))
    with pytest.raises(StorageFailed, match="Input/output error"):
        store.look_again()
    store.close()


# --- real ends

_CHILD = """
import sys
from pathlib import Path
from tests.torrent.storage.test_resuming import *
from tests.torrent.storage.test_download_files import *
import random
rng = random.Random(5)
info, row = torrent({("a",): rng.randbytes(40 * PIECE), ("b",): rng.randbytes(40 * PIECE)})
store = DownloadFiles.create(
    info, Path(sys.argv[1]), wanted=[True, True], layout=Layout.FOLDER, keep=True
)
print(len(store.kept.have), len(store.kept.doubted), flush=True)
for index in store.kept.doubted:
    assert store.recheck(index)
for index in sorted(store.wanted_pieces - store._written):
    store.write_piece(index, piece(info, row, index))
    print(index, flush=True)
    sys.stdin.readline()
print("all", flush=True)
store.finish()
store.close()
"""


def test_killed_processes_lose_nothing_that_was_written(tmp_path: Path) -> None:
    written = 0
    for turn in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        ) as child:
            assert child.stdout is not None
            assert child.stdin is not None
            have, doubted = map(int, child.stdout.readline().split())
            assert written <= have + doubted <= written + 1, "one may have been in flight"
            if owner_record._boot():
                # A piece that was being written leaves a doubt about its own file, and no other.
                assert not have or doubted <= 40
            first = child.stdout.readline()
            if turn == 4:
                out, _ = child.communicate("\n" * 80, timeout=60)
                assert out.endswith("all\n")
                break
            for _ in range(12):
                child.stdin.write("\n")
                child.stdin.flush()
                assert child.stdout.readline()
            assert first
            child.send_signal(signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
            written = have + doubted + 13
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == ["a", "b"]
    assert [path.name for path in tmp_path.iterdir()] == ["t"]
