"""Disks that say no: before, while and after; what was there stays, and the partner is told."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.choices import ARRIVING, Arriving, Stood
from filesend_tui.core.client import Client
from filesend_tui.core.errors import FileSendError, NoSpace, StorageFailed
from filesend_tui.core.events import Direction, FileEntry, TransferPhase
from filesend_tui.core.torrent import disk_watch
from filesend_tui.core.torrent.storage.disk_space import check_folder, check_room
from filesend_tui.core.torrent.storage.download_files import DownloadFiles, Layout
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.headless import paired
from tests.conftest import RunningRelay
from tests.core.test_client import pair, yes
from tests.torrent.lab import write_tree
from tests.torrent.small_disk import fill_up, mounted
from tests.torrent.storage.test_download_files import PIECE, everything, fill, piece, torrent

SMALL = 2 * 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 2 MiB, in memory."""
    with mounted(tmp_path / "small", SMALL) as place:
        yield place


def _only_the_hog(hog: Path) -> None:
    assert list(hog.parent.iterdir()) == [hog]
    assert set(hog.read_bytes()) == {ord("p")}


# --- the disk is full


def test_more_than_there_is_room_for_is_refused_with_figures(small_disk: Path) -> None:
    with pytest.raises(NoSpace, match=r"needs 3 MB, but .* has only 2\.1 MB free"):
        check_room(small_disk, 3_000_000)
    # What somebody says they send is not what decides: the torrent's own sizes are.
    info, _ = torrent({("a",): b"x" * 3_000_000})
    with pytest.raises(NoSpace):
        DownloadFiles.create(info, small_disk, wanted=[True], layout=Layout.LOOSE)
    assert not list(small_disk.iterdir())


