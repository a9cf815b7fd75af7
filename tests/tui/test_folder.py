"""Listing a folder, its order, the filter, and weighing what was chosen, on a real disk."""

from __future__ import annotations

import os
import socket
import sys
import unicodedata
from pathlib import Path
from typing import Literal

import pytest

from filesend_tui.core.torrent.storage.part_folder.part_folder import part_name
from filesend_tui.core.util.file_id import look_at_all
from filesend_tui.state.picked import Weight
from filesend_tui.widgets.fields.path_field import complete_path
from filesend_tui.widgets.picker.folder import (
    Order,
    arrange,
    find,
    list_folder,
    look_in,
    shown,
    weigh,
)

POSIX = pytest.mark.skipif(
    os.name == "nt", reason="Windows has no such files, or not for everybody"
)


def names(folder: Path, order: Order = Order.NAME, text: str = "") -> list[str]:
    entries = arrange(list_folder(str(folder)).entries, order)
    return [entry.name for entry in shown(entries, text, hidden=True)]


def refusals(folder: Path) -> dict[str, str]:
    return {entry.name: entry.refusal for entry in list_folder(str(folder)).entries}


def never() -> bool:
    return False


def test_folders_come_first_then_names_as_people_count(tmp_path: Path) -> None:
    for name in ("b.txt", "A.txt", "scan 10", "scan 9", "scan 9b", "Ärger", "zoo"):
        (tmp_path / name).write_bytes(b"123")
    (tmp_path / "z 2").mkdir()
    (tmp_path / "z 10").mkdir()
    assert names(tmp_path) == [
        *("z 2", "z 10"),
        *("A.txt", "Ärger", "b.txt", "scan 9", "scan 9b", "scan 10", "zoo"),
    ]
    entries = arrange(list_folder(str(tmp_path)).entries, Order.NAME)
    assert [entry.size for entry in entries[:3]] == [None, None, 3]


def test_by_size_the_largest_and_by_date_the_newest_come_first(tmp_path: Path) -> None:
    for number, name in enumerate(("old large", "new small", "b new small")):
        (tmp_path / name).write_bytes(b"1" * (100 if "large" in name else 1))
        os.utime(tmp_path / name, (1000 + number // 2 * 500, 1000 + number // 2 * 500))
    (tmp_path / "d").mkdir()
    assert names(tmp_path, Order.SIZE) == ["d", "old large", "b new small", "new small"]
    assert names(tmp_path, Order.DATE) == ["d", "b new small", "new small", "old large"]
    assert Order.NAME.next is Order.SIZE
    assert Order.DATE.next is Order.NAME


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("", ["Café.txt", "IMG 12.jpg", "img 120.JPG", "Straße"]),
        ("img", ["IMG 12.jpg", "img 120.JPG"]),
        ("12 IMG", ["IMG 12.jpg", "img 120.JPG"]),
        ("120", ["img 120.JPG"]),
        ("café", ["Café.txt"]),
        (unicodedata.normalize("NFD", "CAFÉ"), ["Café.txt"]),
        ("cafe", ["Café.txt"]),
        ("STRASSE", ["Straße"]),
        ("img txt", []),
    ],
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_the_filter_knows_no_case_no_spelling_and_no_order_of_words(
    tmp_path: Path, text: str, left: list[str], form: Literal["NFC", "NFD"]
) -> None:
    for name in ("Café.txt", "IMG 12.jpg", "img 120.JPG", "Straße"):
        (tmp_path / unicodedata.normalize(form, name)).touch()
    assert [unicodedata.normalize("NFC", name) for name in names(tmp_path, text=text)] == left


def test_hidden_things_are_left_out_unless_they_are_wanted(home: Path) -> None:
    entries = arrange(list_folder(str(home)).entries, Order.NAME)
    for text in ("", "secret"):
        assert ".secret" not in [entry.name for entry in shown(entries, text, hidden=False)]
        assert ".secret" in [entry.name for entry in shown(entries, text, hidden=True)]


def test_what_is_unfinished_is_never_offered(tmp_path: Path) -> None:
    unfinished = tmp_path / part_name(b"\xab" * 20) / "tree"
    unfinished.mkdir(parents=True)
    (tmp_path / ".filesend-mine.part").mkdir()
    (unfinished / "film.bin").write_bytes(b"123")
    assert names(tmp_path) == [".filesend-mine.part"]
    assert weigh(str(tmp_path), never) == Weight(), "nor sent along"
    for path in (unfinished.parent, unfinished):  # nor when its path is given
        entry = find(str(path))
        assert entry is not None
        assert entry.refusal == "an unfinished download"


@POSIX
def test_links_are_marked_and_what_cannot_be_sent_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"12")
    (tmp_path / "folder").mkdir()
    for name, target in (
        ("to file", "file"),
        ("to folder", "folder"),
        ("broken", "nowhere"),
        ("circle", "circle"),
    ):
        (tmp_path / name).symlink_to(target)
    os.mkfifo(tmp_path / "fifo")
    os.mkfifo(tmp_path / "folder" / "fifo")
    (tmp_path / "to fifo").symlink_to("fifo")
    (tmp_path / "to device").symlink_to("/dev/null")
    (tmp_path / "below a file").symlink_to("file/x")
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    assert refusals(tmp_path) == {
        "file": "",
        "folder": "",
        "to file": "",
        "to folder": "",
        "broken": "a broken link",
        "below a file": "a broken link",
        "circle": "a link in a circle",
        "fifo": "a pipe",
        "to fifo": "a pipe",
        "to device": "a device",
        "socket": "a socket",
    }
    links = {entry.name for entry in list_folder(str(tmp_path)).entries if entry.is_link}
    assert links == {n for n in refusals(tmp_path) if n.startswith("to ")} | {
        *("broken", "circle", "below a file")
    }
    assert find(str(tmp_path / "nothing at all")) is None
    assert find(str(tmp_path / "a\0b")) is None


