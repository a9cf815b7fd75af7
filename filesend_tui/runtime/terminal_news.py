"""What a face tells its terminal: news while somebody looks elsewhere, and progress.

The sequences are system/telling.py's, the words state/news.py's, and writing them the face's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from filesend_tui.core.events import Event, TransferPhase
from filesend_tui.state.news import Pace, news_of
from filesend_tui.state.views import TransferRow
from filesend_tui.system import telling

_RUNNING: Final = frozenset(
    {TransferPhase.HASHING, TransferPhase.READY, TransferPhase.TRANSFERRING}
)


class TerminalNews:
    """Tells one terminal.

    Args:
        clock: Seconds, monotonic.
        on: Whether it is told at all.
        write: Writes a sequence.
        environment: Tells which kind of terminal it is.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        on: bool,
        write: Callable[[str], object],
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._clock = clock
        self._on = on and telling.can_be_told(environment)
        self._write = write
        self._environment = environment
        self._pace = Pace(clock())
        #: Whether the window has the focus; a terminal that never tells is taken not to have it.
        self._focus = False
        self._title = ""
        self._kept = False

    def focus(self, here: bool) -> None:
        """Note that the window got the focus, or lost it."""
        self._focus = here

    def hear(self, event: Event) -> None:
        """Tell of an event, if somebody should know of it who looks elsewhere."""
        if not self._on or self._focus or not (news := news_of(event)):
            return
        if self._pace.allows(self._clock()):
            self._write(telling.notification(news, self._environment))

    def show(self, running: Sequence[TransferRow]) -> None:
        """Show how far what runs is, in the window's title and the task bar."""
        if self._on:
            self.show_progress(*_progress([row for row in running if row.phase in _RUNNING]))

    def show_progress(self, text: str, far: float | None) -> None:
        """Show a progress; nothing where the text is the one that is shown.

        Args:
            text: For the title; empty where nothing runs.
            far: 0 to 1; below 0 where nobody knows; None where nothing runs.
        """
        if not self._on or text == self._title:
            return
        kept = "" if self._kept else telling.KEEP_TITLE
        self._kept, self._title = True, text
        self._write(kept + telling.title(text) + telling.progress(far, self._environment))

    def close(self) -> None:
        """Give the title back."""
        if self._kept:
            self._kept = False
            self._write(telling.progress(None, self._environment) + telling.GIVE_TITLE_BACK)


def _progress(running: Sequence[TransferRow]) -> tuple[str, float | None]:
    """Return what a title says of transfers, and how far all are; below 0 where nobody knows."""
    known = [row for row in running if not row.stream]
    names = running[0].name if len(running) == 1 else f"{len(running)} transfers"
    if not running:
        return "", None
    if not known:
        return names, -1.0
    whole = sum(row.wanted_bytes for row in known) or 1
    far = sum(row.progress * row.wanted_bytes for row in known) / whole
    return f"{int(far * 100)}% {names}", far
