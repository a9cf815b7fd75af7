"""The open database: the file where it can be used, else one in memory. Blocking, of one thread.

Two journals of one process must not share a folder: closing the file for the one would release the
system's locks of the other.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filesend_tui.core.journal import place, schema, troubles
from filesend_tui.core.journal.holders import Holders
from filesend_tui.core.journal.rows import Rows
from filesend_tui.core.util.file_lock import FileLock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from filesend_tui.core.events import JournalTrouble

_log = logging.getLogger(__name__)

#: Seconds that another process's transaction is waited for; and while it is known to hang.
PATIENCE: Final = 5.0
IMPATIENCE: Final = 0.1
#: Seconds that the check of a file may take: as a rule, and where it was not closed.
CHECKING: Final = (0.1, 1.0)
#: Seconds that another process's opening is waited for.
OPENING: Final = 10.0
_LOOK_AGAIN: Final = 0.02
#: Instructions of SQLite between two looks at the clock while it checks.
_STEPS: Final = 10_000
_OPENING_LOCK: Final = "opening.lock"
_MAGIC: Final = b"SQLite format 3\0"
#: SQLite's file header (sqlite.org/fileformat2.html, 1.3): offsets of two big-endian numbers.
_USER_VERSION, _APPLICATION_ID, _HEADER = 60, 68, 100


class Damaged(Exception):
    """The file is no journal, or no longer one."""


class Database:
    """An open database. `open` makes one.

    rows: what is in it. troubles: what went wrong since they were last read. on_disk: whether it
    outlives the process.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / place.FILE
        self._identity: tuple[int, int] | None = None
        self._spoiled = False
        self.troubles: list[JournalTrouble] = []
        self._begin_in_memory()

    @classmethod
    def open(cls, folder: Path) -> Database:
        """Open the journal in a folder, which need not exist; where that fails, one in memory."""
        database = cls(folder)
        database._open()
        return database

    @property
    def file(self) -> Path:
        """The path of its file, whether or not it could be used."""
        return self._file

    def reopen(self, *, damaged: bool) -> None:
        """Open again: the file is damaged, or another one by now. What it held is lost."""
        self.close()
        self._open(damaged=damaged)

    def is_replaced(self) -> bool:
        """Return whether the file was deleted, or another is in its place."""
        return self.on_disk and place.identity(self._folder) != self._identity

    def retire(self) -> None:
        """Go on in memory: another process made the file one of a later version."""
        self.close()
        self.troubles.append(troubles.newer(self._file))
        self._begin_in_memory()

    def be_patient(self, patient: bool) -> None:
        """Wait long for other processes' transactions, or shortly."""
        milliseconds = int((PATIENCE if patient else IMPATIENCE) * 1000)
        self._connection.execute(f"PRAGMA busy_timeout = {milliseconds}")

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[Rows]:
        """Commit what the block does to the rows, or roll all of it back where it fails.

        Args:
            durable: Wait until the disk has it (PRAGMA synchronous = FULL: the log is synced).

        Raises:
            schema.Newer: Another process made the file one of a later version.
            sqlite3.Error: It failed.
        """
        if self._connection.in_transaction:  # rolling back the last one failed
            self._connection.execute("ROLLBACK")
        if durable:
            self._connection.execute("PRAGMA synchronous = FULL")
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                schema.check(schema.version_of(self._connection))
                yield self.rows
                self.commit()
            except BaseException:
                if self._connection.in_transaction:
                    with suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
                raise
        finally:
            if durable:
                self._connection.execute("PRAGMA synchronous = NORMAL")
        self._tell_spoiled()

    def commit(self) -> None:
        """Commit; a test ends the process here."""
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close it in an orderly way: the next start need not check it."""
        with suppress(sqlite3.Error):
            self._connection.close()
        self._holders.leave()

    # -- opening

    def _begin_in_memory(self) -> None:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        schema.migrate(connection)
        self._shape = schema.shape(connection)
        self._take(connection, Holders.alone(), on_disk=False)

    def _open(self, *, damaged: bool = False) -> None:
        try:
            self._open_on_disk(damaged=damaged)
        except schema.Newer:
            self.troubles.append(troubles.newer(self._file))
        except Exception as error:  # whatever it is, the journal works in memory
            _log.debug("the journal cannot be used", exc_info=True)
            named = error.filename if isinstance(error, OSError) else None
            self.troubles.append(troubles.unusable(Path(named or self._file), error))
        else:
            try:
                with self.transaction() as rows:
                    rows.tidy(time.time())
            except Exception:  # the next transaction tells of it
                _log.debug("the journal was not tidied", exc_info=True)
            return
        if self.on_disk:
            self._begin_in_memory()

    def _open_on_disk(self, *, damaged: bool) -> None:
        """Raises schema.Newer, OSError or sqlite3.Error."""
        place.prepare(self._folder)
        with _alone(self._folder / _OPENING_LOCK):
            present = place.identity(self._folder)
            if damaged and present == self._identity:
                self._set_aside()
            elif self._identity not in (None, present):
                self.troubles.append(troubles.damaged(None, self._file))
            holders = Holders.enter(self._folder)
            try:
                seconds = CHECKING[holders.sweep()]
                connection = self._connect_or_begin_anew(seconds)
            except BaseException:
                holders.leave()
                raise
            self._take(connection, holders, on_disk=True)
            self._identity = place.identity(self._folder)

    def _connect_or_begin_anew(self, check_seconds: float) -> sqlite3.Connection:
        """Raises schema.Newer, OSError or sqlite3.Error."""
        if self._file.exists():
            try:
                return self._connect(check_seconds)
            except (Damaged, sqlite3.DatabaseError, UnicodeDecodeError) as error:
                # ERROR: the statements are right, so the tables are not.
                damage = isinstance(error, Damaged) or troubles.is_damage(error)
                if not damage and troubles.code_of(error) != troubles.ERROR:
                    raise
                self._set_aside()
        elif place.has_remains(self._folder):
            self._set_aside()
        self._make()
        return self._connect(0.0)

    def _make(self) -> None:
        new = place.make_new(self._folder)
        connection = sqlite3.connect(new, isolation_level=None)
        try:
            connection.execute(f"PRAGMA application_id = {schema.APPLICATION}")
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
            schema.migrate(connection)
        finally:
            connection.close()
        place.put_in_place(new)

    def _connect(self, check_seconds: float) -> sqlite3.Connection:
        """Raises Damaged, schema.Newer or sqlite3.Error."""
        self._look_at_header()
        # mode=rw: never make a file where one was deleted meanwhile.
        uri = f"{self._file.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)
        connection.text_factory = _read_text
        try:
            # NORMAL: a killed process costs nothing that was committed; lost power may cost the
            # last transactions, and never leaves half of one.
            for setting in (
                "journal_mode = WAL",
                "synchronous = NORMAL",
                "fullfsync = ON",  # macOS: or a sync would not reach the disk
                "secure_delete = ON",  # what is forgotten is gone
                "trusted_schema = OFF",
                "cell_size_check = ON",
                "temp_store = MEMORY",
                "journal_size_limit = 4194304",  # of the log, once it was copied into the file
            ):
                connection.execute(f"PRAGMA {setting}").fetchall()
            schema.migrate(connection)
            if schema.shape(connection) != self._shape:
                raise Damaged
            if check_seconds:
                _check(connection, check_seconds)
        except BaseException:
            connection.close()
            raise
        return connection

    def _look_at_header(self) -> None:
        """Refuse a file by its first bytes, before SQLite might write to it.

        Raises:
            Damaged, schema.Newer, OSError
        """
        with self._file.open("rb") as file:
            head = file.read(_HEADER)
        if len(head) < _HEADER or not head.startswith(_MAGIC):
            raise Damaged
        if int.from_bytes(head[_APPLICATION_ID : _APPLICATION_ID + 4]) != schema.APPLICATION:
            raise Damaged
        schema.check(int.from_bytes(head[_USER_VERSION : _USER_VERSION + 4]))

    def _set_aside(self) -> None:
        self.troubles.append(troubles.damaged(place.set_aside(self._folder), self._file))

    def _take(self, connection: sqlite3.Connection, holders: Holders, *, on_disk: bool) -> None:
        self._connection, self._holders, self.on_disk = connection, holders, on_disk
        self.rows = Rows(connection, holders.name, holders.is_gone)

    def _tell_spoiled(self) -> None:
        if self.rows.spoiled and not self._spoiled:
            self._spoiled = True
            self.troubles.append(troubles.spoiled(self._file))


def _read_text(data: bytes) -> str:
    """Return a text of the file; a damaged one fits no row, and costs no other."""
    return data.decode("utf-8", "replace")


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Be the only process that opens the journal, for the length of the block. Raises OSError."""
    deadline = time.monotonic() + OPENING
    while (held := FileLock.take(lock)) is None:
        if time.monotonic() > deadline:
            raise OSError(0, "another FileSend has been opening it for too long", str(lock))
        time.sleep(_LOOK_AGAIN)
    try:
        yield
    finally:
        held.release()


def _check(connection: sqlite3.Connection, seconds: float) -> None:
    """Have SQLite look through the file for so many seconds at most. Raises Damaged."""
    deadline = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
    try:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if troubles.code_of(error) != troubles.INTERRUPT:
            raise
        return
    finally:
        connection.set_progress_handler(None, 0)
    if found[0] != "ok":
        raise Damaged
