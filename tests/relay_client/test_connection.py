from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from filesend_tui.core import errors
from filesend_tui.core.relay_client import connection, staying
from filesend_tui.core.relay_client.connection import refusal
from filesend_tui.core.relay_client.messages import SealedMessage
from filesend_tui.core.relay_client.staying import ConnectionState
from filesend_tui.core.util import own_address
from relay.guard.limits import Limits, Rate
from relay.protocol import words
from relay.protocol.words import ErrorCode
from relay.server import RelayServer, listen
from tests.conftest import RunningRelay, running_relay
from tests.people import NotingConnection, hostile_relay

Links = Callable[[str], Awaitable[NotingConnection]]

ROOM = "0" * 32


def letter(text: str) -> SealedMessage:
    return SealedMessage(event="message", body=text.encode().ljust(16))


async def paired(links: Links, url: str) -> tuple[NotingConnection, NotingConnection]:
    one, other = await links(url), await links(url)
    allocated = await one.call(words.Allocate(), words.Allocated)
    await other.claim(allocated.nameplate)
    await one.until(lambda: one.words)
    assert one.words == [words.Claimed(nameplate=allocated.nameplate, room=other.room)]
    one.words.clear()
    return one, other


async def test_words_arrive_in_the_order_they_were_said(relay: RunningRelay, links: Links) -> None:
    one, other = await paired(links, relay.url)
    assert one.states == [ConnectionState.CONNECTING, ConnectionState.CONNECTED]
    said = [letter(f"{i} " + "x" * (i % 7) * 500) for i in range(300)]
    await asyncio.gather(*(one.tell(word) for word in said))
    await other.until(lambda: len(other.words) == len(said))
    assert other.words == said


async def test_the_largest_word_passes(relay: RunningRelay, links: Links) -> None:
    one, other = await paired(links, relay.url)
    largest = SealedMessage(event="fileRequest", body=bytes(words.MAX_SEALED))
    await one.tell(largest)
    await other.until(lambda: other.words)
    assert other.words == [largest]


async def test_words_that_are_renamed_on_the_way_come_under_the_name_they_were_sent_by(
    relay: RunningRelay, links: Links
) -> None:
    one, other = await paired(links, relay.url)
    said = [SealedMessage(event=event, body=bytes(16)) for event in words.CONTENTS]
    for sent in said:
        await one.tell(sent)
    await other.until(lambda: len(other.words) == len(said))
    assert other.words == said


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (ErrorCode.UNKNOWN_CODE, errors.UnknownCode),
        (ErrorCode.USED_CODE, errors.UsedCode),
        (ErrorCode.EXPIRED_CODE, errors.ExpiredCode),
        (ErrorCode.OWN_CODE, errors.PairingFailed),
        (ErrorCode.NOT_PAIRED, errors.NotPaired),
        (ErrorCode.TOO_MANY_ROOMS, errors.PairingFailed),
        (ErrorCode.INVALID_PAYLOAD, errors.FileSendError),
        (ErrorCode.UNKNOWN_EVENT, errors.FileSendError),
        (ErrorCode.RATE_LIMITED, errors.FileSendError),
        (ErrorCode.RELAY_FULL, errors.FileSendError),
        ("\x1b[2Jnonsense", errors.FileSendError),
        (None, errors.FileSendError),
    ],
)
def test_each_refusal_is_an_error_of_its_kind(code: str, kind: type[Exception]) -> None:
    error = refusal(code)
    assert type(error) is kind
    assert error.message.endswith(".")
    assert error.message.isprintable()
    assert error.hint


def test_every_error_code_is_known() -> None:
    codes = {value for name, value in vars(ErrorCode).items() if name.isupper()}
    assert codes == set(connection._REFUSALS)


async def test_refusals_of_a_real_relay(relay: RunningRelay, links: Links) -> None:
    one, other = await links(relay.url), await links(relay.url)
    with pytest.raises(errors.NotPaired):
        await one.tell(letter("hello?"))
    with pytest.raises(errors.UnknownCode):
        await one.claim(77)
    mine = await one.call(words.Allocate(), words.Allocated)
    with pytest.raises(errors.PairingFailed, match="your own"):
        await one.claim(mine.nameplate)
    await other.claim(mine.nameplate)
    third = await links(relay.url)
    with pytest.raises(errors.UsedCode):
        await third.claim(mine.nameplate)


