"""The book of contacts: what is kept of each, changed in single steps that have reached the disk.

Nothing is held in memory: several programs of one person share a book. What the steps of a renewal
are for is renewal.py's; the rows are journal/contact_rows.py's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final

from msgspec.structs import replace

from filesend_tui.core.contacts.keys import Beginning
from filesend_tui.core.errors import FileSendError, UnknownContact
from filesend_tui.core.journal import contact_rows
from filesend_tui.core.journal.journal import Journal
from filesend_tui.core.journal.records import Allowed, ContactRecord, new_id
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.util.text import clean

#: Most characters of a name.
MAX_NAME: Final = 64

Change = Callable[[ContactRecord], ContactRecord | None]


class Book:
    """The contacts of a journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    @property
    def lasts(self) -> bool:
        """Whether what is written outlives the process."""
        return self._journal.lasts

    async def all(self) -> list[ContactRecord]:
        """Return all contacts, the last seen first."""
        return await self._journal.with_contacts(contact_rows.contacts, [])

    async def get(self, id: str) -> ContactRecord | None:
        """Return a contact as it is now."""
        return await self._journal.with_contacts(lambda rows: contact_rows.contact(rows, id), None)

    async def add(self, name: str, side: Side, first: Beginning) -> ContactRecord:
        """Add somebody, under their name or one like it. Raises FileSendError."""
        now = time.time()
        record = ContactRecord(
            id=new_id(),
            name=name,
            their_name=name,
            side=side,
            meeting=first.meeting,
            secret=first.secret,
            created=now,
            last_seen=now,
        )
        add = partial(contact_rows.add, record=record)
        added = await self._journal.with_contacts(add, None) if self.lasts else None
        if added is None:
            raise FileSendError(
                "Nobody more can be remembered: the journal cannot be written, or is full.",
                f"Forget some: filesend contacts forget NAME. {contact_rows.MAX_CONTACTS} fit.",
            )
        return added

    async def rename(self, id: str, name: str) -> ContactRecord:
        """Name a contact. Raises UnknownContact, FileSendError."""
        name = clean(name, MAX_NAME).strip()
        if not name:
            raise FileSendError("That is no name.", "A name has 1 to 64 characters.")
        renamed = await self._journal.with_contacts(
            lambda rows: contact_rows.rename(rows, id, name), None
        )
        if renamed is None:
            await self.require(id)
            raise FileSendError(f"Somebody is called {name} already.", "Choose another name.")
        return renamed

    async def require(self, id: str) -> ContactRecord:
        """Return a contact. Raises UnknownContact."""
        found = await self.get(id)
        if found is None:
            raise UnknownContact("This person is not remembered.")
        return found

    async def allow(self, id: str, allowed: Allowed | None) -> ContactRecord:
        """Set what is taken of a contact without asking. Raises UnknownContact, FileSendError."""
        changed = await self._change(id, lambda before: replace(before, allowed=allowed))
        return changed if changed is not None else await self.require(id)

    async def forget(self, id: str) -> bool:
        """Delete a contact; return whether there was one."""
        return await self._journal.with_contacts(lambda rows: contact_rows.forget(rows, id), False)

    async def claim(self, id: str) -> bool:
        """Be the one program of this person that waits for a contact."""
        return await self._journal.with_contacts(lambda rows: contact_rows.claim(rows, id), False)

    async def release(self, id: str) -> None:
        """Let another program wait for them."""
        await self._journal.with_contacts(lambda rows: contact_rows.release(rows, id), False)

    async def doubt(self, id: str) -> None:
        """Note that a copy of a contact was used."""
        await self._change(id, lambda before: replace(before, doubted=True))

    async def seen(self, id: str, name: str) -> None:
        """Note that a contact was met now, and how they call themselves."""
        await self._change(
            id, lambda before: replace(before, last_seen=time.time(), their_name=name)
        )

    # -- the steps of a renewal

    async def propose(self, id: str) -> ContactRecord | None:
        """Count a renewal that is about to be proposed; return the contact with its number."""
        return await self._change(id, lambda before: replace(before, attempt=before.attempt + 1))

    async def follow(self, id: str, base: bytes, attempt: int, following: bytes) -> bool:
        """Keep the secret of a renewal that was proposed, beside the one that it follows.

        False where a later one was, or the base is no secret of this contact's any more.
        """

        def change(before: ContactRecord) -> ContactRecord | None:
            if attempt <= before.attempt or base not in (before.secret, before.next):
                return None
            moved = before.generation + (base == before.next)
            return replace(before, secret=base, next=following, attempt=attempt, generation=moved)

        return await self._change(id, change) is not None

    async def settle(self, id: str, attempt: int, following: bytes) -> bool:
        """Keep the secret of a renewal alone; False where a later one was begun meanwhile."""

        def change(before: ContactRecord) -> ContactRecord | None:
            if attempt != before.attempt:
                return None
            return replace(before, secret=following, next=b"", generation=before.generation + 1)

        return await self._change(id, change) is not None

    async def _change(self, id: str, change: Change) -> ContactRecord | None:
        return await self._journal.with_contacts(
            lambda rows: contact_rows.change(rows, id, change), None
        )
