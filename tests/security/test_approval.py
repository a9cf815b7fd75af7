"""What a person approved is what arrives, and nothing else is even begun."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bencode2
import msgspec
import pytest

from filesend_tui.core import events as e
from filesend_tui.core.choices import Arriving, Overwrite
from filesend_tui.core.config import ClientConfig, default_folder
from filesend_tui.core.errors import BadMetadata
from filesend_tui.core.events import Direction, FileEntry, TransferPhase
from filesend_tui.core.exchange import offer
from filesend_tui.core.sessions.session import partner_name
from filesend_tui.core.torrent import engine as engine_module
from filesend_tui.core.torrent.metainfo.info import TorrentInfo, parse_info
from filesend_tui.core.torrent.sources.create import Found, make_torrent
from filesend_tui.core.torrent.storage.arrival.existing import Existing
from filesend_tui.core.util.figures import size_text
from filesend_tui.core.util.text import clean
from filesend_tui.headless.narration import file_lines, request_lines
from relay.protocol.words import FileRequest, OfferedFile
from tests.conftest import RunningRelay
from tests.core.test_client import pair, yes
from tests.security.test_terminal import screen_text
from tests.torrent.lab import read_tree, write_tree
from tests.tui.conftest import disk, home, stage
from tests.tui.moments import asked, paired
from tests.tui.scripted import Stage
from tests.tui.test_approval import asked_box

__all__ = ["disk", "home", "stage"]  # fixtures

FILES = {"d/a": b"a" * 40_000, "d/b": b"b" * 20_000, "d/empty": b""}
Offered = list[OfferedFile]


def _renamed(files: Offered) -> Offered:
    return [OfferedFile(path="d/harmless", size=files[0].size), *files[1:]]


def _smaller(files: Offered) -> Offered:
    return [OfferedFile(path=files[0].path, size=1), *files[1:]]


LIES: dict[str, Callable[[Offered], Offered]] = {
    "another name": _renamed,
    "a smaller size": _smaller,
    "one file less": lambda files: files[:-1],
    "one file more": lambda files: [*files, OfferedFile(path="d/more", size=0)],
    "another order": lambda files: files[::-1],
    "another folder": lambda files: [
        OfferedFile(path=f.path.replace("d/", "D/"), size=f.size) for f in files
    ],
}


@pytest.mark.webrtc
@pytest.mark.parametrize("lie", list(LIES))
async def test_a_torrent_that_is_not_what_was_approved_is_refused(
    relay: RunningRelay, tmp_path: Path, lie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = offer.make_request

    def make_request(found: Found, others: int = 0) -> FileRequest:
        request = honest(found, others)
        assert isinstance(request, FileRequest)
        return msgspec.structs.replace(request, files=LIES[lie](request.files))

    monkeypatch.setattr(offer, "make_request", make_request)
    await _is_refused(relay, tmp_path)


Info = dict[str, Any]


def _file(info: Info, number: int, **changes: object) -> Info:
    files = [entry | changes if n == number else entry for n, entry in enumerate(info["files"])]
    return info | {"files": files}


def _padded(info: Info) -> Info:
    pad = {"attr": "p", "length": 0, "path": [".pad", "0"]}
    return info | {"files": [pad, *info["files"]]}


TRICKS: dict[str, Callable[[Info], Info]] = {
    "an approved file is only padding": lambda info: _file(info, 1, attr="p"),
    "padding that nobody was shown": _padded,
    "a file is a symbolic link": lambda info: _file(info, 2, attr="l", **{"symlink path": ["x"]}),
    "a file is twice": lambda info: info | {"files": [*info["files"], info["files"][2]]},
    "a path out of the folder": lambda info: _file(info, 2, path=["..", "d", "empty"]),
}


def _doctored(trick: Callable[[Info], Info], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this machine's torrents be described otherwise than their files are."""

    def doctored(*args: Any, **options: Any) -> TorrentInfo:
        raw = bencode2.bdecode(make_torrent(*args, **options).raw)
        info = {key.decode(): value for key, value in raw.items()}
        info["files"] = [{k.decode(): v for k, v in entry.items()} for entry in info["files"]]
        described = bencode2.bencode(trick(info))
        try:
            return parse_info(described)
        except BadMetadata:
            # A description that this program would not even seed: it is served all the same.
            own = make_torrent(*args, **options)
            digest = hashlib.sha1(described).digest()
            return dataclasses.replace(own, info_hash=digest, raw=described)

    monkeypatch.setattr(engine_module, "make_torrent", doctored)


