"""A first look at files and folders, on a real disk: bounded, harmless, and waiting for nobody."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from filesend_tui.core.torrent.storage.part_folder.part_folder import part_name
from filesend_tui.widgets.picker import glimpse as module
from filesend_tui.widgets.picker.glimpse import (
    MAX_COUNTED,
    MAX_HEAD,
    MAX_LINE,
    MAX_LINES,
    MAX_NAMES,
    Glimpse,
    glimpse,
)

POSIX = pytest.mark.skipif(
    os.name == "nt", reason="Windows has no such files, or not for everybody"
)


@pytest.mark.parametrize(
    ("name", "content", "kind", "lines"),
    [
        ("a.txt", b"one\n\ttwo\n", "text", ("one", "    two")),
        ("noname", "ünï 🍋\r\nb".encode(), "text", ("ünï 🍋", "b")),
        ("windows.txt", "ü\nb".encode("utf-16"), "text", ("ü", "b")),
        ("marked.txt", b"\xef\xbb\xbfone", "text", ("one",)),
        ("a.py", b"import os", "text", ("import os",)),
        ("a.json", b"{}", "file (json)", ("{}",)),
        ("a.jpg", b"\xff\xd8\xff\xe0\0", "image (jpg)", ()),
        ("a.mp4", b"\0\0\0\x18ftyp", "film (mp4)", ()),
        ("a.odt", b"PK\x03\x04\xff", "file (odt)", ()),
        ("latin.txt", b"gr\xfc\xdfe", "text", ()),
        ("noname", b"\x7fELF\0", "file", ()),
        ("empty.jpg", b"", "an empty file", ()),
    ],
)
def test_a_file_is_what_its_name_and_its_beginning_say(
    tmp_path: Path, name: str, content: bytes, kind: str, lines: tuple[str, ...]
) -> None:
    (tmp_path / name).write_bytes(content)
    assert glimpse(str(tmp_path / name)) == Glimpse(kind, lines=lines)


def test_a_text_steers_no_terminal(tmp_path: Path) -> None:
    evil = "\x1b[2J\x1b]0;gone\x07 red\u202egpj.exe\x9b31m\u200b ok"
    (tmp_path / "evil.txt").write_text(evil, encoding="utf-8")
    (line,) = glimpse(str(tmp_path / "evil.txt")).lines
    assert line == "[2J]0;gone redgpj.exe31m ok"


@pytest.mark.parametrize("content", ["x" * 10_000_000, "x\n" * 5_000_000, "ü" * 5_000_000])
def test_of_a_long_text_little_is_read_and_kept(tmp_path: Path, content: str) -> None:
    (tmp_path / "long.txt").write_text(content, encoding="utf-8")
    found = glimpse(str(tmp_path / "long.txt"))
    assert found.kind == "text"
    assert 0 < len(found.lines) <= MAX_LINES
    assert max(map(len, found.lines)) <= MAX_LINE
    assert sum(map(len, found.lines)) <= MAX_HEAD


def test_a_folder_counts_and_names_the_first(home: Path) -> None:
    (home / part_name(b"\xab" * 20)).mkdir()
    found = glimpse(str(home))
    assert (found.kind, found.folders, found.files, found.uncounted) == ("folder", 4, 4, False)
    assert found.names[:2] == ("Documents/", "Downloads/")
    assert found.names[-1] == "taxes 2025.pdf"


def test_of_a_big_folder_not_everything_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_COUNTED", 250)
    assert MAX_COUNTED > MAX_NAMES
    for number in range(250):
        (tmp_path / f"{number}").touch()
    found = glimpse(str(tmp_path))
    assert (found.files, found.uncounted) == (250, False)
    assert found.names == tuple(map(str, range(MAX_NAMES)))
    (tmp_path / "one more").mkdir()
    found = glimpse(str(tmp_path))
    assert (found.folders + found.files, found.uncounted) == (250, True)


@POSIX
def test_a_link_says_where_it_leads(home: Path) -> None:
    (home / "link").symlink_to("Pictures")
    found = glimpse(str(home / "link"))
    assert (found.kind, found.target, found.files) == ("folder", "Pictures", 1)


@POSIX
def test_nothing_but_files_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("fifo")
    (tmp_path / "device").symlink_to("/dev/zero")
    for name in ("fifo", "link", "device"):
        assert glimpse(str(tmp_path / name)).kind == "neither a file nor a folder"


@POSIX
def test_a_pipe_that_takes_a_files_place_holds_up_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "a.txt"
    place.write_text("text")
    open_: Callable[..., int] = os.open

    def replaced(path: str, flags: int) -> int:
        place.unlink()
        os.mkfifo(place)
        return open_(path, flags)

    monkeypatch.setattr(os, "open", replaced)
    assert glimpse(str(place)).lines == ()


def test_what_is_not_on_this_machine_yet_is_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("text")
    monkeypatch.setattr(module, "_is_elsewhere", lambda _: True)
    assert glimpse(str(tmp_path / "a.txt")) == Glimpse("text, not on this machine yet")


def test_what_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        glimpse(str(tmp_path / "gone"))
