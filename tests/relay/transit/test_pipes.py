from __future__ import annotations

import asyncio
import base64
import json
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from relay.guard.limits import Limits, Rate, day_of
from relay.protocol.transit import (
    JOINED,
    MAX_MESSAGE,
    PIPE,
    TRANSIT_PATH,
    TransitEnd,
    greeting,
)
from tests.conftest import running_relay
from tests.relay.conftest import TIMEOUT, Connect, Person, pair

KB = 1024
PLENTY = Rate(1e12, 1e12)


class Ends:
    """Opens ends of pipes, and closes them when the test is over."""

    def __init__(self) -> None:
        self.open: list[ClientConnection] = []

    async def __call__(self, url: str, first: bytes | str | None = None) -> ClientConnection:
        end = await websockets.connect(
            url.replace("http", "ws", 1) + TRANSIT_PATH, max_size=2**20, compression=None
        )
        self.open.append(end)
        if first is not None:
            await end.send(first)
        return end


@pytest.fixture
async def open_end() -> AsyncIterator[Ends]:
    ends = Ends()
    yield ends
    for end in ends.open:
        await end.close()


async def pass_of(person: Person) -> bytes:
    return base64.b64decode((await person.call("askRoads", {}))["pass"])


async def hear(end: ClientConnection) -> Any:
    return await asyncio.wait_for(end.recv(), TIMEOUT)


async def why_closed(end: ClientConnection) -> int:
    """The code with which the relay closes an end that says nothing before."""
    with pytest.raises(ConnectionClosed) as closed:
        await hear(end)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


async def two_passes(connect: Connect, url: str) -> tuple[bytes, bytes]:
    one, other = await connect(url), await connect(url)
    await pair(one, other)
    return await pass_of(one), await pass_of(other)


async def pipe(
    connect: Connect, open_end: Ends, url: str
) -> tuple[ClientConnection, ClientConnection]:
    """Both ends of a pipe that stands."""
    passes = await two_passes(connect, url)
    name = secrets.token_bytes(PIPE)
    one, other = [await open_end(url, greeting(each, name)) for each in passes]
    assert [await hear(one), await hear(other)] == [JOINED, JOINED]
    return one, other


# -- what it carries


async def test_bytes_go_both_ways_in_order(shared: str, connect: Connect, open_end: Ends) -> None:
    one, other = await pipe(connect, open_end, shared)
    there, back = ([secrets.token_bytes(n) for n in (1, 10 * KB, MAX_MESSAGE)] for _ in range(2))
    for message in there:
        await one.send(message)
    for message in back:
        await other.send(message)
    assert [await hear(other) for _ in there] == there
    assert [await hear(one) for _ in back] == back


SIZES = (1, 125, 126, 127, 65_535, MAX_MESSAGE)


async def test_frames_that_come_in_any_pieces(
    shared: str, connect: Connect, open_end: Ends
) -> None:
    """Headers of every length; cut in header, mask and data; several at once; a ping between."""
    one, other = await pipe(connect, open_end, shared)
    messages = [secrets.token_bytes(size) for size in SIZES]
    ping = Frame(Opcode.PING, b"are you there").serialize(mask=True)
    said = ping.join(Frame(Opcode.BINARY, each).serialize(mask=True) for each in messages)
    for step in (1, 7, 1_000, len(said)):
        start = 0
        while start < len(said):
            size = step if start < 1_000 else max(step, 1_000)
            one.transport.write(said[start : start + size])
            await asyncio.sleep(0)
            start += size
        assert [await hear(other) for _ in messages] == messages
        await asyncio.wait_for(await one.ping(), TIMEOUT)


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([Frame(Opcode.TEXT, b"text")], id="a text"),
        pytest.param([Frame(Opcode.BINARY, b"")], id="nothing"),
        pytest.param(
            [Frame(Opcode.BINARY, b"one", fin=False), Frame(Opcode.CONT, b"two")], id="fragments"
        ),
    ],
)
async def test_what_is_no_message_of_a_pipe_ends_it(
    shared: str, connect: Connect, open_end: Ends, frames: list[Frame]
) -> None:
    one, other = await pipe(connect, open_end, shared)
    for each in frames:
        one.transport.write(each.serialize(mask=True))
    assert await why_closed(one) == TransitEnd.BAD_MESSAGE
    assert await why_closed(other) == TransitEnd.GONE


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"\x82\x01x", id="no mask"),
        pytest.param(b"\xc2\x81\0\0\0\0x", id="a reserved bit"),
        pytest.param(b"\x83\x81\0\0\0\0x", id="an unknown kind"),
        pytest.param(b"\x82\xff" + (2**63).to_bytes(8, "big"), id="an endless length"),
        pytest.param(b"\x80\x81\0\0\0\0x", id="a part of nothing"),
    ],
)
async def test_what_is_no_frame_ends_it(
    shared: str, connect: Connect, open_end: Ends, said: bytes
) -> None:
    one, other = await pipe(connect, open_end, shared)
    await one.send(b"before")
    one.transport.write(said)
    assert await hear(other) == b"before"
    assert await why_closed(other) == TransitEnd.GONE
    await asyncio.wait_for(one.wait_closed(), TIMEOUT)


