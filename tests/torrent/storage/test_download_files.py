from __future__ import annotations

import errno
import hashlib
import os
import random
import sys
import threading
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import bencode2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filesend_tui.core.errors import BadSource, NoSpace, StorageFailed
from filesend_tui.core.torrent.metainfo.info import TorrentInfo, parse_info
from filesend_tui.core.torrent.sources.create import make_torrent, scan
from filesend_tui.core.torrent.sources.seed_files import SeedFiles
from filesend_tui.core.torrent.storage import download_files as storage_module
from filesend_tui.core.torrent.storage import part_files
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.download_files import DownloadFiles, Layout
from filesend_tui.core.torrent.storage.free_space import free_space
from filesend_tui.core.torrent.storage.piece_store import verify
from filesend_tui.core.torrent.storage.place import place
from filesend_tui.core.torrent.storage.preallocate import make_file
from filesend_tui.core.wire.bitfield import Bitfield
from tests.torrent.windows import as_on_windows

PIECE = 16 * 1024


def torrent(files: Mapping[Any, bytes], name: str = "t") -> tuple[TorrentInfo, bytes]:
    """Return a torrent of these files, whatever they are called, and its bytes in a row."""
    row = b"".join(files.values())
    info = {
        "name": name,
        "piece length": PIECE,
        "pieces": b"".join(
            hashlib.sha1(row[i : i + PIECE]).digest() for i in range(0, len(row), PIECE)
        ),
        "files": [{"path": list(path), "length": len(data)} for path, data in files.items()],
    }
    return parse_info(bencode2.bencode(info)), row


def piece(info: TorrentInfo, row: bytes, index: int) -> bytes:
    return row[index * info.shape.piece_length :][: info.shape.piece_size(index)]


def fill(store: DownloadFiles, info: TorrentInfo, row: bytes) -> None:
    indices = list(store.wanted_pieces)
    random.Random(1).shuffle(indices)
    for index in indices:
        store.write_piece(index, piece(info, row, index))


