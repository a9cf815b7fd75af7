"""Ctrl-C and SIGTERM as one request to stop, on every system; and a terminal that goes away.

Under nohup a closed terminal is none: the run goes on, and its output is discarded. What a run does
without its terminal is unattended.py's.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

from filesend_tui.headless.exit_codes import ExitCode
from filesend_tui.runtime.terminal_signals import LONGEST, let_go_of_terminal
from filesend_tui.system.process_exit import end_soon
from filesend_tui.system.terminal import TerminalWatch, on_terminal


@contextmanager
def stop_on_signals(
    stop: Callable[[bool], object], lost: Callable[[tuple[int, ...]], bool]
) -> Iterator[None]:
    """Call `stop` on the running loop at the first signal; at the second, end the process at once.

    The second ends it without cleaning up, in case cleaning up hangs. After the block everything is
    freed and printed, and a signal ends the process at once.

    Args:
        stop: Stops the run; called with whether what is unfinished is kept. A person who presses
            Ctrl-C gives it up, and the other person is told; SIGTERM comes from a system that ends,
            or from a script, and nobody gave up anything.
        lost: Called once the terminal is gone, with the streams that were on it; returns whether
            the run goes on. Else it is stopping, and the process ends within LONGEST seconds.
    """
    loop = asyncio.get_running_loop()
    terminals = on_terminal()
    asked = hung = False

    def heard(keep: bool) -> None:
        nonlocal asked
        if asked:
            os._exit(ExitCode.INTERRUPTED)
        asked = True
        stop(keep)

    def hung_up() -> None:
        nonlocal asked, hung
        if terminals:
            let_go_of_terminal(terminals)
        if hung:  # it may be signalled twice: by the system, and by the watch
            return
        hung = True
        if not asked and lost(terminals):
            return
        asked = True
        if terminals:
            end_soon(ExitCode.INTERRUPTED, LONGEST)

    wanted: dict[signal.Signals, Callable[[], None]] = {
        signal.SIGINT: partial(heard, False),
        signal.SIGTERM: partial(heard, True),
    }
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        wanted[signal.SIGHUP] = hung_up  # not under nohup
    for number, handler in wanted.items():
        try:
            loop.add_signal_handler(number, handler)
        except NotImplementedError:  # Windows
            signal.signal(number, partial(_pass_on, loop, handler))
    watch = TerminalWatch(terminals)
    try:
        yield
    finally:
        watch.close()
        for number, handler in wanted.items():
            with suppress(NotImplementedError):
                loop.remove_signal_handler(number)
            if hung and handler is hung_up:
                signal.signal(number, signal.SIG_IGN)
            else:
                signal.signal(number, lambda *_: os._exit(ExitCode.INTERRUPTED))


def _pass_on(loop: asyncio.AbstractEventLoop, handler: Callable[[], None], *_: object) -> None:
    loop.call_soon_threadsafe(handler)
