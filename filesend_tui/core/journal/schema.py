"""The tables of the file, and the steps from each version of them to the next.

What is searched for has a column; the rest is a record (records.py), to which fields can be added
without a step here. A step is never changed once it was released: a new one is appended.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sqlite3 import Connection

#: Marks the file as this program's (PRAGMA application_id): "FSnd".
APPLICATION: Final = 0x46536E64

#: The statements that lead from version n to n + 1, for n = 0, 1, …
MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        """CREATE TABLE session (
            id TEXT PRIMARY KEY NOT NULL, holder TEXT, seen REAL NOT NULL, record BLOB NOT NULL)""",
        """CREATE TABLE word (
            session TEXT NOT NULL, seq INTEGER NOT NULL, record BLOB NOT NULL,
            PRIMARY KEY (session, seq))""",
        """CREATE TABLE transfer (
            session TEXT NOT NULL, id TEXT NOT NULL, holder TEXT, phase TEXT NOT NULL,
            updated REAL NOT NULL, ended REAL, record BLOB NOT NULL,
            PRIMARY KEY (session, id))""",
        """CREATE TABLE share (
            id TEXT PRIMARY KEY NOT NULL, holder TEXT,
            updated REAL NOT NULL, ended REAL, record BLOB NOT NULL)""",
        """CREATE TABLE history (
            number INTEGER PRIMARY KEY AUTOINCREMENT, ended REAL NOT NULL, record BLOB NOT NULL)""",
        "CREATE INDEX history_ended ON history (ended)",
    ),
    (
        """CREATE TABLE contact (
            id TEXT PRIMARY KEY NOT NULL, holder TEXT, seen REAL NOT NULL, record BLOB NOT NULL)""",
    ),
)

#: The version that this program knows, and its tables.
VERSION: Final = len(MIGRATIONS)
TABLES: Final = ("session", "word", "transfer", "share", "history", "contact")


class Newer(Exception):
    """The file is of a later version of this program."""


def check(version: int, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Refuse a later version than is known. Raises Newer."""
    if version > len(migrations):
        raise Newer


def migrate(connection: Connection, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Bring a database to the last version, in one transaction.

    Raises:
        Newer: It is of a later version; nothing was changed.
        sqlite3.Error: It cannot be read or written; nothing was changed.
    """
    if version_of(connection) == len(migrations):
        return
    check(version_of(connection), migrations)
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = version_of(connection)  # another process may have been faster
        check(version, migrations)
        for statement in (each for step in migrations[version:] for each in step):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    # Whoever looks at the first page of the file alone sees the version.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def shape(connection: Connection) -> list[tuple[object, ...]]:
    """Return all columns of all tables, with their kinds. Raises sqlite3.Error."""
    return [
        (table, *column)
        for table in TABLES
        for column in connection.execute(f"PRAGMA table_info({table})").fetchall()
    ]


def version_of(connection: Connection) -> int:
    """Return a database's version; 0 for an empty one. Raises sqlite3.Error."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