@pytest.mark.webrtc
@pytest.mark.parametrize("trick", list(TRICKS))
async def test_a_description_with_more_to_it_than_was_shown_is_refused(
    relay: RunningRelay, tmp_path: Path, trick: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _doctored(TRICKS[trick], monkeypatch)
    await _is_refused(relay, tmp_path)


async def _is_refused(relay: RunningRelay, tmp_path: Path) -> None:
    write_tree(tmp_path / "src", FILES)
    async with pair(relay, tmp_path) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src" / "d"])
        await yes(bob)
        assert await bob.ended(transfer) is TransferPhase.FAILED
        assert await ann.ended(transfer) is TransferPhase.CANCELLED
        (error,) = bob.of(e.Error, code="badMetadata")
        assert "do not trust" in error.hint
        assert not bob.of(e.DownloadComplete)
        assert not bob.of(e.Metadata)
    # Neither a file nor a folder, not even for a moment's part files.
    assert not (tmp_path / "bob").exists()


@pytest.mark.webrtc
async def test_attributes_change_nothing(
    relay: RunningRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _doctored(lambda info: _file(info, 0, attr="xh"), monkeypatch)
    write_tree(tmp_path / "src", FILES)
    async with pair(relay, tmp_path) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src" / "d"])
        await yes(bob)
        assert await bob.ended(transfer) is TransferPhase.DONE
    assert read_tree(tmp_path / "bob") == FILES
    assert not (tmp_path / "bob" / "d" / "a").stat().st_mode & 0o111


# --- the question itself

MANY = tuple(FileEntry(path=f"tree/{n % 97}/{n:05}.bin", size=10**9 + n) for n in range(10_000))
HIDDEN = (
    FileEntry(path=".bashrc", size=10),
    FileEntry(path=".ssh/authorized_keys", size=10),
    FileEntry(path="photos/.thumbnails/a.jpg", size=10),
    FileEntry(path="photos/a.b..c", size=10),
)
SIZES = [(40, 12), (60, 18), (80, 24), (120, 40)]
QUESTIONS = {
    "a long name": (FileEntry(path="x" * 1024, size=2**53),),
    "a wide name": (FileEntry(path="漢" * 340, size=1),),
    "a long path": (FileEntry(path="d/" * 500 + "f", size=1),),
    "10,000 files": MANY,
    "10,000 long names": tuple(
        FileEntry(path=f"{n:05}" + "y" * 200, size=2**53) for n in range(10_000)
    ),
    "zalgo and markup": (FileEntry(path=clean("[@click=app.quit]" + "e\u0301" * 300), size=1),),
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("kind", list(QUESTIONS))
async def test_nothing_pushes_the_buttons_or_the_totals_off_the_screen(
    kind: str, size: tuple[int, int], stage: Stage
) -> None:
    files = QUESTIONS[kind]
    partner = partner_name("[b]Mallory[/b] " + "\u6f22M" * 100)
    stage.disk["bytes"] = 2**70
    async with stage.app.run_test(size=size) as pilot:
        screen = await asked_box(stage, pilot, files, partner)
        for pressed in ([], ["end"], ["pageup", "pageup"], ["home"]):
            await pilot.press(*pressed)
            await stage.settle(pilot)
            box = screen.query_one("#box").content_region
            assert screen.region.contains_region(screen.query_one("#box").region)
            for id in ("#offered", "#figures", "#where", "#buttons"):
                assert box.contains_region(screen.query_one(id).region), id
            for id in ("#accept", "#decline", "#folder"):
                widget = screen.query_one(id)
                assert box.contains_region(widget.region), id
                assert widget.region.height == 1
                assert widget.region.width >= 10
                assert widget in {w for w, _ in screen.get_widgets_at(*widget.region.offset)}
            assert screen.query_one("#offered").region.height >= (5 if size[1] > 12 else 3)
            drawn = "\n".join(screen_text(stage.app))
            assert "Enter  Accept" in drawn
            assert "d  Decline" in drawn
            count = "1 file" if len(files) == 1 else f"{len(files):,} of {len(files):,} files"
            assert f"{count} · {size_text(sum(file.size for file in files))}" in drawn
            assert "Save in" in drawn
            asks = "wants to send you" if size[0] >= 60 else "asks:"
            assert f"… {asks} {'a file' if len(files) == 1 else '10,000 files'}" in drawn
        await pilot.click("#accept")
        async with asyncio.timeout(20):
            while not stage.client.named("answer"):
                await pilot.pause()
        assert stage.client.named("answer")[0][1] == (True,) * len(files)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_hidden_names_are_called_hidden(size: tuple[int, int], stage: Stage) -> None:
    async with stage.app.run_test(size=size) as pilot:
        screen = await asked_box(stage, pilot, HIDDEN)
        drawn = screen_text(stage.app)
        for file in HIDDEN:
            row = rf"✓ yes +{re.escape(Path(file.path).name)} "
            (line,) = [line for line in drawn if re.search(row, line)]
            assert ("hidden" in line) == (file is not HIDDEN[-1])
        assert any("3 hidden: a name begins with a dot" in line for line in drawn)
        assert screen.query_one("#offered").has_focus


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_folders_with_nothing_in_them_are_told_before_a_yes(
    size: tuple[int, int], stage: Stage
) -> None:
    folders = ("[b]tree[/b]/empty", "漢" * 300, "tree/.ssh")
    async with stage.app.run_test(size=size) as pilot:
        await stage.settle(pilot)
        request = asked("r1", HIDDEN[3:], empty_folders=folders)
        await stage.play(pilot, paired(), *request)
        await pilot.press("f2")
        await stage.settle(pilot)
        drawn = screen_text(stage.app)
        assert any("1 file · 10 Bytes · 3 empty folders" in line for line in drawn)
        assert any("1 hidden: a name begins with a dot" in line for line in drawn)
        assert any("and tree/.ssh/ (hidden), [b]" in line for line in drawn)
        box = stage.app.screen.query_one("#box").content_region
        for id in ("#offered", "#figures", "#where", "#accept", "#decline"):
            assert box.contains_region(stage.app.screen.query_one(id).region), id


@pytest.mark.parametrize("size", SIZES[1:], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_programs_links_and_what_will_be_overwritten_are_told_before_a_yes(
    size: tuple[int, int], stage: Stage
) -> None:
    stage.client.arrives = Arriving(overwrite=Overwrite.OLDER)
    stage.client.there = (Existing(0, 1, 1, same=False, older=True),)
    async with stage.app.run_test(size=size) as pilot:
        await stage.settle(pilot)
        links = (e.LinkEntry(path="l", to="a"), e.LinkEntry(path="m", to="a", hard=True))
        await stage.play(pilot, paired(), *asked("r1", HIDDEN[3:], programs=1, links=links))
        await pilot.press("f2")
        await stage.settle(pilot)
        drawn = screen_text(stage.app)
        assert any("1 file · 10 Bytes · 1 program · 2 links" in line for line in drawn)
        assert any("There already: 1 older replaced" in line for line in drawn)
        box = stage.app.screen.query_one("#box").content_region
        for id in ("#offered", "#there", "#figures", "#where", "#accept", "#decline"):
            assert box.contains_region(stage.app.screen.query_one(id).region), id


def test_hidden_names_are_called_hidden_in_lines_too() -> None:
    files = (*MANY[:30], *HIDDEN)
    request = e.FileRequest(
        transfer="a", direction=Direction.RECEIVE, partner="P", files=files, total_bytes=1
    )
    said = request_lines(request)
    assert said[0] == "P wants to send 34 files, 1 Byte:"
    assert said[-1] == "  and 14 more, 3 of them hidden"
    assert [line.endswith("(hidden)") for line in file_lines(HIDDEN)] == [True, True, True, False]


# --- where it goes if nobody says


def test_the_default_folder_is_one_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Some systems name the home folder itself as the place for downloads.
    monkeypatch.setattr("platformdirs.user_downloads_path", lambda: tmp_path)
    assert default_folder() == tmp_path / "FileSend"
    assert ClientConfig().output == tmp_path / "FileSend"
    assert not list(tmp_path.iterdir())
