"""Contacts by the names that a person types."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from filesend_tui.core.errors import UnknownContact
from filesend_tui.core.events import Contact

#: How many names an error lists.
_LISTED = 20


def by_name(contacts: Iterable[Contact], name: str) -> Contact:
    """Return the contact of this name, in whatever case, or of this id.

    Raises:
        UnknownContact: There is none; the hint lists the names that there are.
    """
    known = list(contacts)
    for each in known:
        if name == each.contact or name.casefold() == each.name.casefold():
            return each
    raise UnknownContact(f"Nobody called {name} is remembered.", _names(known))


def all_by_name(contacts: Iterable[Contact], names: Collection[str]) -> tuple[Contact, ...]:
    """Return the contacts of these names, or all where there is no name. Raises UnknownContact."""
    known = list(contacts)
    return tuple(by_name(known, name) for name in names) if names else tuple(known)


def _names(known: Collection[Contact]) -> str:
    if not known:
        return (
            "You remember nobody yet. After a transfer with --remember on both sides you will, or "
            "by the key in the screens."
        )
    listed = ", ".join([each.name for each in known][:_LISTED])
    more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    return f"You remember {listed}{more}."
