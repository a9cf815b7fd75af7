from __future__ import annotations

import asyncio
import hashlib
import os
import socket

import msgspec
import pytest
from aiortc import rtcsctptransport

from filesend_tui.core.config import ClientConfig, IceServer, WebRtcStack
from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.base import (
    Abuse,
    ChannelAbused,
    NoWay,
    RelayAccess,
    RelayEntry,
    no_relay,
)
from filesend_tui.core.transports.webrtc import turn
from filesend_tui.core.transports.webrtc.aiortc import channel
from filesend_tui.core.transports.webrtc.ice import WEBRTC
from filesend_tui.core.transports.webrtc.native import library
from filesend_tui.core.transports.webrtc.transport import WebRtcTransport
from filesend_tui.core.transports.webrtc.turn import Server
from filesend_tui.core.transports.webrtc.webrtc import HIGH_WATER, TAKE, WebRtcChannel
from relay.protocol.words import TurnLogin
from tests.transports.pairs import (
    AIORTC,
    connect,
    connected,
    read_exactly,
    sockets_left,
    soon,
    udp_sockets,
)
from tests.transports.relays import ScriptedRelay, access
from tests.waiting import other_tasks_ended, until


async def test_five_megabytes_each_way_arrive_whole_with_a_bounded_backlog(
    config: ClientConfig,
) -> None:
    data = os.urandom(5 * 1024 * 1024)
    backlog = 0

    async def pour(channel: WebRtcChannel) -> None:
        nonlocal backlog
        for start in range(0, len(data), 50_000):
            await channel.send(data[start : start + 50_000])
            backlog = max(backlog, channel._queued())

    async with connected(config=config) as (ours, theirs):
        *_, first, second = await soon(
            asyncio.gather(
                pour(ours),
                pour(theirs),
                read_exactly(ours, len(data)),
                read_exactly(theirs, len(data)),
            ),
            60,
        )
    expected = hashlib.sha256(data).digest()
    assert hashlib.sha256(first).digest() == expected
    assert hashlib.sha256(second).digest() == expected
    assert 0 < backlog < HIGH_WATER


async def test_a_send_waits_when_the_backlog_is_high_and_not_when_there_is_room(
    config: ClientConfig,
) -> None:
    async with connected(config=config) as (ours, theirs):
        small = ours.send(b"x")
        with pytest.raises(StopIteration):  # finished at the first step: nothing was awaited
            small.send(None)
        big = asyncio.create_task(ours.send(bytes(16 * HIGH_WATER)))
        await asyncio.sleep(0)
        assert not big.done()
        assert len(await read_exactly(theirs, 16 * HIGH_WATER + 1)) == 16 * HIGH_WATER + 1
        await soon(big)


async def test_two_senders_at_once_do_not_mix_their_bytes(config: ClientConfig) -> None:
    blocks = [bytes([n]) * 200_000 for n in range(4)]
    async with connected(config=config) as (ours, theirs):
        senders = [asyncio.create_task(ours.send(block)) for block in blocks]
        got = await read_exactly(theirs, 800_000)
        await soon(asyncio.gather(*senders))
    assert sorted(got[i : i + 200_000] for i in range(0, 800_000, 200_000)) == blocks


async def test_what_was_sent_right_before_closing_still_arrives(config: ClientConfig) -> None:
    data = os.urandom(200_000)  # less than may be queued; LINGER bounds how long it has
    ours, theirs = await connect(config=config)
    await ours.send(data)
    closing = asyncio.create_task(ours.close())
    assert await read_exactly(theirs, len(data) + 1) == data
    await soon(closing)
    assert await theirs.receive() == b""
    await theirs.close()


async def test_a_send_that_waits_for_room_fails_when_its_channel_is_closed(
    config: ClientConfig,
) -> None:
    async with connected(config=config) as (ours, _theirs):
        sending = asyncio.create_task(ours.send(bytes(16 * HIGH_WATER)))
        await asyncio.sleep(0)
        closing = asyncio.create_task(ours.close())
        with pytest.raises(ChannelFailed):
            await soon(sending)
        await soon(closing)


