"""The file that remembers folders: whole, one's own, bounded, and never in the way."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from filesend_tui.system.recent_folders import MOST, RecentFolders


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "recent.json"


def folder(name: object) -> str:
    return str(Path(Path.cwd().anchor, str(name)))


def test_the_last_comes_first_and_each_once(file: Path) -> None:
    recent = RecentFolders(file)
    assert recent.read() == ()
    for name in ("a", "b", "ünï 🍋", "a"):
        recent.add([folder(name)])
    assert recent.read() == (folder("a"), folder("ünï 🍋"), folder("b"))
    assert RecentFolders(file).read() == recent.read()


def test_a_name_that_is_no_text_is_remembered(file: Path) -> None:
    RecentFolders(file).add([folder("b\udcffd")])
    assert RecentFolders(file).read() == (folder("b\udcffd"),)


def test_only_so_many_are_remembered(file: Path) -> None:
    recent = RecentFolders(file)
    for number in range(MOST + 5):
        recent.add([folder(number)])
    assert recent.read() == tuple(folder(n) for n in range(MOST + 4, 4, -1))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_nobody_else_may_read_it(file: Path) -> None:
    before = os.umask(0)
    try:
        RecentFolders(file).add([folder("a")])
    finally:
        os.umask(before)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[1, null, {}]",
        b'["relative", "/nul\\u0000l"]',
        b'["/a", ',
        b"\xff",
        b"[" * 100_000,
        b"\0" * 10_000_000,
        b"[" + b"1," * 10_000_000 + b"1]",
        b"1" * 100_000,
    ],
)
def test_a_broken_file_is_as_none_and_is_mended(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    recent = RecentFolders(file)
    assert recent.read() == ()
    recent.add([folder("a")])
    assert recent.read() == (folder("a"),)


def test_where_nothing_can_be_kept_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    recent = RecentFolders(tmp_path / "state" / "recent.json")
    recent.add([folder("a")])
    assert recent.read() == ()


@pytest.mark.skipif(os.name == "nt", reason="Windows replaces nothing that somebody reads")
def test_it_is_whole_whoever_reads_it_meanwhile(file: Path) -> None:
    names = [folder(n) for n in range(MOST)]
    RecentFolders(file).add(names)
    over, seen = threading.Event(), set()

    def read() -> None:
        while not over.is_set():
            seen.add(len(RecentFolders(file).read()))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(200):
        RecentFolders(file).add([names[number % MOST]])
    over.set()
    reader.join()
    assert seen == {MOST}
    assert [each.name for each in file.parent.iterdir()] == [file.name], "nothing is left over"
