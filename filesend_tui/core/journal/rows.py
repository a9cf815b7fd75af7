"""The SQL: records in and out of an open database, inside a transaction that its caller began.

Times are seconds since 1970. Raises sqlite3.Error. No thread, no disk and no event lives here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from filesend_tui.core.events import History, SessionId, TransferId, TransferPhase
from filesend_tui.core.journal.holders import pid_of
from filesend_tui.core.journal.records import (
    KeptWord,
    SessionRecord,
    ShareRecord,
    Spoiled,
    TransferRecord,
    Unfinished,
    pack,
    unpack,
)
from filesend_tui.core.util import keeping

if TYPE_CHECKING:
    from sqlite3 import Connection

_DAY: Final = 86_400.0
#: Most rows of the history, and seconds that it goes back.
MAX_HISTORY: Final = 10_000
HISTORY_AGE: Final = 90 * _DAY
#: Most words kept of a session, and most bytes in them.
MAX_WORDS: Final = 2_000
MAX_WORD_BYTES: Final = 64 * 1024 * 1024
#: Seconds for which an ended transfer's id is kept.
ENDED_AGE: Final = _DAY

#: Above the number of any entry of the history.
_LAST: Final = 2**62

T = TypeVar("T", bound=msgspec.Struct)


class Rows:
    """The rows of a database, for one process.

    Args:
        connection: The database, in autocommit mode.
        holder: This process's name.
        is_gone: Whether another holder has ended.

    spoiled: whether a row was left out that is no longer what was written.
    """

    def __init__(
        self, connection: Connection, holder: str, is_gone: Callable[[str | None], bool]
    ) -> None:
        self._connection = connection
        self._me = holder
        self._is_gone = is_gone
        self.spoiled = False

    # -- sessions and their words

    def save_session(self, record: SessionRecord) -> bool:
        """Insert or replace a session; return False where another process holds it.

        Its counters never go back.
        """
        before = self.session(record.id)
        if before is not None:
            counters = ("epoch", "taken", "next_seq")
            highest = {name: max(getattr(before, name), getattr(record, name)) for name in counters}
            record = msgspec.structs.replace(record, **highest)
        return self.changed(
            "INSERT INTO session VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
            "seen = excluded.seen, record = excluded.record WHERE holder IS excluded.holder",
            (record.id, self._me, record.last_seen, pack(record)),
        )

    def change_session(
        self, session: SessionId, change: Callable[[SessionRecord], SessionRecord]
    ) -> bool:
        """Replace a session by what is made of it; return False where it is not this process's."""
        record = self.session(session, mine=True)
        return record is not None and self.save_session(change(record))

    def session(self, session: SessionId, *, mine: bool = False) -> SessionRecord | None:
        """Return a session; None without one, or where `mine` and another process holds it."""
        row = self._one("SELECT holder, id, record FROM session WHERE id = ?", (session,))
        if row is None or (mine and row[0] != self._me):
            return None
        return self.read(SessionRecord, *row[1:])

    def sessions(self) -> list[SessionRecord]:
        """Return all sessions, the last seen first."""
        rows = self.all("SELECT id, record FROM session ORDER BY seen DESC", ())
        read = (self.read(SessionRecord, *row) for row in rows)
        return [record for record in read if record is not None]

    def keep_word(self, word: KeptWord) -> bool:
        """Keep the next word of a session of this process's; return False where it is too much.

        Words are kept without gaps: after one that was too much, none is kept either.
        """
        session = self.session(word.session, mine=True)
        if session is None or word.seq != session.next_seq:
            return False
        count, total = self._connection.execute(
            "SELECT count(*), total(length(record)) FROM word WHERE session = ?", (word.session,)
        ).fetchone()
        if count >= MAX_WORDS or total + len(word.content) > MAX_WORD_BYTES:
            return False
        self._connection.execute(
            "INSERT INTO word VALUES (?, ?, ?)", (word.session, word.seq, pack(word))
        )
        return self.save_session(msgspec.structs.replace(session, next_seq=word.seq + 1))

    def drop_words(self, session: SessionId, upto: int) -> bool:
        """Delete the words up to and with this one; False where the session is not one's own."""
        if self.session(session, mine=True) is None:
            return False
        self._connection.execute("DELETE FROM word WHERE session = ? AND seq <= ?", (session, upto))
        return True

    def words(self, session: SessionId) -> list[KeptWord]:
        """Return the kept words of a session in order; only those before the first that is lost."""
        rows = self.all("SELECT record FROM word WHERE session = ? ORDER BY seq", (session,))
        words: list[KeptWord] = []
        for (data,) in rows:
            word = self.read(KeptWord, None, data)
            if word is None or (words and word.seq != words[-1].seq + 1):
                break
            words.append(word)
        return words

    def forget_session(self, session: SessionId) -> bool:
        """Delete a session with its words and transfers; False where another process holds it."""
        if not self.claim_session(session):
            return False
        for statement in (
            "DELETE FROM word WHERE session = ?",
            "DELETE FROM transfer WHERE session = ?",
            "DELETE FROM session WHERE id = ?",
        ):
            self._connection.execute(statement, (session,))
        return True

    # -- transfers and shares

    def save_transfer(self, record: TransferRecord) -> bool:
        """Insert or replace a transfer; return False where another process holds it."""
        if record.phase.ended or record.ended is not None:
            record = _lean(record)
        return self.changed(
            "INSERT INTO transfer VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (session, id) "
            "DO UPDATE SET phase = excluded.phase, updated = excluded.updated, "
            "ended = excluded.ended, record = excluded.record WHERE holder IS excluded.holder",
            (
                *(record.session, record.id, self._me, record.phase.value),
                *(record.updated, record.ended, pack(record)),
            ),
        )

    def phase(
        self, session: SessionId, transfer: TransferId, phase: TransferPhase, now: float
    ) -> bool:
        """Set a transfer's phase; return False where it is not this process's.

        Of one that ended little is kept, and no key.
        """
        if phase.ended:
            record = self.transfer(session, transfer, mine=True)
            return record is not None and self.save_transfer(
                msgspec.structs.replace(record, phase=phase, updated=now, ended=now)
            )
        return self.changed(
            "UPDATE transfer SET phase = ?, updated = ? WHERE session = ? AND id = ? "
            "AND holder = ? AND ended IS NULL",
            (phase.value, now, session, transfer, self._me),
        )

    def transfer(
        self, session: SessionId, transfer: TransferId, *, mine: bool = False
    ) -> TransferRecord | None:
        """Return an unfinished transfer; None where `mine` and another process holds it."""
        row = self._one(
            "SELECT holder, id, phase, updated, record FROM transfer "
            "WHERE session = ? AND id = ? AND ended IS NULL",
            (session, transfer),
        )
        if row is None or (mine and row[0] != self._me):
            return None
        record = self._as_stored(*row[1:])
        return record if record is not None and record.ended is None else None

    def save_share(self, record: ShareRecord) -> bool:
        """Insert or replace a share; return False where another process holds it."""
        return self.changed(
            "INSERT INTO share VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
            "updated = excluded.updated, ended = excluded.ended, record = excluded.record "
            "WHERE holder IS excluded.holder",
            (record.id, self._me, record.updated, record.ended, pack(record)),
        )

    def unfinished(self) -> list[Unfinished]:
        """Return the transfers and shares that have not ended, the oldest first."""
        found: list[Unfinished] = []
        # Whether one has ended is read from its record, which has a digest; few have.
        rows = self.all("SELECT holder, id, phase, updated, record FROM transfer", ())
        for holder, *stored in rows:
            transfer = self._as_stored(*stored)
            if transfer is not None and transfer.ended is None:
                found.append(self._unfinished(transfer, holder))
        rows = self.all("SELECT holder, id, record FROM share", ())
        for holder, *kept in rows:
            share = self.read(ShareRecord, *kept)
            if share is not None and share.ended is None:
                found.append(self._unfinished(share, holder))
        return sorted(found, key=lambda each: each.record.created)

    def expired(self, now: float) -> list[Unfinished]:
        """Return what is unfinished, not running, and was not gone on with for a month.

        Nor was anything of its session: a long transfer changes in nothing else.
        """
        seen = dict(self.all("SELECT id, seen FROM session", ()))
        return [
            each
            for each in self.unfinished()
            if not each.running and self._last(each.record, seen) < now - keeping.UNFINISHED
        ]

    def claim(self, session: SessionId, transfer: TransferId) -> bool:
        """Take an unfinished transfer, and its session, if no other process holds either."""
        if not self._is_free(
            "transfer WHERE session = ? AND id = ? AND ended IS NULL", session, transfer
        ):
            return False
        kept = self._one("SELECT 1 FROM session WHERE id = ?", (session,))
        if kept is not None and not self.claim_session(session):
            return False
        return self.changed(
            "UPDATE transfer SET holder = ? WHERE session = ? AND id = ?",
            (self._me, session, transfer),
        )

    def claim_session(self, session: SessionId) -> bool:
        """Take a session if no other process holds it."""
        return self.take("session", session)

    def claim_share(self, share: str) -> bool:
        """Take an unfinished share if no other process holds it."""
        return self._is_free("share WHERE id = ? AND ended IS NULL", share) and self.changed(
            "UPDATE share SET holder = ? WHERE id = ?", (self._me, share)
        )

    def forget(self, session: SessionId, transfer: TransferId) -> bool:
        """Delete a transfer; return False where there is none or another process holds it."""
        return self._is_free(
            "transfer WHERE session = ? AND id = ?", session, transfer
        ) and self.changed("DELETE FROM transfer WHERE session = ? AND id = ?", (session, transfer))

    def forget_share(self, share: str) -> bool:
        """Delete a share; return False where there is none or another process holds it."""
        return self._is_free("share WHERE id = ?", share) and self.changed(
            "DELETE FROM share WHERE id = ?", (share,)
        )

    # -- the history

    def add_history(self, entry: History, now: float) -> bool:
        """Add an entry, and delete the oldest beyond the bounds."""
        self._connection.execute(
            "INSERT INTO history (ended, record) VALUES (?, ?)",
            (entry.ended, pack(msgspec.structs.replace(entry, number=0))),
        )
        self._prune_history(now)
        return True

    def history(self, limit: int, before: int | None) -> list[History]:
        """Return the newest entries below the number `before`, the newest first."""
        rows = self.all(
            "SELECT number, record FROM history WHERE number < ? ORDER BY number DESC LIMIT ?",
            (_LAST if before is None else before, limit),
        )
        read = ((number, self.read(History, None, data)) for number, data in rows)
        return [msgspec.structs.replace(entry, number=number) for number, entry in read if entry]

    def clear_history(self) -> int:
        """Delete the whole history; return how many entries there were."""
        return self._connection.execute("DELETE FROM history").rowcount

    def _prune_history(self, now: float) -> None:
        self._connection.execute("DELETE FROM history WHERE ended < ?", (now - HISTORY_AGE,))
        self._connection.execute(
            "DELETE FROM history WHERE number <= (SELECT max(number) FROM history) - ?",
            (MAX_HISTORY,),
        )

    # -- what is of no more use

    def tidy(self, now: float) -> None:
        """Delete what is too old: ended transfers, history, sessions with nothing unfinished."""
        self._prune_history(now)
        for table in ("transfer", "share"):
            self._connection.execute(
                f"DELETE FROM {table} WHERE ended < ?",  # noqa: S608 - a table's name of ours
                (now - ENDED_AGE,),
            )
        rows = self.all(
            "SELECT id, holder FROM session WHERE seen < ? AND id NOT IN "
            "(SELECT session FROM transfer WHERE ended IS NULL)",
            (now - keeping.UNFINISHED,),
        )
        for session, holder in rows:
            if self._may_take(holder):
                self.forget_session(session)

    # -- for contact_rows.py, too

    def take(self, table: str, id: str) -> bool:
        """Hold a row of a table; return False where another process does, or there is none."""
        return self._is_free(f"{table} WHERE id = ?", id) and self.changed(
            f"UPDATE {table} SET holder = ? WHERE id = ?",  # noqa: S608 - a table's name of ours
            (self._me, id),
        )

    def give_back(self, table: str, id: str) -> bool:
        """Hold a row no more; return whether this process did."""
        return self.changed(
            f"UPDATE {table} SET holder = NULL WHERE id = ? AND holder = ?",  # noqa: S608
            (id, self._me),
        )

    def read(self, kind: type[T], id: str | None, data: object) -> T | None:
        """Return a row's record, if it is what was written, and under its id where it has one."""
        try:
            record = unpack(kind, data)
        except Spoiled:
            record = None
        if record is None or (id is not None and getattr(record, "id", id) != id):
            self.spoiled = True
            return None
        return record

    def changed(self, statement: str, values: tuple[Any, ...]) -> bool:
        """Carry out a statement; return whether it changed a row."""
        return self._connection.execute(statement, values).rowcount > 0

    def all(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        """Return all rows of a query."""
        return self._connection.execute(statement, values).fetchall()

    # -- inside

    def _as_stored(
        self, id: TransferId, phase: Any, updated: Any, data: object
    ) -> TransferRecord | None:
        """Return a transfer as its columns say, which change more often than its record."""
        record = self.read(TransferRecord, id, data)
        if record is None:
            return None
        try:
            found = {"phase": TransferPhase(phase), "updated": float(updated)}
        except (TypeError, ValueError):
            self.spoiled = True
            return None
        return msgspec.structs.replace(record, **found)

    def _is_free(self, which: str, *values: str) -> bool:
        """Return whether there is such a row, and no other process holds it."""
        row = self._one(f"SELECT holder FROM {which}", values)  # noqa: S608 - words of ours
        return row is not None and self._may_take(row[0])

    @staticmethod
    def _last(record: TransferRecord | ShareRecord, seen: dict[str, float]) -> float:
        """Return when something was last gone on with. seen: when each session was."""
        session = record.session if isinstance(record, TransferRecord) else ""
        return max(record.updated, seen.get(session, 0.0))

    def _may_take(self, holder: str | None) -> bool:
        return holder == self._me or self._is_gone(holder)

    def _unfinished(self, record: TransferRecord | ShareRecord, holder: str | None) -> Unfinished:
        ours = holder == self._me
        if holder is None or (not ours and self._is_gone(holder)):
            return Unfinished(record, running=False)
        return Unfinished(record, running=True, pid=pid_of(holder), ours=ours)

    def _one(self, statement: str, values: tuple[Any, ...]) -> Any:
        return self._connection.execute(statement, values).fetchone()


def _lean(record: TransferRecord) -> TransferRecord:
    """Return what is kept of a transfer that ended: no key, and nothing long."""
    return TransferRecord(
        session=record.session,
        id=record.id,
        direction=record.direction,
        phase=record.phase,
        partner=record.partner,
        created=record.created,
        updated=record.updated,
        ended=record.updated if record.ended is None else record.ended,
    )
