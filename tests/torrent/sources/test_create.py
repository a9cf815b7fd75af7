from __future__ import annotations

import hashlib
import os
import shutil
import sys
import threading
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
import torf
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.choices import SENDING
from filesend_tui.core.errors import BadSource, Cancelled
from filesend_tui.core.torrent.metainfo import info
from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.sources import create
from filesend_tui.core.torrent.sources.create import is_as_found, make_torrent, scan
from filesend_tui.core.torrent.sources.scan import Bounds
from filesend_tui.core.util.file_id import look_at_all

POSIX = pytest.mark.skipif(
    os.name == "nt", reason="Windows has no such files, or not for everybody"
)
# APFS takes both spellings for one name; Linux keeps them apart.
NFC, NFD = (unicodedata.normalize(form, "né.txt") for form in ("NFC", "NFD"))


def _tree(root: Path, **files: bytes) -> Path:
    for name, data in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def _parts(paths: list[Path]) -> list[str]:
    return ["/".join(source.parts) for source in scan(paths)]


def _torf(info: TorrentInfo) -> torf.Torrent:
    return torf.Torrent.read_stream(b"d4:info" + info.raw + b"e")


# --- scan


def test_a_file_a_folder_and_several(tmp_path: Path) -> None:
    _tree(tmp_path, a=b"1", d__b=b"22", d__e__c=b"", other__a=b"333")
    (tmp_path / "d" / "empty").mkdir()
    assert _parts([tmp_path / "a"]) == ["a"]
    assert _parts([tmp_path / "d"]) == ["d/b", "d/e/c"]
    assert _parts([tmp_path / "other" / "a", tmp_path / "d", tmp_path / "a"]) == [
        "a",
        "a (1)",
        "d/b",
        "d/e/c",
    ]
    first, second, *_ = scan([tmp_path / "other" / "a", tmp_path / "a"])
    assert (first.path, first.size) == (tmp_path / "other" / "a", 3)
    assert (second.path, second.size) == (tmp_path / "a", 1)


def test_the_order_is_that_of_the_bytes(tmp_path: Path) -> None:
    _tree(tmp_path / "d", b=b"", B1=b"", ä=b"", a__z=b"", **{"a.txt": b""})
    assert _parts([tmp_path / "d"]) == ["d/B1", "d/a/z", "d/a.txt", "d/b", "d/ä"]


def test_the_same_thing_twice_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _tree(tmp_path, d__a=b"1")
    monkeypatch.chdir(tmp_path / "d")
    assert _parts([Path(), Path("../d"), tmp_path / "d"]) == ["d/a"]


def test_what_lies_in_a_chosen_folder_goes_along_with_it_once(tmp_path: Path) -> None:
    _tree(tmp_path, d__a=b"1", d__e__b=b"2", da=b"3")
    d = tmp_path / "d"
    assert _parts([d / "e" / "b", d / "a", d, d / "e", tmp_path / "da"]) == ["d/a", "d/e/b", "da"]
    assert _parts([d, d / "e" / ".." / "a"]) == ["d/a", "d/e/b"]


def test_what_is_missing_from_a_chosen_folder_is_still_missing(tmp_path: Path) -> None:
    _tree(tmp_path, d__a=b"1")
    with pytest.raises(BadSource, match="typo"):
        scan([tmp_path / "d", tmp_path / "d" / "typo"])


@POSIX
def test_a_file_in_a_chosen_folder_counts_once_by_whatever_way(tmp_path: Path) -> None:
    _tree(tmp_path, d__a=b"1")
    (tmp_path / "way").symlink_to(tmp_path / "d")
    assert _parts([tmp_path / "d", tmp_path / "way" / "a"]) == ["d/a"]
    assert _parts([tmp_path / "way" / "a", tmp_path / "d" / "a"]) == ["a"]
    assert _parts([tmp_path / "way", tmp_path / "way" / "a"]) == ["way/a"]
    # The link itself was chosen, and is called something else.
    assert _parts([tmp_path / "d", tmp_path / "way"]) == ["d/a", "way/a"]