async def test_closing_ends_both_ends_and_leaves_no_socket_and_no_task(
    config: ClientConfig,
) -> None:
    before = udp_sockets()
    ours, theirs = await connect(config=config)
    assert udp_sockets() > before
    waiting = asyncio.create_task(ours.receive())
    await asyncio.sleep(0)
    await soon(ours.close())
    assert await waiting == b""
    assert await soon(theirs.receive()) == b""
    assert theirs.closed
    with pytest.raises(ChannelFailed):
        await theirs.send(b"late")
    await soon(asyncio.gather(ours.close(), theirs.close()))
    await other_tasks_ended()
    await sockets_left(before)


async def test_a_peer_that_hangs_up_without_a_word_ends_the_stream(config: ClientConfig) -> None:
    async with connected(config=AIORTC, answerer_config=config) as (ours, theirs):
        await ours.send(b"last words")
        assert await soon(theirs.receive()) == b"last words"
        await ours._connection.close()
        assert await soon(theirs.receive()) == b""


async def test_a_lost_connection_is_a_failure_after_what_had_arrived() -> None:
    async with connected(config=AIORTC) as (ours, theirs):
        await ours.send(b"kept")
        await soon(theirs._arrived.wait())
        # What consent expiry does after half a minute of silence (RFC 7675).
        await theirs._connection.sctp.transport.transport._connection.close()
        assert await soon(theirs.receive()) == b"kept"
        with pytest.raises(ChannelFailed, match="lost"):
            await soon(theirs.receive())
        assert theirs.address  # a face can still say who it was


async def test_a_peer_that_sends_more_than_is_read_is_cut_off(config: ClientConfig) -> None:
    async with connected(unread_limit=100_000, config=config) as (ours, theirs):
        await ours.send(bytes(100_001))
        await until(lambda: theirs.closed, 10)
        await dropped_for(theirs, Abuse.UNREAD_FLOOD)
        assert await soon(ours.receive()) == b""


async def test_a_reader_that_keeps_up_is_never_taken_for_flooded(config: ClientConfig) -> None:
    async with connected(unread_limit=300_000, config=config) as (ours, theirs):
        for _ in range(20):
            await ours.send(bytes(100_000))
            assert len(await read_exactly(theirs, 100_000)) == 100_000
        assert not theirs.closed


async def test_text_is_no_part_of_a_byte_stream(config: ClientConfig) -> None:
    async with connected(config=AIORTC, answerer_config=config) as (ours, theirs):
        ours._data_channel.send("hello")
        await dropped_for(theirs, Abuse.TEXT_MESSAGE)


async def test_an_empty_message_is_no_end_of_stream(config: ClientConfig) -> None:
    async with connected(config=AIORTC, answerer_config=config) as (ours, theirs):
        ours._data_channel.send(b"")
        await ours.send(b"after")
        assert await soon(theirs.receive()) == b"after"


async def test_a_second_data_channel_is_refused(config: ClientConfig) -> None:
    async with connected(config=AIORTC, answerer_config=config) as (ours, theirs):
        ours._connection.createDataChannel("more")
        await dropped_for(theirs, Abuse.SECOND_CHANNEL)


async def test_a_long_backlog_is_handed_out_in_short_steps(config: ClientConfig) -> None:
    async with connected(config=config) as (ours, theirs):
        await ours.send(bytes(3 * TAKE))
        await until(lambda: theirs._unread_size >= 3 * TAKE, 10)
        sizes = [len(await theirs.receive()) for _ in range(3)]
    assert sizes == [TAKE, TAKE, TAKE]


async def dropped_for(channel: WebRtcChannel, abuse: Abuse) -> None:
    """Read until the channel is cut off, and see that it was for this."""
    with pytest.raises(ChannelAbused) as caught:
        while await soon(channel.receive()):
            pass
    assert caught.value.abuse is abuse


async def test_a_message_without_an_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "WATCH_INTERVAL", 0.02)
    monkeypatch.setattr(channel, "UNFINISHED_LIMIT", 200_000)
    async with connected(config=AIORTC) as (ours, theirs):
        sctp = ours._connection.sctp
        # A hostile sender: fragments that never say they are the last (RFC 9260, section 3.3.1).
        await sctp._send(ours._data_channel.id, 53, bytes(2_000_000))
        sctp._outbound_queue.pop()
        await dropped_for(theirs, Abuse.ENDLESS_MESSAGE)


