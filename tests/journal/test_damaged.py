"""Files that are no longer what was written: kept, told of, and never an error or a lie."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.journal.everything import STORY, State, everything, opened, read
from tests.journal.samples import ANN, session

SEED = 20_26
FLIPS = 250
NAME = "journal.sqlite"


@pytest.fixture
async def whole(tmp_path: Path) -> AsyncIterator[tuple[Path, State]]:
    """The folder of a journal that was closed, and what is in it."""
    folder = tmp_path / "state"
    async with opened(folder) as (journal, _):
        for step in STORY:
            await step(journal)
        state = await everything(journal)
    yield folder, state


def copied(folder: Path, name: str, content: bytes) -> Path:
    copy = folder.parent / name
    shutil.copytree(folder, copy)
    (copy / NAME).write_bytes(content)
    return copy


def kept(folder: Path) -> list[Path]:
    return sorted(folder.glob("journal.damaged-*"))


async def test_a_file_that_was_cut_off_is_kept_and_told_of(whole: tuple[Path, State]) -> None:
    folder, state = whole
    content = (folder / NAME).read_bytes()
    chance = random.Random(SEED)
    pages = range(0, len(content), 4096)
    cuts = {0, 1, 15, 16, 50, 99, 100, 101, 4095, 4097, len(content) - 1, *pages}
    cuts |= {chance.randrange(len(content)) for _ in range(20)}
    for cut in sorted(cuts):
        copy = copied(folder, f"cut at {cut}", content[:cut])
        found = await read(copy)
        if found == (state, []):
            assert not content[cut:].strip(b"\0"), "what was cut off was empty"
            continue
        assert found == (frozenset(), ["damaged"]), cut
        (aside,) = kept(copy)
        assert aside.read_bytes() == content[:cut]
        assert await read(copy) == (frozenset(), []), "told once; the new one is whole"
    assert await read(folder) == (state, [])


async def test_a_bit_that_flipped_is_noticed_wherever_it_matters(
    whole: tuple[Path, State],
) -> None:
    folder, state = whole
    content = (folder / NAME).read_bytes()
    chance = random.Random(SEED)
    noticed = 0
    for number in range(FLIPS):
        at, bit = chance.randrange(len(content)), chance.randrange(8)
        flipped = bytearray(content)
        flipped[at] ^= 1 << bit
        copy = copied(folder, f"flip {number}", bytes(flipped))
        found, troubles = await read(copy)
        assert found <= state, f"byte {at}, bit {bit}: something that was never written"
        # An entry of the history whose time is another by now may seem too old to be kept.
        lost = [each for each in state - found if not each.startswith("History(")]
        assert not lost or troubles, f"byte {at}, bit {bit}: lost without a word"
        noticed += bool(troubles)
        shutil.rmtree(copy)
    assert noticed > 5


async def test_a_bit_that_flipped_in_the_log_costs_the_last_writes_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, copies = tmp_path / "state", tmp_path / "copies"
    states: list[State] = [frozenset()]
    async with opened(folder) as (journal, _):
        for step in STORY:
            await step(journal)
            states.append(await everything(journal))
        shutil.copytree(folder, copies)
    (copies / f"{NAME}-shm").unlink()
    log = (copies / f"{NAME}-wal").read_bytes()
    chance = random.Random(SEED)
    for number in range(40):
        flipped = bytearray(log)
        flipped[chance.randrange(len(log))] ^= 1 << chance.randrange(8)
        copy = tmp_path / f"flip {number}"
        shutil.copytree(copies, copy)
        (copy / f"{NAME}-wal").write_bytes(flipped)
        found, troubles = await read(copy)
        assert troubles == []
        assert found in states
        shutil.rmtree(copy)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0", b"no database", b"\0" * 8192, b"SQLite format 3\0" + b"\xff" * 9000],
    ids=["empty", "a byte", "text", "zeros", "a header and no more"],
)
async def test_what_is_no_database_is_set_aside(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "state"
    folder.mkdir(0o700)
    (folder / NAME).write_bytes(content)
    async with opened(folder) as (journal, troubles):
        assert await journal.save_session(session(ANN))
    (told,) = troubles
    assert told.reason == "damaged"
    (aside,) = kept(folder)
    assert str(aside) in told.message
    assert "part files are found by their folders" in told.hint
    assert aside.read_bytes() == content
    assert len((await read(folder))[0]) == 1


async def test_another_programs_database_is_set_aside(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(0o700)
    with sqlite3.connect(folder / NAME) as database:
        database.execute("CREATE TABLE session (theirs)")
    database.close()
    content = (folder / NAME).read_bytes()
    assert await read(folder) == (frozenset(), ["damaged"])
    assert kept(folder)[0].read_bytes() == content


async def test_each_damaged_file_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    for number in range(3):
        async with opened(folder):
            pass
        (folder / NAME).write_bytes(b"%d" % number)
        assert (await read(folder))[1] == ["damaged"]
    assert {path.read_bytes() for path in kept(folder)} == {b"0", b"1", b"2"}


async def test_a_file_that_is_damaged_while_it_is_open(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    async with opened(folder) as (journal, troubles):
        for step in STORY:
            await step(journal)
        await journal.flush()
        # Whatever SQLite reads from now on is nonsense: its own pages were let go.
        with sqlite3.connect(folder / NAME) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        size = (folder / NAME).stat().st_size
        with (folder / NAME).open("r+b") as file:
            file.seek(0)
            file.write(b"\xaa" * size)
        assert await journal.save_session(session(ANN)), "the new file has it"
        assert [each.reason for each in troubles] == ["damaged"]
    assert len((await read(folder))[0]) == 1
    assert len(kept(folder)) == 1


async def test_a_file_that_is_deleted_while_it_is_open(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    async with opened(folder) as (journal, troubles):
        await journal.save_session(session(ANN))
        shutil.rmtree(folder)
        assert await journal.save_session(session(ANN))
        assert [each.reason for each in troubles] == ["damaged"]
        assert "deleted" in troubles[0].message
    assert len((await read(folder))[0]) == 1
    assert kept(folder) == []


async def test_the_log_of_a_file_that_is_gone_is_not_taken_for_the_new_ones(
    tmp_path: Path,
) -> None:
    folder, copy = tmp_path / "state", tmp_path / "copy"
    async with opened(folder) as (journal, _):
        for step in STORY:
            await step(journal)
        shutil.copytree(folder, copy)  # as if it was killed now
    (copy / NAME).unlink()
    assert (copy / f"{NAME}-wal").stat().st_size > 0
    assert await read(copy) == (frozenset(), ["damaged"])
    assert await read(copy) == (frozenset(), [])
    assert [path.suffix for path in kept(copy)] != []


async def test_a_spoiled_entry_is_left_out_and_told_of_once(whole: tuple[Path, State]) -> None:
    folder, state = whole
    with sqlite3.connect(folder / NAME) as database:
        database.execute("UPDATE transfer SET record = zeroblob(80) WHERE id = 't3'")
        database.execute("UPDATE session SET record = 'text'")
    database.close()
    async with opened(folder) as (journal, troubles):
        found = await everything(journal)
        assert await everything(journal) == found
    assert [each.reason for each in troubles] == ["spoiled"]
    assert found < state
    assert any("id='t1'" in each for each in found)


async def test_text_that_is_none_costs_its_own_entry(whole: tuple[Path, State]) -> None:
    folder, state = whole
    with sqlite3.connect(folder / NAME) as database:
        for statement in (
            "UPDATE transfer SET id = CAST(x'e4' AS TEXT) WHERE id = 't3'",
            "UPDATE share SET holder = CAST(x'ff' AS TEXT)",
        ):
            database.execute(statement)
    database.close()
    found, troubles = await read(folder)
    assert troubles == ["spoiled"]
    assert len(found) == len(state) - 1


async def test_tables_whose_names_are_no_text_are_set_aside(whole: tuple[Path, State]) -> None:
    folder, _ = whole
    content = (folder / NAME).read_bytes()
    for name, other in (
        (b"holder TEXT", b"h\xe4lder TEXT"),
        (b"holder TEXT", b"iolder TEXT"),
        (b"record BLOB", b"recorf BLOB"),
        (b"TABLE word", b"TABLE w\xefrd"),
        (b"TABLE word", b"TABLD word"),
    ):
        assert name in content
        copy = copied(folder, repr(other)[2:-1].replace("\\", ""), content.replace(name, other))
        assert await read(copy) == (frozenset(), ["damaged"]), other


async def test_a_fault_in_opening_it_costs_no_more_than_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filesend_tui.core.journal import schema

    monkeypatch.setattr(schema, "APPLICATION", "no number")
    async with opened(tmp_path) as (journal, troubles):
        assert await journal.save_session(session(ANN)), "in memory"
    assert [each.reason for each in troubles] == ["unusable"]
    monkeypatch.setattr(schema, "migrate", lambda _: 1 / 0)
    async with opened(tmp_path) as (journal, troubles):
        assert not await journal.save_session(session(ANN)), "and nothing waits for ever"
        assert await journal.sessions() == []


async def test_a_killed_process_has_its_file_checked(
    whole: tuple[Path, State], monkeypatch: pytest.MonkeyPatch
) -> None:
    from filesend_tui.core.journal import database

    folder, _ = whole
    seconds: list[float] = []
    check = database._check

    def checking(connection: sqlite3.Connection, bound: float) -> None:
        seconds.append(bound)
        check(connection, bound)

    monkeypatch.setattr(database, "_check", checking)
    await read(folder)
    (folder / "running" / f"{'0' * 32}.lock").touch()
    await read(folder)
    await read(folder)
    short, long = database.CHECKING
    assert seconds == [short, long, short]


async def test_a_check_takes_no_longer_than_its_bound(
    whole: tuple[Path, State], monkeypatch: pytest.MonkeyPatch
) -> None:
    from filesend_tui.core.journal import database

    folder, state = whole
    monkeypatch.setattr(database, "CHECKING", (-1.0, -1.0))
    monkeypatch.setattr(database, "_STEPS", 1)
    assert await read(folder) == (state, [])
