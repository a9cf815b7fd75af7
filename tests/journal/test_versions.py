"""Files of other versions of the program: older ones are brought along, newer ones left alone."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from filesend_tui.core.journal import schema
from tests.journal.everything import STORY, everything, opened, read
from tests.journal.samples import ANN, session

NAME = "journal.sqlite"
NEXT = (
    "CREATE TABLE stranger (id TEXT PRIMARY KEY)",
    "ALTER TABLE session ADD COLUMN extra TEXT NOT NULL DEFAULT 'more'",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A later version of the program, with a step more."""
    with pytest.MonkeyPatch.context() as patch:
        move_on(patch, (*schema.MIGRATIONS, NEXT))
        yield patch


def move_on(patch: pytest.MonkeyPatch, steps: tuple[tuple[str, ...], ...]) -> None:
    patch.setattr(schema, "MIGRATIONS", steps)
    for function in (schema.check, schema.migrate):
        patch.setattr(function, "__defaults__", (steps,))


async def fill(folder: Path) -> None:
    async with opened(folder) as (journal, troubles):
        for step in STORY:
            await step(journal)
    assert troubles == []


def version(file: Path) -> int:
    return int.from_bytes(file.read_bytes()[60:64])


def test_the_version_is_the_number_of_steps() -> None:
    assert len(schema.MIGRATIONS) == schema.VERSION


async def test_the_tables_are_those_that_are_told(folder: Path) -> None:
    await fill(folder)
    with sqlite3.connect(folder / NAME) as database:
        rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert {name for (name,) in rows} - {"sqlite_sequence"} == set(schema.TABLES)
    assert version(folder / NAME) == schema.VERSION


async def test_an_older_file_is_brought_along_with_all_that_is_in_it(
    folder: Path, later: pytest.MonkeyPatch
) -> None:
    later.undo()
    await fill(folder)
    before = await read(folder)
    move_on(later, (*schema.MIGRATIONS, NEXT))
    assert await read(folder) == before
    assert version(folder / NAME) == schema.VERSION + 1
    with sqlite3.connect(folder / NAME) as database:
        assert database.execute("SELECT extra FROM session").fetchall() == [("more",)]
        assert database.execute("SELECT * FROM stranger").fetchall() == []


@pytest.mark.parametrize("bad", ["CREATE TABLE session (again)", "no SQL"])
async def test_a_step_that_fails_changes_nothing(folder: Path, bad: str) -> None:
    await fill(folder)
    before = await read(folder)
    with pytest.MonkeyPatch.context() as patch:
        move_on(patch, (*schema.MIGRATIONS, (*NEXT, bad)))
        connection = sqlite3.connect(folder / NAME, isolation_level=None)
        with pytest.raises(sqlite3.Error):
            schema.migrate(connection)
        assert not connection.in_transaction
        connection.close()
    assert version(folder / NAME) == schema.VERSION
    assert await read(folder) == before


async def test_killed_in_a_step_it_is_of_the_version_before(folder: Path, tmp_path: Path) -> None:
    await fill(folder)
    before = await read(folder)
    connection = sqlite3.connect(folder / NAME, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    for statement in NEXT:
        connection.execute(statement)
    connection.execute("PRAGMA user_version = 2")
    shutil.copytree(folder, tmp_path / "copy")
    connection.execute("ROLLBACK")
    connection.close()
    assert await read(tmp_path / "copy") == before
    assert version(tmp_path / "copy" / NAME) == schema.VERSION


async def test_a_newer_file_is_left_as_it_is_and_the_program_works(folder: Path) -> None:
    await fill(folder)
    with pytest.MonkeyPatch.context() as patch:
        move_on(patch, (*schema.MIGRATIONS, NEXT))
        await read(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    changed = (folder / NAME).stat().st_mtime_ns
    async with opened(folder) as (journal, troubles):
        assert await everything(journal) == frozenset()
        assert await journal.save_session(session(ANN))
        assert len(await everything(journal)) == 1
        await journal.flush()
    (told,) = troubles
    assert told.reason == "newer"
    assert "left as it is" in told.message
    assert "FILESEND_STATE" in told.hint
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    assert (folder / NAME).stat().st_mtime_ns == changed


async def test_a_file_that_a_newer_program_brings_along_while_it_is_open(folder: Path) -> None:
    await fill(folder)
    async with opened(folder) as (journal, troubles):
        await journal.flush()
        with pytest.MonkeyPatch.context() as patch:
            move_on(patch, (*schema.MIGRATIONS, NEXT))
            connection = sqlite3.connect(folder / NAME, isolation_level=None)
            schema.migrate(connection)
            connection.close()
        assert await journal.save_session(session(ANN)), "in memory"
        assert [each.reason for each in troubles] == ["newer"]
        assert len(await journal.sessions()) == 1
    with sqlite3.connect(folder / NAME) as database:
        assert database.execute("SELECT count(*) FROM transfer").fetchone() == (2,)
