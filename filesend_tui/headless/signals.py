"""Ctrl-C, SIGTERM and a closed terminal as one request to stop, on every system.

Under nohup a closed terminal is none: the run goes on, and its output is discarded.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from filesend_tui.headless.exit_codes import ExitCode
from filesend_tui.runtime.terminal_signals import let_go_of_terminal
from filesend_tui.system.terminal import TerminalWatch, on_terminal


@contextmanager
def stop_on_signals(stop: Callable[[], object]) -> Iterator[None]:
    """Call `stop` on the running loop at the first signal; at the second, end the process at once.

    The second ends it without cleaning up, in case cleaning up hangs. So does a terminal that is
    gone, after a moment. After the block everything is freed and printed, and a signal ends the
    process at once.
    """
    loop = asyncio.get_running_loop()
    terminals = on_terminal()
    asked = False

    def heard() -> None:
        nonlocal asked
        if asked:
            os._exit(ExitCode.INTERRUPTED)
        asked = True
        stop()

    def hung_up() -> None:
        if terminals:
            let_go_of_terminal(terminals, ExitCode.INTERRUPTED)
        if not asked:  # it may be signalled twice: by the system, and by the watch
            heard()

    wanted = {signal.SIGINT: heard, signal.SIGTERM: heard}
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        wanted[signal.SIGHUP] = hung_up  # not under nohup
    for number, handler in wanted.items():
        try:
            loop.add_signal_handler(number, handler)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(heard))
    watch = TerminalWatch(terminals)
    try:
        yield
    finally:
        watch.close()
        for number in wanted:
            with suppress(NotImplementedError):
                loop.remove_signal_handler(number)
            signal.signal(number, lambda *_: os._exit(ExitCode.INTERRUPTED))