async def test_messages_keep_their_order_while_some_wait(connect: Connect, open_end: Ends) -> None:
    """One waits for its time, and the far end has room again meanwhile."""
    limits = Limits(
        transit_pipe_bytes=Rate(burst=64 * KB, per_second=2_000_000), transit_bytes=PLENTY
    )
    with running_relay(limits) as relay:
        one, other = await pipe(connect, open_end, relay.url)
        messages = [n.to_bytes(4, "big") * 4 * KB for n in range(60)]

        async def send() -> None:
            for each in messages:
                await one.send(each)

        sending = asyncio.create_task(send())
        assert [await hear(other) for _ in messages] == messages
        await sending


async def test_an_end_that_closes_ends_the_other(
    shared: str, connect: Connect, open_end: Ends
) -> None:
    one, other = await pipe(connect, open_end, shared)
    await one.send(b"the last words")
    await one.close()
    assert await hear(other) == b"the last words"
    assert await why_closed(other) == TransitEnd.GONE


async def test_an_end_that_is_lost_ends_the_other(
    shared: str, connect: Connect, open_end: Ends
) -> None:
    one, other = await pipe(connect, open_end, shared)
    one.transport.abort()
    assert await why_closed(other) == TransitEnd.GONE


async def test_a_pass_is_good_for_several_pipes_at_once(
    shared: str, connect: Connect, open_end: Ends
) -> None:
    passes = await two_passes(connect, shared)
    names = [secrets.token_bytes(PIPE) for _ in range(3)]
    ones = [await open_end(shared, greeting(passes[0], name)) for name in names]
    others = [await open_end(shared, greeting(passes[1], name)) for name in reversed(names)]
    for each in (*ones, *others):
        assert await hear(each) == JOINED
    for number, each in enumerate(ones):
        await each.send(bytes([number + 1]))
    assert [await hear(each) for each in reversed(others)] == [b"\x01", b"\x02", b"\x03"]


async def test_whoever_does_not_read_holds_the_sender_back(
    connect: Connect, open_end: Ends
) -> None:
    """And little of it is kept at the relay."""
    limits = Limits(transit_pipe_bytes=PLENTY, transit_bytes=PLENTY)
    with running_relay(limits) as relay:
        one, other = await pipe(connect, open_end, relay.url)
        other.transport.pause_reading()
        sent = 0

        async def send_on() -> None:
            nonlocal sent
            while True:
                await one.send(bytes(MAX_MESSAGE))
                sent += MAX_MESSAGE

        sending = asyncio.create_task(send_on())
        before = -1
        while before != sent:  # the sockets of this machine take some megabytes
            before = sent
            await asyncio.sleep(0.5)
        app = relay.server._app
        kept = sum(each.held() for each in app.guard._connections)
        assert 0 < kept <= 512 * KB, "256 KiB a direction, of each of the two"
        other.transport.resume_reading()
        while sent < before + 4 * MAX_MESSAGE:
            assert await hear(other) == bytes(MAX_MESSAGE)
        sending.cancel()
        await asyncio.wait({sending})


# -- who may have one


