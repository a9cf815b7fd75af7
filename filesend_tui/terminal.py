"""The terminal of this process: which streams are on one, and that it is noticed when it goes.

The kernel tells a hang-up to the leader of the session alone. Where that is make, a shell or a
program that keeps it to itself, nobody else hears of it, and who goes on reading gets nothing at
once, again and again. What is done about it is ending.py's and headless/signals.py's.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Final

#: Standard input, output and error.
STREAMS: Final = (0, 1, 2)
#: Seconds between two looks at a terminal whose end wakes nobody who waits for it.
PERIOD: Final = 0.4
#: Seconds that a terminal may take to answer.
SILENCE: Final = 1.0
#: Asks a terminal where its cursor is (DSR 6, ECMA-48); every terminal answers.
QUESTION: Final = "\x1b[6n"


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
            while not self._closed.is_set():
                woken = hangup.poll(PERIOD * 1000)
                if self._closed.is_set():
                    return
                if not all(map(os.isatty, self._streams)):
                    unheard = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
                    point_nowhere(self._streams, input_ends=unheard)
                    os.kill(os.getpid(), signal.SIGHUP)
                    return
                if woken:  # by what is no end, such as a system that cannot poll terminals
                    self._closed.wait(PERIOD)


class EndOfInput:
    """Tells a Ctrl-D that a person typed from the end of input of a terminal that is gone.

    `script` outlives its own terminal, and so the one that it made for us is still there. It says
    so by a Ctrl-D at once, and by one more for each thing that is written and can go nowhere.

    Args:
        ask: Writes QUESTION to the terminal.
        gone: Called once nobody can be there.
    """

    def __init__(self, ask: Callable[[], None], gone: Callable[[], None]) -> None:
        self._ask = ask
        self._gone = gone
        self._heard = 0
        self._waiting: asyncio.TimerHandle | None = None

    def heard(self) -> None:
        """A Ctrl-D came; called on the event loop."""
        self._heard += 1
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().call_later(SILENCE, self._judge)
            self._ask()

    def answered(self) -> None:
        """Anything else came: somebody is there."""
        self._heard = 0
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _judge(self) -> None:
        self._waiting = None
        heard, self._heard = self._heard, 0
        if heard > 1:  # the question alone brought another
            self._gone()


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