def test_names_are_kept_byte_for_byte(tmp_path: Path) -> None:
    names = ["two  words", "😀 👩‍👩‍👧.png", NFD, " lead", "-rf", "$HOME"]
    if sys.platform == "linux":
        names += [NFC, "back\\slash", "new\nline", "a:b"]
    for name in names:
        (tmp_path / name).write_text(name)
    found = {source.parts[-1]: source for source in scan([tmp_path])}
    assert set(found) == set(names)
    info = make_torrent(scan([tmp_path]))
    assert {file.path[-1] for file in info.files} == set(names)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are no text")
def test_a_name_that_is_no_text_is_refused_with_a_hint(tmp_path: Path) -> None:
    bad = tmp_path / os.fsdecode(b"bad\xff.txt")
    bad.touch()
    for chosen in (tmp_path, bad):
        with pytest.raises(BadSource, match="not valid text") as caught:
            scan([chosen])
        assert "Rename" in caught.value.hint
        caught.value.message.encode()  # it can be shown


@POSIX
def test_links_are_followed_to_files_of_the_same_folder(tmp_path: Path) -> None:
    _tree(tmp_path, d__a=b"1", d__sub__b=b"33")
    (tmp_path / "d" / "link").symlink_to("sub/b")
    (tmp_path / "d" / "sub" / "up").symlink_to(tmp_path / "d" / "a")
    assert _parts([tmp_path / "d"]) == ["d/a", "d/link", "d/sub/b", "d/sub/up"]
    assert [source.size for source in scan([tmp_path / "d"])] == [1, 2, 2, 1]
    # What was chosen itself is meant, link or not.
    (tmp_path / "alias").symlink_to("d")
    (tmp_path / "one").symlink_to("d/link")
    assert _parts([tmp_path / "alias"]) == ["alias/a", "alias/link", "alias/sub/b", "alias/sub/up"]
    assert _parts([tmp_path / "one"]) == ["one"]
    torrent = make_torrent(scan([tmp_path / "alias", tmp_path / "one"]))
    assert torrent.shape.total_length == 8


@POSIX
def test_what_is_no_file_is_refused_when_chosen(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(BadSource, match="neither a file nor a folder"):
        scan([tmp_path / "fifo"])
    with pytest.raises(BadSource, match="cannot be read"):
        scan([tmp_path / "dangling"])


def test_nothing_and_too_much_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty" / "inside").mkdir(parents=True)
    with pytest.raises(BadSource, match="no files"):
        scan([tmp_path / "empty"])
    with pytest.raises(BadSource, match="no files"):
        scan([])
    with pytest.raises(BadSource, match="cannot be read"):
        scan([tmp_path / "missing"])
    with pytest.raises(BadSource, match="whole disk"):
        scan([Path(tmp_path.anchor)])
    _tree(tmp_path, a=b"", b=b"", c=b"")
    with pytest.raises(BadSource, match="more than 2 files"):
        scan([tmp_path], bounds=Bounds(2, 100))


def test_a_path_too_deep_for_a_torrent_is_refused(tmp_path: Path) -> None:
    _tree(tmp_path, **{"__".join(["d"] * 64 + ["file"]): b""})
    with pytest.raises(BadSource, match="too deep"):
        scan([tmp_path / "d"])


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="who may read everything cannot be refused"
)
def test_what_may_not_be_read_is_refused_at_once(tmp_path: Path) -> None:
    _tree(tmp_path, d__a=b"1")
    (tmp_path / "d" / "a").chmod(0)
    with pytest.raises(BadSource, match="may not be read"):
        scan([tmp_path / "d"])


# --- make_torrent


@pytest.mark.parametrize(
    ("chosen", "name", "single", "paths"),
    [
        (["a"], "a", True, ["a"]),
        (["d"], "d", False, ["b", "e/c"]),
        (["one"], "one", False, ["only"]),
        (["a", "d"], "3 files", False, ["a", "d/b", "d/e/c"]),
    ],
)
def test_what_was_chosen_decides_the_form(
    tmp_path: Path, chosen: list[str], name: str, single: bool, paths: list[str]
) -> None:
    _tree(tmp_path, a=b"1" * 5, d__b=b"2" * 70_000, d__e__c=b"", one__only=b"x")
    sources = scan([tmp_path / each for each in chosen])
    info = make_torrent(sources)
    assert (info.name, info.single) == (name, single)
    assert ["/".join(file.path) for file in info.files] == paths
    assert [file.length for file in info.files] == [source.size for source in sources]
    assert make_torrent(sources, name="mine").name == "mine"


