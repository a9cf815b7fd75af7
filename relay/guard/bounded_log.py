"""A rate limit on the lines of the log: a stranger who triggers them must not fill a disk.

The contents of the log and its destination never live here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from relay.guard.buckets import TokenBucket
from relay.guard.limits import Rate

#: Lines, each with its traceback. A healthy relay writes a few a day.
LINES: Final = Rate(burst=100, per_second=0.1)


class BoundedLog(logging.Filter):
    """A filter that drops records over a rate, and adds their number to the next one it passes.

    clock: monotonic seconds.
    """

    def __init__(self, rate: Rate = LINES, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._bucket = TokenBucket(rate, clock())
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is written."""
        if not self._bucket.take(self._clock()):
            self._left_out += 1
            return False
        if self._left_out:
            record.msg = f"{record.getMessage()} ({self._left_out} lines before it were left out)"
            record.args = ()
            self._left_out = 0
        return True
