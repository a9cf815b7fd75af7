"""A bound on the lines of the log: whoever can have a relay write them must not fill a disk.

What is logged, and where it goes, is not known here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from relay.guard.buckets import TokenBucket
from relay.guard.limits import Rate

#: Lines, each with its traceback. A relay that is well writes a few a day.
LINES: Final = Rate(burst=100, per_second=0.1)


class BoundedLog(logging.Filter):
    """Lets so many records through, then says with the next one how many were left out.

    clock: monotonic seconds.
    """

    def __init__(self, rate: Rate = LINES, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._bucket = TokenBucket(rate, clock())
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is written."""
        if not self._bucket.take(self._clock()):
            self._left_out += 1
            return False
        if self._left_out:
            record.msg = f"{record.getMessage()} ({self._left_out} lines before it were left out)"
            record.args = ()
            self._left_out = 0
        return True