def test_the_disk_fills_up_after_room_was_promised(small_disk: Path) -> None:
    info, row = torrent({("a",): os.urandom(SMALL // 2)})
    store = DownloadFiles.create(info, small_disk, wanted=[True], layout=Layout.LOOSE)
    hog = fill_up(small_disk)
    fill(store, info, row)
    assert store.finish().read_bytes() == row
    store.close()
    assert set(hog.read_bytes()) == {ord("p")}


def test_the_disk_fills_up_where_it_promises_nothing(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "posix_fallocate")  # as on macOS and on many file systems
    info, row = torrent({("a",): os.urandom(SMALL // 2), ("b",): os.urandom(PIECE)})
    store = DownloadFiles.create(info, small_disk, wanted=everything(info), layout=Layout.LOOSE)
    store.write_piece(0, piece(info, row, 0))
    hog = fill_up(small_disk)
    with pytest.raises(NoSpace, match="became full while writing into") as caught:
        fill(store, info, row)
    assert "choose another folder" in caught.value.hint
    # A piece that is not all there does not count, and nothing appears under a file's name.
    with pytest.raises(StorageFailed, match="Not all of it"):
        store.finish()
    store.discard()
    _only_the_hog(hog)


@pytest.mark.webrtc
async def test_a_transfer_that_fills_the_disk_waits_for_room(
    relay: RunningRelay, tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "posix_fallocate")
    monkeypatch.setattr(disk_watch, "LOOK_AGAIN", 0.05)
    write_tree(tmp_path / "src", {"d/a": os.urandom(SMALL // 2), "d/b": b"b"})
    async with pair(relay, tmp_path) as (ann, bob):
        bob.output = small_disk
        create, hogs = DownloadFiles.create, list[Path]()

        def create_and_fill(*args: Any, **options: Any) -> DownloadFiles:
            store = create(*args, **options)
            hogs.append(fill_up(small_disk))
            return store

        monkeypatch.setattr(DownloadFiles, "create", create_and_fill)
        transfer = await ann.client.request([tmp_path / "src" / "d"])
        request = await bob.asked()
        await bob.client.answer(request.transfer, [True, True], output=small_disk)
        await bob.until(lambda: bob.of(e.StorageWaits))
        told = bob.of(e.StorageWaits)[0]
        assert (told.reason, told.transfer) == ("full", transfer)
        assert "more are needed" in told.message
        hogs[0].unlink()
        assert await bob.ended(transfer) is TransferPhase.DONE
        assert await ann.ended(transfer) is TransferPhase.DONE
        assert bob.of(e.StorageBack)
        sent = (tmp_path / "src" / "d" / "a").read_bytes()
        assert (small_disk / "d" / "a").read_bytes() == sent


@pytest.mark.webrtc
async def test_a_transfer_whose_disk_stays_full_ends_on_both_sides(
    relay: RunningRelay, tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "posix_fallocate")
    monkeypatch.setattr(disk_watch, "LOOK_AGAIN", 0.05)
    monkeypatch.setattr(disk_watch, "PATIENCE", 0.3)
    write_tree(tmp_path / "src", {"d/a": os.urandom(SMALL // 2), "d/b": b"b"})
    async with pair(relay, tmp_path) as (ann, bob):
        bob.output = small_disk
        create, hogs = DownloadFiles.create, list[Path]()

        def create_and_fill(*args: Any, **options: Any) -> DownloadFiles:
            store = create(*args, **options)
            hogs.append(fill_up(small_disk))
            return store

        monkeypatch.setattr(DownloadFiles, "create", create_and_fill)
        transfer = await ann.client.request([tmp_path / "src" / "d"])
        request = await bob.asked()
        await bob.client.answer(request.transfer, [True, True], output=small_disk)
        assert await bob.ended(transfer) is TransferPhase.FAILED
        assert await ann.ended(transfer) is TransferPhase.CANCELLED
        (told,) = bob.of(e.Error, code="noSpace")
        assert "became full" in told.message
        (state,) = ann.of(e.TransferState, transfer=transfer, phase=TransferPhase.CANCELLED)
        assert "full" in state.reason
        await bob.until(lambda: bob.of(e.TorrentDestroyed))
        _only_the_hog(hogs[0])
        # Both are still paired: somebody makes room, and it is sent again.
        hogs[0].unlink()
        monkeypatch.setattr(DownloadFiles, "create", create)
        again = await ann.client.request([tmp_path / "src" / "d"])
        await bob.client.answer((await bob.asked(2)).transfer, [True, True], output=small_disk)
        assert await bob.ended(again) is TransferPhase.DONE
        assert (small_disk / "d" / "a").stat().st_size == SMALL // 2


# --- quotas and limits


@pytest.mark.skipif(not hasattr(errno, "EDQUOT"), reason="Windows says that a disk is full")
@pytest.mark.parametrize("call", ["posix_fallocate", "pwrite"])
def test_a_quota_is_a_full_disk(tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's own words, said in its place: a quota needs a file system made for it."""
    if not hasattr(os, call):
        pytest.skip(f"this system has no {call}")

    def refuse(*_: object) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    # Long enough to have its room promised.
    info, row = torrent({("a",): b"x" * 100_000})
    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(NoSpace, match="full"):
        store = DownloadFiles.create(info, tmp_path / "in", wanted=[True], layout=Layout.LOOSE)
        try:
            fill(store, info, row)
        finally:
            store.discard()
    assert not list((tmp_path / "in").iterdir())


_LIMITED = """
import resource, sys
from pathlib import Path
from tests.torrent.small_disk import fill_up, mounted
from tests.torrent.storage.test_download_files import *
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
info, row = torrent({("a",): b"x" * 200_000})
try:
    DownloadFiles.create(info, Path(sys.argv[1]), wanted=[True], layout=Layout.LOOSE)
except StorageFailed as error:
    print(error.message, error.hint)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
def test_a_file_larger_than_the_system_allows_is_told_as_that(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _LIMITED, tmp_path / "in"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert "too large for this disk's file system" in ran.stdout
    assert "another disk" in ran.stdout
    assert not list((tmp_path / "in").iterdir())


# --- folders that cannot be written to


def _file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("precious")
    return tmp_path / "file"


def _dangling(tmp_path: Path) -> Path:
    (tmp_path / "link").symlink_to("nowhere")
    return tmp_path / "link"


def _loop(tmp_path: Path) -> Path:
    (tmp_path / "loop").symlink_to("loop")
    return tmp_path / "loop" / "x"


UNUSABLE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a file": (_file, "is not a folder"),
    "below a file": (lambda tmp: _file(tmp) / "x" / "y", "is not a folder"),
    "a device": (lambda _: Path(os.devnull), "is not a folder|leads nowhere"),
    "a dangling link": (_dangling, "leads nowhere"),
    "below a loop": (_loop, "leads nowhere"),
    "nobody's home": (lambda _: Path("~nobody-of-this-name/x"), "cannot be used"),
    "a NUL": (lambda tmp: tmp / "a\0b", "cannot be used"),
}


@pytest.mark.parametrize("kind", list(UNUSABLE))
def test_an_output_that_is_no_folder_is_told_before_anything(tmp_path: Path, kind: str) -> None:
    make, why = UNUSABLE[kind]
    if sys.platform == "win32" and kind.endswith(("link", "loop")):
        pytest.skip("links need a privilege on Windows")
    output = make(tmp_path)
    there = sorted(tmp_path.iterdir())
    with pytest.raises(StorageFailed, match=why) as caught:
        check_folder(output)
    assert caught.value.hint == "Choose another folder."
    assert sorted(tmp_path.iterdir()) == there


def test_an_output_that_is_a_link_to_a_folder_is_the_persons_own_word(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    check_folder(tmp_path / "link" / "new" / "deeper")
    info, row = torrent({("a",): b"x"})
    store = DownloadFiles.create(info, tmp_path / "link", wanted=[True], layout=Layout.LOOSE)
    fill(store, info, row)
    store.finish()
    store.close()
    assert (tmp_path / "real" / "a").read_bytes() == b"x"


@pytest.fixture
def read_only(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder that may not be written to: by its permissions, for root by its file system."""
    if sys.platform == "win32":
        pytest.skip("Windows' folders are not read-only like this")
    if os.geteuid() == 0:
        place: Path = request.getfixturevalue("small_disk")
        (place / "there").write_text("precious")
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        yield place
        return
    place = tmp_path / "locked"
    place.mkdir()
    (place / "there").write_text("precious")
    place.chmod(0o500)
    yield place
    place.chmod(0o700)


def test_a_read_only_folder_is_refused(read_only: Path) -> None:
    for folder in (read_only, read_only / "new" / "deeper"):
        with pytest.raises(StorageFailed, match="Nothing may be written to"):
            check_folder(folder)
        info, _ = torrent({("a",): b"x"})
        with pytest.raises(StorageFailed):
            DownloadFiles.create(info, folder, wanted=[True], layout=Layout.LOOSE)
    assert [path.read_text() for path in read_only.iterdir()] == ["precious"]


@pytest.mark.webrtc
async def test_a_yes_into_a_read_only_folder_is_no_yes(
    relay: RunningRelay, tmp_path: Path, read_only: Path
) -> None:
    write_tree(tmp_path / "src", {"f": b"x"})
    async with pair(relay, tmp_path) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src" / "f"])
        request = await bob.asked()
        with pytest.raises(StorageFailed, match="Nothing may be written"):
            await bob.client.answer(request.transfer, [True], output=read_only)
        # The request is still open: another folder will do.
        assert not ann.of(e.FileAnswer)
        await yes(bob)
        assert await ann.ended(transfer) is TransferPhase.DONE
    assert (tmp_path / "bob" / "f").read_bytes() == b"x"


@pytest.mark.parametrize("error", [NoSpace("Full."), StorageFailed("Read-only.")], ids=repr)
async def test_with_yes_to_everything_the_sender_is_told_no(
    tmp_path: Path, error: FileSendError
) -> None:
    answers: list[Sequence[bool]] = []

    class Answering(Client):
        def __init__(self) -> None:
            pass

        @property
        def arriving(self) -> Arriving:
            return ARRIVING

        async def answer(
            self,
            transfer: str,
            accepted: Sequence[bool],
            *,
            output: Path | Target | None = None,
            reason: str = "",
            replace: Sequence[Stood] = (),
        ) -> None:
            answers.append(accepted)
            assert any(accepted) != bool(reason), "a no says why"
            if any(accepted):
                raise error

    request = e.FileRequest(
        transfer="t",
        direction=Direction.RECEIVE,
        partner="P",
        files=(FileEntry(path="f", size=1),),
        total_bytes=1,
    )
    with pytest.raises(type(error)):
        await paired.take_all(Answering(), request, tmp_path)
    assert answers == [(True,), (False,)]


@pytest.mark.parametrize(
    "command", [["receive", "7-apple-violin", "--yes"], ["download", "MAGNET"]]
)
def test_the_commands_tell_before_they_reach_anybody(tmp_path: Path, command: list[str]) -> None:
    magnet = "magnet:?xt=urn:btih:" + "00" * 20 + "&tr=ws://127.0.0.1:9/"
    output = _file(tmp_path)
    environment = {key: value for key, value in os.environ.items() if "FILESEND" not in key}
    environment |= {
        "FILESEND_OUTPUT": str(output),
        "FILESEND_RELAY": "http://127.0.0.1:9",
        "FILESEND_SETTINGS": str(tmp_path / "none.toml"),
        "FILESEND_STATE": str(tmp_path / "state"),
    }
    arguments = [magnet if word == "MAGNET" else word for word in command]
    ran = subprocess.run(
        [sys.executable, "-m", "filesend_tui", *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
    )
    assert ran.returncode == 1, ran.stderr
    assert f"Error: {output} is not a folder." in ran.stderr
    assert "Choose another folder." in ran.stderr
    assert output.read_text() == "precious"
