"""runtime/work_watch.py: how long what is under way is waited for."""

from __future__ import annotations

import asyncio

from filesend_tui.core import events
from filesend_tui.core.event_stream import EventStream
from filesend_tui.core.events import Direction, TransferPhase
from filesend_tui.runtime.work_watch import WorkWatch
from tests import virtual_time

ASKED = events.FileRequest(
    transfer="t", direction=Direction.SEND, partner="Ann", files=(), total_bytes=0
)
DONE = events.TransferState(transfer="t", direction=Direction.SEND, phase=TransferPhase.DONE)


def upload(rate: float) -> events.Upload:
    return events.Upload(
        torrent="",
        uploaded="",
        upload_speed="",
        uploaded_bytes=0,
        upload_bytes_per_second=rate,
    )


def test_it_is_over_once_nothing_is_under_way() -> None:
    async def watching() -> None:
        stream = EventStream()
        watch = WorkWatch(stream.subscribe())
        assert await watch.over(10)
        stream.publish(ASKED)
        heard: list[events.Event] = []
        watch.listeners.append(heard.append)
        await asyncio.sleep(0)
        waiting = asyncio.create_task(watch.over(10))
        await asyncio.sleep(5)
        stream.publish(DONE)
        assert await waiting
        assert heard == [ASKED, DONE]

    virtual_time.run(watching())


def test_patience_ends_where_nothing_moves() -> None:
    async def watching() -> None:
        clock = asyncio.get_running_loop().time
        stream = EventStream()
        watch = WorkWatch(stream.subscribe())
        stream.publish(ASKED)
        await asyncio.sleep(0)
        waiting = asyncio.create_task(watch.over(10))
        for _ in range(5):
            await asyncio.sleep(8)
            stream.publish(upload(1.0))
        last = clock()
        await asyncio.sleep(8)
        stream.publish(upload(0.0))
        assert not await waiting
        assert clock() == last + 10

    virtual_time.run(watching())


def test_a_run_that_begins_the_next_thing_is_waited_for_while_idle() -> None:
    async def watching() -> None:
        stream = EventStream()
        watch = WorkWatch(stream.subscribe())
        assert not await watch.over(10, until_idle=False)
        waiting = asyncio.create_task(watch.over(10, until_idle=False))
        await asyncio.sleep(5)
        stream.close()
        assert await waiting, "the client has ended"

    virtual_time.run(watching())
