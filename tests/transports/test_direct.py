"""The channel over a real TLS connection between two listeners of this machine."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

import pytest

from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports import secure_connection
from filesend_tui.core.transports.base import Abuse, BulkChannel, ChannelAbused
from filesend_tui.core.transports.framed_channel import (
    LINGER,
    MAX_BULK,
    UNREAD_LIMIT,
    FramedChannel,
)
from filesend_tui.core.util import own_address
from tests.transports.direct_pairs import connected
from tests.transports.pairs import soon
from tests.waiting import until

MIB = 1024 * 1024
#: Most bytes that one may send to another who reads nothing: both sides' own, and the sockets'.
IN_BETWEEN = 16 * MIB


class Sink:
    """Gathers bulk by tag, through a buffer of odd size."""

    def __init__(self) -> None:
        self.got: dict[bytes, bytearray] = {}
        self.order: list[bytes] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.taken = 0
        self._space = memoryview(b"")
        self._tag = b""

    def space(self, tag: bytes, at: int, left: int) -> memoryview:
        assert self.may_go_on.wait(10)
        assert at == len(self.got.setdefault(tag, bytearray()))
        if not at:
            self.order.append(tag)
        self._tag = tag
        self._space = memoryview(bytearray(min(left, 77_777)))
        return self._space

    def filled(self, count: int) -> None:
        assert count == len(self._space)
        self.got[self._tag] += self._space
        self.taken += count


class Around:
    """A socket that has ways of its own."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class Unwaking(Around):
    """One whose shutdown wakes nobody. looks: how often somebody waited in it in vain."""

    looks = 0

    def shutdown(self, how: int) -> None:
        pass

    def recv_into(self, *into: Any) -> int:
        return self._looking(self._sock.recv_into, *into)

    def send(self, data: memoryview) -> int:
        return self._looking(self._sock.send, data)

    def _looking(self, does: Callable[..., int], *arguments: Any) -> int:
        try:
            return does(*arguments)
        except TimeoutError:
            self.looks += 1
            raise


class GivenUp(Around):
    def send(self, data: memoryview) -> int:
        raise OSError(errno.ETIMEDOUT, "Connection timed out")


def filler(byte: int) -> Callable[[memoryview], None]:
    def fill(view: memoryview) -> None:
        view[:] = bytes([byte]) * len(view)

    return fill


async def read_exactly(channel: FramedChannel, count: int) -> bytes:
    data = b""
    while len(data) < count and (part := await soon(channel.receive())):
        data += part
    return data


async def test_bytes_arrive_in_order_both_ways_at_once() -> None:
    async with connected() as (here, there):
        assert isinstance(here, BulkChannel)
        assert here.road == "direct"
        assert here.address.startswith("127.0.0.1:")
        up, down = bytes(range(256)) * 12_000, bytes(reversed(range(256))) * 9_000

        async def talk(channel: FramedChannel, data: bytes) -> None:
            for start in range(0, len(data), 100_001):
                await channel.send(data[start : start + 100_001])

        sending = asyncio.gather(talk(here, up), talk(there, down))
        heard = await soon(
            asyncio.gather(read_exactly(there, len(up)), read_exactly(here, len(down)))
        )
        await soon(sending)
        assert heard == [up, down]


async def test_what_was_sent_before_closing_arrives_and_then_the_end() -> None:
    async with connected() as (here, there):
        await here.send(b"x" * 200_000)
        closing = asyncio.create_task(here.close())
        assert await read_exactly(there, 300_000) == b"x" * 200_000
        assert await soon(there.receive()) == b""
        assert there.closed
        await soon(there.close())
        await soon(closing)
        with pytest.raises(ChannelFailed):
            await here.send(b"late")


async def test_closing_does_not_wait_for_a_peer_that_reads_nothing() -> None:
    async with connected() as (here, there):
        sending = asyncio.create_task(here.send(bytes(40 * MIB)))
        await until(lambda: there._unread_bytes > UNREAD_LIMIT)
        async with asyncio.timeout(LINGER + 5):
            await here.close()
        with pytest.raises(ChannelFailed):
            await soon(sending)


async def test_a_broken_connection_is_told_to_who_waits() -> None:
    async with connected() as (here, there):
        waiting = asyncio.create_task(there.receive())
        await asyncio.sleep(0)
        here._link.sever()
        with pytest.raises(ChannelFailed):
            await soon(waiting)
        with pytest.raises(ChannelFailed):
            await soon(there.send(b"?"))


