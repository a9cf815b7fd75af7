"""How the app hears that it should end, and how it lets go of a terminal that is gone.

SIGINT and SIGTERM: somebody wants it to end. SIGHUP: its terminal was closed, or the SSH connection
broke; where nobody passes that on, terminal.py sees it. On its terminal Ctrl-C is a key, and no
signal.
Systems that do not know a signal, and threads that may not take one, go without.
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

#: Seconds after which a process without a terminal ends, whatever it still waits for.
LONGEST: Final = 1.5
#: The exit code after an interrupt.
INTERRUPTED: Final = 130
#: The exit code of a process that did not end by itself once its terminal was gone.
HUNG_UP: Final = 129


class TerminalSignals:
    """Calls `leave` on the event loop when the process is told to end.

    Args:
        leave: What to do, given the exit code; called once for each signal.
        terminal: The app draws on a real terminal, which a SIGHUP takes away.
    """

    def __init__(self, leave: Callable[[int], None], *, terminal: bool) -> None:
        self._leave = leave
        # All three were terminals when the app began; one that is gone says so no more.
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
        """Put back what was there before."""
        self._watch.close()
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _interrupted(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._leave, INTERRUPTED)

    def _told(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._leave, 0)

    def _hung_up(self, *_: object) -> None:
        # Not through the loop: the SIGCONT that comes with it must find this done.
        if self._streams:
            self._watch.close()
            let_go_of_terminal(self._streams)
        self._told()


def let_go_of_terminal(streams: Iterable[int], code: int = HUNG_UP) -> None:
    """Point these streams to nowhere, so that no write to the lost terminal fails or waits.

    Textual takes the SIGCONT of a hang-up for a return from sleep and would start its threads a
    second time; and once its writer has failed, it waits for it for ever. So SIGCONT is ignored
    from here on, and LONGEST seconds are all that the process has left; then it ends with this
    code.
    """
    if sys.platform != "win32":
        signal.signal(signal.SIGCONT, signal.SIG_IGN)
    point_nowhere(streams)
    end_soon(code, LONGEST)
