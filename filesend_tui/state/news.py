"""Which events are told to somebody who looks elsewhere, in which words, and how often.

How a terminal is told is system/telling.py's, and whether it is, the face's.
"""

from __future__ import annotations

from typing import Final

from filesend_tui.core import events
from filesend_tui.core.events import Direction, TransferPhase
from filesend_tui.core.util.token_bucket import TokenBucket
from filesend_tui.state.views import name_of

#: Notifications at once, and a second: a partner may ask and write without end.
PACE: Final = (3, 0.2)


def news_of(event: events.Event) -> str:  # noqa: PLR0911 - one arm an event
    """Return what is told of an event; empty where nothing is."""
    match event:
        case events.FileRequest(direction=Direction.RECEIVE):
            what = "a stream" if event.stream else name_of(event.files)
            return f"{event.partner} wants to send you {what}"
        case events.Message(outgoing=False):
            return f"{event.partner}: {event.text}"
        case events.Text(outgoing=False):
            return f"{event.partner} sent you a text"
        case events.TransferState(phase=TransferPhase.DONE, direction=Direction.SEND):
            return f"{event.partner} has everything"
        case events.TransferState(phase=TransferPhase.DONE):
            return f"What {event.partner} sent is here"
        case events.TransferState(phase=TransferPhase.FAILED):
            return f"A transfer failed: {event.reason}" if event.reason else "A transfer failed"
    return ""


class Pace:
    """Bounds how often something is told. now: seconds, monotonic."""

    def __init__(self, now: float) -> None:
        self._bucket = TokenBucket(*PACE, now)

    def allows(self, now: float) -> bool:
        """Return whether one more may be told now."""
        return self._bucket.spend(1, now)