@pytest.mark.parametrize("waits", ["reader", "writer"])
async def test_where_severing_wakes_nobody_they_look_now_and_then(
    waits: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, whose sockets do not promise that."""
    monkeypatch.setattr(secure_connection, "_LOOK", 0.05)
    async with connected() as (here, there):
        sock = Unwaking(here._link._sock)
        monkeypatch.setattr(here._link, "_sock", sock)
        if waits == "writer":
            sending = asyncio.create_task(here.send(bytes(40 * MIB)))
            await until(lambda: there._unread_bytes > UNREAD_LIMIT)
        await until(lambda: sock.looks >= 3)
        assert not here.closed
        here._link.sever()
        await soon(here._all_done.wait())
        with pytest.raises(ChannelFailed):
            await soon(sending if waits == "writer" else here.receive())


async def test_an_address_that_this_machine_has_no_more_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone: list[Any] = []
    monkeypatch.setattr(own_address, "LOOK", 0.01)
    monkeypatch.setattr(own_address, "has", lambda name: name not in gone)
    async with connected() as (here, _there):
        waiting = asyncio.create_task(here.receive())
        gone.append(here._link.own_name)
        with pytest.raises(ChannelFailed, match="address changed"):
            await soon(waiting)
        await soon(here._all_done.wait())
        assert here._watching.done()


async def test_a_connection_that_tcp_gave_up_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error looks like the end of a wait."""
    async with connected() as (here, _there):
        await here.send(b"?")
        monkeypatch.setattr(here._link, "_sock", GivenUp(here._link._sock))
        with pytest.raises(ChannelFailed):
            await soon(here.send(b"?"))
            await soon(here.receive())


async def test_a_reader_that_is_behind_holds_the_sender_back_and_loses_nothing() -> None:
    async with connected() as (here, there):
        sent = 0

        async def pour() -> None:
            nonlocal sent
            while sent < 40 * MIB:
                await here.send(bytes(MIB))
                sent += MIB

        pouring = asyncio.create_task(pour())
        await until(lambda: there._unread_bytes > UNREAD_LIMIT)
        await until(lambda: pouring.done() or not here._room.is_set())
        assert not pouring.done(), "sent without end to somebody who reads nothing"
        got = 0
        while got < 40 * MIB:
            assert there._unread_bytes <= UNREAD_LIMIT + MIB
            assert sent - got <= IN_BETWEEN
            got += len(await soon(there.receive()))
        assert got == 40 * MIB
        await soon(pouring)


async def test_bulk_goes_to_the_sink_and_small_messages_overtake_it() -> None:
    async with connected() as (here, there):
        sink = Sink()
        there.take_bulk(sink)
        sink.may_go_on.clear()
        sending = [
            asyncio.create_task(here.send_bulk(bytes([n]) * 8, MAX_BULK, filler(n)))
            for n in range(12)
        ]
        await until(lambda: here._bulk_bytes >= 4 * MIB)
        await here.send(b"now")
        sink.may_go_on.set()
        assert await read_exactly(there, 3) == b"now"
        assert sink.taken < 12 * MIB, "the word came last"
        await soon(asyncio.gather(*sending))
        await until(lambda: sink.taken == 12 * MIB)
        assert sink.order == [bytes([n]) * 8 for n in range(12)]
        assert all(sink.got[tag] == tag[:1] * MAX_BULK for tag in sink.order)


async def test_bulk_waits_for_room() -> None:
    async with connected() as (here, there):
        sink = Sink()
        there.take_bulk(sink)
        sink.may_go_on.clear()
        ahead: list[int] = []

        def fill(_view: memoryview) -> None:
            ahead.append(len(ahead) + 1 - sink.taken // MAX_BULK)

        async def pour() -> None:
            for n in range(64):
                await here.send_bulk(n.to_bytes(8), MAX_BULK, fill)

        pouring = asyncio.create_task(pour())
        await until(lambda: pouring.done() or not here._room.is_set())
        assert not pouring.done()
        sink.may_go_on.set()
        await soon(pouring)
        await until(lambda: sink.taken == 64 * MAX_BULK)
        assert max(ahead) < 40, "sent without end to a sink that takes nothing"


async def test_a_source_that_cannot_be_read_breaks_the_channel() -> None:
    async with connected() as (here, there):
        there.take_bulk(Sink())

        def fill(_view: memoryview) -> None:
            raise ChannelFailed("the disk is gone")

        await here.send_bulk(bytes(8), 10, fill)
        with pytest.raises(ChannelFailed, match="the disk is gone"):
            await soon(here.receive())
        with pytest.raises(ChannelFailed):
            await soon(there.receive())


@pytest.mark.parametrize(
    ("frame", "abuse"),
    [
        (struct.pack(">I", MIB + 1), Abuse.ENDLESS_MESSAGE),
        (struct.pack(">I", (1 << 31) | (MAX_BULK + 1)), Abuse.ENDLESS_MESSAGE),
        (struct.pack(">I", 1 << 31), Abuse.ENDLESS_MESSAGE),
        (struct.pack(">I", (1 << 31) | 5) + bytes(13), Abuse.UNASKED_BULK),
    ],
    ids=["stream", "bulk", "empty bulk", "no sink"],
)
async def test_a_peer_that_breaks_the_framing_is_cut_off(frame: bytes, abuse: Abuse) -> None:
    async with connected() as (here, there):
        here._link.write(frame)
        with pytest.raises(ChannelAbused) as caught:
            await soon(there.receive())
        assert caught.value.abuse is abuse


async def test_no_thread_stays_behind() -> None:
    async with connected() as (here, there):
        threads = [*here._threads, *there._threads]
        assert all(thread.is_alive() for thread in threads)
        here._link.sever()
    for thread in threads:  # the last thing each does is to say that it ended
        await asyncio.to_thread(thread.join, 10)
    assert not any(thread.is_alive() for thread in threads)