@pytest.mark.parametrize(
    "first",
    ["text", b"", b"short", bytes(31), bytes(33), bytes(MAX_MESSAGE)],
    ids=["a text", "nothing", "short", "one less", "one more", "much"],
)
async def test_a_greeting_that_is_none(shared: str, open_end: Ends, first: bytes | str) -> None:
    assert await why_closed(await open_end(shared, first)) == TransitEnd.NO_GREETING


async def test_who_does_not_greet_is_closed(open_end: Ends) -> None:
    with running_relay(Limits(head_seconds=0.2)) as relay:
        assert await why_closed(await open_end(relay.url)) == TransitEnd.NO_GREETING


async def test_a_pass_of_nobody(shared: str, open_end: Ends) -> None:
    end = await open_end(shared, greeting(bytes(16), bytes(PIPE)))
    assert await why_closed(end) == TransitEnd.NOT_PAIRED


async def test_a_pass_ends_with_its_holders_connection(
    shared: str, connect: Connect, open_end: Ends
) -> None:
    one, other = await connect(shared), await connect(shared)
    await pair(one, other)
    passed = await pass_of(one)
    await one.client.disconnect()
    await other.hear()  # partnerGone
    end = await open_end(shared, greeting(passed, bytes(PIPE)))
    assert await why_closed(end) == TransitEnd.NOT_PAIRED


async def test_two_who_are_not_paired_with_each_other(
    shared: str, connect: Connect, open_end: Ends
) -> None:
    """Though each is with somebody."""
    (one, _), (other, _) = [await two_passes(connect, shared) for _ in range(2)]
    name = secrets.token_bytes(PIPE)
    ends = [await open_end(shared, greeting(each, name)) for each in (one, other)]
    assert [await why_closed(each) for each in ends] == [TransitEnd.NOT_PAIRED] * 2


async def test_nobody_has_a_pipe_with_themselves(
    shared: str, connect: Connect, open_end: Ends
) -> None:
    passes = await two_passes(connect, shared)
    name = secrets.token_bytes(PIPE)
    ends = [await open_end(shared, greeting(passes[0], name)) for _ in range(2)]
    assert [await why_closed(each) for each in ends] == [TransitEnd.NOT_PAIRED] * 2


async def test_a_third_finds_nobody(shared: str, connect: Connect, open_end: Ends) -> None:
    """Who knows the name of a pipe that stands cannot come between."""
    passes = await two_passes(connect, shared)
    name = secrets.token_bytes(PIPE)
    one, other = [await open_end(shared, greeting(each, name)) for each in passes]
    assert [await hear(one), await hear(other)] == [JOINED, JOINED]
    await open_end(shared, greeting(passes[0], name))
    await one.send(b"for two")
    assert await hear(other) == b"for two"


async def test_nobody_comes(connect: Connect, open_end: Ends) -> None:
    with running_relay(Limits(transit_wait=0.2)) as relay:
        passes = await two_passes(connect, relay.url)
        end = await open_end(relay.url, greeting(passes[0], bytes(PIPE)))
        assert await why_closed(end) == TransitEnd.NOBODY


async def test_whoever_left_is_not_waited_for(
    shared: str, connect: Connect, open_end: Ends
) -> None:
    passes = await two_passes(connect, shared)
    name = secrets.token_bytes(PIPE)
    early = await open_end(shared, greeting(passes[0], name))
    await early.close()
    one, other = [await open_end(shared, greeting(each, name)) for each in passes]
    assert [await hear(one), await hear(other)] == [JOINED, JOINED]


async def test_bytes_before_the_other_is_there(
    shared: str, connect: Connect, open_end: Ends
) -> None:
    passes = await two_passes(connect, shared)
    end = await open_end(shared, greeting(passes[0], secrets.token_bytes(PIPE)))
    await end.send(b"too early")
    assert await why_closed(end) == TransitEnd.BAD_MESSAGE


@pytest.mark.parametrize("message", ["text", b""], ids=["a text", "nothing"])
async def test_a_message_that_no_pipe_carries(
    shared: str, connect: Connect, open_end: Ends, message: bytes | str
) -> None:
    one, other = await pipe(connect, open_end, shared)
    await one.send(message)
    assert await why_closed(one) == TransitEnd.BAD_MESSAGE
    assert await why_closed(other) == TransitEnd.GONE


