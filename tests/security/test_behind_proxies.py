"""A relay behind real nginx and Caddy, configured as the README says: who is let through, as whom.

Each proxy reads a request before the relay does. What it reads otherwise than the relay could hide
a request from it (see smuggled.py), and what it passes on could name somebody else.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import pytest

from relay.guard.limits import Rate
from tests.conftest import RunningRelay, running_relay
from tests.e2e.processes import World, contents, fill
from tests.security.proxies import KINDS, Front, running
from tests.security.raw import TEXT, TIMEOUT, Raw, announce, frame
from tests.security.smuggled import ATTACKS, FIGURES, HIDDEN, LAST, PATHS, answers, handshake
from tests.security.test_relay_floods import PROXY, with_limits

#: Somebody else, whom nothing here concerns.
NEAR = "127.0.0.3" if sys.platform == "linux" else "127.0.0.1"
#: Codes that one address may try.
CLAIMS = 3


@dataclass(frozen=True)
class Behind:
    """A relay, and the proxy in front of it."""

    kind: str
    relay: RunningRelay
    front: Front

    async def until_nobody_is_there(self) -> None:
        """Wait until the relay has no connection, of the proxy or anybody."""
        async with asyncio.timeout(TIMEOUT):
            while self.relay.server._app.guard.count:
                await asyncio.sleep(0.02)


@pytest.fixture(scope="module", params=KINDS)
def behind(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Behind]:
    """A proxy for all tests of this file: what one leaves behind in it, the next would find."""
    folder = tmp_path_factory.mktemp(request.param)
    limits = with_limits(address_claims=Rate(CLAIMS, 0))
    with running_relay(limits, PROXY) as relay, running(request.param, relay.url, folder) as front:
        yield Behind(request.param, relay, front)


async def upgraded(raw: Raw, path: str, fields: str = "") -> None:
    await raw.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n{handshake()}{fields}\r\n".encode())
    answer = await asyncio.wait_for(raw.reader.readuntil(b"\r\n\r\n"), TIMEOUT)
    assert b" 101 " in answer


async def others_are_served(front: Front) -> None:
    """Somebody else gets their own answers, on a few connections: none is another's."""
    for _ in range(3):
        heard = await answers(await front.connect(NEAR), LAST)
        assert heard.statuses == [404]
        assert b"Not Found" in heard.said  # the relay's own
    peer = await front.connect(NEAR)
    await upgraded(peer, "/announce")
    await peer.send(frame(TEXT, announce("near")))
    assert b'"interval"' in await peer.hear()
    peer.abort()


# --- what is hidden behind something else ------------------------------------------------------


@pytest.mark.parametrize("name", ATTACKS)
async def test_no_proxy_lets_a_hidden_request_through(behind: Behind, name: str):
    heard = await answers(await behind.front.connect(), b"".join(ATTACKS[name]) + LAST)
    assert FIGURES not in heard.said
    await others_are_served(behind.front)
    await behind.until_nobody_is_there()


@pytest.mark.parametrize("path", PATHS)
async def test_no_proxy_lets_anybody_read_what_it_keeps(behind: Behind, path: str):
    for line in (f"GET {path} HTTP/1.1\r\nHost: x", f"GET {path} HTTP/1.0"):
        request = f"{line}\r\nConnection: close\r\n\r\n"
        heard = await answers(await behind.front.connect(), request.encode())
        assert FIGURES not in heard.said
    await behind.until_nobody_is_there()


async def test_a_refused_upgrade_leaves_no_tunnel(behind: Behind):
    """As the answer comes, more is sent: to the relay, where the proxy thinks it has a tunnel."""
    for fields in (
        handshake(version="Sec-WebSocket-Version: 777\r\n"),
        handshake(key=""),
        "Upgrade: h2c\r\nConnection: Upgrade\r\n",
    ):
        raw = await behind.front.connect()
        await raw.send(f"GET /announce HTTP/1.1\r\nHost: x\r\n{fields}\r\n".encode())
        refusal = await asyncio.wait_for(raw.reader.readuntil(b"\r\n\r\n"), TIMEOUT)
        assert b" 400 " in refusal
        heard = await answers(raw, HIDDEN.encode() + LAST)
        assert FIGURES not in heard.said
        assert all(status >= 400 for status in heard.statuses)
        await behind.until_nobody_is_there()
    await others_are_served(behind.front)


# --- HTTP/2, which only a proxy speaks ---------------------------------------------------------

Fields = list[tuple[str, str]]


def asking(path: str = "/nothing", *more: tuple[str, str], method: str = "GET") -> Fields:
    return [
        (":method", method),
        (":scheme", "https"),
        (":authority", "x"),
        (":path", path),
        *more,
    ]


#: By name: the fields of a request, and its body. None of them is a request of HTTP/2.
DOWNGRADES: dict[str, tuple[Fields, str]] = {
    "H2.CL": (asking("/nothing", ("content-length", "0")), HIDDEN),
    "H2.CL posted": (asking("/nothing", ("content-length", "4"), method="POST"), HIDDEN),
    "H2.TE": (asking("/nothing", ("transfer-encoding", "chunked")), f"0\r\n\r\n{HIDDEN}"),
    "H2.0": (asking(), HIDDEN),
    "a line in a field": (asking("/nothing", ("x", f"y\r\n\r\n{HIDDEN}")), ""),
    "a line feed in a field": (asking("/nothing", ("x", f"y\n\n{HIDDEN}")), ""),
    "a line in a name": (asking("/nothing", (f"x: y\r\n\r\n{HIDDEN}x", "y")), ""),
    "a line in the path": (asking(f"/nothing HTTP/1.1\r\nHost: x\r\n\r\n{HIDDEN}"), ""),
    "a space in the path": (asking("/metrics HTTP/1.1"), ""),
    "a line in the method": (
        asking(method=f"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n{HIDDEN}GET"),
        "",
    ),
    "an upgrade": (
        asking(
            "/announce",
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "777"),
            ("sec-websocket-key", base64.b64encode(bytes(16)).decode()),
        ),
        HIDDEN,
    ),
    "a tunnel": (
        asking("/announce", (":protocol", "websocket"), method="CONNECT"),
        HIDDEN,
    ),
}


