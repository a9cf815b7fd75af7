"""How the threads of a stream have its event loop look at what they did. It decides nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress


class Nudge:
    """Has the event loop look; once for all that happens until it does.

    Args:
        look: Called on the event loop of whoever makes this.
    """

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._given = False

    def give(self) -> None:
        """Have it look; from any thread."""
        with self._lock:
            if self._given:
                return
            self._given = True
        self.call(self._looks)

    def call(self, call: Callable[..., None], *args: object) -> None:
        """Call something on the event loop, unless that is closed; from any thread."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call, *args)

    def _looks(self) -> None:
        with self._lock:
            self._given = False
        self._look()