async def test_nothing_at_the_address(links: Links) -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(errors.RelayUnreachable, match=f"http://127.0.0.1:{port}"):
        await links(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x00" * 100,
        b"",
    ],
)
async def test_something_else_at_the_address(answer: bytes, links: Links) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        link = NotingConnection()
        with pytest.raises(errors.RelayUnreachable, match=f"127.0.0.1:{port}"):
            await link.connect(f"127.0.0.1:{port}")
        assert link.states == [ConnectionState.CONNECTING, ConnectionState.CLOSED]


async def test_silence_at_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT", 0.3)
    hung_up = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass
        hung_up.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(errors.RelayUnreachable, match="Nothing answers"):
            await NotingConnection().connect(f"127.0.0.1:{port}")
        await asyncio.wait_for(hung_up.wait(), 5)


async def test_a_websocket_that_speaks_no_socket_io(
    relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT", 0.5)
    from websockets.asyncio.server import ServerConnection, serve

    async def echo(socket: ServerConnection) -> None:
        await socket.send('{"hello": "world"}')
        await socket.wait_closed()

    async with serve(echo, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(errors.RelayUnreachable):
            await NotingConnection().connect(f"127.0.0.1:{port}")


async def test_no_connection_no_call() -> None:
    with pytest.raises(errors.RelayUnreachable, match="no connection"):
        await NotingConnection().call(words.Allocate(), words.Allocated)


async def test_what_nobody_knows_is_dropped_and_what_is_known_passes(links: Links) -> None:
    async def tell(server: Any, event: str, sid: str, data: Any) -> Any:
        await server.emit("nonsense", {"text": "x"}, to=sid)
        await server.emit("allocate", {}, to=sid)
        await server.emit("partnerGone", ({"room": ROOM, "reason": "left"}, "more"), to=sid)
        return {}

    async with hostile_relay(tell) as url:
        link = await links(url)
        await link.leave()
        await link.until(lambda: link.words)
        assert link.words == [words.PartnerGone(room=ROOM, reason="left")]
        await link.close()


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("claimed", {"nameplate": "1"}),
        ("partnerGone", "left"),
        ("partnerGone", None),
        # Nobody can tell whose word it was to be.
        ("message", "text"),
        ("message", None),
        ("message", {"body": "A" * 24}),
        ("pake", {"room": "0" * 31, "body": "AAAA"}),
    ],
)
async def test_a_malformed_notice_ends_the_connection(
    event: str, payload: object, links: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staying, "FIRST_DELAY", 60.0)

    async def tell(server: Any, _: str, sid: str, data: Any) -> Any:
        await server.emit(event, payload, to=sid)
        return {}

    async with hostile_relay(tell) as url:
        link = await links(url)
        with pytest.raises(errors.RelayUnreachable, match="makes no sense"):
            await link.leave()
        await link.until(lambda: link.states[-1] is ConnectionState.LOST)
        assert link.words == []
        await link.close()


async def test_malformed_words_of_the_partner_are_not_passed_over(links: Links) -> None:
    """Each comes as a letter that nobody can open."""
    malformed: list[tuple[str, dict[str, Any]]] = [
        ("pake", {"body": "A" * 4000}),
        ("confirm", {"body": 7}),
        ("message", {"body": 5}),
        ("message", {"body": "****"}),
        ("message", {"body": ""}),
        ("message", {}),
        ("addTorrent", {"id": "0" * 16, "magnetURI": "magnet:?x"}),
    ]

    async def tell(server: Any, event: str, sid: str, data: Any) -> Any:
        for name, payload in malformed:
            await server.emit(name, {"room": ROOM, **payload}, to=sid)
        return {}

    async with hostile_relay(tell) as url:
        link = await links(url)
        await link.leave()
        await link.until(lambda: len(link.words) == len(malformed))
        sent_as = [name.replace("addTorrent", "fileReady") for name, _ in malformed]
        assert link.words == [SealedMessage(event=name, body=b"") for name in sent_as]
        await link.close()


