"""What `filesend doctor` looks at: a real relay, and others that are none."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from filesend_tui.core import doctor
from filesend_tui.core.config import ClientConfig, IceServer
from filesend_tui.core.doctor import Finding
from filesend_tui.core.relay_client.address import parse_relay_url
from filesend_tui.core.transports.direct.offer import Endpoint
from filesend_tui.core.util.proxies import NO_PROXIES
from relay.guard.limits import Limits
from tests.conftest import RunningRelay, running_relay
from tests.waiting import until

EVERYTHING = [
    *(
        "folder",
        "nearby",
        "dns",
        "relay",
        "clock",
        "people",
        "tracker",
        "transit",
        "udp",
        "tcp",
        "ipv6",
    ),
    "upnp",
]


async def found(url: str, folder: Path) -> dict[str, Finding]:
    config = ClientConfig(output=folder)
    return {each.name: each async for each in doctor.findings(parse_relay_url(url), config)}


async def with_stun(relay: RunningRelay) -> None:
    await until(lambda: relay.server._app._stun._stun is not None, 10)


async def test_a_relay_that_has_all(relay: RunningRelay, tmp_path: Path) -> None:
    await with_stun(relay)
    seen = await found(relay.url, tmp_path / "not yet" / "there")
    assert list(seen) == EVERYTHING
    for name in ("folder", "dns", "relay", "clock", "people", "tracker", "transit", "udp"):
        assert seen[name].ok, seen[name]
    assert all(each.message for each in seen.values())
    assert not (tmp_path / "not yet").exists(), "nothing is changed"
    # Nothing of it is left at the relay.
    await until(lambda: relay.server._app._people.count == 0, 10)
    await until(lambda: relay.server._app._transit.count == 0, 10)


async def asked(*urls: str) -> list[Finding]:
    return [each async for each in doctor.trackers(urls, NO_PROXIES)]


async def test_each_tracker_answers_or_says_why_not(
    relay: RunningRelay, unused_tcp_port: int
) -> None:
    gone = f"ws://127.0.0.1:{unused_tcp_port}"
    there, not_there, again = await asked(relay.tracker, gone, relay.tracker)
    assert (there.ok, again.ok) == (True, True), there
    assert "127.0.0.1" in there.message
    assert not_there.ok is None, "the other places do without it"
    assert str(unused_tcp_port) in not_there.message
    assert "trackers" in not_there.hint
    assert await asked() == []


async def test_trackers_are_asked_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "TRACKER", 60.0)
    connected: list[asyncio.StreamWriter] = []

    async def hear(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(writer)
        if len(connected) == 2:  # else both wait for their answers
            for each in connected:
                each.close()

    server = await asyncio.start_server(hear, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with asyncio.timeout(50):
        said = await asked(url, f"{url}/announce")
    assert [each.ok for each in said] == [None, None]
    server.close()


async def test_a_tracker_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "TRACKER", 0.0)
    (said,) = await asked("ws://127.0.0.1:1")
    assert said.ok is None
    assert said.message == "No tracker answers at 127.0.0.1 in 0 seconds."


async def test_a_relay_without_a_transit(tmp_path: Path) -> None:
    with running_relay(Limits(transit=False)) as relay:
        await with_stun(relay)
        seen = await found(relay.url, tmp_path)
        assert seen["transit"].ok is False
        assert seen["transit"].hint
        assert seen["people"].ok


async def test_nothing_listens_there(unused_tcp_port: int, tmp_path: Path) -> None:
    seen = await found(f"http://127.0.0.1:{unused_tcp_port}", tmp_path)
    assert list(seen) == ["folder", "nearby", "dns", "relay"]
    assert seen["relay"].ok is False
    assert "nothing listens there" in seen["relay"].message
    assert "--relay" in seen["relay"].hint


async def test_a_name_that_nobody_knows(tmp_path: Path) -> None:
    seen = await found("http://no-such-relay.invalid:8421", tmp_path)
    assert seen["dns"].ok is False
    assert "not known" in seen["dns"].message
    assert seen["relay"].ok is False


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"service": "x"}',
        b"SSH-2.0-OpenSSH\r\n\x1b[31m\r\n",
        b"",
    ],
    ids=["text", "json", "another service", "ssh", "nothing"],
)
async def test_what_is_no_relay(answer: bytes, tmp_path: Path) -> None:
    async with answering(answer) as url:
        seen = await found(url, tmp_path)
    assert list(seen) == ["folder", "nearby", "dns", "relay"]
    assert seen["relay"].ok is False
    assert seen["relay"].message.isprintable()


async def test_a_relay_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(doctor, "TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        seen = await found(f"http://127.0.0.1:{silent.getsockname()[1]}", tmp_path)
    assert seen["relay"].ok is False
    assert "No answer" in seen["relay"].message


async def test_clocks_that_differ() -> None:
    date = b"Date: Mon, 02 Jan 2006 15:04:05 GMT\r\n"
    answer = b"HTTP/1.1 200 OK\r\n" + date + b"Content-Length: 0\r\n\r\n"
    async with answering(answer) as url:
        seen = await doctor.clock(parse_relay_url(url))
    assert seen.ok is None
    assert seen.hint
    async with answering(b"HTTP/1.1 200 OK\r\nDate: soon\r\nContent-Length: 0\r\n\r\n") as url:
        assert (await doctor.clock(parse_relay_url(url))).ok is None


def test_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.folder(tmp_path).ok
    monkeypatch.setattr(doctor, "LITTLE", 2**63)
    full = doctor.folder(tmp_path)
    assert full.ok is None
    assert full.hint
    monkeypatch.setattr(os, "access", lambda *_: False)
    refused = doctor.folder(tmp_path)
    assert refused.ok is False
    assert refused.hint


async def test_udp(relay: RunningRelay) -> None:
    await with_stun(relay)
    port = relay.server._listener.getsockname()[1]
    servers = [f"stun:127.0.0.1:{port}", f"stun:127.0.0.1:{port}?transport=udp"]
    assert (await doctor.udp(servers)).ok
    assert (await doctor.udp([])).ok is None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        blocked = await doctor.udp([f"stun:127.0.0.1:{silent.getsockname()[1]}"])
    assert blocked.ok is None
    assert "blocked" in blocked.message
    for nonsense in ("stun:", "stun:x:y", "stun:no-such-name.invalid:1"):
        assert (await doctor.udp([nonsense])).ok is None


async def test_a_router_that_gives_everyone_a_new_port(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([("203.0.113.7", 1), ("203.0.113.7", 2)])

    async def seen(*_: object) -> tuple[str, int]:
        return next(answers)

    monkeypatch.setattr(doctor, "_stun", seen)
    told = await doctor.udp(["stun:a:1", "stun:b:1"])
    assert told.ok is None
    assert "symmetric" in told.message


@pytest.mark.parametrize(
    ("seen", "ok", "said"),
    [
        (lambda port: Endpoint("203.0.113.7", port), True, "can be opened"),
        (lambda _port: Endpoint("203.0.113.7", 9), None, "changes the port"),
        (lambda port: Endpoint("192.0.2.4", port), True, "no router"),
        (lambda _port: None, None, "on this machine"),
    ],
    ids=["kept", "changed", "none", "unknown"],
)
async def test_tcp(
    monkeypatch: pytest.MonkeyPatch, seen: object, ok: bool | None, said: str
) -> None:
    async def reflected(_url: str, _family: object, port: int) -> Endpoint | None:
        return seen(port)  # type: ignore[operator]

    monkeypatch.setattr(doctor, "reflected", reflected)
    monkeypatch.setattr(doctor, "own_addresses", lambda: ["192.0.2.4"])
    told = await doctor.tcp("http://x", 0)
    assert told.ok is ok
    assert said in told.message


def test_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "own_addresses", lambda: ["192.0.2.4", "fd00::1"])
    assert doctor.ipv6().ok is None
    monkeypatch.setattr(doctor, "own_addresses", lambda: ["2a00:1450:4001:80b::200e"])
    assert doctor.ipv6().ok


async def test_a_stun_server_of_the_settings_is_asked_too(
    relay: RunningRelay, tmp_path: Path
) -> None:
    await with_stun(relay)
    port = relay.server._listener.getsockname()[1]
    config = ClientConfig(output=tmp_path, ice_servers=(IceServer(urls=f"stun:127.0.0.1:{port}"),))
    address = parse_relay_url(relay.url)
    seen = {each.name: each async for each in doctor.findings(address, config)}
    assert "the same for all" in seen["udp"].message


async def test_turn_servers_of_the_settings_are_asked_where_there_are_any(
    relay: RunningRelay, tmp_path: Path, unused_tcp_port: int
) -> None:
    await with_stun(relay)
    dead = IceServer(
        urls=f"turn:127.0.0.1:{unused_tcp_port}?transport=tcp", username="ann", credential="hunter2"
    )
    config = ClientConfig(output=tmp_path, ice_servers=(dead,))
    address = parse_relay_url(relay.url)
    seen = {each.name: each async for each in doctor.findings(address, config)}
    assert seen["turn"].ok is False
    assert "nothing listens there" in seen["turn"].message
    assert seen["turn"].hint
    assert "hunter2" not in seen["turn"].message + seen["turn"].hint
    # Nobody is told of what nobody has.
    assert "turn" not in await found(relay.url, tmp_path)
