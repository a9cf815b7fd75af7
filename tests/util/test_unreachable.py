"""reaching.py: what kept a relay or a tracker from being reached is told, by real sockets."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import FileSendError, RelayUnreachable, TrackerFailed
from filesend_tui.core.meeting.rendezvous import Rendezvous, Totals
from filesend_tui.core.meeting.signaling import PlainSignaling
from filesend_tui.core.relay_client.connection import RelayConnection
from filesend_tui.core.transports.base import no_relay
from filesend_tui.core.transports.registry import Transports
from filesend_tui.core.util.unreachable import why_unreached
from relay.server import listen

Reach = Callable[[str], Awaitable[FileSendError]]


async def relay(host: str) -> FileSendError:
    """Try to reach a relay there; return what is told of it."""
    link = RelayConnection(lambda _word: None, lambda _state: None)
    with pytest.raises(RelayUnreachable) as caught:
        await link.connect(host.replace("ws", "http", 1))
    await link.close()
    return caught.value


async def tracker(host: str, config: ClientConfig | None = None) -> FileSendError:
    """Try to reach a tracker there; return what is told of it."""
    config = config or ClientConfig(offers=0)
    rendezvous = Rendezvous(
        signaling=PlainSignaling(bytes(20)),
        peer_id=os.urandom(20),
        trackers=[host],
        config=config,
        roads=Transports(config).by(no_relay),
        totals=lambda: Totals(0, 0, None),
        wants_peers=lambda: 0,
    )
    await rendezvous.start()
    try:
        with pytest.raises(TrackerFailed) as caught:
            await rendezvous.announced()
    finally:
        await rendezvous.stop()
    return caught.value


@pytest.fixture(params=[relay, tracker], ids=["relay", "tracker"])
def reach(request: pytest.FixtureRequest) -> Reach:
    return request.param


@asynccontextmanager
async def answering(answer: bytes, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve something that says this to whoever connects, and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


WEB_PAGE = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"


def self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay.example")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(pem)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "pem")
    return context


async def test_nobody_listens(reach: Reach) -> None:
    with listen("127.0.0.1", 0) as nobody:
        port = nobody.getsockname()[1]
    error = await reach(f"ws://127.0.0.1:{port}")
    assert error.message.endswith(f"127.0.0.1:{port}: nothing listens there.") or (
        "does not answer: nothing listens there." in error.message
    )
    assert error.hint == error.default_hint


async def test_a_name_that_nobody_has(reach: Reach) -> None:
    error = await reach("ws://no-such-machine.invalid")
    assert error.message.endswith(
        (": no machine is known by this name.", ": names cannot be looked up at the moment.")
    )
    assert error.hint


async def test_a_certificate_that_nobody_trusts(reach: Reach, tmp_path: Path) -> None:
    async with answering(WEB_PAGE, self_signed(tmp_path)) as port:
        error = await reach(f"wss://127.0.0.1:{port}")
    assert "its certificate is not trusted (self" in error.message
    assert "clock" in error.hint


async def test_no_tls_where_it_is_asked_for(reach: Reach) -> None:
    async with answering(WEB_PAGE) as port:
        error = await reach(f"wss://127.0.0.1:{port}")
    assert error.message.endswith(": it does not speak TLS.")
    assert "http://" in error.hint


async def test_something_else_answers(reach: Reach) -> None:
    async with answering(WEB_PAGE) as port:
        error = await reach(f"ws://127.0.0.1:{port}")
    assert error.message.endswith(": something else answers there (HTTP 404).")
    assert "proxy" in error.hint


async def test_what_hangs_up_is_not_called_something_else(reach: Reach) -> None:
    async with answering(b"") as port:
        error = await reach(f"ws://127.0.0.1:{port}")
    assert "HTTP" not in error.message
    assert error.message.endswith(".")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TimeoutError(), "nothing answers there in time"),
        (OSError(113, "No route to host"), "this machine has no way there"),
        (ConnectionResetError(104, "reset"), "it hung up at once"),
        (ExceptionGroup("all", [ValueError(), ConnectionRefusedError()]), "nothing listens there"),
        (ValueError("what it said: \x1b[2J"), None),
    ],
    ids=repr,
)
def test_what_the_system_says(error: BaseException, reason: str | None) -> None:
    if os.name == "nt" and isinstance(error, OSError) and error.errno == 113:
        pytest.skip("Windows has numbers of its own")
    why = why_unreached(error)
    assert (why.reason if why else None) == reason


def test_what_came_of_itself_ends() -> None:
    one, other = ValueError(), ValueError()
    one.__cause__, other.__cause__ = other, one
    assert why_unreached(one) is None
