"""Notices: what is said to a person when something ends or goes wrong, and what to do next.

Pure: from an event or a row to a sentence and a hint. When a notice is shown is the store's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from filesend_tui.core import events
from filesend_tui.core.events import TransferPhase
from filesend_tui.core.figures import size_text
from filesend_tui.core.text import visible
from filesend_tui.places import path_of
from filesend_tui.views import Level, Notice, ShareRow, TransferRow
from filesend_tui.widgets.figures import short_path

#: Transfers that are told of when the screens close.
MAX_RECEIPTS: Final = 50

RELAY_LOST: Final = Notice(
    Level.ERROR,
    "The connection to the relay was lost.",
    "It is tried again by itself; r tries at once.",
    "relayUnreachable",
)
CODE_BURNED: Final = Notice(
    Level.WARNING,
    "Your code was used up by a wrong try.",
    "Press n for a new one, and tell that.",
)
SCREEN_FAULT: Final = Notice(
    Level.ERROR,
    "A part of the screen is broken; your transfers go on.",
    "What broke is told when you quit: please report it.",
    "screenFault",
)

#: What the partner is told where the words were compared and differ.
DIFFERENT_WORDS: Final = "The words to compare are different here, so I disconnected."

#: Why a code that may have been told was replaced, where nobody here asked for it.
_REPLACED: Final = {
    "relay": "the connection to the relay was lost",
    "joined": "you typed another person's",
}

_GONE: Final = {
    "left": "{} left.",
    "lost": "The connection to {} was lost.",
    "relay": "The relay went away, and with it the link to {}.",
    "self": "You disconnected from {}.",
}


def partner_gone(event: events.PartnerGone) -> Notice:
    """Say how the pairing ended."""
    message = _GONE.get(event.reason, _GONE["lost"]).format(event.partner)
    level = Level.INFO if event.reason == "self" else Level.WARNING
    return Notice(level, message, "Press p to pair again.", "partnerGone")


def code_changed(reason: str) -> Notice | None:
    """Say that another code than before is shown, and why; None where that is known."""
    if (why := _REPLACED.get(reason)) is None:
        return None
    message = f"Your code changed, the old one no longer works: {why}."
    return Notice(Level.WARNING, message, "Tell the new one.")


def error(event: events.Error) -> Notice:
    """Say what an error says."""
    return Notice(Level.ERROR, event.message, event.hint, event.code)


def arrived(row: TransferRow) -> Notice:
    """Say that a transfer arrived here."""
    return Notice(Level.GOOD, f"{row.name} arrived.", "Press o to open its folder.")


def share_stopped(row: ShareRow) -> Notice:
    """Say that something is no longer shared openly."""
    return Notice(Level.INFO, f"{row.name} is no longer shared.", "Who took it keeps it.")


def ended(row: TransferRow) -> Notice | None:
    """Say how a transfer ended; nothing where the row or another event says it better."""
    match row.phase:
        case TransferPhase.DECLINED if row.sending:
            message = f"{row.partner} said no to {row.name}."
            return Notice(Level.WARNING, message, "Talk to them, then ask again.", "declined")
        case TransferPhase.CANCELLED:
            why = f" ({row.reason})" if row.reason else ""
            message = f"{row.name} was cancelled{why}."
            return Notice(Level.WARNING, message, "Send again when you are both ready.")
        case TransferPhase.FAILED if not row.hint:
            why = f": {row.reason}" if row.reason else "."
            return Notice(Level.ERROR, f"{row.name} did not arrive{why}", "Send it again.")
        case TransferPhase.DONE if row.sending:
            return Notice(Level.GOOD, f"{row.partner} has {row.name}.")
        case _:
            return None


def receipts(rows: Sequence[TransferRow]) -> list[str]:
    """Return a line for each transfer that arrived here: what, and where it is.

    For a terminal that has its screen back: nothing in them steers it.
    """
    came = [row for row in rows if row.url and row.phase is TransferPhase.DONE]
    lines = [
        f"Received {visible(row.name)} ({size_text(row.moved_bytes)})"
        f" → {short_path(path_of(row.url))}"
        for row in came[-MAX_RECEIPTS:]
    ]
    more = len(came) - len(lines)
    return [f"Received {more} more before.", *lines] if more else lines


def comparing_question(words: str, partner: str) -> tuple[str, str]:
    """Return the verification words as a question, and what to do about them."""
    return (
        f"Your words: {words}",
        f"Compare them with {partner}, by voice or face to face. Where both of you see the same "
        "words, nobody is in between. Different words: disconnect, and use another relay.",
    )


def ending_question(
    verb: str, running: Sequence[TransferRow], shares: Sequence[ShareRow]
) -> tuple[str, str] | None:
    """Return a question and what a yes to it means; None where nothing would end by it."""
    doing, ends = [], []
    if running:
        doing.append("a transfer is running" if len(running) == 1 else "transfers are running")
        ends.append(f"{_names(running)} will be cancelled on both sides.")
    if shares:
        doing.append("files are shared openly")
        known = [row for row in shares if not row.preparing]
        ends.append(f"The link to {_names(known) if known else 'them'} will stop working.")
    return (f"{verb} while {' and '.join(doing)}?", " ".join(ends)) if doing else None


def _names(rows: Sequence[TransferRow | ShareRow]) -> str:
    more = f" and {len(rows) - 2} more" if len(rows) > 2 else ""
    return ", ".join(row.name for row in rows[:2]) + more
