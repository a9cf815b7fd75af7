"""A relay for some networks, and not for those that are shut out: directly, by proxy, by STUN."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import websockets
from aioice import stun

from filesend_tui.core.errors import RelayUnreachable
from filesend_tui.core.relay_client.connection import RelayConnection
from relay.guard.admission import Admission
from tests.conftest import RunningRelay, running_relay
from tests.waiting import until

#: A network of nobody here, and of everybody here.
ELSEWHERE, HERE = "203.0.113.0/24", "127.0.0.0/8"
WAIT = 20


async def status(relay: RunningRelay, path: str, **headers: str) -> int:
    asking = aiohttp.ClientSession(headers=headers)
    async with asking as session, session.get(relay.url + path) as answer:
        return answer.status


async def test_whoever_is_of_another_network_is_told_so() -> None:
    with running_relay(admission=Admission([ELSEWHERE])) as relay:
        assert await status(relay, "/reflect") == 403
        assert await status(relay, "/healthz") == 200
        connection = RelayConnection(lambda _: None, lambda _: None)
        with pytest.raises(RelayUnreachable) as told:
            await connection.connect(relay.url)
        assert "does not let this machine in" in told.value.message
        assert "Ask whoever runs it" in told.value.hint
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(relay.tracker)


async def test_whoever_is_of_the_network_is_let_in() -> None:
    with running_relay(admission=Admission([HERE])) as relay:
        connection = RelayConnection(lambda _: None, lambda _: None)
        await connection.connect(relay.url)
        await connection.close()


async def test_a_connection_of_somebody_who_is_shut_out_ends_at_once(tmp_path: Path) -> None:
    (tmp_path / "bans").write_text(f"{HERE}\n")
    with running_relay(admission=Admission((), tmp_path / "bans")) as relay:
        port = urlsplit(relay.url).port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), WAIT) == b""
        writer.close()


@pytest.mark.parametrize("forwarded", ["203.0.113.7", "198.51.100.9"])
async def test_behind_a_proxy_it_is_the_address_that_the_proxy_names(
    tmp_path: Path, forwarded: str
) -> None:
    (tmp_path / "bans").write_text("198.51.100.9\n")
    allowed = Admission([ELSEWHERE, "198.51.100.0/24"], tmp_path / "bans")
    with running_relay(trusted_proxies=["127.0.0.1"], admission=allowed) as relay:
        known = {"X-Forwarded-For": forwarded}
        is_let_in = forwarded == "203.0.113.7"
        assert await status(relay, "/reflect", **known) == (200 if is_let_in else 403)
        assert await status(relay, "/reflect", **{"X-Forwarded-For": "192.0.2.1"}) == 403
        try:
            async with websockets.connect(relay.tracker, additional_headers=known):
                assert is_let_in
        except (websockets.WebSocketException, OSError):
            assert not is_let_in


@pytest.mark.parametrize(("network", "answers"), [(HERE, True), (ELSEWHERE, False)])
async def test_stun_answers_those_who_are_let_in(network: str, answers: bool) -> None:
    with (
        running_relay(admission=Admission([network])) as relay,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        await until(lambda: relay.server._app._stun._stun, WAIT)  # it is loaded behind
        request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        sock.settimeout(WAIT if answers else 0.5)
        sock.sendto(bytes(request), ("127.0.0.1", urlsplit(relay.url).port or 0))
        try:
            assert await asyncio.to_thread(sock.recv, 2000)
            assert answers
        except TimeoutError:
            assert not answers
