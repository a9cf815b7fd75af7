"""The SQL of contacts, as rows.py's of all else: inside a transaction that its caller began."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from filesend_tui.core.journal.records import ContactRecord, pack

if TYPE_CHECKING:
    from filesend_tui.core.journal.rows import Rows

#: Most contacts.
MAX_CONTACTS: Final = 500


def contacts(rows: Rows) -> list[ContactRecord]:
    """Return all contacts, the last seen first."""
    found = rows.all("SELECT id, record FROM contact ORDER BY seen DESC, id", ())
    read = (rows.read(ContactRecord, *row) for row in found)
    return [record for record in read if record is not None]


def contact(rows: Rows, id: str) -> ContactRecord | None:
    """Return a contact, whoever waits for them."""
    found = rows.all("SELECT id, record FROM contact WHERE id = ?", (id,))
    return rows.read(ContactRecord, *found[0]) if found else None


def add(rows: Rows, record: ContactRecord) -> ContactRecord | None:
    """Add a contact, under a name that no other has; None where there are too many."""
    taken = {each.name.casefold() for each in contacts(rows)}
    if len(taken) >= MAX_CONTACTS:
        return None
    name, number = record.name, 1
    while record.name.casefold() in taken:
        number += 1
        record = replace(record, name=f"{name} {number}")
    rows.changed(
        "INSERT INTO contact VALUES (?, NULL, ?, ?)", (record.id, record.last_seen, pack(record))
    )
    return record


def change(
    rows: Rows, id: str, change: Callable[[ContactRecord], ContactRecord | None]
) -> ContactRecord | None:
    """Replace a contact by what is made of it and return that; None where nothing is made of it."""
    before = contact(rows, id)
    after = change(before) if before is not None else None
    if after is None:
        return None
    rows.changed(
        "UPDATE contact SET seen = ?, record = ? WHERE id = ?", (after.last_seen, pack(after), id)
    )
    return after


def rename(rows: Rows, id: str, name: str) -> ContactRecord | None:
    """Name a contact; None where there is none, or another has the name."""
    others = (each for each in contacts(rows) if each.id != id)
    if name.casefold() in {each.name.casefold() for each in others}:
        return None
    return change(rows, id, lambda before: replace(before, name=name))


def forget(rows: Rows, id: str) -> bool:
    """Delete a contact; return whether there was one."""
    return rows.changed("DELETE FROM contact WHERE id = ?", (id,))


def claim(rows: Rows, id: str) -> bool:
    """Be the process that waits for a contact; False where another does, or there is none."""
    return rows.take("contact", id)


def release(rows: Rows, id: str) -> bool:
    """Let another process wait for a contact, if this one does."""
    return rows.give_back("contact", id)
