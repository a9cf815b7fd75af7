"""leftovers.py and record.py: what dead processes left goes; what may live, anywhere, stays."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from filesend_tui.core.errors import StorageFailed
from filesend_tui.core.torrent.storage.download_files import DownloadFiles, Layout
from filesend_tui.core.torrent.storage.part_folder import owner_record, part_folder
from filesend_tui.core.torrent.storage.part_folder.leftovers import QUIET, Leftover, sweep
from filesend_tui.core.torrent.storage.part_folder.owner_record import RECORD, Record
from filesend_tui.core.torrent.storage.part_folder.part_folder import PartFolder
from filesend_tui.core.util import keeping
from tests.torrent.storage.test_download_files import PIECE, piece, torrent
from tests.torrent.windows import as_on_windows

HASH = bytes.fromhex("0123456789abcdef" + "00" * 12)
NAME = ".filesend-0123456789abcdef.part"
SIZE = 300_000

_CHILD = """
import os, sys
from pathlib import Path
from filesend_tui.core.torrent.storage.part_folder.part_folder import PartFolder
part = PartFolder.claim(Path(sys.argv[1]), bytes.fromhex(sys.argv[2]))
(part.tree.path / "film.mkv").write_bytes(os.urandom(300_000))
print("claimed", flush=True)
sys.stdin.read()
"""


@contextmanager
def _receiver(folder: Path, info_hash: bytes = HASH) -> Iterator[subprocess.Popen[str]]:
    """A process with a part folder in `folder`; killed at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(folder), info_hash.hex()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "claimed\n"
        yield child
        child.kill()


def _left(folder: Path, **changes: object) -> Path:
    """Let a killed process leave a part folder; its record says other things."""
    with _receiver(folder):
        pass
    part = folder / NAME
    if changes:
        made = msgspec.json.decode((part / RECORD).read_bytes())
        (part / RECORD).write_bytes(msgspec.json.encode(made | changes))
    return part


def _age(part: Path, seconds: float) -> None:
    then = part.stat().st_mtime - seconds
    for path in (*part.rglob("*"), part):
        os.utime(path, (then, then))


