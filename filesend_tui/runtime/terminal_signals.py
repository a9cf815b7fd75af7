"""Signals that end the app, and detaching from a terminal that is gone.

SIGINT and SIGTERM: a request to end. SIGHUP: its terminal was closed, or the SSH connection broke;
where SIGHUP is not delivered, terminal.py detects it. On its terminal Ctrl-C is a key, and no
signal. Signals that a system does not have, or that this thread may not handle, are skipped.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

from filesend_tui.system.process_exit import end_soon
from filesend_tui.system.terminal import STREAMS, TerminalWatch, point_nowhere

#: Seconds after which a process whose terminal is gone ends, whatever it still waits for.
LONGEST: Final = 1.5
#: The exit code after an interrupt.
INTERRUPTED: Final = 130
#: The exit code of a process that did not end by itself once its terminal was gone.
HUNG_UP: Final = 129


class TerminalSignals:
    """Signal handlers that call `leave` on the event loop.

    Args:
        leave: Called with the exit code, once for each signal.
        terminal: Whether the app draws on a real terminal, which a SIGHUP takes away.
    """

    def __init__(self, leave: Callable[[int], None], *, terminal: bool) -> None:
        self._leave = leave
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
        """Restore the earlier handlers."""
        self._watch.close()
        for number, handler in self._before.items():
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
        self._told()


def let_go_of_terminal(streams: Iterable[int], code: int = HUNG_UP) -> None:
    """Redirect these streams to the null device, so that no write to the lost terminal blocks.

    Textual takes the SIGCONT of a hang-up for a return from suspension and would start its threads
    a second time; and once its writer has failed, it waits for it for ever. So SIGCONT is ignored
    from here on, and the process ends after LONGEST seconds with this exit code.
    """
    if sys.platform != "win32":
        signal.signal(signal.SIGCONT, signal.SIG_IGN)
    point_nowhere(streams)
    end_soon(code, LONGEST)
