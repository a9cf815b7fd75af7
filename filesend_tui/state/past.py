"""Entries of the history for people: names, whom it was with, how it ended. No Textual, no I/O."""

from __future__ import annotations

from typing import Final

from filesend_tui.core.events import Direction, History, Result
from filesend_tui.core.util.text import visible
from filesend_tui.state.figures import who_words
from filesend_tui.state.views import named

#: Symbol and ink of each end.
ENDS: Final = {
    Result.DONE: ("✓", "good"),
    Result.DECLINED: ("✗", "warn"),
    Result.CANCELLED: ("✗", "warn"),
    Result.FAILED: ("✗", "bad"),
}


def title(entry: History) -> str:
    """Return what it was about, with the direction as an arrow."""
    arrow = "↑" if entry.direction is Direction.SEND else "↓"
    return f"{arrow} {named(entry.names) or 'files'}"


def how_ended(entry: History) -> str:
    """Return how it ended, by whom and why, such as `cancelled by Ana: no time`."""
    by = f" by {who_words(entry.by, entry.partner)}" if entry.by is not None else ""
    return f"{entry.result.value}{by}{f': {entry.reason}' if entry.reason else ''}"


def who(entry: History) -> str:
    """Return whom it was with, such as `to Ann`."""
    sent = entry.direction is Direction.SEND
    if not entry.partner:
        return "for anyone with the link" if sent else "from an open swarm"
    return f"{'to' if sent else 'from'} {entry.partner}"


def matches(entry: History, part: str) -> bool:
    """Return whether a name of it, or the partner's, contains this, in either case."""
    wanted = part.casefold()
    return any(wanted in visible(text).casefold() for text in (*entry.names, entry.partner))