@pytest.mark.parametrize("windows", [False, True], ids=["here", "as-on-windows"])
def test_what_killed_processes_left_is_removed_and_named(
    tmp_path: Path, windows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = [bytes([number]) * 20 for number in range(3)]
    for info_hash in hashes:
        with _receiver(tmp_path, info_hash):
            pass
    if windows:
        as_on_windows(monkeypatch)
    found = sweep(tmp_path)
    assert {each.path.name for each in found} == {
        f".filesend-{info_hash.hex()[:16]}.part" for info_hash in hashes
    }
    for each in found:
        assert each.names == ("film.mkv",)
        assert each.removed
        assert SIZE <= each.size < 2 * SIZE
    assert list(tmp_path.iterdir()) == []
    assert sweep(tmp_path) == ()


def test_what_a_living_process_has_stays_and_is_not_spoken_of(tmp_path: Path) -> None:
    with _receiver(tmp_path):
        assert sweep(tmp_path) == ()
        mine = PartFolder.claim(tmp_path, bytes(20))
        assert sweep(tmp_path) == ()
        mine.remove()
        assert (tmp_path / NAME / "tree" / "film.mkv").stat().st_size == SIZE


def test_a_number_of_a_process_that_was_used_again_does_not_lie(tmp_path: Path) -> None:
    _left(tmp_path, pid=os.getpid())
    (gone,) = sweep(tmp_path)
    assert gone.removed


def test_a_machine_that_was_started_again_knows_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _left(tmp_path)
    monkeypatch.setattr(owner_record, "_boot", lambda: "another start")
    if owner_record._machine():  # where it has an address to be told by
        (gone,) = sweep(tmp_path)
        assert gone.removed


ANOTHERS = {"machine": "f" * 32, "boot": "elsewhere", "host": "attic\x1b[2J"}


@pytest.mark.parametrize(
    "changes",
    [
        ANOTHERS,
        ANOTHERS | {"machine": "", "boot": ""},
        {"version": 3},
    ],
    ids=["another machine's", "of nobody knows which", "of a later version"],
)
def test_what_may_be_somebodys_is_never_removed(tmp_path: Path, changes: dict[str, object]) -> None:
    part = _left(tmp_path, **changes)
    # Something may still be written to it, wherever.
    assert sweep(tmp_path) == ()
    _age(part, QUIET + 10)
    (told,) = sweep(tmp_path)
    host = "attic[2J" if changes.get("host") else told.host
    assert told._replace(size=0) == Leftover(part, ("film.mkv",), 0, removed=False, host=host)
    assert SIZE <= told.size < 2 * SIZE
    assert (part / "tree" / "film.mkv").stat().st_size == SIZE
    with pytest.raises(StorageFailed, match="begun on") as caught:
        PartFolder.claim(tmp_path, HASH)
    assert str(part) in caught.value.message
    assert "\x1b" not in caught.value.message
    assert (part / "tree" / "film.mkv").stat().st_size == SIZE


NONSENSE = {
    "none": None,
    "empty": b"",
    "cut": b"{",
    "of another kind": b'{"version": "x"}',
    "no text": b"\xff" * 100_000,
}


@pytest.mark.parametrize("content", NONSENSE.values(), ids=NONSENSE)
def test_what_has_no_record_is_not_removed(tmp_path: Path, content: bytes | None) -> None:
    part = _left(tmp_path)
    (part / RECORD).unlink()
    if content is not None:
        (part / RECORD).write_bytes(content)
    _age(part, QUIET + 10)
    (told,) = sweep(tmp_path)
    assert not told.removed
    assert (part / "tree" / "film.mkv").exists()
    # Its lock still tells whether anybody has it, and nobody has.
    PartFolder.claim(tmp_path, HASH).remove()
    assert list(tmp_path.iterdir()) == []


# --- what can be gone on with

INFO, ROW = torrent({("film.mkv",): os.urandom(6 * PIECE), ("d", "b"): os.urandom(4 * PIECE)})


def _unfinished(folder: Path, *, wanted: Sequence[bool] = (True, True)) -> Path:
    store = DownloadFiles.create(INFO, folder, wanted=wanted, layout=Layout.FOLDER, keep=True)
    for index in (0, 2, 3):
        store.write_piece(index, piece(INFO, ROW, index))
    store.close()
    return folder / part_folder.part_name(INFO.info_hash)


def test_what_can_be_gone_on_with_stays_and_is_told_of(tmp_path: Path) -> None:
    part = _unfinished(tmp_path)
    whole = Leftover(part, ("t",), 10 * PIECE, removed=False, host="", resumable=True, progress=0.3)
    for _ in range(2):
        assert sweep(tmp_path) == (whole,)
    assert sweep(tmp_path, but={part.name}) == ()
    store = DownloadFiles.create(
        INFO, tmp_path, wanted=[True, False], layout=Layout.FOLDER, keep=True
    )
    assert sweep(tmp_path) == ()  # it is in use
    store.close()
    (told,) = sweep(tmp_path)
    assert told == whole._replace(names=("film.mkv",), size=6 * PIECE, progress=0.5)


def test_what_nobody_went_on_with_for_a_month_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    _unfinished(tmp_path)
    monkeypatch.setattr(time, "time", lambda: now + keeping.UNFINISHED - 60)
    (told,) = sweep(tmp_path)
    assert told.resumable
    monkeypatch.setattr(time, "time", lambda: now + keeping.UNFINISHED + 60)
    (told,) = sweep(tmp_path)
    assert (told.removed, told.resumable, told.names) == (True, False, ("t",))
    assert list(tmp_path.iterdir()) == []


UNUSABLE: dict[str, Callable[[Path], object]] = {
    "no manifest": lambda part: (part / "manifest.json").unlink(),
    "a cut manifest": lambda part: os.truncate(part / "manifest.json", 30),
    "another torrent's": lambda part: (part / "info").write_bytes(torrent({("x",): b"x"})[0].raw),
    "no word of pieces": lambda part: (part / "pieces").unlink(),
    "all put in place": lambda part: (part / "tree" / "t").rename(part.parent / "t"),
}


@pytest.mark.parametrize("spoil", UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_be_gone_on_with_is_removed(
    tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    part = _unfinished(tmp_path)
    spoil(part)
    (told,) = sweep(tmp_path)
    assert (told.removed, told.resumable) == (True, False)
    assert not part.exists()


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_only_part_folders_are_looked_at_and_nothing_is_followed(tmp_path: Path) -> None:
    precious = _left(tmp_path / "elsewhere")
    target = tmp_path / "target"
    target.mkdir()
    (target / NAME).symlink_to(precious)
    (target / ".filesend-fedcba9876543210.part").write_text("a file")
    # Somebody gave one of our other folders such a name, beside a record of ours.
    other = target / ".filesend-aaaaaaaaaaaaaaaa.part"
    other.mkdir()
    (other / RECORD).write_bytes((precious / RECORD).read_bytes())
    (other / "letters").write_text("precious")
    before = sorted(target.iterdir())
    assert sweep(target) == ()
    assert sorted(target.iterdir()) == before
    assert (precious / "tree" / "film.mkv").exists()
    assert (other / "letters").read_text() == "precious"


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert sweep(tmp_path / "nowhere") == ()
    assert sweep(Path("~nobody-of-this-name/x")) == ()


def test_what_cannot_be_removed_does_not_hide_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        with _receiver(tmp_path, bytes([number]) * 20):
            pass
    real, calls = part_folder.delete, []

    def delete(*args: Any) -> None:
        calls.append(args)
        if len(calls) == 1:
            raise PermissionError(13, "no")
        real(*args)

    monkeypatch.setattr(part_folder, "delete", delete)
    found = sweep(tmp_path)
    assert sorted(each.removed for each in found) == [False, True]


def test_a_made_up_address_tells_no_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uuid, "getnode", lambda: 0x0123_4567_89AB | 1 << 40)
    monkeypatch.setattr(owner_record, "_boot", lambda: "")
    made = Record.of(HASH)
    assert made.machine == ""
    assert not made.is_of_this_machine
