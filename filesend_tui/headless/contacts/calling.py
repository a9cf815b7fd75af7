"""Waiting for a contact, instead of making a code."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from filesend_tui.core.client import Client
from filesend_tui.core.errors import ContactAway, RelayUnreachable
from filesend_tui.core.events import Contact
from filesend_tui.headless.contacts.names import by_name


class Whom(NamedTuple):
    """Whom to send to. wait: seconds until it is given up; None for never."""

    name: str
    wait: float | None


async def known(client: Client, whom: Whom) -> Contact:
    """Return the contact. Raises UnknownContact."""
    return by_name(await client.contacts(), whom.name)


async def call(client: Client, contact: Contact, wait: float | None) -> None:
    """Wait until a contact is there, and begin a session.

    Raises:
        ContactAway: They did not come in time.
        FileSendError: Any other reason why it failed.
    """
    try:
        async with asyncio.timeout(wait):
            await client.call(contact.contact)
    except TimeoutError:
        if not client.places:
            raise RelayUnreachable("The connection to the relay was lost.") from None
        raise ContactAway(f"{contact.name} did not come in time.") from None