async def test_crumbs_of_a_message_without_an_end_are_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A byte a fragment: next to no memory, and ever more work for aiortc."""
    monkeypatch.setattr(channel, "WATCH_INTERVAL", 0.02)
    monkeypatch.setattr(channel, "UNFINISHED_CHUNKS", 200)
    monkeypatch.setattr(rtcsctptransport, "USERDATA_MAX_LENGTH", 1)
    async with connected(config=AIORTC) as (ours, theirs):
        sctp = ours._connection.sctp
        await sctp._send(ours._data_channel.id, 53, bytes(1000))
        sctp._outbound_queue.pop()
        await dropped_for(theirs, Abuse.ENDLESS_MESSAGE)


async def test_a_gap_that_is_never_filled_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole messages arrive behind it, and aiortc sorts all their numbers with each packet."""
    monkeypatch.setattr(channel, "WATCH_INTERVAL", 0.02)
    monkeypatch.setattr(channel, "UNFINISHED_CHUNKS", 50)
    async with connected(config=AIORTC) as (ours, theirs):
        ours._connection.sctp._local_tsn += 1
        for _ in range(100):
            await ours.send(b"x")
        await dropped_for(theirs, Abuse.ENDLESS_MESSAGE)


async def test_the_road_and_the_address_are_those_of_the_nominated_pair(
    config: ClientConfig,
) -> None:
    offerer = await WebRtcTransport(config).offer(no_relay)
    answerer = await WebRtcTransport(config).answer(offerer.text, no_relay)
    await offerer.accept(answerer.text)
    ours, theirs = await soon(asyncio.gather(offerer.opened(), answerer.opened()))
    assert ours.road == theirs.road == WEBRTC
    host, _, port = ours.address.rpartition(":")
    assert host
    assert f" {port} typ host" in answerer.text
    await soon(asyncio.gather(ours.close(), theirs.close()))
    assert ours.address.endswith(f":{port}")  # a face can still say who it was


