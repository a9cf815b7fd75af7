"""Links where bytes are read or written: nobody is led out of what was shared or chosen."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from filesend_tui.core.errors import BadSource, FileSendError, StorageFailed
from filesend_tui.core.torrent.metainfo.attributes import NOTHING, Attributes, Extras, Folder
from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.sources.create import make_torrent, scan
from filesend_tui.core.torrent.sources.seed_files import SeedFiles
from filesend_tui.core.torrent.storage import dir_handle as ground_module
from filesend_tui.core.torrent.storage.download_files import DownloadFiles, Layout
from tests.torrent.storage.test_download_files import PIECE, everything, fill, piece, torrent

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")


# --- what is shared


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder somebody shares, beside what they would never share."""
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    (tmp_path / "home" / ".ssh" / "id").write_text("secret key")
    shared = tmp_path / "home" / "shared"
    (shared / "sub").mkdir(parents=True)
    (shared / "sub" / "a").write_text("harmless!!")
    return shared


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("../.ssh/id", "leads out of the folder"),
        ("/etc/passwd", "leads out of the folder"),
        ("sub/../../.ssh/id", "leads out of the folder"),
        ("../shared2", "leads out of the folder"),
        ("sub", "leads to a folder"),
        (".", "leads to a folder"),
        ("nowhere", "does not lead to a file"),
        ("link", "does not lead to a file"),
    ],
)
def test_a_link_is_followed_to_a_file_inside_or_refused_by_name(
    shared: Path, target: str, why: str
) -> None:
    (shared.parent / "shared2").write_text("a sibling with the same beginning")
    (shared / "link").symlink_to(target)
    with pytest.raises(BadSource, match=why) as caught:
        scan([shared])
    assert str(shared / "link") in caught.value.message
    assert caught.value.hint


def test_links_that_lead_out_together_are_refused(shared: Path) -> None:
    (shared / "x").symlink_to("../.ssh")
    (shared / "sub" / "y").symlink_to("../x/id")
    with pytest.raises(BadSource, match="out of the folder"):
        scan([shared])


