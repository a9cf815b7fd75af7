"""Contacts, and what happens to them, as sentences. Pure: nothing is written here."""

from __future__ import annotations

import time

from filesend_tui.core import events
from filesend_tui.core.util.figures import size_text


def contact_words(event: events.Event) -> list[str]:  # noqa: PLR0911 - one arm an event
    """Return what an event about somebody who is or becomes a contact says, as sentences."""
    match event:
        case events.RememberAsked(outgoing=True):
            return [f"Asked {event.partner} whether you remember each other."]
        case events.RememberAsked():
            return [f"{event.partner} asks to remember each other."]
        case events.RememberDeclined():
            return [f"{event.partner} does not want to be remembered."]
        case events.Remembered():
            return [f"You and {event.partner} remember each other: here they are {event.name}."]
        case events.Calling():
            return [f"Waiting for {event.name}; they must run filesend or filesend listen."]
        case events.ContactForgotten(by=events.Who.YOU):
            return [f"Forgot {event.name}."]
        case events.ContactForgotten():
            return [f"{event.name} has forgotten you, so you have no contact of that name now."]
        case events.ContactDoubted():
            return [f"{event.name}: {event.message}", event.hint]
        case events.ContactSeen():
            return [f"{event.name} looked whether you are there."]
    return []


def contact_line(contact: events.Contact, now: float | None = None) -> str:
    """Return a contact as a line of text. now: seconds since 1970."""
    parts = [contact.name, _presence(contact, time.time() if now is None else now)]
    if contact.their_name != contact.name:
        parts.append(f"calls themselves {contact.their_name}")
    if contact.doubted:
        parts.append("a copy was used: forget them, and pair anew")
    elif contact.allowed is not None:
        parts.append(allowed_words(contact.allowed))
    return "  ".join(parts)


def allowed_words(allowed: events.Allowance) -> str:
    """Return what is taken of a contact without asking."""
    what = ", ".join(allowed.kinds) or "anything"
    size = "" if allowed.size is None else f" up to {size_text(allowed.size)}"
    where = "" if allowed.folder is None else f" into {allowed.folder}"
    return f"{what}{size}{where}"


def _presence(contact: events.Contact, now: float) -> str:
    if contact.online:
        return "is there"
    import humanize

    ago = humanize.naturaldelta(max(0.0, now - contact.last_seen))
    return f"last seen {ago} ago"