async def test_the_path_is_looked_at_once_in_a_while_and_not_for_every_block(
    config: ClientConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the native stack it was a tenth of all that a transfer cost."""
    async with connected(config=config) as (ours, _):
        look, looks = ours._look_at_path, 0

        def counted() -> None:
            nonlocal looks
            looks += 1
            look()

        monkeypatch.setattr(ours, "_look_at_path", counted)
        assert {ours.road for _ in range(10_000)} == {WEBRTC}
        assert looks <= 2
        ours._path_until = 0.0  # a second later
        assert ours.address
        assert 0 < looks <= 3


async def test_the_relays_stun_is_asked_in_place_of_the_settings_servers() -> None:
    """Where nothing was chosen, and only if the relay has it; nobody else is asked."""
    servers = ClientConfig(ice_servers=(IceServer(urls="stun:192.0.2.1:1"),), relay_stun=True)
    entry = RelayEntry("here", "", "", "stun:192.0.2.9:8421", b"")

    async def has() -> RelayEntry:
        return entry

    relay = ScriptedRelay(has)

    async def urls(config: ClientConfig, relay: RelayAccess) -> list[str]:
        asked = await WebRtcTransport(config)._with_servers(relay)
        return [each.urls for each in asked.ice_servers]

    assert await urls(servers, relay) == ["stun:192.0.2.9:8421"]
    assert await urls(servers, no_relay) == ["stun:192.0.2.1:1"]
    chosen = msgspec.structs.replace(servers, relay_stun=False)
    assert await urls(chosen, relay) == ["stun:192.0.2.1:1"]
    entry = entry._replace(stun="")
    assert await urls(servers, relay) == ["stun:192.0.2.1:1"]


LOGIN = TurnLogin(urls=("turn:127.0.0.1:9?transport=tcp",), username="1:a", credential="secret")


def relay_that_has(login: TurnLogin | None) -> RelayAccess:
    return access(RelayEntry("127.0.0.1:8421", "", "", "", b"", login))


@pytest.fixture
def every_turn_server_works(monkeypatch: pytest.MonkeyPatch) -> None:
    async def allocate(_server: Server) -> None:
        pass

    monkeypatch.setattr(turn, "allocate", allocate)


async def test_the_relays_turn_counts_where_nothing_was_chosen(
    every_turn_server_works: None,
) -> None:
    async def told(config: ClientConfig) -> list[IceServer]:
        return [*(await WebRtcTransport(config)._with_servers(relay_that_has(LOGIN))).ice_servers]

    (given,) = await told(ClientConfig(relay_turn=True))
    assert given == IceServer(urls=LOGIN.urls[0], username="1:a", credential="secret")
    stun, own = IceServer(urls="stun:192.0.2.1:1"), IceServer(urls="turn:192.0.2.1:1")
    assert await told(ClientConfig(relay_turn=True, ice_servers=(stun,))) == [stun, given]
    assert await told(ClientConfig(relay_turn=True, ice_servers=(own,))) == [own]
    assert await told(ClientConfig(ice_servers=(stun,))) == [stun]
    # Whoever hides behind servers has one by that.
    assert await told(ClientConfig(relay_turn=True, relay_only=True)) == [given]


async def test_a_stack_that_has_to_be_libdatachannel_is_told_udp_alone(
    every_turn_server_works: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "installed", lambda: True)
    more = ("turn:127.0.0.1:9?transport=udp",)
    both = TurnLogin(urls=LOGIN.urls + more, username="1:a", credential="secret")
    config = ClientConfig(relay_turn=True, webrtc=WebRtcStack.NATIVE)
    for login, urls in ((LOGIN, []), (both, list(more))):
        told = await WebRtcTransport(config)._with_servers(relay_that_has(login))
        assert [each.urls for each in told.ice_servers] == urls


async def test_libdatachannel_is_used_where_udp_reaches_the_server(
    every_turn_server_works: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And else aiortc: it alone reaches servers by TCP."""
    monkeypatch.setattr(library, "installed", lambda: True)
    for url, name in (
        ("turn:127.0.0.1:9?transport=udp", "NativeAttempt"),
        ("turn:127.0.0.1:9?transport=tcp", "AiortcAttempt"),
        ("turns:127.0.0.1:9", "AiortcAttempt"),
    ):
        login = TurnLogin(urls=(url,), username="1:a", credential="secret")
        transport = WebRtcTransport(ClientConfig(relay_turn=True))
        asked = await transport._with_servers(relay_that_has(login))
        assert transport._stack(asked).__name__ == name


async def test_who_hides_without_a_server_is_told_whether_waiting_may_help() -> None:
    hidden = ClientConfig(relay_turn=True, relay_only=True)
    with pytest.raises(NoWay, match="nor does the relay"):
        await WebRtcTransport(hidden).offer(relay_that_has(None))
    with pytest.raises(NoWay, match="is set"):
        await WebRtcTransport(ClientConfig(relay_only=True)).offer(no_relay)
    # A relay that is away for a moment may have one.
    with pytest.raises(ChannelFailed, match="names no TURN server now") as refused:
        await WebRtcTransport(hidden).offer(no_relay)
    assert not isinstance(refused.value, NoWay)


async def test_a_server_that_gives_an_attempt_nothing_is_looked_at_again(
    every_turn_server_works: None,
) -> None:
    config = ClientConfig(relay_turn=True, webrtc=WebRtcStack.AIORTC)
    transport = WebRtcTransport(config)
    attempt = await transport.offer(relay_that_has(LOGIN))  # nothing listens there
    assert " typ relay" not in attempt.text
    assert not transport._turn._choices
    await attempt.close()


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM], ids=["udp", "tcp"])
async def test_a_relay_elsewhere_sends_nobody_to_what_listens_on_this_machine(
    kind: socket.SocketKind,
) -> None:
    way = "tcp" if kind is socket.SOCK_STREAM else "udp"
    with socket.socket(socket.AF_INET, kind) as private:
        private.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            private.listen()
        private.setblocking(False)
        url = f"turn:127.0.0.1:{private.getsockname()[1]}?transport={way}"
        login = TurnLogin(urls=(url,), username="1:a", credential="secret")
        relay = access(RelayEntry("198.51.100.1:8421", "", "", "", b"", login))
        config = ClientConfig(relay_turn=True, webrtc=WebRtcStack.AIORTC)
        attempt = await WebRtcTransport(config).offer(relay)
        await attempt.close()
        with pytest.raises(BlockingIOError):
            private.accept() if kind is socket.SOCK_STREAM else private.recv(1)