async def test_a_message_that_is_too_long(shared: str, connect: Connect, open_end: Ends) -> None:
    one, other = await pipe(connect, open_end, shared)
    await one.send(bytes(MAX_MESSAGE + 1))
    assert await why_closed(one) == 1009
    assert await why_closed(other) == TransitEnd.GONE


# -- what it costs the relay


async def test_an_address_has_so_many_ends(connect: Connect, open_end: Ends) -> None:
    with running_relay(Limits(max_address_transit_ends=2)) as relay:
        one, _ = await pipe(connect, open_end, relay.url)
        assert await why_closed(await open_end(relay.url)) == TransitEnd.FULL
        await one.close()
        passes = await two_passes(connect, relay.url)
        # The ends of the pipe are over as soon as the relay has read so.
        for _ in range(50):
            end = await open_end(relay.url, greeting(passes[0], bytes(PIPE)))
            try:
                await asyncio.wait_for(end.recv(), 0.2)
            except TimeoutError:
                return
            except ConnectionClosed:
                continue
        pytest.fail("there is no room again")


async def test_all_have_so_many_ends(open_end: Ends) -> None:
    with running_relay(Limits(max_transit_ends=1)) as relay:
        await open_end(relay.url)
        assert await why_closed(await open_end(relay.url)) == TransitEnd.FULL


@pytest.mark.parametrize(
    ("limits", "slowed", "per_second"),
    [
        (Limits(transit_pipe_bytes=Rate(10 * KB, 8 * KB)), "pipe", 8 * KB),
        (Limits(transit_bytes=Rate(10 * KB, 8 * KB)), "all", 8 * KB),
        (Limits(transit_day=day_of(86_400 * 5 * KB)), "day", 5 * KB),
    ],
    ids=["of one pipe", "of all", "of a day"],
)
async def test_a_bound_makes_it_wait_and_both_are_told(
    connect: Connect, open_end: Ends, limits: Limits, slowed: str, per_second: int
) -> None:
    with running_relay(limits) as relay:
        one, other = await pipe(connect, open_end, relay.url)
        if slowed == "day":  # what a day gives at once is spent
            relay.server._app._transit._days.spend(
                "127.0.0.1", time.monotonic(), limits.transit_day.burst
            )
        began = asyncio.get_running_loop().time()
        for _ in range(3):
            await one.send(bytes(10 * KB))
        heard = [await hear(other) for _ in range(4)]
        took = asyncio.get_running_loop().time() - began
        told = [json.loads(each) for each in heard if isinstance(each, str)]
        assert told == [{"slowed": slowed, "perSecond": per_second}]
        assert json.loads(await hear(one)) == told[0]
        assert [each for each in heard if isinstance(each, bytes)] == [bytes(10 * KB)] * 3
        assert took > 2, "20 KiB or more beyond what goes at once"


async def test_who_leaves_does_not_leave_a_pipe_that_waits(
    connect: Connect, open_end: Ends
) -> None:
    limits = Limits(transit_pipe_bytes=Rate(1 * KB, 1 * KB))
    with running_relay(limits) as relay:
        one, other = await pipe(connect, open_end, relay.url)
        await one.send(bytes(60 * KB))  # a minute's worth
        assert json.loads(await hear(other))["slowed"] == "pipe"
        await other.close()
        assert json.loads(await hear(one))["slowed"] == "pipe"
        assert await why_closed(one) == TransitEnd.GONE


async def test_a_relay_without_one(connect: Connect, open_end: Ends) -> None:
    with running_relay(Limits(transit=False)) as relay:
        person = await connect(relay.url)
        assert (await person.call("askRoads", {}))["pass"] is None
        with pytest.raises(InvalidStatus) as refused:
            await open_end(relay.url)
        assert refused.value.response.status_code == 403


async def test_it_is_counted(connect: Connect, open_end: Ends) -> None:
    with running_relay() as relay:
        one, other = await pipe(connect, open_end, relay.url)
        await one.send(bytes(10 * KB))
        await hear(other)
        await other.send(b"1")
        await hear(one)
        text = relay.server._app._metrics.render().decode()
        figures = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
        assert float(figures["filesend_relay_transit_pipes_total"]) == 1
        assert float(figures["filesend_relay_transit_bytes_total"]) == 10 * KB + 1
        assert float(figures["filesend_relay_transit_ends"]) == 2
