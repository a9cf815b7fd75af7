"""All that a journal holds, to be compared; and a story of writes, one transaction a step."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final, TypeAlias

from msgspec.structs import replace

from filesend_tui.core.events import Direction, History, JournalTrouble, Result, TransferPhase
from filesend_tui.core.journal.journal import Journal
from tests.journal.samples import ANN, BEGAN, BOB, session, share, transfer, word

State: TypeAlias = frozenset[str]


def entry(name: str) -> History:
    return History(
        direction=Direction.SEND, result=Result.DONE, names=(name,), began=BEGAN, ended=BEGAN + 1
    )


Step: TypeAlias = Callable[[Journal], Awaitable[object]]
#: Each step is one transaction.
STORY: Final[tuple[Step, ...]] = (
    lambda j: j.save_session(session(ANN)),
    lambda j: j.save_session(session(BOB), durable=True),
    lambda j: j.keep_word(word(ANN, 0, b"w" * 5000), durable=True),
    lambda j: asyncio.gather(
        j.keep_word(word(ANN, 1)), j.save_transfer(transfer(ANN, "t1")), j.drop_words(ANN, 0)
    ),
    lambda j: j.save_transfer(transfer(BOB, "t2", info=b"i" * 20_000)),
    lambda j: asyncio.gather(j.session_epoch(ANN, 1), j.took(BOB, 9)),
    lambda j: j.phase(ANN, "t1", TransferPhase.TRANSFERRING),
    lambda j: j.save_share(share("s1")),
    lambda j: asyncio.gather(j.add_history(entry("a")), j.phase(BOB, "t2", TransferPhase.DONE)),
    lambda j: j.claim(ANN, "t1"),
    lambda j: j.add_history(entry("b")),
    lambda j: j.forget_session(BOB),
    lambda j: j.save_transfer(transfer(ANN, "t3")),
)


async def everything(journal: Journal) -> State:
    """Whatever is in it, but for times at which something changed, and who holds it."""
    found: list[object] = []
    for each in await journal.sessions():
        found.append(("session", replace(each, last_seen=0.0), each.root))
        found += [("word", kept, kept.content) for kept in await journal.words(each.id)]
    for unfinished in await journal.unfinished():
        record = replace(unfinished.record, updated=0.0)
        found.append(("unfinished", record, [getattr(record, name) for name in record.HIDDEN]))
    found += [replace(each, number=0) for each in await journal.history(100)]
    return frozenset(map(repr, found))


@contextlib.asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[Journal, list[JournalTrouble]]]:
    troubles: list[JournalTrouble] = []
    journal = Journal.open(folder)
    journal.watch(troubles.append)
    try:
        yield journal, troubles
    finally:
        await closed(journal)


async def closed(journal: Journal) -> None:
    """Close it, however long this machine takes."""
    await journal.close()
    await asyncio.to_thread(journal._writer.join, 60)


async def read(folder: Path) -> tuple[State, list[str]]:
    """What a new process finds in a folder, and the reasons of what it tells."""
    async with opened(folder) as (journal, troubles):
        state = await everything(journal)
    return state, [each.reason for each in troubles]
