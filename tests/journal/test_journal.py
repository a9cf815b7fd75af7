"""The journal in one process: what is kept, for whom, within which bounds, and in which order."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from filesend_tui.core.events import (
    Direction,
    History,
    JournalTrouble,
    Result,
    SessionId,
    TransferPhase,
)
from filesend_tui.core.journal import rows
from filesend_tui.core.journal.journal import Journal
from filesend_tui.core.journal.records import KeptWord, ShareRecord, TransferRecord, Unfinished
from filesend_tui.core.util import keeping
from tests.journal.everything import closed
from tests.journal.samples import ANN, BOB, session, share, transfer, word


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
async def journal(folder: Path) -> AsyncIterator[Journal]:
    opened, troubles = watched(folder)
    yield opened
    await closed(opened)
    assert troubles == []


def watched(folder: Path) -> tuple[Journal, list[JournalTrouble]]:
    troubles: list[JournalTrouble] = []
    opened = Journal.open(folder)
    opened.watch(troubles.append)
    return opened, troubles


async def reopened(journal: Journal, folder: Path) -> Journal:
    await closed(journal)
    return Journal.open(folder)


def entry(name: str, ended: float | None = None) -> History:
    when = time.time() if ended is None else ended
    return History(
        direction=Direction.SEND, result=Result.DONE, names=(name,), began=when - 1, ended=when
    )


# -- what is kept is there again


async def test_a_session_with_its_words_outlives_the_journal(
    journal: Journal, folder: Path
) -> None:
    assert await journal.save_session(session(ANN))
    for seq in range(4):
        assert await journal.keep_word(word(ANN, seq))
    assert await journal.drop_words(ANN, 1)
    assert await journal.took(ANN, 7)
    assert await journal.session_epoch(ANN, 3)
    again = await reopened(journal, folder)
    found = await again.session(ANN)
    assert found is not None
    assert (found.root, found.partner) == (session(ANN).root, "Ann")
    assert (found.taken, found.epoch, found.next_seq) == (7, 3, 4)
    assert found.last_seen > session(ANN).last_seen
    assert await again.words(ANN) == [word(ANN, 2), word(ANN, 3)]
    assert await again.sessions() == [found]
    await closed(again)


@pytest.mark.parametrize(
    "folder_name",
    ["inbox", os.fsdecode(b"no \xff text") if os.name != "nt" else "ünï", "ünï 🍋 "],
)
async def test_a_transfer_is_read_as_it_was_written(
    journal: Journal, folder: Path, folder_name: str
) -> None:
    written = transfer(ANN, "t1", folder=Path(folder_name).absolute())
    assert await journal.save_transfer(written)
    again = await reopened(journal, folder)
    assert await again.unfinished() == [Unfinished(written, running=False)]
    await closed(again)


async def test_a_share_is_read_as_it_was_written(journal: Journal, folder: Path) -> None:
    written = share("s1")
    assert await journal.save_share(written)
    again = await reopened(journal, folder)
    assert await again.unfinished() == [Unfinished(written, running=False)]
    assert await again.claim_share("s1")
    assert await again.save_share(replace(written, ended=2.0))
    assert await again.unfinished() == []
    assert await again.forget_share("s1")
    assert not await again.forget_share("s1")
    await closed(again)


async def test_both_sides_of_a_transfer_may_share_a_journal(journal: Journal) -> None:
    """The sender makes a transfer's id, and two terminals of one person are a test of the thing."""
    sent, received = transfer(ANN, "same"), transfer(BOB, "same", direction=Direction.RECEIVE)
    assert await journal.save_transfer(sent)
    assert await journal.save_transfer(received)
    assert await journal.phase(ANN, "same", TransferPhase.READY)
    found = {each.record.direction: each.record for each in await journal.unfinished()}
    moved = found[Direction.SEND]
    assert isinstance(moved, TransferRecord)
    assert moved.phase is TransferPhase.READY
    assert found[Direction.RECEIVE] == received


async def test_a_phase_moves_and_an_end_takes_the_keys_away(journal: Journal, folder: Path) -> None:
    await journal.save_transfer(transfer(ANN, "t1"))
    assert await journal.phase(ANN, "t1", TransferPhase.TRANSFERRING)
    (found,) = await journal.unfinished()
    assert isinstance(found.record, TransferRecord)
    assert found.record.phase is TransferPhase.TRANSFERRING
    assert found.record.updated > transfer(ANN, "t1").updated
    assert await journal.phase(ANN, "t1", TransferPhase.DONE)
    assert await journal.unfinished() == []
    assert not await journal.phase(ANN, "t1", TransferPhase.READY), "it has ended"
    await closed(journal)
    kept = (folder / "journal.sqlite").read_bytes()
    assert transfer(ANN, "t1").swarm_key not in kept
    assert b"holiday" not in kept


