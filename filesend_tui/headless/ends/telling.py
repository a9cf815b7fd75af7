"""A printer that also tells the terminal: notifications, the window's title, a progress.

Only for a terminal: what is piped or read by a script has none of it. What is told, and when, is
runtime/terminal_news.py's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import TextIO

from filesend_tui.core import events
from filesend_tui.headless.narration import figure
from filesend_tui.headless.printers import Printer
from filesend_tui.runtime.terminal_news import TerminalNews


class TellingPrinter:
    """A Printer beside another one.

    Args:
        printer: Prints the events.
        terminal: The terminal.
        environment: Tells which kind it is.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        printer: Printer,
        terminal: TextIO,
        environment: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._printer = printer
        self._terminal = terminal
        self._news = TerminalNews(clock, True, self._write, environment)

    def show(self, event: events.Event) -> None:
        """See Printer."""
        self._printer.show(event)
        self._news.hear(event)
        if isinstance(event, events.TransferState) and event.phase.ended:
            self._news.show_progress("", None)
        elif (shown := figure(event)) is not None:
            done = shown.done if shown.fraction is None else f"{shown.fraction:.0%}"
            far = -1.0 if shown.fraction is None else shown.fraction
            self._news.show_progress(f"{done} {shown.label}", far)

    def look(self) -> None:
        """See Printer."""
        self._printer.look()

    def parting(self) -> None:
        """See Printer."""
        self._printer.parting()

    def close(self) -> None:
        """See Printer; the title is given back."""
        self._printer.close()
        self._news.close()

    def _write(self, sequence: str) -> None:
        self._terminal.write(sequence)
        self._terminal.flush()
