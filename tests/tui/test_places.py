"""Where files are: as a link, in the file manager, and in what is printed at the end."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from filesend_tui.core.events import FileEntry, TransferPhase
from filesend_tui.state.notices import MAX_RECEIPTS, receipts
from filesend_tui.state.store import Store
from filesend_tui.system.file_manager import CannotOpen, link_to, open_folder_of, opener, path_of
from tests.security.hostile_text import TEXTS, faults
from tests.tui.moments import arrived, phase, receiving, sending


def found(name: str) -> str:
    return f"/bin/{name}"


@pytest.mark.parametrize(
    ("environment", "system", "program"),
    [
        ({"DISPLAY": ":0"}, "linux", "/bin/xdg-open"),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", "/bin/xdg-open"),
        ({}, "linux", None),
        ({"DISPLAY": ""}, "linux", None),
        ({}, "darwin", "/bin/open"),
        ({}, "win32", "/bin/explorer"),
        ({"DISPLAY": ":0", "SSH_TTY": "/dev/pts/0"}, "linux", None),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "a b c d"}, "linux", None),
        ({"SSH_CONNECTION": "a b c d"}, "darwin", None),
    ],
)
def test_a_window_opens_only_in_front_of_whoever_asked(
    environment: dict[str, str], system: str, program: str | None
) -> None:
    assert opener(environment, system, found) == program
    assert opener(environment, system, lambda _: None) is None


#: A program in a folder, which Python runs when it is told to "open" that folder.
NOTES = """
import os, sys
from pathlib import Path
folder = Path(sys.argv[0])
(folder / "note").write_text("\\n".join([*sys.argv[1:], *map("=".join, os.environ.items())]))
sys.exit(int(os.environ.get("END_WITH", "0")))
"""


async def test_the_folder_is_shown_by_a_program_that_is_told_no_secret(tmp_path: Path) -> None:
    folder = tmp_path / "; touch owned & $(x) 日本"
    folder.mkdir()
    (folder / "__main__.py").write_text(NOTES)
    told = dict(os.environ) | {
        "FILESEND_TURN_CREDENTIAL": "hush",
        "FILESEND_PROXY": "http://a:hush@p:1",
        "SAID": "yes",
    }
    await open_folder_of(folder / "film.mkv", sys.executable, told)
    note = (folder / "note").read_text(encoding=sys.getfilesystemencoding())
    assert "SAID=yes" in note
    assert "hush" not in note
    assert {each.name for each in tmp_path.iterdir()} == {folder.name}


async def test_what_did_not_open_is_said(tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text(NOTES)
    with pytest.raises(CannotOpen, match="not there"):
        await open_folder_of(tmp_path / "gone" / "x", sys.executable, os.environ)
    with pytest.raises(CannotOpen):
        await open_folder_of(tmp_path / "x", str(tmp_path / "no program"), os.environ)
    if sys.platform != "win32":
        with pytest.raises(CannotOpen, match="ended with 3"):
            told = dict(os.environ) | {"END_WITH": "3"}
            await open_folder_of(tmp_path / "x", sys.executable, told)


def test_a_link_leads_to_this_machine_and_back(tmp_path: Path) -> None:
    path = tmp_path / "a b#?%41" / "x\x1b;y"
    link = link_to(path.as_uri())
    assert link.isascii()
    assert link.isprintable()
    assert link.startswith("file://")
    scheme_and_host = link[: link.index("/", len("file://"))]
    assert scheme_and_host != "file://"
    assert path_of("file://" + link.removeprefix(scheme_and_host)) == path


def test_what_came_is_told_at_the_end_and_where_it_is(home: Path) -> None:
    store = Store()
    film = home / "Downloads" / "FileSend" / "holiday"
    other = Path(film.anchor) / "elsewhere" / "holiday"
    for event in (
        *receiving("r1"),
        *arrived("r1", film.as_uri()),
        *sending("s1"),
        *receiving("r2"),
        phase("r2", TransferPhase.FAILED),
        *receiving("r3"),
        *arrived("r3", other.as_uri()),
        *receiving("r4"),
    ):
        store.apply(event, 1.0)
    where = Path("~") / film.relative_to(home)
    assert receipts(store.transfers) == [
        f"Received holiday/ (826.8 MB) → {where}",
        f"Received holiday/ (826.8 MB) → {other}",
    ]


def test_of_very_many_the_last_are_told() -> None:
    store = Store()
    for number in range(MAX_RECEIPTS + 7):
        for event in (*receiving(f"r{number}"), *arrived(f"r{number}")):
            store.apply(event, 1.0)
    lines = receipts(store.transfers)
    assert len(lines) == MAX_RECEIPTS + 1
    assert lines[0] == "Received 7 more before."


@pytest.mark.parametrize("text", list(TEXTS.values()), ids=list(TEXTS))
def test_receipts_steer_no_terminal(text: str, tmp_path: Path) -> None:
    store = Store()
    files = (FileEntry(path=text, size=1),)
    place = tmp_path / text.replace("/", "_").replace("\0", "_")[:100]
    try:
        url = place.as_uri()
    except (ValueError, UnicodeError):
        url = tmp_path.as_uri()
    for event in (*receiving("r1", files), *arrived("r1", url)):
        store.apply(event, 1.0)
    (line,) = receipts(store.transfers)
    assert not faults(line, breaks=True)
