"""What a client that does not keep to the rules can do: nothing."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from relay.guard.limits import Limits
from relay.guard.socketio_guard import Backlog, Backlogs, StrictPacket
from relay.protocol.words import MAX_FRAME, MAX_SEALED
from tests.conftest import running_relay
from tests.relay.conftest import TIMEOUT, Connect, pair
from tests.waiting import until


async def raw_socket(url: str) -> ClientConnection:
    """A connected socket.io client without a library; acknowledgements are read by `reply`."""
    socket = await websockets.connect(
        url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket", max_queue=1
    )
    assert (await socket.recv())[0] == "0"
    await socket.send("40")
    assert (await socket.recv(decode=True)).startswith("40")
    return socket


async def reply(
    socket: ClientConnection, request: str, heard_before: list[str] | None = None
) -> Any:
    """Return the answer to a request; what came before it goes into a list."""
    await socket.send(request)
    async with asyncio.timeout(TIMEOUT):
        while not (answer := await socket.recv(decode=True)).startswith("431"):
            if heard_before is not None:
                heard_before.append(answer)
    return json.loads(answer[3:])


@pytest.mark.parametrize(
    "nonsense",
    [
        "4",
        "49",
        "42",
        "42[]",
        '42{"a":1}',
        "42[5]",
        '42["' + "x" * 100 + '"]',
        "42" + "[" * 20_000,
        "42" + "1" * 200 + '["allocate"]',
        "40",
        "43999[1]",
        "44",
        '461-1["x"]',
        b"attachment",
        '451-["message",{"_placeholder":true,"num":7}]',
        '459999999-["message",{"_placeholder":true,"num":0}]',
    ],
)
async def test_nonsense_is_survived(shared: str, nonsense: str | bytes):
    socket = await raw_socket(shared)
    await socket.send(nonsense)
    assert await reply(socket, '421["release",{}]') == [{}]
    await socket.close()


@pytest.mark.parametrize("frame", ["", "x", "9", "bA", "2", "5", "30", "2" + "[" * 20_000])
async def test_what_is_no_packet_at_all_ends_the_connection_at_once(
    shared: str, connect: Connect, frame: str
):
    socket, other = await raw_socket(shared), await connect(shared)
    nameplate = await other.allocate()
    (joined,) = await reply(socket, f'421["claim",{{"nameplate":{nameplate}}}]')
    assert (await other.hear())[0] == "claimed"
    await socket.send(frame)
    assert await other.hear() == ("partnerGone", {**joined, "reason": "lost"})
    with pytest.raises(websockets.ConnectionClosed):
        while await asyncio.wait_for(socket.recv(), TIMEOUT):
            pass


async def test_a_frame_beyond_the_limit_ends_the_connection(shared: str, connect: Connect):
    one, other = await connect(shared), await connect(shared)
    room = await pair(one, other)
    await one.client.emit("message", {"room": room, "body": "x" * MAX_FRAME})
    assert await other.hear() == ("partnerGone", {"room": room, "reason": "lost"})


async def test_a_full_size_frame_passes(shared: str, connect: Connect):
    one, other = await connect(shared), await connect(shared)
    room = await pair(one, other)
    request = {"room": room, "body": base64.b64encode(bytes(MAX_SEALED)).decode()}
    assert await one.call("fileRequest", request) == {}
    assert await other.hear() == ("fileRequest", request)


async def test_a_reader_that_does_not_read_is_let_go(connect: Connect):
    with running_relay(Limits(max_backlog=1_000_000)) as relay:
        slow, busy = await raw_socket(relay.url), await connect(relay.url)
        nameplate = await busy.allocate()
        (joined,) = await reply(slow, f'421["claim",{{"nameplate":{nameplate}}}]')
        assert (await busy.hear())[0] == "claimed"
        request = {**joined, "body": "AAAA" * 250_000}
        async with asyncio.timeout(30):
            while "error" not in await busy.call("fileRequest", request):
                pass
        assert await busy.hear() == ("partnerGone", {**joined, "reason": "lost"})
        slow.transport.abort()


async def test_who_sends_to_somebody_who_answers_no_ping_goes_on(connect: Connect):
    """The relay would have waited for the sender to be told, within the sender's own turn."""
    with running_relay() as relay:
        server = relay.server._app._server
        server.eio.ping_interval, server.eio.ping_timeout = 0.05, 3600.0
        dead, living = await raw_socket(relay.url), await connect(relay.url)
        nameplate = await living.allocate()
        heard: list[str] = []
        (joined,) = await reply(dead, f'421["claim",{{"nameplate":{nameplate}}}]', heard)
        assert (await living.hear())[0] == "claimed"
        if "2" not in heard:  # the one ping comes before the answer, or after it
            assert await asyncio.wait_for(dead.recv(), TIMEOUT) == "2"
        server.eio.ping_timeout = 1.0
        request = {**joined, "body": "AAAA" * 100}
        async with asyncio.timeout(TIMEOUT):
            while living.heard.empty():
                await living.call("message", request)
                await asyncio.sleep(0.05)  # or it would be too many at once
        assert await living.hear() == ("partnerGone", {**joined, "reason": "lost"})
        assert await living.call("release", {}) == {}
        await until(lambda: server.backlog == 0, TIMEOUT)
        dead.transport.abort()


