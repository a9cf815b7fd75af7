"""Signals that end the app, and detaching from a terminal that is gone.

SIGINT and SIGTERM: a request to end. SIGHUP: its terminal was closed, or the SSH connection broke;
where SIGHUP is not delivered, terminal.py detects it. On its terminal Ctrl-C is a key, and no
signal. Signals that a system does not have, or that this thread may not handle, are skipped.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

from filesend_tui.system.process_exit import end_soon
from filesend_tui.system.terminal import STREAMS, TerminalWatch, point_nowhere

#: Seconds after which a process whose terminal is gone ends, whatever it still waits for.
LONGEST: Final = 1.5
#: Seconds that an app has to let go of a terminal that is gone, where its process goes on.
CLEARING: Final = 30.0
#: The exit code after an interrupt.
INTERRUPTED: Final = 130
#: The exit code of a process that did not end by itself once its terminal was gone.
HUNG_UP: Final = 129


class TerminalSignals:
    """Signal handlers that call back on the event loop.

    Args:
        leave: Called with the exit code, once for each signal that asks to end.
        lost: Called once the terminal is gone; returns whether the work goes on without the app.
        terminal: Whether the app draws on a real terminal, which a SIGHUP takes away.
    """

    def __init__(
        self, leave: Callable[[int], None], lost: Callable[[], bool], *, terminal: bool
    ) -> None:
        self._leave = leave
        self._lost = lost
        self._deadline: threading.Timer | None = None
        # All three were terminals at the start; isatty is false for one that is gone.
        self._streams = STREAMS if terminal else ()
        self._loop = asyncio.get_running_loop()
        self._before: dict[signal.Signals, Any] = {}
        handlers = {"SIGINT": self._interrupted, "SIGTERM": self._told, "SIGHUP": self._hung_up}
        for name, handler in handlers.items():
            number = getattr(signal, name, None)
            with suppress(ValueError):  # not in the main thread
                if number is not None:
                    self._before[number] = signal.signal(number, handler)
        self._watch = TerminalWatch(self._streams)

    def close(self) -> None:
        """Restore the earlier handlers; the terminal's, where it is gone, is restored no more."""
        self._watch.close()
        for number, handler in self._before.items():
            if signal.getsignal(number) is not _nothing:
                signal.signal(number, handler)
        self._before.clear()

    def _interrupted(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._leave, INTERRUPTED)

    def _told(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._leave, 0)

    def _hung_up(self, *_: object) -> None:
        # Not through the loop: this must be done before the SIGCONT that comes with it.
        if self._streams:
            self._watch.close()
            let_go_of_terminal(self._streams)
            self._deadline = end_soon(HUNG_UP, LONGEST)
        self._loop.call_soon_threadsafe(self._decide)

    def _decide(self) -> None:
        if self._lost() and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = end_soon(HUNG_UP, CLEARING)

    def ended(self) -> None:
        """Note that the app has let go of its terminal, and that its process may go on."""
        if self._deadline is not None:
            self._deadline.cancel()


def let_go_of_terminal(streams: Iterable[int]) -> None:
    """Redirect these streams to the null device, so that no write to the lost terminal blocks.

    Textual takes the SIGCONT of a hang-up for a return from suspension and would start its threads
    a second time; so SIGCONT does nothing from here on. Neither does SIGHUP, which may come twice:
    from the system and from the watch.
    """
    if sys.platform != "win32":
        # Not SIG_IGN: Python complains of a signal that came just before.
        signal.signal(signal.SIGCONT, _nothing)
        signal.signal(signal.SIGHUP, _nothing)
    point_nowhere(streams)


def _nothing(*_: object) -> None:
    """Do nothing."""
