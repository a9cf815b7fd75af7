"""The terminal of this process: which streams are on it, and detecting its loss.

The kernel sends SIGHUP to the session leader alone. Where that is make, a shell or a program that
does not forward it, other processes get no signal, and reading returns an empty result at once,
again and again. The reaction is terminal_signals.py's and headless/signals.py's.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Final

#: Standard input, output and error.
STREAMS: Final = (0, 1, 2)
#: What a terminal writes when it loses the focus (xterm: CSI O); of no use to other readers.
_LEFT: Final = b"\x1b[O"
#: Seconds between two checks of a terminal whose end does not wake poll().
PERIOD: Final = 0.4


def on_terminal() -> tuple[int, ...]:
    """Return the standard streams that are a terminal now."""
    return tuple(each for each in STREAMS if os.isatty(each))


class TerminalWatch:
    """A watch that sends this process a SIGHUP once one of its terminals is gone.

    From then on its streams are redirected to the null device. Where SIGHUP is ignored, as under
    nohup, nothing else happens. Does nothing on Windows, which ends the programs of a closed
    console.

    Args:
        streams: Descriptors of terminals; without any nothing is watched.
    """

    def __init__(self, streams: Iterable[int]) -> None:
        self._streams = tuple(streams)
        self._closed = threading.Event()
        if self._streams and sys.platform != "win32":
            # Who keeps it is looked up before anybody can be told that this process is ready.
            watch = partial(self._watch, _keeper())
            # A thread: the event loop itself may be blocked on the lost terminal.
            threading.Thread(target=watch, name="terminal", daemon=True).start()

    def close(self) -> None:
        """Stop watching."""
        self._closed.set()

    if sys.platform != "win32":

        def _watch(self, keeper: int | None) -> None:
            import select

            hangup = select.poll()
            for stream in self._streams:
                hangup.register(stream, 0)
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
                if woken:  # not by a hang-up, such as on a system that cannot poll terminals
                    self._closed.wait(PERIOD)


def _keeper() -> int | None:
    """Return the process that holds our pseudo-terminal and has a terminal itself (Linux).

    `script` and the like outlive their own terminal, so the pseudo-terminal that they made for us
    remains when the person's terminal is gone.
    """
    if sys.platform != "linux":
        return None
    leader = _status(os.getsid(0))
    keeper = leader[0] if leader else 0
    return keeper if keeper and _is_on_terminal(keeper) else None


def _is_on_terminal(pid: int) -> bool:
    status = _status(pid)
    return status is None or status[1] != 0  # a process that has ended took our terminal with it


def _status(pid: int) -> tuple[int, int] | None:
    """Return a process's parent and terminal (proc(5): ppid, tty_nr)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return int(fields[1]), int(fields[4])
    except (OSError, ValueError, IndexError):
        return None


def point_nowhere(streams: Iterable[int], *, input_ends: bool = False) -> None:
    """Discard what is written to these streams; standard input ends, or blocks for ever."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in streams:
        if stream == 0 and not input_ends:
            # A reader that retries at end of file, as Textual does, would spin. One that was about
            # to read, as the hang-up made the terminal readable, has something to read.
            silent, held = os.pipe()
            os.write(held, _LEFT)
            os.dup2(silent, stream)
        else:
            os.dup2(nowhere, stream)