async def test_a_backlog_knows_its_size():
    backlogs = Backlogs(Limits(), lambda _: None)
    backlog = backlogs.open()
    for data in ("four", b"six6ix", None):
        backlog.put_nowait(StrictPacket(data=data, binary=False))
    whole = backlog.size
    assert whole > 10  # a packet costs something even without data
    assert [packet.data for packet in await backlog.take()] == ["four"]
    assert backlog.size == backlogs.size < whole - 4
    backlog.close()
    assert (backlog.size, backlogs.size, len(backlogs)) == (0, 0, 0)


async def test_what_comes_to_a_closed_backlog_is_kept_nowhere():
    backlogs = Backlogs(Limits(), lambda _: None)
    backlog = backlogs.open()
    backlog.close()
    await backlog.put(StrictPacket(data="late", binary=False))
    assert (backlog.size, backlogs.size) == (0, 0)
    assert await backlog.take() == [], "the sending ends"
    await backlog.join()


async def test_the_largest_backlog_goes_when_all_together_are_too_large():
    full: list[Backlog] = []

    def on_full(backlog: Backlog) -> None:
        full.append(backlog)
        backlog.close()

    backlogs = Backlogs(Limits(max_backlog=4_000, max_all_backlogs=5_000), on_full)
    one, other, little = (backlogs.open() for _ in range(3))
    one.put_nowait(StrictPacket(data="x" * 3_000))
    other.put_nowait(StrictPacket(data="x" * 1_500))
    assert not full
    little.put_nowait(StrictPacket(data="x" * 500))
    assert full == [one], "not whoever was told something last"
    little.put_nowait(StrictPacket(data="x" * 500))
    assert full == [one]
    other.put_nowait(StrictPacket(data="x" * 3_000))
    assert full == [one, other], "each alone is bounded, too"
    assert backlogs.size == little.size


@pytest.mark.parametrize("moment", ["while they arrive", "before they arrive"])
async def test_whose_socket_ends_as_they_arrive_is_kept_nowhere(moment: str):
    with running_relay() as relay:
        app: Any = relay.server._app
        server = app._server
        may_go_on, ended = threading.Event(), threading.Event()
        loops: list[asyncio.AbstractEventLoop] = []
        handle = server._handle_connect
        connected = server.handlers["/"]["connect"]

        async def arrive(*how: Any) -> Any:
            loops.append(asyncio.get_running_loop())
            while not may_go_on.is_set():
                await asyncio.sleep(0.01)
            return await (handle if moment == "before they arrive" else connected)(*how)

        async def handled(*how: Any) -> None:
            try:
                await (arrive if moment == "before they arrive" else handle)(*how)
            finally:
                ended.set()

        server._handle_connect = handled
        if moment == "while they arrive":
            server.handlers["/"]["connect"] = arrive
        socket = await websockets.connect(
            relay.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
        )
        await socket.recv()
        await socket.send("40")
        await until(lambda: loops)
        (session,) = server._sessions
        dropped = asyncio.run_coroutine_threadsafe(
            server._drop(server.eio.sockets[session]), loops[0]
        )
        await asyncio.wrap_future(dropped)
        assert not server._sessions
        may_go_on.set()

        await until(ended.is_set)
        assert not app._people._people
        assert not server.manager.rooms.get("/")
        assert not server.manager.pending_connect
        await socket.close()
