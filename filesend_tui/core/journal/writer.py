"""The journal's thread: what it is handed is written together, tried again, and never waited for.

A daemon thread: a disk that hangs holds up no exit. What is written is rows.py's, and what the file
is database.py's.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filesend_tui.core.journal import troubles

if TYPE_CHECKING:
    from filesend_tui.core.events import JournalTrouble
    from filesend_tui.core.journal.database import Database
    from filesend_tui.core.journal.rows import Rows

_log = logging.getLogger(__name__)

#: Seconds between two attempts to write, at first and at most.
RETRY: Final = (1.0, 30.0)
#: Most jobs, and bytes in them, that wait for a disk to work again.
MAX_WAITING: Final = 10_000
MAX_WAITING_BYTES: Final = 64 * 1024 * 1024


class Job:
    """Something to do with the rows.

    Args:
        work: What to do; its result is the job's.
        done: Called with the result, in the journal's thread; with `failed` where there is none.
        failed: The result of a job that failed.
        lasting: It is tried again until it is written: `done` is called at the first failure.
        durable: The disk is to have it before it is done.
        size: The bytes that it holds, about.
    """

    __slots__ = ("done", "durable", "failed", "lasting", "size", "work")

    def __init__(
        self,
        work: Callable[[Rows], Any],
        done: Callable[[Any], None],
        failed: Any,
        *,
        lasting: bool = False,
        durable: bool = False,
        size: int = 0,
    ) -> None:
        self.work, self.done, self.failed = work, done, failed
        self.lasting, self.durable, self.size = lasting, durable, size

    def finish(self, result: Any) -> None:
        """Tell the result, once."""
        done, self.done = self.done, _nothing
        done(result)


class Writer(threading.Thread):
    """The thread. It starts at once and opens the journal.

    Args:
        folder: The state folder.
        tell: Called with each trouble, in this thread.
    """

    def __init__(self, folder: Path, tell: Callable[[JournalTrouble], None]) -> None:
        super().__init__(name="journal", daemon=True)
        self._folder = folder
        self._tell = tell
        self._handed: queue.SimpleQueue[Sequence[Job] | None] = queue.SimpleQueue()
        self._waiting: list[Job] = []
        self._failing = False
        self._stopped = False
        self._pause = RETRY[0]
        self._try_at = 0.0

    def hand(self, jobs: Sequence[Job]) -> None:
        """Have these done, together; at the end of all that was handed before."""
        self._handed.put(jobs)

    def end(self) -> None:
        """End once everything is done that was handed before; what fails then is given up."""
        self._handed.put(None)

    def run(self) -> None:
        """Open the journal, do what is handed, and close it."""
        from filesend_tui.core.journal.database import Database  # sqlite3 takes its time

        try:
            database = Database.open(self._folder)
        except Exception:
            _log.exception("the journal broke")
            self._refuse_all()
            return
        self._pass_on(database.troubles)
        going_on = True
        while going_on:
            jobs, going_on = self._next()
            try:
                self._turn(database, jobs, last=not going_on)
            except Exception:
                _log.exception("the journal broke")
            finally:
                self._pass_on(database.troubles)
                for job in jobs:
                    job.finish(job.failed)
        database.close()

    def _next(self) -> tuple[list[Job], bool]:
        """Wait for jobs, or until it is time to try again; return them, and whether more may come.

        All that were handed meanwhile are taken at once.
        """
        jobs: list[Job] = []
        try:
            pause = max(0.0, self._try_at - time.monotonic())
            handed = self._handed.get(timeout=pause if self._waiting else None)
            while handed is not None:
                jobs.extend(handed)
                handed = self._handed.get_nowait()
        except queue.Empty:
            return jobs, True
        return jobs, False

    def _refuse_all(self) -> None:
        """Tell all that is handed that it failed: nobody waits for ever."""
        going_on = True
        while going_on:
            jobs, going_on = self._next()
            for job in jobs:
                job.finish(job.failed)

    def _turn(self, database: Database, jobs: Sequence[Job], *, last: bool) -> None:
        """Write all that waits, then do the rest, each in a transaction of its own."""
        if database.is_replaced():
            database.reopen(damaged=False)
        if not self._stopped:
            self._waiting += [job for job in jobs if job.lasting]
            due = not self._failing or last or time.monotonic() >= self._try_at
            if self._waiting and due and self._attempt(database, self._waiting):
                self._waiting = []
                self._recovered(database)
            self._bound(database)
        for job in jobs:
            if not job.lasting:
                self._attempt(database, [job])

    def _attempt(self, database: Database, jobs: Iterable[Job]) -> bool:
        """Do these in one transaction; return whether they are done with."""
        left = list(jobs)
        for last in (False, True):
            try:
                self._do(database, left)
            except Exception as error:
                if last or not self._mend(database, error):
                    self._failed(database, error)
                    return False
            else:
                return True
        return False

    def _do(self, database: Database, jobs: list[Job]) -> None:
        """Do these in one transaction; leave out those that are faulty. Raises sqlite3.Error."""
        while jobs:
            culprit: Job | None = None
            results: list[Any] = []
            try:
                with database.transaction(durable=any(job.durable for job in jobs)) as rows:
                    for job in jobs:
                        culprit = job
                        results.append(job.work(rows))
                    culprit = None
            except Exception as error:
                if culprit is None or troubles.is_of_the_file(error):
                    raise
                _log.error("the journal cannot keep something", exc_info=error)
                culprit.finish(culprit.failed)
                jobs.remove(culprit)
            else:
                self._pass_on(database.troubles)
                for job, result in zip(jobs, results, strict=True):
                    job.finish(result)
                return

    def _mend(self, database: Database, error: Exception) -> bool:
        """Open another file in place of one that cannot be used; return whether to try again."""
        from filesend_tui.core.journal.schema import Newer

        if isinstance(error, Newer):
            database.retire()
        elif troubles.is_damage(error):
            database.reopen(damaged=True)
        else:
            return False
        return True

    def _failed(self, database: Database, error: Exception) -> None:
        if not self._failing:
            self._failing = True
            _log.debug("the journal cannot be written", exc_info=error)
            database.troubles.append(troubles.unwritten(database.file, error))
            database.be_patient(False)
        self._try_at = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, RETRY[1])

    def _recovered(self, database: Database) -> None:
        if self._failing:
            self._failing, self._pause = False, RETRY[0]
            database.be_patient(True)

    def _bound(self, database: Database) -> None:
        size = sum(job.size for job in self._waiting)
        if len(self._waiting) > MAX_WAITING or size > MAX_WAITING_BYTES:
            # What is in the file stays as it was at one moment, as after lost power.
            self._waiting, self._stopped = [], True
            database.troubles.append(troubles.stopped(database.file))

    def _pass_on(self, found: list[JournalTrouble]) -> None:
        for trouble in found:
            self._tell(trouble)
        found.clear()


def _nothing(_: Any) -> None:
    """Ignore a second result."""
