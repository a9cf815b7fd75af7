"""Small files that are many: each is made as it is written, and is as safe as those kept open."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from filesend_tui.core.errors import BadSource, NoSpace, StorageFailed
from filesend_tui.core.torrent.metainfo.attributes import Attributes, Extras, ManyAttributes
from filesend_tui.core.torrent.sources.create import make_torrent, scan
from filesend_tui.core.torrent.sources.seed_files import SeedFiles
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.download_files import DownloadFiles, Layout
from filesend_tui.core.torrent.storage.file_handles import MAX_OPEN, Handle, HandlePool
from filesend_tui.core.torrent.storage.part_folder import manifest
from tests.torrent.lab import write_tree
from tests.torrent.storage.test_download_files import everything, fill, piece, torrent

COUNT = 3 * MAX_OPEN
FILES: Mapping[Any, bytes] = {
    **{(f"{n // 40}", f"{n:03}"): os.urandom(1_000 + n) for n in range(COUNT)},
    ("1", "big"): os.urandom(100_000),
    ("1", "empty"): b"",
}
INFO, ROW = torrent(FILES)
PIECES = INFO.shape.piece_count
THEN = 1_234_567_890 * 10**9
LINKS = pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")


def begin(folder: Path, **options: Any) -> DownloadFiles:
    chosen: dict[str, Any] = {"wanted": everything(INFO), "layout": Layout.FOLDER, "keep": True}
    return DownloadFiles.create(INFO, folder, **(chosen | options))


def part_of(folder: Path) -> Path:
    """Return the file 0/020 of a download that is not finished."""
    (found,) = folder.glob(".filesend-*/**/0/020")
    return found


def content(folder: Path) -> Mapping[Any, bytes]:
    """Return the bytes of every file below a folder, by its names."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).parts: path.read_bytes() for path in files}


def write(store: DownloadFiles, pieces: range) -> None:
    """Write some pieces, each run of four at once."""
    for start in range(pieces.start, pieces.stop, 4):
        run = range(start, min(start + 4, pieces.stop))
        store.write_pieces(run, b"".join(piece(INFO, ROW, index) for index in run))


def test_they_arrive_whole_and_dated(tmp_path: Path) -> None:
    kept = Extras(ManyAttributes([0o600] * (COUNT + 2), [THEN] * (COUNT + 2)))
    store = begin(tmp_path, extras=kept)
    write(store, range(PIECES))
    store.finish()
    store.close()
    assert content(tmp_path / "t") == FILES
    status = (tmp_path / "t" / "0" / "020").stat()
    assert abs(status.st_mtime_ns - THEN) < 2 * 10**9


@pytest.mark.parametrize("until", [1, 5, PIECES], ids=["one piece", "some", "all"])
def test_a_later_run_takes_them_up_without_a_doubt(tmp_path: Path, until: int) -> None:
    store = begin(tmp_path)
    write(store, range(until))
    store.close()
    store = begin(tmp_path)
    assert store.kept.have == frozenset(range(until))
    assert not store.kept.doubted
    write(store, range(until, PIECES))
    store.finish()
    store.close()
    assert content(tmp_path / "t") == FILES


def test_a_later_run_doubts_one_that_was_changed_in_between(tmp_path: Path) -> None:
    store = begin(tmp_path)
    write(store, range(PIECES))
    store.close()
    there = part_of(tmp_path)
    there.write_bytes(bytes(there.stat().st_size))
    store = begin(tmp_path)
    assert store.kept.doubted
    assert [index for index in store.kept.doubted if not store.recheck(index)]
    store.close()


def test_one_that_was_changed_after_it_arrived_is_not_put_in_place(tmp_path: Path) -> None:
    store = begin(tmp_path)
    write(store, range(PIECES))
    there = part_of(tmp_path)
    there.write_bytes(bytes(there.stat().st_size))
    with pytest.raises(StorageFailed, match="changed"):
        store.finish()
    store.discard()
    assert not (tmp_path / "t").exists()


def test_they_are_made_as_they_are_written(tmp_path: Path) -> None:
    store = begin(tmp_path)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} >= {"big", "empty"}
    assert not list(tmp_path.rglob("020"))
    write(store, range(PIECES))
    assert part_of(tmp_path).read_bytes() == FILES["0", "020"]
    store.discard()


def test_one_that_was_cut_is_not_written_to_again(tmp_path: Path) -> None:
    store = begin(tmp_path)
    write(store, range(PIECES))
    store.close()
    store = begin(tmp_path)  # which takes it up
    part_of(tmp_path).write_bytes(b"short")
    store._written.clear()
    with pytest.raises(StorageFailed, match="changed"):
        write(store, range(PIECES))
    assert part_of(tmp_path).read_bytes() == b"short"
    store.discard()


