from __future__ import annotations

from filesend_tui.core.events import Download, Event
from filesend_tui.core.torrent.reporter import INTERVAL, Reporter
from tests.waiting import until


async def test_the_first_bytes_that_are_sure_are_told_at_once_and_the_next_after_a_while() -> None:
    told: list[Event] = []
    reporter = Reporter(told.append, "torrent", "transfer")
    reporter.wanted_bytes = 300

    def figures() -> list[int]:
        return [event.downloaded_bytes for event in told if isinstance(event, Download)]

    reporter.block_received(300)
    assert figures() == [0]
    reporter.piece_verified(100)
    reporter.piece_verified(100)
    assert figures() == [0, 100]
    await until(lambda: len(figures()) > 2, 20 * INTERVAL)
    assert figures() == [0, 100, 200]
    reporter.piece_verified(100)
    reporter.flush()
    assert figures() == [0, 100, 200, 300]
    reporter.close()
