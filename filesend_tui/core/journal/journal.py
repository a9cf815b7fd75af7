"""The journal: what has to outlive the process, behind calls that neither wait nor fail.

What is said here about one session, transfer or share is also decided there; nothing here knows how
to go on with any.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, Self, TypeAlias, TypeVar

from msgspec.structs import replace

from filesend_tui.core.events import (
    History,
    JournalTrouble,
    SessionId,
    TransferId,
    TransferPhase,
)
from filesend_tui.core.journal.records import (
    KeptWord,
    SessionRecord,
    ShareRecord,
    TransferRecord,
    Unfinished,
)
from filesend_tui.core.journal.rows import Rows
from filesend_tui.core.journal.troubles import FORGETFUL
from filesend_tui.core.journal.writer import Job, Writer

#: Seconds that closing may take; a disk that hangs must not hold up the exit.
PARTING: Final = 3.0

T = TypeVar("T")
#: The end of a write: whether it is in the file. Need not be awaited, and never raises.
Written: TypeAlias = "asyncio.Future[bool]"


class Journal:
    """Sessions, unfinished transfers and shares, and the history, in `journal.sqlite` of a folder.

    `open` makes one. All methods are called on the event loop that it was opened on, and none of
    them raises for what is wrong with the disk: that is told once, by `watch`.

    **Writes** are begun by the call and need not be awaited. Those of one turn of the event loop
    are written together or not at all, in the order of the calls, and before any later read. The
    result is whether it is in the file: False where it cannot be written (then it is tried again
    until it can be, and the result of that is told to nobody), where another process holds what it
    is about, or where it is too much.

    **What survives.** A process that is killed loses nothing of which the result was True. Power
    that is lost may cost the last seconds, and never leaves half of a write: what is written with
    `durable=True`, and all before it, has reached the disk before the result. The file itself may
    be lost: then a new one begins.

    **Who holds what.** What this process saves is its own while it runs. What a process that ended
    has left unfinished is any other's, by `claim`, which lets one win.
    """

    def __init__(self, writer: Callable[[Callable[[JournalTrouble], None]], Writer]) -> None:
        self._loop = asyncio.get_running_loop()
        self._batch: list[Job] = []
        self._troubles: list[JournalTrouble] = []
        self._watcher: Callable[[JournalTrouble], object] | None = None
        self._closed = False
        self._lasts = True
        self._writer = writer(partial(self._call, self._tell))
        self._writer.start()

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the journal of a state folder, both made where they do not exist; return at once.

        A file of a later version is left as it is, a damaged one is kept under another name, and
        where none can be used this one lasts as long as the process: `watch` is told.
        """
        return cls(partial(Writer, folder))

    @property
    def lasts(self) -> bool:
        """Whether what is written outlives the process, as far as is known by now."""
        return self._lasts

    def watch(self, watcher: Callable[[JournalTrouble], object]) -> None:
        """Have this called with each trouble, those from before included."""
        self._watcher = watcher
        troubles, self._troubles = self._troubles, []
        for trouble in troubles:
            watcher(trouble)

    async def flush(self) -> None:
        """Wait until all that was to be written is, or cannot be for now."""
        await self._ask(lambda _: None, None)

    async def close(self) -> None:
        """Write what is left and close, within PARTING seconds; idempotent.

        What this process has left unfinished is then any other's.
        """
        if not self._closed:
            self._hand_over()
            self._closed = True
            self._writer.end()
        deadline = self._loop.time() + PARTING
        while self._writer.is_alive() and self._loop.time() < deadline:
            await asyncio.to_thread(self._writer.join, 0.05)

    # -- sessions and their words

    def save_session(self, record: SessionRecord, *, durable: bool = False) -> Written:
        """Insert or replace a session; its counters (epoch, taken, next_seq) never go back."""
        return self._write(lambda rows: rows.save_session(record), durable=durable)

    def session_epoch(self, session: SessionId, epoch: int, *, durable: bool = True) -> Written:
        """Set a session's epoch, and that it was seen now."""
        now = time.time()
        change = partial(replace, epoch=epoch, last_seen=now)
        return self._write(lambda rows: rows.change_session(session, change), durable=durable)

    def took(self, session: SessionId, seq: int, *, durable: bool = False) -> Written:
        """Note the number of the last word taken from the partner, and that they were seen now."""
        change = partial(replace, taken=seq, last_seen=time.time())
        return self._write(lambda rows: rows.change_session(session, change), durable=durable)

    def keep_word(self, word: KeptWord, *, durable: bool = False) -> Written:
        """Keep a word until `drop_words`, and set the session's next_seq behind it.

        Its number must be the session's next_seq. At most 2,000 words or 64 MiB are kept of a
        session: the first that is more, and all that come after it, are not.
        """
        return self._write(
            lambda rows: rows.keep_word(word), durable=durable, size=len(word.content)
        )

    def drop_words(self, session: SessionId, upto: int) -> Written:
        """Forget the words up to and with this number: the partner has them."""
        return self._write(lambda rows: rows.drop_words(session, upto))

    async def session(self, session: SessionId) -> SessionRecord | None:
        """Return a session, whoever holds it."""
        return await self._ask(lambda rows: rows.session(session), None)

    async def sessions(self) -> list[SessionRecord]:
        """Return all sessions, the last seen first, whoever holds them."""
        return await self._ask(lambda rows: rows.sessions(), [])

    async def words(self, session: SessionId) -> list[KeptWord]:
        """Return the words of a session that the partner may not have, in order, without gaps."""
        return await self._ask(lambda rows: rows.words(session), [])

    async def claim_session(self, session: SessionId) -> bool:
        """Take a session; return False where there is none, or another process holds it."""
        return await self._ask(lambda rows: rows.claim_session(session), False)

    async def forget_session(self, session: SessionId) -> bool:
        """Delete a session with its words and transfers; False where another process holds it."""
        return await self._ask(lambda rows: rows.forget_session(session), False)

    # -- transfers and shares

    def save_transfer(self, record: TransferRecord, *, durable: bool = False) -> Written:
        """Insert or replace a transfer. Of one that ended little is kept, and no key."""
        size = len(record.request) + len(record.info) + len(record.packed)
        size += 200 * len(record.sources)
        return self._write(lambda rows: rows.save_transfer(record), durable=durable, size=size)

    def phase(
        self,
        session: SessionId,
        transfer: TransferId,
        phase: TransferPhase,
        *,
        durable: bool = False,
    ) -> Written:
        """Set the phase of an unfinished transfer; a final one ends it."""
        now = time.time()
        return self._write(lambda rows: rows.phase(session, transfer, phase, now), durable=durable)

    def save_share(self, record: ShareRecord, *, durable: bool = False) -> Written:
        """Insert or replace an open share or download."""
        size = len(record.info) + 200 * len(record.sources)
        return self._write(lambda rows: rows.save_share(record), durable=durable, size=size)

    async def unfinished(self) -> list[Unfinished]:
        """Return the transfers and shares that have not ended, the oldest first."""
        return await self._ask(lambda rows: rows.unfinished(), [])

    async def transfer(self, session: SessionId, transfer: TransferId) -> TransferRecord | None:
        """Return a transfer that has not ended, whoever holds it."""
        return await self._ask(lambda rows: rows.transfer(session, transfer), None)

    async def expired(self) -> list[Unfinished]:
        """Return what is unfinished, not running, and was not changed for 30 days."""
        now = time.time()
        return await self._ask(lambda rows: rows.expired(now), [])

    async def claim(self, session: SessionId, transfer: TransferId) -> bool:
        """Take an unfinished transfer and its session.

        Of several processes at once one gets True. False also where a process that runs, this one
        not counted, holds either of the two; or where there is no such transfer.
        """
        return await self._ask(lambda rows: rows.claim(session, transfer), False)

    async def claim_share(self, share: str) -> bool:
        """Take an unfinished share, likewise."""
        return await self._ask(lambda rows: rows.claim_share(share), False)

    async def forget(self, session: SessionId, transfer: TransferId) -> bool:
        """Delete a transfer; False where there is none, or another process holds it."""
        return await self._ask(lambda rows: rows.forget(session, transfer), False)

    async def forget_share(self, share: str) -> bool:
        """Delete a share; False where there is none, or another process holds it."""
        return await self._ask(lambda rows: rows.forget_share(share), False)

    # -- the history

    def add_history(self, entry: History) -> Written:
        """Add an entry; its number is given to it. The newest 10,000 of 90 days are kept."""
        now = time.time()
        return self._write(lambda rows: rows.add_history(entry, now))

    async def history(self, limit: int, before: int | None = None) -> list[History]:
        """Return the newest entries, the newest first.

        Args:
            limit: How many at most.
            before: Only those with a lower number: the last one's of the page before.
        """
        return await self._ask(lambda rows: rows.history(limit, before), [])

    async def clear_history(self) -> int | None:
        """Delete the whole history; return how many entries it had, None where it cannot be."""
        return await self._ask(lambda rows: rows.clear_history(), None)

    # -- contacts

    async def with_contacts(self, work: Callable[[Rows], T], failed: T) -> T:
        """Do this with the rows, in a transaction of its own, which has reached the disk before it
        returns; return its result, and `failed` where it cannot be written. See contact_rows.py.
        """
        return await self._ask(work, failed, durable=True)

    # -- inside

    def _write(
        self, work: Callable[[Rows], bool], *, durable: bool = False, size: int = 0
    ) -> Written:
        written: Written = self._loop.create_future()
        done = partial(self._call, partial(_settle, written))
        self._add(Job(work, done, False, lasting=True, durable=durable, size=size))
        return written

    async def _ask(self, work: Callable[[Rows], T], failed: T, *, durable: bool = False) -> T:
        answer: asyncio.Future[T] = self._loop.create_future()
        done = partial(self._call, partial(_settle, answer))
        self._add(Job(work, done, failed, durable=durable))
        return await answer

    def _add(self, job: Job) -> None:
        if self._closed:
            job.finish(job.failed)
            return
        self._batch.append(job)
        if len(self._batch) == 1:
            self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        if self._batch and not self._closed:
            batch, self._batch = self._batch, []
            self._writer.hand(batch)

    def _tell(self, trouble: JournalTrouble) -> None:
        self._lasts = self._lasts and trouble.reason not in FORGETFUL
        if self._watcher is not None:
            self._watcher(trouble)
        else:
            self._troubles.append(trouble)

    def _call(self, callback: Callable[[Any], object], value: Any) -> None:
        """Call back on the event loop, from any thread."""
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(callback, value)


def _settle(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)