def tree(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder, and "folder" for every folder."""
    return {
        path.relative_to(folder).as_posix(): "folder"
        if path.is_dir()
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
    }


def everything(info: TorrentInfo) -> list[bool]:
    return [True] * len(info.files)


# --- from one disk to another


def _source_tree(root: Path) -> Path:
    rng = random.Random(7)
    names = {
        "empty": 0,
        "one": 1,
        "exact.bin": 2 * PIECE,
        "big.bin": 5 * PIECE + 123,
        "deep/er/and deeper/x y  z.txt": 1000,
        "deep/er/empty too": 0,
        "😀 👩‍👩‍👧.png": 40_000,
        unicodedata.normalize("NFD", "n\u00e9 \u00fc.txt"): 77,
        ".hidden/.dot": 5,
    }
    if sys.platform == "linux":
        names |= {"Case": 10, "case": 11, "colon: what?": 3}
    for name, size in names.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rng.randbytes(size))
    return root


@pytest.mark.parametrize("layout", list(Layout))
def test_a_tree_arrives_byte_for_byte(tmp_path: Path, layout: Layout) -> None:
    root = _source_tree(tmp_path / "source" / "the tree")
    (root.parent / "single").write_bytes(b"alone")
    chosen = [root] if layout is Layout.FOLDER else [root, root.parent / "single"]
    sources = scan(chosen)
    info = make_torrent(sources)
    seed = SeedFiles(info, sources)
    target = tmp_path / "target"
    store = DownloadFiles.create(info, target, wanted=everything(info), layout=layout)
    indices = list(range(info.shape.piece_count))
    random.Random(3).shuffle(indices)
    for index in indices:
        size = info.shape.piece_size(index)
        data = seed.read(index, 0, 100) + seed.read(index, 100, size - 100)
        assert verify(info, index, data)
        store.write_piece(index, data)
        assert store.read(index, 5, 20) == data[5:25]
    before = {path.name for path in target.iterdir()}
    assert len(before) == 1
    assert before.pop().startswith(".filesend-")
    expected = target if layout is Layout.LOOSE else target / "the tree"
    assert store.finish() == expected
    assert store.finish() == expected
    source = tree(root.parent)
    if layout is Layout.FOLDER:
        del source["single"]
    assert tree(target) == source
    # A finished receiver may go on serving.
    for index in indices[:5]:
        assert store.read(index, 0, 50) == seed.read(index, 0, 50)
    store.close()
    seed.close()
    assert tree(target) == source


def test_a_file_alone_stands_in_the_folder_itself(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"hello")
    sources = scan([tmp_path / "a.txt"])
    info = make_torrent(sources)
    for layout in Layout:
        store = DownloadFiles.create(info, tmp_path, wanted=[True], layout=layout)
        store.write_piece(0, b"hello")
        store.finish()
        store.close()
    assert {p.name for p in tmp_path.iterdir()} == {"a.txt", "a (1).txt", "a (2).txt"}


def test_an_empty_file_is_complete_before_anything_came(tmp_path: Path) -> None:
    (tmp_path / "nothing").touch()
    info = make_torrent(scan([tmp_path / "nothing"]))
    target = tmp_path / "target"
    store = DownloadFiles.create(info, target, wanted=[True], layout=Layout.FOLDER)
    assert store.wanted_pieces == frozenset()
    assert store.file_progress(Bitfield(0)) == (1.0,)
    assert store.finish() == target / "nothing"
    assert tree(target) == {"nothing": hashlib.sha256(b"").hexdigest()}
    store.close()


# --- what was declined


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.integers(0, 3 * PIECE), st.booleans()), min_size=1, max_size=7),
    st.sampled_from(Layout),
)
def test_exactly_the_wanted_files_appear(
    tmp_path_factory: pytest.TempPathFactory, spec: list[tuple[int, bool]], layout: Layout
) -> None:
    rng = random.Random(0)
    files = {(f"d{n % 2}", str(n)): rng.randbytes(size) for n, (size, _) in enumerate(spec)}
    wanted = [yes for _, yes in spec]
    info, row = torrent(files, "root")
    target = tmp_path_factory.mktemp("target")
    store = DownloadFiles.create(info, target, wanted=wanted, layout=layout)
    assert store.wanted_bytes == sum(size for size, yes in spec if yes)
    fill(store, info, row)
    have = Bitfield(info.shape.piece_count, store.wanted_pieces)
    assert store.file_progress(have) == tuple(float(yes) for yes in wanted)

    def serves_all() -> bool:
        return all(
            store.read(i, 0, info.shape.piece_size(i)) == piece(info, row, i)
            for i in store.wanted_pieces
        )

    assert serves_all()
    store.finish()
    found = {
        path.relative_to(target).parts: path.read_bytes()
        for path in target.rglob("*")
        if path.is_file() and (os.name != "nt" or ".part" not in str(path))
    }
    root = ("root",) if layout is Layout.FOLDER else ()
    expected = zip(files.items(), wanted, strict=True)
    assert found == {(*root, *path): data for (path, data), yes in expected if yes}
    assert serves_all()  # whole pieces, though their neighbours' bytes have no name any more
    store.close()
    assert not any(path.name.startswith(".filesend") for path in target.rglob("*"))


def test_nothing_wanted_leaves_nothing(tmp_path: Path) -> None:
    info, _ = torrent({("a",): b"1", ("b",): b""})
    store = DownloadFiles.create(info, tmp_path, wanted=[False] * 2, layout=Layout.FOLDER)
    assert store.finish() == tmp_path
    store.close()
    assert tree(tmp_path) == {}


def test_pads_are_neither_wanted_nor_laid_out(tmp_path: Path) -> None:
    pad = {"path": [".pad", "1"], "length": PIECE - 3, "attr": "p"}
    files = [{"path": ["a"], "length": 3}, pad, {"path": ["b"], "length": 2}]
    row = b"abc" + bytes(PIECE - 3) + b"de"
    hashes = hashlib.sha1(row[:PIECE]).digest() + hashlib.sha1(row[PIECE:]).digest()
    raw = {"name": "t", "piece length": PIECE, "pieces": hashes, "files": files}
    info = parse_info(bencode2.bencode(raw))
    store = DownloadFiles.create(info, tmp_path, wanted=everything(info), layout=Layout.LOOSE)
    assert store.wanted_bytes == 5
    fill(store, info, row)
    store.finish()
    store.close()
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a": b"abc", "b": b"de"}


# --- nothing is overwritten, nothing is left, nothing escapes


def test_hostile_names_stay_inside(tmp_path: Path) -> None:
    target = tmp_path / "in" / "target"
    files = {
        ("..", "..", "escaped"): b"1",
        ("/etc/passwd",): b"2",
        ("", "", ""): b"3",
        (".bashrc",): b"4",
        ("a\u202eb\x1b",): b"5",
        ("n" * 600 + ".txt",): b"6",
        (".filesend-0123456789abcdef.part", "lock"): b"7",
        ("\0",): b"8",
        (".",): b"9",
    }
    for layout in Layout:
        info, row = torrent(files, "../..")
        store = DownloadFiles.create(info, target, wanted=everything(info), layout=layout)
        fill(store, info, row)
        assert store.finish().is_relative_to(target)
        store.close()
    assert [p.name for p in tmp_path.iterdir()] == ["in"]
    assert [p.name for p in (tmp_path / "in").iterdir()] == ["target"]
    assert sorted(p.read_bytes() for p in target.rglob("*") if p.is_file()) == sorted(
        [*files.values()] * 2
    )
    assert not any(p.name.startswith(".") for p in target.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="Windows syncs no folders")
def test_names_are_synced_as_bytes_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power failure a synced file may have no name where its folder was not synced."""
    info, row = torrent({("a",): b"x" * PIECE, ("d", "e", "b"): b"y" * PIECE})
    store = DownloadFiles.create(info, tmp_path, wanted=[True, True], layout=Layout.FOLDER)
    fill(store, info, row)
    synced: list[tuple[tuple[int, int], set[str]]] = []
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        synced.append(((status.st_dev, status.st_ino), {p.name for p in tmp_path.iterdir()}))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    if sys.platform == "darwin":
        import fcntl

        monkeypatch.setattr(fcntl, "fcntl", lambda descriptor, _: fsync(descriptor))
    store.finish()
    store.close()
    there = tmp_path / "t"
    paths = [there / "a", there / "d" / "e" / "b", there, there / "d", there / "d" / "e"]
    identities = [(path.stat().st_dev, path.stat().st_ino) for path in paths]
    # All but the target before the name appears in it; the target at last.
    assert all("t" not in names for identity, names in synced if identity in identities)
    assert {identity for identity, _ in synced} >= set(identities)
    last, names = synced[-1]
    assert last == (tmp_path.stat().st_dev, tmp_path.stat().st_ino)
    assert "t" in names


@pytest.mark.parametrize("layout", list(Layout))
def test_what_is_there_is_never_overwritten(tmp_path: Path, layout: Layout) -> None:
    name = "t" if layout is Layout.FOLDER else "sub"
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine").write_text("precious")
    (tmp_path / f"{name} (1)").write_text("precious too")
    info, row = torrent({("sub", "mine"): b"new", ("sub", "more"): b""})
    store = DownloadFiles.create(info, tmp_path, wanted=everything(info), layout=layout)
    fill(store, info, row)
    path = store.finish()
    store.close()
    assert path == tmp_path / f"{name} (2)"
    assert (path.joinpath("sub") if layout is Layout.FOLDER else path).joinpath(
        "mine"
    ).read_text() == "new"
    assert (tmp_path / name / "mine").read_text() == "precious"
    assert (tmp_path / f"{name} (1)").read_text() == "precious too"


def test_downloads_of_one_name_finish_at_once_without_loss(tmp_path: Path) -> None:
    workers = 6
    start = threading.Barrier(workers)

    def work(number: int) -> Path:
        info, row = torrent({("a", "b"): b"%d" % number, ("c",): b"x"}, "same")
        store = DownloadFiles.create(info, tmp_path, wanted=[True, True], layout=Layout.FOLDER)
        fill(store, info, row)
        start.wait(10)
        path = store.finish()
        store.close()
        return path

    with ThreadPoolExecutor(workers) as threads:
        places = list(threads.map(work, range(workers)))
    assert [(p / "a" / "b").read_text() for p in places] == [str(n) for n in range(workers)]
    assert {p.name for p in tmp_path.iterdir()} == {
        "same",
        *(f"same ({n})" for n in range(1, workers)),
    }


def test_discarding_leaves_nothing_and_ends_everything(tmp_path: Path) -> None:
    info, row = torrent({("a",): b"x" * PIECE, ("b",): b"y" * PIECE, ("c",): b"z"})
    store = DownloadFiles.create(info, tmp_path, wanted=[True, True, False], layout=Layout.FOLDER)
    store.write_piece(0, piece(info, row, 0))
    store.discard()
    store.discard()
    assert tree(tmp_path) == {}
    for end in (
        lambda: store.write_piece(1, piece(info, row, 1)),
        lambda: store.read(0, 0, 1),
        store.finish,
    ):
        with pytest.raises(StorageFailed):
            end()
    store.close()


@pytest.mark.parametrize("layout", list(Layout))
def test_where_open_files_can_be_neither_moved_nor_deleted(
    tmp_path: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_on_windows(monkeypatch)
    info, row = torrent({("a",): b"a" * 5000, ("d", "b"): b"b" * 2 * PIECE, ("c",): b"c" * 99})
    for end in ("discard", "close"):
        store = DownloadFiles.create(info, tmp_path, wanted=[False, True, True], layout=layout)
        fill(store, info, row)
        if end == "close":
            assert store.finish().is_relative_to(tmp_path)
            # Served on, from where the files are now and what was left of the unwanted one.
            assert store.read(0, 4000, 2000) == b"a" * 1000 + b"b" * 1000
        getattr(store, end)()
        left = tree(tmp_path)
        assert bool(left) is (end == "close")
    assert sorted(name.split("/")[-1] for name, kind in left.items() if kind != "folder") == [
        "b",
        "c",
    ]


def test_discarding_after_finish_keeps_what_is_in_place(tmp_path: Path) -> None:
    info, row = torrent({("a",): b"x", ("b",): b"y"})
    store = DownloadFiles.create(info, tmp_path, wanted=[True, False], layout=Layout.LOOSE)
    fill(store, info, row)
    store.finish()
    store.discard()
    assert {p.name for p in tmp_path.iterdir()} == {"a"}


def test_closing_keeps_part_files_that_the_next_download_clears(tmp_path: Path) -> None:
    info, row = torrent({("a",): b"x" * PIECE + b"y"})
    store = DownloadFiles.create(info, tmp_path, wanted=[True], layout=Layout.LOOSE)
    store.write_piece(0, piece(info, row, 0))
    with pytest.raises(StorageFailed, match="already being downloaded"):
        DownloadFiles.create(info, tmp_path, wanted=[True], layout=Layout.LOOSE)
    store.close()
    store.close()
    assert len(list(tmp_path.iterdir())) == 1
    again = DownloadFiles.create(info, tmp_path, wanted=[True], layout=Layout.LOOSE)
    fill(again, info, row)
    assert again.finish() == tmp_path / "a"
    again.close()
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_link_that_took_a_part_files_place_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"precious")
    info, row = torrent({("a",): b"x"})
    target = tmp_path / "target"
    store = DownloadFiles.create(info, target, wanted=[True], layout=Layout.LOOSE)
    (part,) = target.rglob("a")
    part.unlink()
    part.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageFailed):
        store.write_piece(0, row)
    store.discard()
    assert (tmp_path / "elsewhere").read_bytes() == b"precious"


