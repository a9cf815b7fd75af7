"""What the screens say of contacts: notices, and the question of a partner. Pure."""

from __future__ import annotations

from filesend_tui.core import events
from filesend_tui.core.events import Who
from filesend_tui.keys import shown
from filesend_tui.state.views import Level, Notice


def notice(event: events.Event) -> Notice | None:  # noqa: PLR0911 - one arm an event
    """Return the notice of an event about contacts; None where there is nothing to say."""
    match event:
        case events.RememberAsked(outgoing=True):
            return Notice(Level.INFO, f"Asked {event.partner} whether you remember each other.")
        case events.RememberAsked():
            return Notice(
                Level.INFO,
                f"{event.partner} asks to remember each other.",
                f"{shown('remember')} answers.",
            )
        case events.RememberDeclined():
            return Notice(Level.INFO, f"{event.partner} does not want to be remembered.")
        case events.Remembered():
            return Notice(
                Level.INFO,
                f"You and {event.partner} remember each other.",
                f"From now on: filesend send FILE --to {event.name}",
            )
        case events.ContactForgotten(by=Who.PARTNER):
            return Notice(Level.WARNING, f"{event.name} has forgotten you.")
        case events.ContactForgotten():
            return Notice(Level.INFO, f"Forgot {event.name}.")
        case events.ContactDoubted():
            return Notice(Level.ERROR, f"{event.name}: {event.message}", event.hint)
    return None


def question(partner: str) -> tuple[str, str]:
    """Return the question of a partner who has asked, and what a yes means."""
    return (
        f"Remember {partner}?",
        f"{partner} asks to remember each other. The next time neither of you needs a code: each "
        "can send to the other wherever both of you are. Either can forget the other at any time.",
    )


def asked_beside(partner: str) -> Notice:
    """Return the notice that somebody asks whom the screens do not show."""
    return Notice(
        Level.INFO,
        f"{partner} asks to remember each other.",
        f"Turn to them among the people, by {shown('people')}; then {shown('remember')} answers.",
    )
