"""The command `contacts`: whom this side remembers, listed and changed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from msgspec.structs import replace

from filesend_tui.core.client import Client
from filesend_tui.core.errors import FileSendError, RelayUnreachable
from filesend_tui.core.events import Allowance, Contact
from filesend_tui.core.util.text import visible
from filesend_tui.headless.contacts.names import by_name
from filesend_tui.headless.contacts.words import allowed_words
from filesend_tui.headless.paired import Places

#: Seconds in which somebody who is there answers.
LOOKING: Final = 8.0
_NOBODY: Final = (
    "You remember nobody yet. Send or receive with --remember on both sides, or ask in the screens."
)


async def show(client: Client, places: Places | None, *, json: bool) -> None:
    """Publish the contacts: those who are there first, then the last seen first.

    Args:
        client: Not connected.
        places: Where to look who is there; None to look nowhere.
        json: Only events are printed.
    """
    known = list(await client.contacts())
    if places is not None and known:
        await places.open(client)
        found = await asyncio.gather(*(_look(client, each) for each in known))
        known = sorted(found, key=lambda each: not each.online)
    for each in known:
        client.publish(each)
    if not (known or json):
        _say(_NOBODY)


async def forget(client: Client, places: Places | None, name: str) -> None:
    """Forget a contact; on their side too, if they are there.

    Args:
        client: Not connected.
        places: Where to tell them; None to tell nobody.
        name: The contact's. Raises UnknownContact.
    """
    known = by_name(await client.contacts(), name)
    if places is not None:
        with suppress(RelayUnreachable):  # it is forgotten here all the same
            await places.open(client)
    await client.forget_contact(known.contact)


async def rename(client: Client, name: str, new: str) -> None:
    """Name a contact. Raises UnknownContact, FileSendError."""
    known = by_name(await client.contacts(), name)
    _say(f"{known.name} is {(await client.rename_contact(known.contact, new)).name} now.")


async def allow(client: Client, name: str, allowance: Allowance | None) -> None:
    """Set what `listen` takes of a contact without asking. Raises UnknownContact."""
    known = by_name(await client.contacts(), name)
    _say(_allowed_words(await client.allow_contact(known.contact, allowance)))


async def _look(client: Client, contact: Contact) -> Contact:
    try:
        online = await client.is_online(contact.contact, LOOKING)
    except FileSendError:
        online = False
    return replace(contact, online=online)


def _allowed_words(contact: Contact) -> str:
    if contact.allowed is None:
        return f"Nothing of {contact.name} is taken without asking."
    return (
        f"Of {contact.name} filesend listen takes without asking: {allowed_words(contact.allowed)}."
    )


def _say(*said: str) -> None:
    lines: Iterable[str] = map(visible, said)
    print("\n".join(lines), file=sys.stderr)
