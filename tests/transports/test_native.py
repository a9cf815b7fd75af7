from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from typing import Any

import pytest
from aiortc import rtcsctptransport

from filesend_tui.core.client import Client
from filesend_tui.core.config import ClientConfig, IceServer
from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.base import Abuse, ChannelAbused, no_relay
from filesend_tui.core.transports.webrtc.aiortc.attempt import AiortcAttempt
from filesend_tui.core.transports.webrtc.ice import RELAYED, WEBRTC
from filesend_tui.core.transports.webrtc.native import library
from filesend_tui.core.transports.webrtc.native.channel import NativeChannel
from filesend_tui.core.transports.webrtc.native.library import obstacle, path_of
from filesend_tui.core.transports.webrtc.transport import WebRtcTransport
from filesend_tui.core.transports.webrtc.webrtc import UNREAD_LIMIT, UNREAD_MESSAGES
from tests.transports.pairs import AIORTC, NATIVE, connected, read_exactly, soon
from tests.waiting import until

TURN = IceServer(urls="turn:192.0.2.1:3478?transport=udp", username="me", credential="a:b@c")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "installed", lambda: True)


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "installed", lambda: False)


# -- which stack


@pytest.mark.parametrize(
    ("version", "known"),
    [("2026.9.8", False), ("2026.10.15", True), ("2027.3.1", True), ("2028.1.0", False)],
)
def test_only_versions_that_were_tried_count_as_installed(
    monkeypatch: pytest.MonkeyPatch, version: str, known: bool
) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _name: version)
    assert library.installed.__wrapped__() is known


async def test_without_it_the_choice_falls_on_aiortc(missing: None) -> None:
    attempt = await WebRtcTransport(ClientConfig()).offer(no_relay)
    assert isinstance(attempt, AiortcAttempt)
    await attempt.close()


async def test_forcing_what_is_missing_names_the_extra(missing: None) -> None:
    with pytest.raises(ChannelFailed) as caught:
        Client(NATIVE)
    assert "filesend-tui[fast]" in caught.value.hint
    with pytest.raises(ChannelFailed, match="not installed"):
        await WebRtcTransport(NATIVE).offer(no_relay)


@pytest.mark.parametrize(
    ("config", "can"),
    [
        (ClientConfig(), True),
        (ClientConfig(ice_servers=(IceServer(urls="stun:192.0.2.1:3478"), TURN)), True),
        (ClientConfig(ice_servers=(IceServer(urls="turn:h:1?transport=tcp"),)), False),
        (ClientConfig(ice_servers=(IceServer(urls="turns:h:1"),)), False),
        (ClientConfig(ice_servers=(TURN,), relay_only=True), False),
    ],
)
def test_what_it_cannot_do_it_is_not_asked_for(
    installed: None, config: ClientConfig, can: bool
) -> None:
    assert (obstacle(config) is None) is can


@pytest.mark.native
async def test_it_is_chosen_where_it_is_installed() -> None:
    attempt = await WebRtcTransport(ClientConfig()).offer(no_relay)
    assert not isinstance(attempt, AiortcAttempt)
    await attempt.close()
    attempt = await WebRtcTransport(AIORTC).offer(no_relay)
    assert isinstance(attempt, AiortcAttempt)
    await attempt.close()


@pytest.mark.native
async def test_where_it_finds_no_address_aiortc_does(monkeypatch: pytest.MonkeyPatch) -> None:
    from filesend_tui.core.transports.webrtc.native.channel import NativeConnection

    async def nothing(_self: object, _kind: str) -> str:
        return "v=0\r\n"

    monkeypatch.setattr(NativeConnection, "describe", nothing)
    attempt = await WebRtcTransport(ClientConfig()).offer(no_relay)
    assert isinstance(attempt, AiortcAttempt)
    await attempt.close()
    with pytest.raises(ChannelFailed, match="no address"):
        await WebRtcTransport(NATIVE).offer(no_relay)


@pytest.mark.native
async def test_a_wheel_without_the_c_api_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def unexported() -> None:
        raise AttributeError("rtcGetSelectedCandidatePair")

    monkeypatch.setattr("filesend_tui.core.transports.webrtc.native.attempt.library", unexported)
    attempt = await WebRtcTransport(ClientConfig()).offer(no_relay)
    assert isinstance(attempt, AiortcAttempt)
    await attempt.close()
    with pytest.raises(ChannelFailed, match="cannot be loaded"):
        await WebRtcTransport(NATIVE).offer(no_relay)


@pytest.mark.native
def test_a_turn_servers_password_travels_escaped() -> None:
    (url,) = library.ice_urls(ClientConfig(ice_servers=(TURN,)))
    assert url == "turn:me:a%3Ab%40c@192.0.2.1:3478?transport=udp"


# -- the path


@pytest.mark.parametrize(
    ("local", "remote", "path"),
    [
        (
            "a=candidate:1 1 UDP 2114977791 192.0.2.2 55748 typ host",
            "a=candidate:1 1 UDP 2114977791 192.0.2.3 7 typ host",
            (WEBRTC, "192.0.2.3:7"),
        ),
        (
            "a=candidate:1 1 UDP 1 fd00::2 55748 typ relay raddr 0.0.0.0 rport 0",
            "a=candidate:1 1 UDP 1 fd00::3 7 typ prflx",
            (RELAYED, "[fd00::3]:7"),
        ),
        ("", "nonsense", None),
    ],
)
def test_the_path_is_read_from_the_chosen_pair(
    local: str, remote: str, path: tuple[str, str] | None
) -> None:
    assert path_of(local, remote) == path


# -- with the other stack


