"""STUN beside a real relay, asked by a socket and the codec of aioice."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aioice import stun

from relay import server
from relay import stun as module
from relay.guard.limits import Limits, Rate
from relay.server import RelayServer, listen
from relay.stun import StunServer, udp_like
from tests.conftest import RunningRelay, running_relay
from tests.relay.conftest import Connect
from tests.waiting import until


def request() -> Any:
    return stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)


@contextmanager
def asking(relay: RunningRelay) -> Iterator[socket.socket]:
    """A socket that speaks to the relay's STUN, once that is there."""
    port = relay.server._listener.getsockname()[1]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.settimeout(5)
        yield sock


async def listening(relay: RunningRelay) -> None:
    await until(lambda: relay.server._app._stun._stun is not None, 10)


async def test_it_tells_who_asks_where_they_are_seen(relay: RunningRelay) -> None:
    await listening(relay)
    with asking(relay) as sock:
        asked = request()
        sock.send(bytes(asked))
        data = await asyncio.to_thread(sock.recv, 2048)
        answer = stun.parse_message(data)
        assert answer.message_class is stun.Class.RESPONSE
        assert answer.transaction_id == asked.transaction_id
        assert answer.attributes["XOR-MAPPED-ADDRESS"] == sock.getsockname()
        assert len(data) <= len(bytes(asked)) + 12


async def test_over_ipv6_and_ipv4_at_one_port() -> None:
    if not socket.has_ipv6:
        pytest.skip("there is no IPv6 here")
    with listen("::", 0) as listener:
        app = RelayServer(listener)._app
        await app.answer_stun(listener)
        await until(lambda: app._stun._stun is not None, 10)
        for family, host in ((socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1")):
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.connect((host, listener.getsockname()[1]))
                sock.settimeout(5)
                sock.send(bytes(request()))
                data = await asyncio.to_thread(sock.recv, 2048)
                answer = stun.parse_message(data)
                assert answer.attributes["XOR-MAPPED-ADDRESS"] == sock.getsockname()[:2]
                assert len(data) <= 20 + 24
        await app._stun.close()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        bytes(20),
        bytes(request())[:19],
        bytes(request()) + bytes(600),
        bytes(request())[:4] + b"\x00\x00\x00\x00" + bytes(request())[8:],
        b"\x00\x01\xff\xff\x21\x12\xa4\x42" + bytes(12),
        b"\x01\x01" + bytes(request())[2:],
        b"\xa5" * 100,
    ],
    ids=["nothing", "http", "zeros", "cut", "long", "no cookie", "a length", "an answer", "noise"],
)
async def test_what_is_no_request_has_no_answer(relay: RunningRelay, data: bytes) -> None:
    await listening(relay)
    with asking(relay) as sock:
        sock.send(data)
        asked = request()
        sock.send(bytes(asked))
        answer = stun.parse_message(await asyncio.to_thread(sock.recv, 2048))
        assert answer.transaction_id == asked.transaction_id, "the first answer is to the second"


async def test_an_address_has_so_many_answers() -> None:
    """Whoever forges somebody's address has few of them sent there."""
    with running_relay(Limits(address_stun_requests=Rate(3, 0.001))) as relay:
        await listening(relay)
        with asking(relay) as sock:
            for _ in range(10):
                sock.send(bytes(request()))
            for _ in range(3):
                await asyncio.to_thread(sock.recv, 2048)
            rejected = relay.server._app._metrics.rejected.labels("stun")
            await until(lambda: rejected._value.get() == 7, 10)
            sock.settimeout(0)
            with pytest.raises(BlockingIOError):
                sock.recv(2048)


def test_any_port_is_one_that_udp_has_too(
    monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    """Else a relay on any port would now and then have no STUN, and warn."""
    tried: list[socket.socket] = []

    def taken_at_first(listener: socket.socket) -> socket.socket:
        tried.append(listener)
        if len(tried) < 3:
            raise OSError
        return udp_like(listener)

    monkeypatch.setattr(server, "udp_like", taken_at_first)
    with listen("127.0.0.1", 0) as listener:
        assert tried == [*tried[:2], listener]
        assert [each.fileno() for each in tried[:2]] == [-1, -1]
    monkeypatch.setattr(server, "udp_like", tried.append)
    with listen("127.0.0.1", unused_tcp_port):
        assert len(tried) == 3, "of one that was chosen nothing is tried"


async def test_a_port_that_is_taken_costs_stun_alone(connect: Connect) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        with running_relay(port=taken.getsockname()[1]) as relay:
            person = await connect(relay.url)
            roads = await person.call("askRoads", {})
            assert roads["stunPort"] is None
            assert roads["pass"]


async def test_people_are_told_where_it_is_unless_a_proxy_is_in_between(
    relay: RunningRelay, connect: Connect
) -> None:
    await listening(relay)
    person = await connect(relay.url)
    port = relay.server._listener.getsockname()[1]
    assert (await person.call("askRoads", {}))["stunPort"] == port
    with running_relay(trusted_proxies=["127.0.0.1"]) as behind:
        await listening(behind)
        hidden = await connect(behind.url)
        assert (await hidden.call("askRoads", {}))["stunPort"] is None


async def test_it_ends_with_the_relay() -> None:
    with running_relay() as relay:
        await listening(relay)
        port = relay.server._listener.getsockname()[1]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", port))
    assert StunServer.__doc__


async def test_a_port_that_is_free_again_is_taken(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Any program may have had it for a moment, just as the relay was started."""
    monkeypatch.setattr(module, "AGAIN", 0.05)
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    with caplog.at_level(logging.WARNING), running_relay(port=port) as relay:
        person = await connect(relay.url)
        assert (await person.call("askRoads", {}))["stunPort"] is None
        await until(lambda: caplog.records, 10)
        taken.close()
        await listening(relay)
        assert (await person.call("askRoads", {}))["stunPort"] == port
        with asking(relay) as sock:
            sock.send(bytes(request()))
            assert await asyncio.to_thread(sock.recv, 2048)
    (told,) = caplog.records  # once, of many tries
    assert "no STUN so far" in told.getMessage()
