"""Ended at any moment: what is in the file is what was before a write, or after it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from filesend_tui.core.journal import schema
from filesend_tui.core.journal.database import Database
from filesend_tui.core.journal.journal import Journal
from tests.journal.everything import STORY, State, closed, everything, opened, read

SEED = 20_26


class Snapshots:
    """The folder as it is when the process is killed: before each commit, and after it."""

    def __init__(self, folder: Path, to: Path) -> None:
        self.folder, self.to = folder, to
        self.before: list[Path] = []
        self.after: list[Path] = []
        self._taken = 0

    def take(self, into: list[Path]) -> None:
        self._taken += 1
        copy = self.to / str(self._taken)
        shutil.copytree(self.folder, copy)
        into.append(copy)


@pytest.fixture
def snapshots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Snapshots:
    taken = Snapshots(tmp_path / "state", tmp_path / "copies")
    commit = Database.commit

    def committing(self: Database) -> None:
        if self.on_disk and self.file.parent == taken.folder:
            taken.take(taken.before)
            commit(self)
            taken.take(taken.after)
        else:
            commit(self)

    monkeypatch.setattr(Database, "commit", committing)
    return taken


async def played(snapshots: Snapshots) -> list[State]:
    """Play the story; return the state after the opening, and after each step."""
    states: list[State] = []
    async with opened(snapshots.folder) as (journal, troubles):
        await journal.flush()
        snapshots.before.clear()
        snapshots.after.clear()
        states.append(frozenset())
        for number, step in enumerate(STORY, 1):
            await step(journal)
            assert len(snapshots.after) == number, "one transaction"
            states.append(await everything(journal))
            # Reading commits too, and changes nothing.
            del snapshots.before[number:], snapshots.after[number:]
    assert troubles == []
    return states


async def test_killed_at_each_commit_it_is_as_before_or_as_after(snapshots: Snapshots) -> None:
    states = await played(snapshots)
    for number, (before, after) in enumerate(zip(snapshots.before, snapshots.after, strict=True)):
        assert await read(before) == (states[number], []), number
        assert await read(after) == (states[number + 1], []), number


async def test_when_the_log_ends_anywhere_it_is_as_at_one_moment(
    snapshots: Snapshots, tmp_path: Path
) -> None:
    """What lost power leaves: a file as it was when it was last synced, and some of its log."""
    states = await played(snapshots)
    last = snapshots.after[-1]
    whole = (last / "journal.sqlite-wal").read_bytes()
    chance = random.Random(SEED)
    cuts = sorted({0, 1, 32, 33, *(chance.randrange(len(whole)) for _ in range(25))})
    newest = 0
    for cut in cuts:
        copy = tmp_path / f"cut at {cut}"
        shutil.copytree(last, copy)
        (copy / "journal.sqlite-wal").write_bytes(whole[:cut])
        (copy / "journal.sqlite-shm").unlink()  # it is memory, and goes with the power
        state, troubles = await read(copy)
        assert troubles == []
        assert state in states[newest:], cut
        newest = states.index(state, newest)
    assert newest > 0


async def test_a_first_start_that_is_killed_leaves_nothing_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies: list[Path] = []
    folder = tmp_path / "state"
    migrate = schema.migrate

    def migrating(connection: object, *more: object) -> None:
        if folder.exists():
            copies.append(Path(shutil.copytree(folder, tmp_path / f"{len(copies)} before")))
        migrate(connection, *more)  # type: ignore[arg-type]
        if folder.exists():
            copies.append(Path(shutil.copytree(folder, tmp_path / f"{len(copies)} after")))

    monkeypatch.setattr(schema, "migrate", migrating)
    async with opened(folder):
        pass
    monkeypatch.undo()
    assert len(copies) == 4
    for copy in copies:
        state, troubles = await read(copy)
        assert (state, troubles) == (frozenset(), [])
        assert not [path for path in copy.iterdir() if path.name.startswith(".new-")]


VICTIM = """
import asyncio, sys
from pathlib import Path
from tests.journal.everything import STORY, opened

async def live(folder):
    async with opened(folder) as (journal, _):
        await journal.flush()
        for number, step in enumerate(STORY):
            print(number, flush=True)
            await step(journal)
        print("done", flush=True)
        await asyncio.sleep(60)

asyncio.run(live(Path(sys.argv[1])))
"""


@pytest.mark.parametrize("after", [0, 3, 7, len(STORY) - 1])
async def test_a_process_that_is_killed_loses_nothing_that_it_said_it_kept(
    tmp_path: Path, after: int
) -> None:
    reference = tmp_path / "reference"
    states: list[State] = [frozenset()]
    async with opened(reference) as (journal, _):
        for step in STORY:
            await step(journal)
            states.append(await everything(journal))
    folder = tmp_path / "state"
    victim = subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert victim.stdout is not None
    for line in victim.stdout:
        if line.strip() == str(after):
            break
    victim.kill()
    victim.wait()
    victim.stdout.close()
    state, troubles = await read(folder)
    assert troubles == []
    assert state in states[after:], "what was kept before that step is there"
    if os.name != "nt":
        assert victim.returncode == -signal.SIGKILL
    left = [path.name for path in (folder / "running").iterdir()]
    assert left == [], "its lock is gone too"


async def test_what_waits_in_the_queue_is_written_when_it_is_closed(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "state")
    for step in STORY[:3]:
        step(journal)
    await closed(journal)
    async with opened(tmp_path / "state") as (again, _):
        assert len(await everything(again)) == 3