@POSIX
@pytest.mark.skipif(
    os.name != "nt" and os.geteuid() == 0, reason="who may read everything cannot be refused"
)
def test_what_may_not_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch(0o200)
    (tmp_path / "folder").mkdir(0o300)
    assert set(refusals(tmp_path).values()) == {"may not be read"}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_a_name_that_is_no_text_is_shown_and_not_sent(tmp_path: Path) -> None:
    os.close(os.open(os.fsencode(tmp_path) + b"/b\xffd", os.O_CREAT | os.O_WRONLY))
    assert list(refusals(tmp_path).values()) == ["its name is no text"]


def test_a_whole_disk_is_not_sent() -> None:
    entry = find(Path.cwd().anchor)
    assert entry is not None
    assert entry.refusal == "a whole disk"


# -- weighing and looking


@POSIX
def test_weighing_counts_what_is_sent_and_what_is_refused(home: Path) -> None:
    pictures = home / "Pictures"
    assert weigh(str(pictures), never) == Weight(3, 4_812_331 + 3_012, 0)
    (pictures / "again").symlink_to(pictures)
    (pictures / "out").symlink_to(home / "letter.odt")
    (pictures / "in").symlink_to("beach.jpg")
    (pictures / "broken").symlink_to("nowhere")
    os.mkfifo(pictures / "holiday" / "fifo")
    assert weigh(str(pictures), never) == Weight(4, 2 * 4_812_331 + 3_012, 4)
    assert weigh(str(pictures / "out"), never) == Weight(1, 24_000, 0), "chosen itself, it is sent"
    assert weigh(str(pictures / "broken"), never) == Weight(0, 0, 1)
    assert weigh(str(pictures / "holiday" / "fifo"), never) == Weight(0, 0, 1)


def test_weighing_stops_when_told(home: Path) -> None:
    assert weigh(str(home), lambda: True) == Weight()


def test_a_missing_path_counts_as_unreadable(tmp_path: Path) -> None:
    assert weigh(str(tmp_path / "gone"), never) == Weight(0, 0, 1)


def test_many_are_looked_at_as_each_by_itself_is(home: Path) -> None:
    paths = [*home.iterdir(), home / "gone", home, Path(home.anchor), home / "Music" / ".." / "x"]
    if os.name != "nt":
        (home / "way").symlink_to(home / "Pictures")
        paths += [home / "way", home / "way" / "beach.jpg"]
    assert look_in(map(str, paths)) == {
        str(path): seen for path, seen in look_at_all(paths).items()
    }


def test_a_path_is_completed_from_the_disk(home: Path) -> None:
    assert complete_path("~/Pic") == "~/Pictures"
    assert complete_path(f"{home}/let") == f"{home}/letter.odt"
    assert complete_path("~/nothing") is None
    assert complete_path("~/") is None
    assert complete_path("Pic") is None
    assert complete_path("~/gone/x") is None
    assert complete_path("/a\0/x") is complete_path("~a\0/x") is None