@given(st.lists(st.integers(0, 70_000), min_size=1, max_size=6))
def test_torf_reads_and_verifies_what_is_made(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    root = tmp_path_factory.mktemp("torf")
    for number, size in enumerate(sizes):
        (root / str(number)).write_bytes(os.urandom(size))
    info = make_torrent(scan([root]))
    if not sum(sizes):
        assert (info.shape.piece_count, info.piece_hashes) == (0, b"")
        return
    torrent = _torf(info)
    assert torrent.verify(root)
    assert torrent.infohash == info.info_hash.hex()
    assert torrent.private is None


def test_hashes_are_those_of_the_bytes_in_a_row(tmp_path: Path) -> None:
    data = [os.urandom(size) for size in (3 * 1024 * 1024 + 7, 0, 16384, 1)]
    for number, part in enumerate(data):
        (tmp_path / str(number)).write_bytes(part)
    info = make_torrent(scan([tmp_path]))
    whole, length = b"".join(data), info.shape.piece_length
    assert info.piece_hashes == b"".join(
        hashlib.sha1(whole[i : i + length]).digest() for i in range(0, len(whole), length)
    )


def test_an_empty_file_is_a_torrent_without_pieces(tmp_path: Path) -> None:
    (tmp_path / "nothing").touch()
    told: list[tuple[int, int]] = []
    info = make_torrent(scan([tmp_path / "nothing"]), progress=lambda *now: told.append(now))
    assert (info.shape.piece_count, info.shape.total_length, info.single) == (0, 0, True)
    assert told[-1] == (0, 0)


def test_the_infohash_knows_content_and_names_and_nothing_else(tmp_path: Path) -> None:
    for place in ("here", "there"):
        _tree(tmp_path / place, d__a=b"1" * 50_000, d__b=b"2")
    os.utime(tmp_path / "there" / "d" / "a", (1, 1))
    (tmp_path / "there" / "d" / "b").chmod(0o600)
    here, there = (make_torrent(scan([tmp_path / p / "d"])) for p in ("here", "there"))
    assert here.raw == there.raw
    assert str(tmp_path).encode() not in here.raw
    decoded = _torf(here).metainfo["info"]
    assert set(decoded) == {"name", "files", "piece length", "pieces"}


def test_a_salt_makes_another_torrent_of_the_same_content(tmp_path: Path) -> None:
    sources = scan([_tree(tmp_path / "d", a=b"1")])
    plain, one, other = (make_torrent(sources, salt=salt) for salt in (None, "1", "2"))
    assert len({plain.info_hash, one.info_hash, other.info_hash}) == 3
    assert make_torrent(sources, salt="1").info_hash == one.info_hash
    assert plain.piece_hashes == one.piece_hashes
    assert _torf(one).verify(tmp_path / "d")


@pytest.mark.parametrize(
    ("total", "at_most"), [(1, 2**14), (100 * 2**20, 2**18), (2 * 10**9, 2**21), (10**12, 2**22)]
)
def test_piece_sizes_are_bounded_and_grow_with_the_whole(total: int, at_most: int) -> None:
    size = torf.Torrent.calculate_piece_size(total, create.MIN_PIECE, create.MAX_PIECE)
    assert create.MIN_PIECE <= size <= at_most
    assert -(-total // size) * 20 < 6 * 2**20


def test_progress_starts_at_nothing_ends_at_all_and_is_rare(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(20 * 1024 * 1024))
    told: list[tuple[int, int]] = []
    make_torrent(scan([tmp_path / "a"]), progress=lambda *now: told.append(now))
    assert told[0] == (0, 20 * 1024 * 1024)
    assert told[-1] == (20 * 1024 * 1024, 20 * 1024 * 1024)
    assert told == sorted(told)
    assert len(told) < 20


def test_it_stops_within_one_buffer_of_being_cancelled(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(3 * 1024 * 1024))
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked == 2

    with pytest.raises(Cancelled):
        make_torrent(scan([tmp_path / "a"]), cancelled=cancelled)
    assert asked == 2


@pytest.mark.parametrize("change", ["append", "cut", "touch", "remove"])
@pytest.mark.parametrize("moment", ["before", "during", "after its turn"])
def test_a_file_that_changes_is_noticed(tmp_path: Path, change: str, moment: str) -> None:
    _tree(tmp_path / "d", a=bytes(2 * 1024 * 1024), b=bytes(2 * 1024 * 1024))
    victim = tmp_path / "d" / ("a" if moment == "after its turn" else "b")
    changes = {
        "append": lambda: victim.open("ab").write(b"x"),
        "cut": lambda: os.truncate(victim, 100),
        "touch": lambda: os.utime(victim, (1, 1)),
        "remove": victim.unlink,
    }
    buffers = {"before": 1, "during": 12, "after its turn": 12}[moment]
    asked = 0

    def meanwhile() -> bool:
        nonlocal asked
        asked += 1
        if asked == buffers:
            changes[change]()
        return False

    sources = scan([tmp_path / "d"])
    with pytest.raises(BadSource, match=victim.name):
        make_torrent(sources, cancelled=meanwhile)


@POSIX
def test_a_file_replaced_by_a_fifo_does_not_hang(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    sources = scan([tmp_path / "a"])
    (tmp_path / "a").unlink()
    os.mkfifo(tmp_path / "a")
    raised: list[BaseException] = []

    def work() -> None:
        try:
            make_torrent(sources)
        except BadSource as error:
            raised.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(10)
    assert raised


def test_too_much_for_one_torrent_is_the_sources_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(info, "MAX_FILES", 50)
    (tmp_path / "a").touch()
    (one,) = scan([tmp_path / "a"])
    sources = [one._replace(parts=("d", f"{n:02}")) for n in range(51)]
    with pytest.raises(BadSource, match="too much"):
        make_torrent(sources)


def _appended(folder: Path) -> None:
    (folder / "a.txt").write_text("more than before")


def _touched(folder: Path) -> None:
    os.utime(folder / "a.txt", ns=(1, 1))


def _swapped(folder: Path) -> None:
    status = (folder / "a.txt").stat()
    (folder / "new").write_bytes((folder / "a.txt").read_bytes())
    os.utime(folder / "new", ns=(status.st_atime_ns, status.st_mtime_ns))
    (folder / "new").replace(folder / "a.txt")


CHANGES: dict[str, Callable[[Path], object]] = {
    "written to": _appended,
    "dated": _touched,
    "made a program": lambda folder: (folder / "a.txt").chmod(0o755),
    "replaced by one that looks the same": _swapped,
    "removed": lambda folder: (folder / "a.txt").unlink(),
    "added to": lambda folder: (folder / "sub" / "c.txt").touch(),
    "a folder added": lambda folder: (folder / "sub" / "other").mkdir(),
    "a folder moved": lambda folder: (folder / "sub").rename(folder / "bus"),
    "all of it replaced": lambda folder: (
        folder.rename(folder.with_name("old")),
        shutil.copytree(folder.with_name("old"), folder),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_not_as_it_was_found_is_seen_at_a_look(tmp_path: Path, change: str) -> None:
    folder = tmp_path / "top"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.txt", "sub/b.txt"):
        (folder / name).write_text(name)
    found = scan(look_at_all([folder]))
    assert is_as_found(found)
    CHANGES[change](folder)
    assert not is_as_found(found)


def test_what_is_ignored_or_left_out_is_looked_for_again(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    assert not is_as_found(scan([tmp_path], sending=SENDING._replace(gitignore=True)))
    (tmp_path / "link").symlink_to("/nowhere")
    left_out = scan([tmp_path], sending=SENDING._replace(skip=True))
    assert left_out.left_out
    assert not is_as_found(left_out)


def test_a_chosen_link_that_leads_elsewhere_is_seen_at_a_look(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to("one")
    found = scan(look_at_all([tmp_path / "link"]))
    assert is_as_found(found)
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("other")
    assert not is_as_found(found)
