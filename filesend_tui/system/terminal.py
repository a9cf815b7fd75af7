"""The terminal of this process: which streams are on one, and that it is noticed when it goes.

The kernel tells a hang-up to the leader of the session alone. Where that is make, a shell or a
program that keeps it to itself, nobody else hears of it, and who goes on reading gets nothing at
once, again and again. What is done about it is terminal_signals.py's and headless/signals.py's.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

#: Standard input, output and error.
STREAMS: Final = (0, 1, 2)
#: Seconds between two looks at a terminal whose end wakes nobody who waits for it.
PERIOD: Final = 0.4


def on_terminal() -> tuple[int, ...]:
    """Return which of the standard streams are a terminal now."""
    return tuple(each for each in STREAMS if os.isatty(each))


class TerminalWatch:
    """Sends this process a SIGHUP once one of its terminals is gone, whoever else was told.

    Nothing is written to the terminal from then on. Where SIGHUP is ignored, as under nohup, that
    is all that happens. Does nothing on Windows, which ends the programs of a console that is
    closed.

    Args:
        streams: Descriptors of terminals; without any there is nothing to be watched.
    """

    def __init__(self, streams: Iterable[int]) -> None:
        self._streams = tuple(streams)
        self._closed = threading.Event()
        if self._streams and sys.platform != "win32":
            # A thread: the event loop may be what waits for the lost terminal.
            threading.Thread(target=self._watch, name="terminal", daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._closed.set()

    if sys.platform != "win32":

        def _watch(self) -> None:
            import select

            hangup = select.poll()
            for stream in self._streams:
                hangup.register(stream, 0)
            keeper = _keeper()
            while not self._closed.is_set():
                woken = hangup.poll(PERIOD * 1000)
                if self._closed.is_set():
                    return
                left = keeper is not None and not _is_on_terminal(keeper)
                if left or not all(map(os.isatty, self._streams)):
                    unheard = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
                    point_nowhere(self._streams, input_ends=unheard)
                    os.kill(os.getpid(), signal.SIGHUP)
                    return
                if woken:  # by what is no end, such as a system that cannot poll terminals
                    self._closed.wait(PERIOD)


def _keeper() -> int | None:
    """Return the process that keeps our terminal for us and is on a terminal itself (Linux).

    `script` and their like outlive their own terminal, and so the one that they made for us is
    still there when nobody sits at it any more.
    """
    if sys.platform != "linux":
        return None
    leader = _status(os.getsid(0))
    keeper = leader[0] if leader else 0
    return keeper if keeper and _is_on_terminal(keeper) else None


def _is_on_terminal(pid: int) -> bool:
    status = _status(pid)
    return status is None or status[1] != 0  # who has ended took our terminal with them


def _status(pid: int) -> tuple[int, int] | None:
    """Return a process's parent and terminal (proc(5): ppid, tty_nr)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return int(fields[1]), int(fields[4])
    except (OSError, ValueError, IndexError):
        return None


def point_nowhere(streams: Iterable[int], *, input_ends: bool = False) -> None:
    """Let what is written to these vanish; standard input ends, or nothing ever comes from it."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in streams:
        if stream == 0 and not input_ends:
            # Who takes an end for a pause, as Textual does, would read again at once, and again.
            silent, _held = os.pipe()
            os.dup2(silent, stream)
        else:
            os.dup2(nowhere, stream)