async def test_what_is_forgotten_is_in_the_file_no_more(journal: Journal, folder: Path) -> None:
    await journal.save_session(session(ANN))
    await journal.keep_word(word(ANN, 0, b"a word that is secret"))
    await journal.save_transfer(transfer(ANN, "t1"))
    await journal.flush()
    assert await journal.forget_session(ANN)
    assert await journal.sessions() == []
    assert await journal.words(ANN) == []
    assert await journal.unfinished() == []
    await closed(journal)
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for secret in (session(ANN).root, b"a word that is secret", transfer(ANN, "t1").swarm_key):
        assert secret not in kept


async def test_forgetting_one_transfer_leaves_the_other(journal: Journal) -> None:
    await journal.save_transfer(transfer(ANN, "t1"))
    await journal.save_transfer(transfer(ANN, "t2"))
    assert await journal.forget(ANN, "t1")
    assert not await journal.forget(ANN, "t1")
    assert [each.record.id for each in await journal.unfinished()] == ["t2"]


async def test_one_is_found_until_it_ends(journal: Journal) -> None:
    await journal.save_transfer(transfer(ANN, "t1"))
    await journal.phase(ANN, "t1", TransferPhase.READY)
    found = await journal.transfer(ANN, "t1")
    assert found is not None
    assert (found.id, found.phase) == ("t1", TransferPhase.READY)
    assert await journal.transfer(ANN, "t2") is None
    assert await journal.transfer(BOB, "t1") is None
    await journal.phase(ANN, "t1", TransferPhase.DONE)
    assert await journal.transfer(ANN, "t1") is None


async def test_what_is_unknown_changes_nothing(journal: Journal) -> None:
    assert not await journal.phase(ANN, "t1", TransferPhase.READY)
    assert not await journal.took(ANN, 3)
    assert not await journal.keep_word(word(ANN, 0))
    assert not await journal.claim(ANN, "t1")
    assert not await journal.claim_session(ANN)
    assert await journal.session(ANN) is None


async def test_what_was_counted_is_never_counted_again(journal: Journal) -> None:
    """Whoever saves a session anew may have an older record of it."""
    await journal.save_session(session(ANN))
    await journal.keep_word(word(ANN, 0))
    await journal.took(ANN, 5)
    await journal.session_epoch(ANN, 2)
    await journal.save_session(replace(session(ANN), partner="Anna"))
    await journal.took(ANN, 4)
    found = await journal.session(ANN)
    assert found is not None
    assert (found.partner, found.next_seq, found.taken, found.epoch) == ("Anna", 1, 5, 2)


# -- words are without gaps, and bounded


async def test_a_word_that_is_not_the_next_is_not_kept(journal: Journal) -> None:
    await journal.save_session(session(ANN))
    assert await journal.keep_word(word(ANN, 0))
    assert not await journal.keep_word(word(ANN, 0))
    assert not await journal.keep_word(word(ANN, 2))
    assert await journal.words(ANN) == [word(ANN, 0)]


