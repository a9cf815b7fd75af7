"""A partner's machine on the direct road: in, and out for harm."""

from __future__ import annotations

import asyncio
import errno
import struct
from typing import Any

import pytest

from filesend_tui.core.transports import secure_connection
from filesend_tui.core.transports.base import Abuse, ChannelAbused
from filesend_tui.core.transports.direct import road
from filesend_tui.core.transports.secure_connection import ConnectionBroken
from filesend_tui.core.transports.tls.connection import TlsConnection
from tests.transports.direct_pairs import connected, roads
from tests.transports.pairs import soon
from tests.waiting import until


async def test_frames_of_nothing_end_the_channel() -> None:
    async with connected() as (here, there):
        here._link.write(struct.pack(">I", 0) * 1000)
        with pytest.raises(ChannelAbused) as caught:
            await soon(there.receive())
        assert caught.value.abuse is Abuse.ENDLESS_MESSAGE


async def test_very_many_tiny_frames_call_the_event_loop_no_more_than_it_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with connected() as (here, there):
        calls = 0
        tell = there._tell

        def counting(*args: Any) -> None:
            nonlocal calls
            calls += 1
            tell(*args)

        monkeypatch.setattr(there, "_tell", counting)
        count = 50_000
        await asyncio.to_thread(here._link.write, struct.pack(">IB", 1, 7) * count)
        await until(lambda: there._unread_bytes >= count, 20)
        assert await soon(there.receive()) == b"\7" * count
        assert calls == 1


@pytest.mark.parametrize("bound", ["MAX_LINKS", "MAX_ALL_LINKS"])
async def test_a_partner_who_connects_without_end_holds_few_connections(
    monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(road, bound, 6)
    async with roads() as (ours, theirs):
        here, there = ours.offer(), theirs.offer()
        meeting = asyncio.create_task(
            theirs.meet(there, here._replace(endpoints=()), chooses=False)
        )
        await asyncio.sleep(0)
        assert ours._identity is not None
        ours._identity.trust(frozenset([there.certificate]))
        expected = road._Meeting(here, there, chooses=True, chosen=lambda: None)
        held: list[TlsConnection] = []
        refused = 0
        for _ in range(20):
            link = ours._link(await road._connect(there.endpoints[0]), server=False)
            held.append(link)
            try:
                await soon(ours._greet(expected, link))
                async with asyncio.timeout(0.1):
                    await link.receive(1)
            except ConnectionBroken:
                refused += 1
            except TimeoutError:
                pass
        assert refused == 14
        # Nor do they keep the partner from coming by one of those.
        await held[0].send(road._THIS_ONE)
        channel = await soon(meeting)
        for link in held:
            link.close()
        await soon(channel.close())


async def test_strangers_who_are_gone_at_once_use_up_no_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(*_: object) -> None:
        raise OSError(errno.EINVAL, "as macOS says of a connection that was reset")

    async with roads() as (ours, theirs):
        monkeypatch.setattr(secure_connection, "tune", gone)
        here, there = ours.offer(), theirs.offer()
        meeting = asyncio.create_task(
            theirs.meet(there, here._replace(endpoints=()), chooses=False)
        )
        for _ in range(20):
            _, writer = await asyncio.open_connection(*there.endpoints[0])
            writer.transport.abort()
        await until(lambda: not theirs._arriving, 10)
        channels = await soon(asyncio.gather(ours.meet(here, there, chooses=True), meeting))
        await soon(asyncio.gather(*(channel.close() for channel in channels)))