# --- the disk says no


def _huge(total: int) -> TorrentInfo:
    length = 16 * 1024 * 1024
    info = {"name": "huge", "length": total, "piece length": length}
    return parse_info(bencode2.bencode(info | {"pieces": bytes(20 * -(-total // length))}))


def test_what_does_not_fit_is_refused_before_it_starts(tmp_path: Path) -> None:
    info = _huge(free_space(tmp_path) * 2)
    with pytest.raises(NoSpace, match="needs"):
        DownloadFiles.create(info, tmp_path, wanted=[True], layout=Layout.FOLDER)
    assert list(tmp_path.iterdir()) == []
    DownloadFiles.create(info, tmp_path, wanted=[False], layout=Layout.FOLDER).discard()


def test_a_disk_that_fills_while_room_is_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info, _ = torrent({("d", "a"): b"x", ("d", "b"): b"y"})
    made: list[Sequence[str]] = []

    def full(ground: DirHandle, parts: Sequence[str], length: int, filled: Any) -> None:
        if made:
            raise OSError(errno.ENOSPC, "No space left on device")
        made.append(parts)
        make_file(ground, parts, length, filled)

    monkeypatch.setattr(part_files, "make_file", full)
    with pytest.raises(NoSpace, match="full"):
        DownloadFiles.create(info, tmp_path, wanted=[True, True], layout=Layout.FOLDER)
    assert made
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    info, _ = torrent({("a",): b"x"})
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StorageFailed):
            DownloadFiles.create(info, folder, wanted=[True], layout=Layout.FOLDER)


def test_finishing_again_after_a_failure_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info, row = torrent({("a",): b"1", ("b",): b"2", ("c",): b"3"})
    store = DownloadFiles.create(info, tmp_path, wanted=everything(info), layout=Layout.LOOSE)
    fill(store, info, row)

    def fails_at_b(source: DirHandle, name: str, target: DirHandle, wish: str) -> str:
        if name == "b":
            raise OSError(errno.EIO, "Input/output error")
        return place(source, name, target, wish)

    monkeypatch.setattr(storage_module, "place", fails_at_b)
    with pytest.raises(StorageFailed, match="Input/output"):
        store.finish()
    assert store.read(0, 0, 3) == b"123"
    monkeypatch.undo()
    assert store.finish() == tmp_path
    store.close()
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {
        "a": b"1",
        "b": b"2",
        "c": b"3",
    }


# --- reading and writing


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[TorrentInfo, bytes, SeedFiles, Path]]:
    root = tmp_path / "source"
    root.mkdir()
    (root / "a").write_bytes(random.Random(1).randbytes(PIECE + 10))
    (root / "b").write_bytes(random.Random(2).randbytes(PIECE))
    sources = scan([root])
    info = make_torrent(sources)
    seed = SeedFiles(info, sources)
    yield info, (root / "a").read_bytes() + (root / "b").read_bytes(), seed, root
    seed.close()


@pytest.mark.parametrize(
    ("index", "begin", "length"),
    [(-1, 0, 1), (3, 0, 1), (0, -1, 2), (0, 0, 0), (0, 0, -1), (0, 1, PIECE), (2, 10, 1)],
)
def test_bytes_outside_a_piece_are_a_mistake(
    pair: tuple[TorrentInfo, bytes, SeedFiles, Path], index: int, begin: int, length: int
) -> None:
    with pytest.raises(ValueError, match="within one piece"):
        pair[2].read(index, begin, length)


@pytest.mark.parametrize("change", ["append", "touch", "cut", "replace", "remove"])
def test_a_source_that_changes_while_it_is_sent_is_noticed(
    pair: tuple[TorrentInfo, bytes, SeedFiles, Path], change: str, tmp_path: Path
) -> None:
    _, row, seed, root = pair
    victim = root / "b"
    if change in ("append", "touch", "cut"):
        assert seed.read(2, 0, 5) == row[2 * PIECE :][:5]  # it is open already

    def replaced() -> None:
        victim.unlink()
        victim.write_bytes(b"z" * PIECE)

    changes: dict[str, Any] = {
        "append": lambda: victim.open("ab").write(b"x"),
        "touch": lambda: os.utime(victim, (1, 1)),
        "cut": lambda: os.truncate(victim, 3),
        "replace": replaced,
        "remove": victim.unlink,
    }
    changes[change]()
    with pytest.raises(BadSource, match="b "):
        seed.read(2, 0, 5)
    assert seed.read(0, 0, 5) == row[:5]


def test_only_whole_wanted_pieces_are_taken(tmp_path: Path) -> None:
    info, row = torrent({("a",): b"x" * PIECE, ("b",): b"y" * PIECE})
    with pytest.raises(ValueError, match="one answer"):
        DownloadFiles.create(info, tmp_path, wanted=[True], layout=Layout.LOOSE)
    store = DownloadFiles.create(info, tmp_path, wanted=[True, False], layout=Layout.LOOSE)
    for index, data in ((1, row[PIECE:]), (0, row[: PIECE - 1]), (0, row), (9, b""), (-1, row)):
        with pytest.raises(ValueError, match="wanted piece"):
            store.write_piece(index, data)
    with pytest.raises(StorageFailed, match="not here yet"):
        store.read(0, 0, 1)
    with pytest.raises(StorageFailed, match="Not all"):
        store.finish()
    store.write_piece(0, bytearray(row[:PIECE]))
    store.write_piece(0, b"!" * PIECE)  # it is there already
    assert store.read(0, 0, PIECE) == row[:PIECE]
    store.discard()


def test_threads_write_and_read_at_once(tmp_path: Path) -> None:
    rng = random.Random(5)
    files = {(f"d{n % 7}", str(n)): rng.randbytes(rng.randrange(9000)) for n in range(300)}
    info, row = torrent(files)
    wanted: Sequence[bool] = [n % 3 > 0 for n in range(300)]
    store = DownloadFiles.create(info, tmp_path, wanted=wanted, layout=Layout.FOLDER)

    def work(index: int) -> bool:
        store.write_piece(index, piece(info, row, index))
        size = info.shape.piece_size(index)
        return store.read(index, 0, size) == piece(info, row, index)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, store.wanted_pieces))
        # Serving others goes on while the files move.
        finished = threads.submit(store.finish)
        assert all(threads.map(work, list(store.wanted_pieces) * 3))
        root = finished.result(30)
    store.close()
    found = {p.relative_to(root).parts: p.read_bytes() for p in root.rglob("*") if p.is_file()}
    assert found == {path: files[path] for path, yes in zip(files, wanted, strict=True) if yes}


def test_verify_knows_right_from_wrong() -> None:
    info, row = torrent({("a",): b"x" * PIECE, ("b",): b"y"})
    assert verify(info, 0, row[:PIECE])
    assert verify(info, 1, memoryview(bytearray(b"y")))
    assert not verify(info, 1, b"x")
    assert not verify(info, 0, row)
    assert not verify(info, 2, b"")