async def said_over_http2(raw: Raw, fields: Fields, body: str) -> bytes:
    """Make a request of HTTP/2 whatever it is like, and hear all of its answer."""
    session = h2.connection.H2Connection(
        h2.config.H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False)
    )
    session.initiate_connection()
    session.send_headers(1, fields, end_stream=not body)
    if body:
        session.send_data(1, body.encode(), end_stream=True)
    raw.writer.write(session.data_to_send())
    said = b""
    async with asyncio.timeout(TIMEOUT):
        while data := await raw.reader.read(65536):
            try:
                happened = session.receive_data(data)
            except h2.exceptions.ProtocolError:
                break  # a goodbye, and something behind it
            for event in happened:
                match event:
                    case h2.events.DataReceived():
                        said += event.data
                    case h2.events.ResponseReceived():
                        said += repr(event.headers).encode()
                    case (
                        h2.events.StreamEnded()
                        | h2.events.StreamReset()
                        | h2.events.ConnectionTerminated()
                    ):
                        raw.abort()
                        return said
            raw.writer.write(session.data_to_send())
    raw.abort()
    return said


async def test_it_speaks_http2(behind: Behind):
    heard = await said_over_http2(await behind.front.connect(protocol="h2"), asking(), "")
    assert b"Not Found" in heard


@pytest.mark.parametrize("name", DOWNGRADES)
async def test_no_request_of_http2_becomes_two(behind: Behind, name: str):
    heard = await said_over_http2(await behind.front.connect(protocol="h2"), *DOWNGRADES[name])
    assert FIGURES not in heard
    await others_are_served(behind.front)
    await behind.until_nobody_is_there()


# --- who somebody is ---------------------------------------------------------------------------


async def claim(front: Front, source: str, fields: str) -> str:
    """Try a code; how it was refused."""
    raw = await front.connect(source)
    await upgraded(raw, "/socket.io/?EIO=4&transport=websocket", fields)
    assert (await raw.hear()).startswith(b"0")
    await raw.send(frame(TEXT, b"40"))
    assert (await raw.hear()).startswith(b"40")
    await raw.send(frame(TEXT, b'421["claim",{"nameplate":99}]'))
    answer: str = json.loads((await raw.hear())[3:])[0]["error"]["code"]
    raw.abort()
    return answer


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a whole network of loopback")
@pytest.mark.parametrize(
    ("last", "fields"),
    [
        (10, ""),
        (20, "X-Forwarded-For: 192.0.2.{}\r\n"),
        (30, "X-Forwarded-For: 192.0.2.{}, 127.0.0.1\r\n"),
        (40, "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 192.0.2.{}\r\n"),
        (50, "Connection: X-Forwarded-For\r\nX-Forwarded-For: 192.0.2.{}\r\n"),
        (60, "Forwarded: for=192.0.2.{}\r\nX-Real-IP: 192.0.2.{}\r\nClient-IP: 192.0.2.{}\r\n"),
        (70, "X_Forwarded_For: 192.0.2.{}\r\nX-Forwarded-For_: 192.0.2.{}\r\n"),
        (80, "X-Forwarded-For: ,,192.0.2.{},\r\n"),
        (90, "X-Forwarded-For:\t192.0.2.{}\t\r\nx-forwarded-for: nonsense\r\n"),
    ],
)
async def test_everybody_is_who_the_proxy_heard_from(behind: Behind, last: int, fields: str):
    """Whatever they say themselves; and each is somebody else."""
    source = f"127.0.0.{last}"
    forged = [fields.replace("{}", str(number)) for number in range(CLAIMS + 1)]
    codes = [await claim(behind.front, source, each) for each in forged]
    assert codes == ["unknownCode"] * CLAIMS + ["rateLimited"]
    assert await claim(behind.front, f"127.0.0.{last + 1}", forged[0]) == "unknownCode"


# --- what it is all for ------------------------------------------------------------------------


@pytest.fixture
def world(behind: Behind, tmp_path: Path) -> Iterator[World]:
    """People who know the relay by its proxy's address alone."""
    world = World(tmp_path)
    world.environment |= {
        "FILESEND_RELAY": behind.front.url,
        "SSL_CERT_FILE": str(behind.front.certificate),
    }
    yield world
    world.close()


@pytest.mark.webrtc
@pytest.mark.slow
@pytest.mark.parametrize("road", ["direct", "webrtc"])
def test_two_people_pair_and_send_through_it(world: World, tmp_path: Path, road: str):
    sent = fill(tmp_path / "from" / "film.mkv", 300_000)
    sender, code = world.send(sent, "--road", road)
    receiver = world.receive(code, tmp_path / "to", "--road", road)
    ends = (receiver.end(), sender.end())
    assert ends == (0, 0), f"receiver: {receiver.report()}\nsender: {sender.report()}"
    assert contents(tmp_path / "to") == contents(tmp_path / "from")
    assert receiver.wait_for("downloadComplete")["road"] == road
    assert sender.errors + receiver.errors == []
