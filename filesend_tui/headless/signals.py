"""Ctrl-C, SIGTERM and a closed terminal as one wish to stop, on every system."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from filesend_tui.headless.exit_codes import ExitCode


@contextmanager
def stop_on_signals(stop: Callable[[], object]) -> Iterator[None]:
    """Call `stop` on the running loop at the first signal; at the second, end the process at once.

    The second ends it without cleaning up: for when cleaning up is what hangs.
    """
    loop = asyncio.get_running_loop()
    wanted = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        wanted.append(signal.SIGHUP)  # not under nohup
    asked = False

    def heard() -> None:
        nonlocal asked
        if asked:
            os._exit(ExitCode.INTERRUPTED)
        asked = True
        stop()

    before = {number: signal.getsignal(number) for number in wanted}
    for number in wanted:
        try:
            loop.add_signal_handler(number, heard)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(heard))
    try:
        yield
    finally:
        for number, handler in before.items():
            with suppress(NotImplementedError):
                loop.remove_signal_handler(number)
            signal.signal(number, handler)
