"""The journal is as secret as the files: nobody else reads it, and no link leads it elsewhere."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from filesend_tui.core import events
from filesend_tui.core.events import Direction, FileEntry, History, Result, TransferPhase
from filesend_tui.core.journal.history import Recorder
from filesend_tui.core.util.text import clean
from filesend_tui.headless.history import lines
from tests.journal.everything import everything, opened
from tests.journal.samples import ANN, session, transfer
from tests.security.hostile_text import TEXTS, faults
from tests.tui.conftest import disk, home, stage
from tests.tui.scripted import Stage

__all__ = ["disk", "home", "stage"]  # fixtures

NAME = "journal.sqlite"
not_on_windows = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes or links")


async def in_memory(folder: Path, why: str) -> None:
    """The journal works, tells why it is in memory, and is not in the folder."""
    async with opened(folder) as (journal, troubles):
        assert await journal.save_session(session(ANN))
        assert await journal.save_transfer(transfer(ANN, "t1"))
        assert len(await everything(journal)) == 2
    assert [each.reason for each in troubles] == ["unusable"]
    assert why in troubles[0].message


@not_on_windows
async def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    (tmp_path / "state").symlink_to(elsewhere, target_is_directory=True)
    await in_memory(tmp_path / "state", "a link is in its place")
    assert list(elsewhere.iterdir()) == []
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o755, "nor are its permissions changed"


@not_on_windows
@pytest.mark.parametrize("name", [NAME, f"{NAME}-wal", f"{NAME}-shm"])
@pytest.mark.parametrize("there", [True, False])
async def test_a_link_in_place_of_a_file_is_not_followed(
    tmp_path: Path, name: str, there: bool
) -> None:
    folder = tmp_path / "state"
    async with opened(folder):
        pass
    precious = tmp_path / "precious"
    if there:
        precious.write_bytes(b"mine")
        precious.chmod(0o644)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(precious)
    await in_memory(folder, "a link is in its place")
    assert precious.exists() == there
    if there:
        assert precious.read_bytes() == b"mine"
        assert stat.S_IMODE(precious.stat().st_mode) == 0o644


@not_on_windows
async def test_a_link_in_place_of_the_locks_is_not_followed(tmp_path: Path) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "state"
    elsewhere.mkdir(mode=0o755)
    folder.mkdir()
    (folder / "running").symlink_to(elsewhere, target_is_directory=True)
    await in_memory(folder, "a link is in its place")
    assert list(elsewhere.iterdir()) == []
    (folder / "running").unlink()
    (folder / "opening.lock").symlink_to(elsewhere / "made")
    await in_memory(folder, "symbolic links")
    assert list(elsewhere.iterdir()) == []


@not_on_windows
async def test_a_folder_that_others_may_write_to_is_not_used(tmp_path: Path) -> None:
    """What is in it may be theirs at any moment; one that holds only ours is taken from them."""
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / "theirs").touch()
    folder.chmod(0o777)
    await in_memory(folder, "others may write to it")
    assert [path.name for path in folder.iterdir()] == ["theirs"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o777


@not_on_windows
async def test_a_file_with_another_name_elsewhere_is_not_written(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(0o700)
    precious = tmp_path / "precious"
    precious.write_bytes(b"mine")
    os.link(precious, folder / NAME)
    await in_memory(folder, "it has another name elsewhere")
    assert precious.read_bytes() == b"mine"


@not_on_windows
async def test_a_pipe_in_place_of_a_file_holds_up_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(0o700)
    os.mkfifo(folder / NAME)
    await in_memory(folder, "something else is in its place")


@not_on_windows
async def test_a_pipe_in_place_of_a_lock_holds_up_nothing(tmp_path: Path) -> None:
    (tmp_path / "running").mkdir()
    os.mkfifo(tmp_path / "running" / f"{'0' * 32}.lock")
    async with opened(tmp_path) as (journal, troubles):
        assert await journal.save_session(session(ANN))
    assert troubles == []


@not_on_windows
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files to others"
)
@pytest.mark.parametrize("what", ["folder", "file"])
async def test_what_is_another_users_is_not_used(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "state"
    async with opened(folder):
        pass
    os.chown(folder if what == "folder" else folder / NAME, 65534, 65534)
    before = (folder / NAME).read_bytes()
    await in_memory(folder, "it is another user's")
    assert (folder / NAME).read_bytes() == before


@not_on_windows
async def test_a_file_that_others_could_read_is_ones_own_before_it_is_written(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "state"
    async with opened(folder):
        pass
    for path in (folder, folder / NAME):
        path.chmod(0o777)
    async with opened(folder) as (journal, troubles):
        await journal.flush()
        for path in (folder, *folder.rglob("*")):
            assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path
    assert troubles == []


# -- what strangers call themselves, their files and their reasons

every_text = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)


def hostile(text: str) -> History:
    """An entry as it comes of what a partner says; the core cleans it before it is an event."""
    recorder = Recorder()
    name = clean(text) or "x"
    file = FileEntry(path=f"{name.replace('/', '_')}/{name.replace('/', '_')}", size=1)
    asked = events.FileRequest(
        transfer="t",
        direction=Direction.RECEIVE,
        partner=clean(text, 64),
        files=(file,),
        total_bytes=1,
    )
    assert recorder.take(asked, 1.0) is None
    url = "file:///home/bob/%1B%5D0%3Bowned%07/x"
    came = events.DownloadComplete(
        torrent="c" * 40, url=url, bytes=1, seconds=1, road="direct", transfer="t"
    )
    assert recorder.take(came, 2.0) is None
    state = events.TransferState(
        transfer="t",
        direction=Direction.RECEIVE,
        phase=TransferPhase.CANCELLED,
        reason=clean(text, 200),
    )
    entry = recorder.take(state, 3.0)
    assert entry is not None
    return entry


@every_text
def test_hostile_names_steer_nothing_in_the_history(text: str) -> None:
    entry = hostile(text)
    said = lines(entry)
    assert len(said) == 2
    assert not faults("\n".join(said), breaks=True, cut=True)
    assert "\x1b" not in events.encode(entry)


async def test_what_nobody_cleaned_steers_nothing_either(tmp_path: Path, stage: Stage) -> None:
    """Whoever can write to the file is this user; a file may come from another machine, though."""
    raw = [
        History(
            direction=Direction.RECEIVE,
            partner=text[:500],
            result=Result.FAILED,
            reason=text[:500],
            names=(text[:500].encode("utf-8", "replace").decode(),) * 3,
            folder=text[:500].encode("utf-8", "replace").decode(),
            began=1.0,
            ended=2.0,
        )
        for text in TEXTS.values()
    ]
    for entry in raw:
        assert not faults("\n".join(lines(entry)), breaks=True, cut=True)
    stage.client.past = raw
    async with stage.app.run_test(size=(100, 80)) as pilot:
        await stage.settle(pilot)
        await pilot.press("H")
        await stage.settle(pilot)
        drawn = [strip.text for strip in stage.app.screen._compositor.render_strips()]
        assert "failed" in "\n".join(drawn)
        assert not faults("\n".join(drawn), breaks=True, cut=True)


async def test_a_request_under_the_id_of_another_partners_replaces_nothing(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as (journal, _):
        await journal.save_transfer(transfer(ANN, "t1"))
        eve = events.SessionId("e" * 16)
        assert await journal.save_transfer(transfer(eve, "t1", magnet="magnet:?evil"))
        found = [each.record for each in await journal.unfinished()]
        assert transfer(ANN, "t1") in found
        assert await journal.forget_session(eve) is False, "there is no such session"
        assert len(await journal.unfinished()) == 2


async def test_no_secret_of_the_journal_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with opened(tmp_path / "state") as (journal, _):
        await journal.save_session(session(ANN))
        await journal.save_transfer(transfer(ANN, "t1", info_hash=object()))  # it fails
        await journal.save_transfer(transfer(ANN, "t2"))
    assert "cannot keep something" in caplog.text
    for secret in ("rrrr", "kkkk", "holiday", "urn:btih"):
        assert secret not in caplog.text
