"""A disk that is full, locked, read-only or not there: transfers go on, and it is told once."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from filesend_tui.core.events import JournalTrouble
from filesend_tui.core.journal import database, writer
from filesend_tui.core.journal.database import Database
from filesend_tui.core.journal.journal import Journal
from tests.journal.everything import everything, opened, read
from tests.journal.samples import ANN, session, transfer

NAME = "journal.sqlite"


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


class Disk:
    """How many pages the file may have: SQLite's own bound, which it reports as a full disk."""

    def __init__(self) -> None:
        self.pages = 0

    def hold(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA max_page_count = {self.pages or 2**30}")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    held = Disk()
    transaction = Database.transaction

    def holding(self: Database, *, durable: bool = False) -> object:
        held.hold(self._connection)
        return transaction(self, durable=durable)

    monkeypatch.setattr(Database, "transaction", holding)
    monkeypatch.setattr(writer, "RETRY", (0.05, 0.1))
    return held


async def test_a_full_disk_is_told_once_and_what_waits_is_written_when_there_is_room(
    tmp_path: Path, disk: Disk
) -> None:
    folder = tmp_path / "state"
    async with opened(folder) as (journal, troubles):
        assert await journal.save_session(session(ANN))
        disk.pages = 1
        for number in range(5):
            assert not await journal.save_transfer(transfer(ANN, f"t{number}", info=bytes(9999)))
        assert [each.reason for each in troubles] == ["unwritten"]
        assert "the disk is full" in troubles[0].message
        assert str(folder / NAME) in troubles[0].message
        assert "free some room" in troubles[0].hint
        assert len(await journal.sessions()) == 1, "what is in it can be read"
        assert await journal.unfinished() == []
        disk.pages = 0
        async with asyncio.timeout(20):
            while len(await journal.unfinished()) < 5:
                await asyncio.sleep(0.01)
        assert await journal.save_session(session(ANN))
        assert len(troubles) == 1
        disk.pages = 1
        assert not await journal.save_transfer(transfer(ANN, "t9", info=bytes(99_999)))
        assert len(troubles) == 2, "it is another time"
        disk.pages = 0
    state, _ = await read(folder)
    assert len(state) == 7, "the last is written when it is closed"


async def test_what_waits_for_the_disk_is_bounded(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MAX_WAITING", 5)
    folder = tmp_path / "state"
    async with opened(folder) as (journal, troubles):
        await journal.save_session(session(ANN))
        disk.pages = 1
        for number in range(10):
            assert not await journal.save_transfer(transfer(ANN, f"t{number}", info=bytes(9999)))
        assert [each.reason for each in troubles] == ["unwritten", "stopped"]
        disk.pages = 0
        assert not await journal.save_transfer(transfer(ANN, "t")), "a part would be a lie"
        assert await journal.unfinished() == []
        assert len(await journal.sessions()) == 1
    assert len((await read(folder))[0]) == 1


async def test_the_bytes_that_wait_are_bounded_too(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MAX_WAITING_BYTES", 25_000)
    async with opened(tmp_path / "state") as (journal, troubles):
        await journal.flush()
        disk.pages = 1
        for number in range(4):
            await journal.save_transfer(transfer(ANN, f"t{number}", info=bytes(9999)))
        assert [each.reason for each in troubles] == ["unwritten", "stopped"]


async def test_another_process_that_hangs_in_a_write_costs_a_moment(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "PATIENCE", 0.2)
    monkeypatch.setattr(database, "IMPATIENCE", 0.01)
    folder = tmp_path / "state"
    async with opened(folder) as (journal, troubles):
        assert await journal.save_session(session(ANN))
        with Hanging(folder / NAME):
            assert not await journal.save_transfer(transfer(ANN, "t1"))
            assert not await journal.claim(ANN, "t1")
            assert [each.reason for each in troubles] == ["unwritten"]
            assert "another program keeps it locked" in troubles[0].message
        async with asyncio.timeout(20):
            while not await journal.unfinished():
                await asyncio.sleep(0.01)
        assert len(troubles) == 1


HANGING = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("begun", flush=True)
sys.stdin.read()
"""


class Hanging:
    """A process that is in the middle of a write for the length of a block."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __enter__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HANGING, str(self.file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "begun\n"

    def __exit__(self, *_: object) -> None:
        self.process.communicate()


async def test_a_thread_that_hangs_holds_up_no_exit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filesend_tui.core.journal import journal as module

    monkeypatch.setattr(module, "PARTING", 0.1)
    let_go = threading.Event()
    commit = Database.commit

    def hanging(self: Database) -> None:
        let_go.wait(20)
        commit(self)

    async with opened(tmp_path / "state") as (journal, _):
        await journal.flush()
        monkeypatch.setattr(Database, "commit", hanging)
        written = journal.save_session(session(ANN))
        await journal.close()
        assert not written.done()
        let_go.set()
        assert await written


# -- places that cannot be used: the journal is in memory


def told(troubles: list[JournalTrouble], folder: Path, why: str) -> None:
    (trouble,) = troubles
    assert trouble.reason == "unusable"
    assert str(folder) in trouble.message
    assert why in trouble.message
    assert "FILESEND_STATE" in trouble.hint


async def works(journal: Journal) -> None:
    assert await journal.save_session(session(ANN))
    assert await journal.save_transfer(transfer(ANN, "t1"))
    assert await journal.claim(ANN, "t1")
    assert len(await everything(journal)) == 2


async def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.write_text("mine")
    async with opened(folder) as (journal, troubles):
        await works(journal)
    assert troubles[0].reason == "unusable"
    assert folder.read_text() == "mine"


async def test_a_file_that_is_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    (folder / NAME).mkdir(parents=True)
    async with opened(folder) as (journal, troubles):
        await works(journal)
    assert troubles[0].reason == "unusable"


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="who may read everything cannot be refused"
)
async def test_a_folder_that_may_only_be_read(tmp_path: Path) -> None:
    above = tmp_path / "above"
    above.mkdir()
    above.chmod(0o500)
    async with opened(above / "state") as (journal, troubles):
        await works(journal)
    told(troubles, above, "permission denied")


#: A disk on which nothing can be written: the smallest files are too large.
FULL = """
import asyncio, resource, sys
from pathlib import Path
from tests.journal.everything import everything, opened
from tests.journal.samples import ANN, session

async def live(folder):
    async with opened(folder) as (journal, troubles):
        assert await journal.save_session(session(ANN))
        assert len(await everything(journal)) == 1
        print([each.reason for each in troubles], troubles[0].message)

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
asyncio.run(live(Path(sys.argv[1])))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
@pytest.mark.parametrize("room", [0, 100, 5_000])
@pytest.mark.parametrize("there", [False, True])
async def test_no_room_at_the_start(tmp_path: Path, room: int, there: bool) -> None:
    folder = tmp_path / "state"
    before: dict[str, bytes] = {}
    if there:
        async with opened(folder) as (journal, _):
            await journal.save_session(session(ANN))
        before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    ran = subprocess.run(
        [sys.executable, "-c", FULL, str(folder), str(room)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("['unusable'] "), ran.stdout
    assert str(folder) in ran.stdout
    if there:
        assert (folder / NAME).read_bytes() == before[NAME]
    assert len((await read(folder))[0]) == there, "the next start finds a disk that works"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
async def test_a_file_that_may_only_be_read_is_made_ones_own_again(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    async with opened(folder):
        pass
    (folder / NAME).chmod(0o400)
    async with opened(folder) as (journal, troubles):
        await works(journal)
    if os.geteuid() == 0:
        assert troubles == []
    else:
        told(troubles, folder, "permission denied")
    assert stat.S_IMODE((folder / NAME).stat().st_mode) & 0o077 == 0