@pytest.mark.parametrize("kind", ["fifo", "socket", "device"])
def test_what_is_no_file_is_refused_by_name_and_never_read(
    shared: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = shared / "odd"
    if kind == "fifo":
        os.mkfifo(place)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as sock:
            monkeypatch.chdir(shared)  # the paths of sockets are short
            sock.bind("odd")
    else:
        try:
            os.mknod(place, stat.S_IFCHR | 0o600, os.makedev(1, 5))
        except PermissionError:
            pytest.skip("only root makes devices")
    with pytest.raises(BadSource, match="odd is neither a file nor a folder"):
        scan([shared])


def _swap(shared: Path) -> None:
    """Put a link in a folder's place, to a file with the name, size and time of what was there."""
    told = (shared / "sub" / "a").stat()
    trap = shared.parent / ".ssh" / "a"
    trap.write_text("secret key")
    os.utime(trap, ns=(told.st_atime_ns, told.st_mtime_ns))
    (shared / "sub").rename(shared / "was")
    (shared / "sub").symlink_to("../.ssh")


def test_a_folder_replaced_by_a_link_before_it_is_read_shows_nothing(shared: Path) -> None:
    sources = scan([shared])
    _swap(shared)
    with pytest.raises(BadSource, match="cannot be read"):
        make_torrent(sources)


def test_a_folder_replaced_by_a_link_while_it_is_sent_shows_nothing(shared: Path) -> None:
    sources = scan([shared])
    store = SeedFiles(make_torrent(sources), sources)
    _swap(shared)
    with pytest.raises(BadSource, match="no longer be read"):
        store.read(0, 0, 10)
    store.close()


# --- where it lands


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """What a link might lead to: files of the same names and sizes as those that arrive."""
    place = tmp_path / "elsewhere"
    for folder in ("t", "tree/t", "t/d", "tree/t/d", "d"):
        (place / folder).mkdir(parents=True, exist_ok=True)
    for name in ("t/a", "tree/t/a", "t/d/b", "tree/t/d/b", "d/b", "spill", "lock"):
        (place / name).write_text("precious")
    return place


def _untouched(elsewhere: Path) -> None:
    files = [path for path in elsewhere.rglob("*") if not path.is_dir()]
    assert len(files) == 7
    assert {path.read_text() for path in files} == {"precious"}


def _download(target: Path) -> tuple[DownloadFiles, TorrentInfo, bytes]:
    info, row = torrent({("a",): b"x" * PIECE, ("d", "b"): b"y" * PIECE})
    store = DownloadFiles.create(info, target, wanted=everything(info), layout=Layout.FOLDER)
    return store, info, row


def _replace(place: Path, link_to: Path) -> None:
    place.rename(place.with_name("moved away"))
    place.symlink_to(link_to)


@pytest.mark.parametrize(
    ("which", "leads_to"),
    [(".", ""), ("tree", "tree"), ("tree/t", "t"), ("tree/t/d", "d")],
    ids=["part folder", "tree", "folder", "subfolder"],
)
def test_a_folder_replaced_by_a_link_in_mid_transfer_leads_nowhere(
    tmp_path: Path, elsewhere: Path, which: str, leads_to: str
) -> None:
    store, info, row = _download(tmp_path / "target")
    (part,) = (tmp_path / "target").iterdir()
    _replace(part / which, elsewhere / leads_to)
    try:
        fill(store, info, row)
        store.finish()
    except FileSendError:
        pass
    else:
        # What was held open went on to be the folder: it arrived there, link or not.
        assert (tmp_path / "target" / "t" / "d" / "b").read_bytes() == b"y" * PIECE
    _untouched(elsewhere)
    store.discard()
    _untouched(elsewhere)


def test_the_target_replaced_by_a_link_still_is_the_target(tmp_path: Path, elsewhere: Path) -> None:
    target = tmp_path / "target"
    store, info, row = _download(target)
    store.write_piece(0, piece(info, row, 0))
    _replace(target, elsewhere)
    store.write_piece(1, piece(info, row, 1))
    store.finish()
    assert (tmp_path / "moved away" / "t" / "a").read_bytes() == b"x" * PIECE
    assert [path.name for path in (tmp_path / "moved away").iterdir()] == ["t"]
    _untouched(elsewhere)
    store.close()


@pytest.mark.parametrize("leads_to", ["t", "t/a", "nowhere", "t2"])
def test_a_link_with_the_name_of_what_arrives_is_left_alone(
    tmp_path: Path, elsewhere: Path, leads_to: str
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "t").symlink_to(elsewhere / leads_to)
    store, info, row = _download(target)
    fill(store, info, row)
    store.finish()
    store.close()
    assert (target / "t").is_symlink()
    assert (target / "t (1)" / "a").read_bytes() == b"x" * PIECE
    _untouched(elsewhere)


@pytest.mark.parametrize("name", ["lock", "tree", "spill"])
def test_links_waiting_in_the_part_folder_are_not_followed(
    tmp_path: Path, elsewhere: Path, name: str
) -> None:
    target = tmp_path / "target"
    store, info, row = _download(target)
    (part,) = target.iterdir()
    store.discard()
    part.mkdir()
    (part / name).symlink_to(elsewhere / name)
    try:
        store, info, row = _download(target)
        fill(store, info, row)
        store.finish()
        store.close()
    except StorageFailed:
        assert name == "lock"
    _untouched(elsewhere)


# --- permissions


@pytest.mark.parametrize("kept", [False, True], ids=["open", "paired"])
@pytest.mark.parametrize("umask", [0o22, 0o77, 0o27, 0o02])
def test_permissions_are_the_umasks_choice_and_never_the_senders(
    tmp_path: Path, umask: int, kept: bool
) -> None:
    """Whatever the sender says, nobody may do more than the umask allows: no setuid, no sticky."""
    source = tmp_path / "t"
    (source / "d").mkdir(parents=True)
    (source / "d" / "b").write_bytes(b"#!/bin/sh")
    (source / "d" / "b").chmod(0o6777)
    (source / "d").chmod(0o1777)
    sources = scan([source])
    info = make_torrent(sources)
    seed = SeedFiles(info, sources)
    everybody = Attributes(0o777)
    extras = Extras((everybody,), (Folder(("t",), everybody), Folder(("t", "d"), everybody)))
    before = os.umask(umask)
    try:
        store = DownloadFiles.create(
            info,
            tmp_path / "in",
            wanted=everything(info),
            layout=Layout.FOLDER,
            extras=extras if kept else NOTHING,
        )
        store.write_piece(0, seed.read(0, 0, 9))
        store.finish()
        store.close()
    finally:
        os.umask(before)
    seed.close()
    mode = stat.S_IMODE((tmp_path / "in" / "t" / "d" / "b").stat().st_mode)
    assert mode == (0o777 if kept else 0o666) & ~umask
    for folder in ("t", "t/d"):
        assert stat.S_IMODE((tmp_path / "in" / folder).stat().st_mode) == 0o777 & ~umask


# --- systems without steps from folder to folder


@pytest.mark.parametrize("attack", [None, "tree/t/d", "tree/t"])
def test_by_paths_alone_it_arrives_and_links_are_seen(
    tmp_path: Path, elsewhere: Path, attack: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ground_module, "HAS_STEPS", False)
    target = tmp_path / "target"
    store, info, row = _download(target)
    if attack is None:
        fill(store, info, row)
        assert store.finish() == target / "t"
        assert (target / "t" / "d" / "b").read_bytes() == b"y" * PIECE
    else:
        (part,) = target.iterdir()
        _replace(part / attack, elsewhere / attack.removeprefix("tree/"))
        with pytest.raises(StorageFailed):
            fill(store, info, row)
    _untouched(elsewhere)
    store.discard()
