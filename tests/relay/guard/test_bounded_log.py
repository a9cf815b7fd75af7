from __future__ import annotations

import logging

from relay.guard.bounded_log import BoundedLog
from relay.guard.limits import Rate


def test_so_many_lines_and_then_how_many_were_left_out():
    now = 0.0
    written: list[str] = []

    class Noting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    handler = Noting()
    handler.addFilter(BoundedLog(Rate(burst=2, per_second=1), lambda: now))
    logger = logging.Logger("a relay's")
    logger.addHandler(handler)
    for number in range(5):
        logger.error("line %d", number)
    now = 1.0
    logger.error("100%% %s", "sure")
    now = 2.0
    logger.error("the last")
    assert written == [
        "line 0",
        "line 1",
        "100% sure (3 lines before it were left out)",
        "the last",
    ]