@pytest.mark.native
@pytest.mark.parametrize(("one", "other"), [(AIORTC, NATIVE), (NATIVE, AIORTC)])
async def test_both_stacks_understand_each_other(one: ClientConfig, other: ClientConfig) -> None:
    data = os.urandom(3_000_000)
    async with connected(config=one, answerer_config=other) as (ours, theirs):
        *_, first, second = await soon(
            asyncio.gather(
                ours.send(data),
                theirs.send(data),
                read_exactly(ours, len(data)),
                read_exactly(theirs, len(data)),
            ),
            60,
        )
        assert first == second == data
        await soon(ours.close())
        assert await soon(theirs.receive()) == b""


# -- hostile ends


@pytest.mark.native
async def test_a_burst_of_small_messages_arrives_whole() -> None:
    """The asyncio layer of the binding keeps 1,024 of them and drops the others."""
    async with connected(config=NATIVE) as (ours, theirs):
        for number in range(5000):
            await ours.send(number.to_bytes(2, "big"))
        data = await read_exactly(theirs, 10_000)
    assert data == b"".join(number.to_bytes(2, "big") for number in range(5000))


@pytest.mark.native
@pytest.mark.parametrize(
    ("message", "most"),
    [(b"x", UNREAD_MESSAGES), (b"", UNREAD_MESSAGES), (bytes(1 << 18), UNREAD_LIMIT >> 18)],
    ids=["crumbs", "empty", "large"],
)
async def test_what_comes_while_the_loop_is_busy_is_bounded(message: bytes, most: int) -> None:
    async with connected(config=NATIVE) as (_ours, theirs):
        assert isinstance(theirs, NativeChannel)
        for _ in range(most):
            theirs._leave(message)
        assert len(theirs._mail) == most
        theirs._leave(message)
        assert len(theirs._mail) == most
        with pytest.raises(ChannelAbused) as caught:
            await soon(theirs.receive())
    assert caught.value.abuse is Abuse.UNREAD_FLOOD


@pytest.mark.native
async def test_text_that_is_no_text_does_no_harm() -> None:
    """The binding cannot hand it over, and goes on with what follows."""
    async with connected(config=AIORTC, answerer_config=NATIVE) as (ours, theirs):
        sctp = ours._connection.sctp
        channel = ours._data_channel
        await sctp._send(channel.id, rtcsctptransport.WEBRTC_STRING, b"\xff\xfe not utf-8")
        await ours.send(b"after")
        assert await read_exactly(theirs, 5) == b"after"


@pytest.mark.native
async def test_a_message_without_an_end_takes_no_more_than_one_message() -> None:
    """libdatachannel cuts it at 1 MiB; what was cut off is for the wire protocol to notice."""
    async with connected(config=AIORTC, answerer_config=NATIVE) as (ours, theirs):
        sctp = ours._connection.sctp
        channel = ours._data_channel
        await sctp._send(channel.id, rtcsctptransport.WEBRTC_BINARY, bytes(2_000_000))
        await ours.send(b"after")
        data = await read_exactly(theirs, 1024 * 1024 + 5)
    assert data == bytes(1024 * 1024) + b"after"


@pytest.mark.native
async def test_a_message_in_crumbs_takes_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """60,000 fragments of 8 bytes and none that ends it: 264 bytes each, were all of them kept."""
    attempt = await WebRtcTransport(AIORTC).offer(no_relay)
    victim = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.transports.victim"), stdin=PIPE, stdout=PIPE
    )
    assert victim.stdin
    assert victim.stdout
    try:
        victim.stdin.write(json.dumps(attempt.text).encode() + b"\n")
        await attempt.accept(json.loads(await soon(victim.stdout.readline(), 60)))
        ours: Any = await attempt.opened()
        sctp = ours._connection.sctp
        channel = ours._data_channel
        monkeypatch.setattr(rtcsctptransport, "USERDATA_MAX_LENGTH", 8)
        await sctp._send(channel.id, rtcsctptransport.WEBRTC_BINARY, bytes(480_000))
        sctp._outbound_queue.pop()
        await until(lambda: not (sctp._outbound_queue or sctp._sent_queue), 120)
        victim.stdin.write(b"\n")
        assert int(await soon(victim.stdout.readline())) < 8_000_000
        await soon(ours.close())
    finally:
        victim.kill()
        await victim.communicate()


@pytest.mark.native
async def test_a_hundred_more_channels_are_refused() -> None:
    async with connected(config=AIORTC, answerer_config=NATIVE) as (ours, theirs):
        for number in range(100):
            ours._connection.createDataChannel(str(number))
        with pytest.raises(ChannelAbused) as caught:
            await soon(theirs.receive())
    assert caught.value.abuse is Abuse.SECOND_CHANNEL


@pytest.mark.native
async def test_a_lost_connection_is_a_failure_after_what_had_arrived() -> None:
    from filesend_tui.core.transports.webrtc.native.channel import FAILED

    async with connected(config=NATIVE) as (ours, theirs):
        await ours.send(b"kept")
        await soon(theirs._arrived.wait())
        theirs._connection._on_state(FAILED)
        assert await soon(theirs.receive()) == b"kept"
        with pytest.raises(ChannelFailed, match="lost"):
            await soon(theirs.receive())


@pytest.mark.native
async def test_closing_while_bytes_rush_in_hangs_nobody() -> None:
    for _ in range(5):
        async with connected(config=NATIVE) as (ours, theirs):

            async def pour(channel: Any = ours) -> None:
                with pytest.raises(ChannelFailed):
                    while True:
                        await channel.send(bytes(60_000))

            pouring = asyncio.create_task(pour())
            await read_exactly(theirs, 1_000_000)
            await soon(theirs.close())
            await soon(pouring)