async def test_words_without_end_are_kept_up_to_a_bound_and_then_none(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MAX_WORDS", 3)
    await journal.save_session(session(ANN))
    kept = [await journal.keep_word(word(ANN, seq)) for seq in range(5)]
    assert kept == [True, True, True, False, False]
    await journal.drop_words(ANN, 0)
    assert not await journal.keep_word(word(ANN, 5)), "it would leave a gap"
    assert [each.seq for each in await journal.words(ANN)] == [1, 2]


async def test_large_words_are_bounded_by_their_bytes(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MAX_WORD_BYTES", 1000)
    await journal.save_session(session(ANN))
    assert await journal.keep_word(word(ANN, 0, b"x" * 700))
    assert not await journal.keep_word(word(ANN, 1, b"x" * 700))


# -- the order of calls, and one turn of the event loop


async def test_the_writes_of_one_turn_are_one_transaction(
    journal: Journal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await journal.flush()
    commits = count_commits(monkeypatch)
    journal.save_session(session(ANN))
    for seq in range(50):
        journal.keep_word(word(ANN, seq))
    last = journal.save_transfer(transfer(ANN, "t1"))
    assert await last
    assert commits() == 1
    assert len(await journal.words(ANN)) == 50


def count_commits(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    from filesend_tui.core.journal.database import Database

    counted: list[int] = []
    commit = Database.commit

    def counting(self: Database) -> None:
        counted.append(1)
        commit(self)

    monkeypatch.setattr(Database, "commit", counting)
    return lambda: len(counted)


async def test_a_read_sees_what_was_written_before_it(journal: Journal) -> None:
    for number in range(20):
        journal.save_transfer(transfer(ANN, f"t{number}"))
        assert len(await journal.unfinished()) == number + 1


async def test_a_faulty_write_costs_only_itself(journal: Journal) -> None:
    bad = replace(session(BOB), last_seen="never")
    first = journal.save_session(session(ANN))
    second = journal.save_session(bad)
    third = journal.save_transfer(transfer(ANN, "t1", info_hash=object()))
    fourth = journal.save_transfer(transfer(ANN, "t2"))
    assert [await first, await third, await fourth] == [True, False, True]
    await second
    assert [each.record.id for each in await journal.unfinished()] == ["t2"]


async def test_after_closing_nothing_is_kept_and_nothing_fails(folder: Path) -> None:
    journal, _ = watched(folder)
    last = journal.save_session(session(ANN))
    await closed(journal)
    assert await last, "what was begun before is written"
    await journal.close()
    assert not await journal.save_session(session(BOB))
    assert await journal.sessions() == []
    await journal.flush()


async def test_nothing_is_waited_for_at_the_start(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filesend_tui.core.journal.database import Database

    let_go = threading.Event()
    opening = Database.open

    def slow(at: Path) -> Database:
        assert let_go.wait(20)
        return opening(at)

    monkeypatch.setattr(Database, "open", slow)
    journal = Journal.open(folder)
    writes = [journal.save_session(session(id)) for id in (ANN, BOB)]
    await asyncio.sleep(0)
    assert not any(write.done() for write in writes)
    let_go.set()
    assert [await write for write in writes] == [True, True]
    await closed(journal)


# -- the history


async def test_the_history_comes_by_pages_the_newest_first(journal: Journal) -> None:
    for number in range(7):
        journal.add_history(entry(str(number)))
    first = await journal.history(3)
    assert [each.names[0] for each in first] == ["6", "5", "4"]
    second = await journal.history(3, before=first[-1].number)
    assert [each.names[0] for each in second] == ["3", "2", "1"]
    assert await journal.clear_history() == 7
    assert await journal.history(3) == []
    await journal.add_history(entry("new"))
    assert (await journal.history(1))[0].number > first[0].number, "a number is never used again"


async def test_the_history_is_bounded_by_count_and_by_age(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MAX_HISTORY", 3)
    await journal.add_history(entry("old", time.time() - rows.HISTORY_AGE - 10))
    assert await journal.history(9) == []
    for number in range(5):
        await journal.add_history(entry(str(number)))
    assert [each.names[0] for each in await journal.history(9)] == ["4", "3", "2"]


# -- what is old goes


async def test_a_month_later_what_is_unfinished_is_told_and_its_session_stays(
    folder: Path,
) -> None:
    journal, _ = watched(folder)
    long_ago = time.time() - keeping.UNFINISHED - 60
    await journal.save_session(replace(session(ANN), last_seen=long_ago))
    await journal.save_transfer(replace(transfer(ANN, "t1"), updated=long_ago))
    await journal.save_session(replace(session(BOB), last_seen=long_ago))
    await journal.save_transfer(
        replace(transfer(BOB, "t2"), updated=long_ago, phase=TransferPhase.DONE)
    )
    lately = replace(session(SessionId("c" * 16)), last_seen=time.time() - 60)
    await journal.save_session(lately)
    await journal.save_transfer(replace(transfer(lately.id, "t3"), updated=long_ago))
    assert await journal.expired() == [], "it runs"
    again = await reopened(journal, folder)
    assert [each.record.id for each in await again.expired()] == ["t1"]
    assert [each.id for each in await again.sessions()] == [lately.id, ANN]
    await closed(again)
    with sqlite3.connect(folder / "journal.sqlite") as database:
        assert database.execute("SELECT id FROM transfer").fetchall() == [("t1",), ("t3",)]


# -- whose it is


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
async def test_nobody_else_may_read_any_of_it(folder: Path) -> None:
    before = os.umask(0)
    try:
        journal, _ = watched(folder)
        await journal.save_session(session(ANN))
        paths = [folder, *folder.rglob("*")]
        assert {path.name for path in paths} >= {"state", "journal.sqlite", "journal.sqlite-wal"}
        for path in paths:
            wanted = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.stat().st_mode) == wanted, path
        await closed(journal)
    finally:
        os.umask(before)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
async def test_what_others_could_read_they_can_no_longer(folder: Path) -> None:
    journal, _ = watched(folder)
    await closed(journal)
    folder.chmod(0o755)
    (folder / "journal.sqlite").chmod(0o644)
    journal, troubles = watched(folder)
    await closed(journal)
    assert troubles == []
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "journal.sqlite").stat().st_mode) == 0o600


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
async def test_a_folder_that_holds_more_keeps_its_permissions(folder: Path) -> None:
    folder.mkdir()
    (folder / "letter.odt").touch()
    folder.chmod(0o755)
    journal, troubles = watched(folder)
    assert await journal.save_session(session(ANN))
    await closed(journal)
    assert troubles == []
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert stat.S_IMODE((folder / "journal.sqlite").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "running").stat().st_mode) == 0o700


def test_no_secret_is_in_a_repr() -> None:
    told = session(ANN), word(ANN, 1, b"hush"), transfer(ANN, "t1"), share("s1")
    for record in told:
        shown = repr(record) + repr(list(record.__rich_repr__()))
        for secret in ("rrrr", "hush", "kkkk", "holiday", "urn:btih:0123"):
            assert secret not in shown
    assert "Ann" in repr(told[0])


def test_ids_are_told_apart() -> None:
    from filesend_tui.core.journal.records import new_id

    assert len({new_id() for _ in range(1000)}) == 1000
    assert isinstance(SessionId(new_id()), str)
    assert isinstance(share("s"), ShareRecord)
    assert isinstance(word(ANN, 0), KeptWord)
