"""Any number of readers; none holds up another; words are never lost."""

from __future__ import annotations

import asyncio

from filesend_tui.core.event_stream import EventStream
from filesend_tui.core.events import Event, Paired, TorrentDone, Upload


def figure(n: int) -> Upload:
    return Upload(
        torrent="t", uploaded="", upload_speed="", uploaded_bytes=n, upload_bytes_per_second=0.0
    )


async def test_every_reader_sees_every_event_in_order() -> None:
    stream = EventStream()
    readers = [stream.subscribe() for _ in range(3)]
    words = [Paired(partner=str(n)) for n in range(10)]
    for word in words:
        stream.publish(word)
    stream.close()
    for reader in readers:
        assert [event async for event in reader] == words


async def test_a_waiting_reader_wakes() -> None:
    stream = EventStream()
    reader = stream.subscribe()
    waiting = asyncio.ensure_future(anext(reader))
    await asyncio.sleep(0)
    stream.publish(Paired(partner="a"))
    assert await asyncio.wait_for(waiting, 1) == Paired(partner="a")


async def test_a_reader_that_sleeps_loses_figures_but_no_words() -> None:
    stream = EventStream()
    reader = stream.subscribe()
    for n in range(10_000):
        stream.publish(figure(n))
        if n % 100 == 0:
            stream.publish(TorrentDone(transfer=str(n)))
    stream.close()
    seen: list[Event] = [event async for event in reader]
    assert [e.transfer for e in seen if isinstance(e, TorrentDone)] == [
        str(n) for n in range(0, 10_000, 100)
    ]
    figures = [e.uploaded_bytes for e in seen if isinstance(e, Upload)]
    assert len(figures) <= 2048
    assert figures == sorted(figures)
    assert figures[-1] == 9_999


async def test_a_closed_reader_ends_and_a_late_one_too() -> None:
    stream = EventStream()
    reader = stream.subscribe()
    stream.publish(Paired(partner="a"))
    reader.close()
    assert [event async for event in reader] == []
    stream.close()
    assert [event async for event in stream.subscribe()] == []


async def test_a_reader_of_some_kinds_is_kept_nothing_else_for() -> None:
    stream = EventStream()
    reader = stream.subscribe(TorrentDone)
    stream.publish(Paired(partner="a"))
    stream.publish(figure(1))
    assert not reader.waiting
    stream.publish(TorrentDone(transfer="t"))
    stream.close()
    assert [event async for event in reader] == [TorrentDone(transfer="t")]