@pytest.mark.parametrize("answer", [{"nameplate": 0}, "yes", [1], None, {"error": "full"}, 7])
async def test_a_malformed_acknowledgement_is_an_error(answer: object, links: Links) -> None:
    async def tell(server: Any, event: str, sid: str, data: Any) -> Any:
        return answer

    async with hostile_relay(tell) as url:
        link = await links(url)
        with pytest.raises(errors.FileSendError, match="do not understand"):
            await link.call(words.Allocate(), words.Allocated)
        await link.close()


async def test_an_acknowledgement_that_never_comes(
    links: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CALL_TIMEOUT", 0.2)
    over = asyncio.Event()

    async def tell(server: Any, event: str, sid: str, data: Any) -> Any:
        await over.wait()

    async with hostile_relay(tell) as url:
        link = await links(url)
        with pytest.raises(errors.RelayUnreachable, match="does not answer"):
            await link.call(words.Allocate(), words.Allocated)
        over.set()
        await link.close()


async def test_an_address_that_this_machine_has_no_more_ends_the_connection(
    relay: RunningRelay, links: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staying, "FIRST_DELAY", 0.05)
    monkeypatch.setattr(own_address, "LOOK", 0.01)
    moved: list[Any] = []
    monkeypatch.setattr(own_address, "has", lambda name: name not in moved)
    link = await links(relay.url)
    assert link._client is not None
    moved.append(link._client.eio.ws.get_extra_info("sockname"))
    await link.until(lambda: link.states[-2:] == [ConnectionState.LOST, ConnectionState.CONNECTED])
    await link.call(words.Allocate(), words.Allocated)
    await link.close()


async def test_who_leaves_just_after_a_loss_frees_what_was_lost(
    relay: RunningRelay, links: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = await links(relay.url)
    assert link._client is not None
    http = link._client.eio.http
    # The library takes its time for it.
    monkeypatch.setattr(link._client.eio, "_reset", asyncio.Event().wait)
    left: list[asyncio.Task[None]] = []
    entered = link._on_state

    def leave(state: ConnectionState) -> None:
        entered(state)
        if state is ConnectionState.LOST:
            left.append(asyncio.create_task(link.close()))

    link._on_state = leave
    relay.stop()
    await link.until(lambda: link.states[-1] is ConnectionState.CLOSED)
    await left[0]
    assert http is not None and http.closed


async def test_a_lost_relay_is_told_fails_calls_and_is_returned_to(
    relay: RunningRelay, links: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staying, "FIRST_DELAY", 0.05)
    link = await links(relay.url)
    port = int(relay.url.rsplit(":", 1)[1])
    relay.stop()
    await link.until(lambda: link.states[-1] is ConnectionState.LOST)
    with pytest.raises(errors.RelayUnreachable):
        await link.call(words.Allocate(), words.Allocated)
    with listen("127.0.0.1", port) as listener:
        again = RelayServer(listener)
        thread = threading.Thread(target=again.run)
        thread.start()
        try:
            await link.until(lambda: link.states[-1] is ConnectionState.CONNECTED)
            await link.call(words.Allocate(), words.Allocated)
            await link.close()
        finally:
            again.should_exit = True
            await asyncio.to_thread(thread.join)
    assert link.states == [
        ConnectionState.CONNECTING,
        ConnectionState.CONNECTED,
        ConnectionState.LOST,
        ConnectionState.CONNECTED,
        ConnectionState.CLOSED,
    ]


async def test_whoever_is_told_that_the_relay_moves_is_back_at_once(
    relay: RunningRelay, links: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staying, "FIRST_DELAY", 3600.0)
    link = await links(relay.url)
    (loop,) = {server.get_loop() for server in relay.server.servers}
    people = relay.server._app._people

    async def tell() -> None:
        await people.move(1.0)
        people._moving = False  # as at the other process

    asyncio.run_coroutine_threadsafe(tell(), loop)
    await link.until(lambda: link.states[-2:] == [ConnectionState.LOST, ConnectionState.CONNECTED])
    assert (await link.call(words.Allocate(), words.Allocated)).nameplate
    # One that says so over and over keeps nobody busy.
    asyncio.run_coroutine_threadsafe(tell(), loop)
    await link.until(lambda: link.states[-1] is ConnectionState.LOST)
    assert next(link._waits) > 1.5 * staying.SOON  # the backoff goes on


async def test_only_who_may_be_connected_to_is_come_back_to(
    relay: RunningRelay, links: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staying, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(staying, "LONGEST_DELAY", 0.05)
    asked = 0
    may = False

    async def again() -> bool:
        nonlocal asked
        asked += 1
        link._changed.set()
        return may

    link = await links(relay.url)
    await link.connect(relay.url, again=again)
    port = int(relay.url.rsplit(":", 1)[1])
    relay.stop()
    with listen("127.0.0.1", port) as listener:
        somebody_else = RelayServer(listener)
        thread = threading.Thread(target=somebody_else.run)
        thread.start()
        try:
            await link.until(lambda: asked >= 5)
            assert link.states[-1] is ConnectionState.LOST
            may = True
            await link.until(lambda: link.states[-1] is ConnectionState.CONNECTED)
            await link.close()
        finally:
            somebody_else.should_exit = True
            await asyncio.to_thread(thread.join)


async def test_a_lost_relay_that_is_tried_in_vain_is_come_back_to_all_the_same(
    relay: RunningRelay, links: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staying, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(staying, "LONGEST_DELAY", 0.05)
    link = await links(relay.url)
    port = int(relay.url.rsplit(":", 1)[1])
    relay.stop()
    await link.until(lambda: link.states[-1] is ConnectionState.LOST)
    with pytest.raises(errors.RelayUnreachable):
        await link.connect(relay.url)
    assert link.states[-1] is ConnectionState.LOST
    with listen("127.0.0.1", port) as listener:
        again = RelayServer(listener)
        thread = threading.Thread(target=again.run)
        thread.start()
        try:
            await link.until(lambda: link.states[-1] is ConnectionState.CONNECTED)
            await link.close()
        finally:
            again.should_exit = True
            await asyncio.to_thread(thread.join)


async def test_a_call_under_way_fails_when_the_relay_is_lost(links: Links) -> None:
    async def tell(server: Any, event: str, sid: str, data: Any) -> Any:
        await server.disconnect(sid)

    async with hostile_relay(tell) as url:
        link = await links(url)
        async with asyncio.timeout(5):
            with pytest.raises(errors.RelayUnreachable, match="lost"):
                await link.call(words.Allocate(), words.Allocated)
        await link.close()


async def test_calls_made_just_as_the_relay_ends_fail_as_any_other(links: Links) -> None:
    # How often they call until the relay has ended is up to the machine: no rate ends it first.
    any_rate = Rate(burst=1e9, per_second=1e9)
    limits = Limits(words=any_rate, socket_frames=any_rate, address_frames=any_rate)
    with running_relay(limits) as relay:
        link = await links(relay.url)

        async def chatter() -> None:
            while link.state is ConnectionState.CONNECTED:
                await link.leave()
            raise errors.RelayUnreachable("lost between two calls")

        chatting = [asyncio.create_task(chatter()) for _ in range(3)]
        await asyncio.to_thread(relay.stop)
        for ended in await asyncio.gather(*chatting, return_exceptions=True):
            assert isinstance(ended, errors.RelayUnreachable)


async def test_closing_ends_the_tries_to_return(
    relay: RunningRelay, links: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staying, "FIRST_DELAY", 60.0)
    link = await links(relay.url)
    relay.stop()
    await link.until(lambda: link.states[-1] is ConnectionState.LOST)
    await asyncio.wait_for(link.close(), 5)
    await link.close()
    assert link.states.count(ConnectionState.CLOSED) == 1


async def test_connecting_elsewhere_leaves_the_first_relay(
    relay: RunningRelay, links: Links
) -> None:
    one, other = await paired(links, relay.url)
    with pytest.raises(errors.RelayUnreachable):
        await one.connect("nonsense://")
    await one.connect(relay.url)
    await other.until(lambda: words.PartnerGone(room=other.room, reason="lost") in other.words)


def test_waits_between_tries_grow_to_a_bound() -> None:
    delays = staying.delays()
    waits = [next(delays) for _ in range(20)]
    assert waits[0] <= 1
    assert max(waits) <= staying.LONGEST_DELAY * 1.2
    assert min(waits[10:]) >= staying.LONGEST_DELAY * 0.8


def test_a_link_needs_socket_io_only_to_connect() -> None:
    import subprocess
    import sys

    program = (
        "import filesend_tui.core.relay_client.connection, sys; sys.exit('socketio' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