@pytest.mark.parametrize("how", ["file", "further name", "link"])
@LINKS
def test_what_is_in_the_place_of_one_is_left_alone(tmp_path: Path, how: str) -> None:
    store = begin(tmp_path / "in")
    private = tmp_path / "private"
    private.write_bytes(bytes(len(FILES["0", "020"])))
    (folder,) = (tmp_path / "in").glob(".filesend-*/**/0")
    match how:
        case "file":
            (folder / "020").write_bytes(private.read_bytes())
        case "further name":
            (folder / "020").hardlink_to(private)
        case _:
            (folder / "020").symlink_to(private)
    with pytest.raises(StorageFailed, match="changed"):
        write(store, range(PIECES))
    assert not any(private.read_bytes())
    assert not any((folder / "020").read_bytes())
    store.discard()


def test_one_that_found_no_room_is_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = begin(tmp_path)
    write_at, full = Handle.write_at, [True]

    def some_of_it(self: Handle, offset: int, data: memoryview | bytes) -> None:
        if full and bytes(data) == FILES["0", "020"]:
            write_at(self, offset, data[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        write_at(self, offset, data)

    monkeypatch.setattr(Handle, "write_at", some_of_it)
    with pytest.raises(NoSpace):
        write(store, range(PIECES))
    assert len(part_of(tmp_path).read_bytes()) == 100
    full.clear()
    write(store, range(PIECES))
    store.finish()
    store.close()
    assert content(tmp_path / "t") == FILES


def test_two_who_write_the_same_do_it_one_after_the_other(tmp_path: Path) -> None:
    store, run = begin(tmp_path), range(PIECES)
    data = b"".join(piece(INFO, ROW, index) for index in run)
    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(store.write_pieces, run, data) for _ in range(8)]:
            done.result()
    store.finish()
    store.close()
    assert content(tmp_path / "t") == FILES


def test_what_was_written_to_again_is_dated_again(tmp_path: Path) -> None:
    kept = Extras(ManyAttributes([0o755] * (COUNT + 2), [THEN] * (COUNT + 2)))
    store = begin(tmp_path, extras=kept)
    write(store, range(PIECES))
    store._written.clear()
    write(store, range(PIECES))
    store.finish()
    store.close()
    for path in (tmp_path / "t").rglob("*"):
        status = path.stat()
        assert path.is_dir() or abs(status.st_mtime_ns - THEN) < 2 * 10**9
        assert path.is_dir() or os.name == "nt" or status.st_mode & 0o100


@pytest.mark.parametrize("how", ["file", pytest.param("link", marks=LINKS)])
def test_what_takes_the_place_of_one_is_not_sent(tmp_path: Path, how: str) -> None:
    shared = tmp_path / "shared"
    write_tree(shared, {"/".join(parts): data for parts, data in FILES.items()})
    sources = scan([shared])
    info = make_torrent(sources)
    store = SeedFiles(info, sources)
    length = info.shape.total_length
    into = bytearray(length)
    store.read_into(0, memoryview(into))
    there = shared / "0" / "020"
    status = there.stat()
    private = tmp_path / "private"
    private.write_bytes(b"p" * status.st_size)
    os.utime(private, ns=(status.st_atime_ns, status.st_mtime_ns))
    if how == "link":
        there.unlink()
        there.symlink_to(private)
    else:
        private.replace(there)
    into = bytearray(length)
    with pytest.raises(BadSource):
        store.read_into(0, memoryview(into))
    store.close()


def test_attributes_in_columns_are_told_as_a_list_is(tmp_path: Path) -> None:
    modes = [0o644, -1, 0o755] * ((COUNT + 2) // 3 + 1)
    times = [5, 2**62, -1, 0] * (COUNT // 4 + 1)
    many = ManyAttributes(modes[: COUNT + 2], times[: COUNT + 2])
    listed = tuple(many)
    assert listed[:3] == (
        Attributes(0o644, 5),
        Attributes(None, 2**62),
        Attributes(0o755, None),
    )
    assert (many[1], many[1:3], many == listed) == (listed[1], listed[1:3], True)
    store = begin(tmp_path, extras=Extras(many))
    store.close()
    (part,) = tmp_path.glob(".filesend-*")
    with DirHandle.at(part) as ground:
        described = manifest.read(ground)
    assert described is not None
    assert described.manifest.extras == Extras(listed)


def test_who_wants_all_files_closed_waits_for_visitors(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"text")
    pool = HandlePool(lambda _, flags: os.open(tmp_path / "a", flags), writable=False)
    closed = threading.Event()

    def close() -> None:
        pool.close()
        closed.set()

    with pool.visiting() as visit:
        closer = threading.Thread(target=close)
        closer.start()
        with visit(0) as handle:
            assert os.read(handle.descriptor, 4) == b"text"
        assert not closed.is_set()
    closer.join(10)
    assert closed.is_set()
    with pytest.raises(StorageFailed), pool.visiting():
        pass


def test_fill_by_single_pieces_gives_the_same(tmp_path: Path) -> None:
    store = begin(tmp_path, wanted=[number % 3 > 0 for number in range(COUNT + 2)])
    fill(store, INFO, ROW)
    store.finish()
    store.close()
    wanted = {parts: data for n, (parts, data) in enumerate(FILES.items()) if n % 3}
    assert content(tmp_path / "t") == wanted
