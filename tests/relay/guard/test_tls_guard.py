"""tls_guard.py: real TLS connections to a real relay, and those that never become one."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import websockets

from relay.certificate import Certificate
from relay.guard.limits import Limits, Rate
from relay.guard.tls_guard import HANDSHAKE_COST
from tests.certificates import own_certificate
from tests.conftest import RunningRelay, running_relay
from tests.relay.conftest import Connect

WAIT = 20
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
FEW = Limits(max_address_connections=4, head_seconds=1.0, sweep_every=0.05)

Served = tuple[RunningRelay, Certificate, tuple[Path, Path]]
Serve = Callable[..., AbstractContextManager[Served]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    files = own_certificate(tmp_path)

    @contextmanager
    def serve(limits: Limits | None = None) -> Iterator[Served]:
        certificate = Certificate(*files)
        with running_relay(limits, certificate=certificate) as relay:
            assert relay.url.startswith("https://")
            yield relay, certificate, files

    return serve


def port_of(relay: RunningRelay) -> int:
    port = urlsplit(relay.url).port
    assert port is not None
    return port


async def tcp(relay: RunningRelay) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port_of(relay))


async def ended(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        assert not await asyncio.wait_for(reader.read(), WAIT)


async def ask(relay: RunningRelay, files: tuple[Path, Path]) -> bytes:
    """Return the answer to a request, and look whether it is this certificate that answers."""
    trust = ssl.create_default_context(cafile=str(files[0]))
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port_of(relay), ssl=trust, server_hostname="localhost"
    )
    writer.write(HEALTH)
    answer = await asyncio.wait_for(reader.read(), WAIT)
    writer.close()
    return answer


async def test_people_and_trackers_are_at_a_relay_over_tls(serve: Serve, connect: Connect) -> None:
    with serve() as (relay, _, files):
        assert b'"filesend-relay"' in await ask(relay, files)
        person = await connect(relay.url.replace("127.0.0.1", "localhost"))
        assert await person.allocate()
        trust = ssl.create_default_context(cafile=str(files[0]))
        async with websockets.connect(relay.tracker, ssl=trust) as socket:
            await socket.send("{}")
            assert b"failure" in (await asyncio.wait_for(socket.recv(decode=False), WAIT))


async def test_a_request_that_comes_with_the_end_of_the_handshake_is_heard(serve: Serve) -> None:
    with serve() as (relay, _, files):
        trust = ssl.create_default_context(cafile=str(files[0]))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = trust.wrap_bio(incoming, outgoing, server_hostname="localhost")
        reader, writer = await tcp(relay)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                writer.write(outgoing.read())
                incoming.write(await asyncio.wait_for(reader.read(65536), WAIT))
        tls.write(HEALTH)
        writer.write(outgoing.read())  # both at once
        answer = b""
        while b"filesend-relay" not in answer:
            incoming.write(await asyncio.wait_for(reader.read(65536), WAIT))
            with contextlib.suppress(ssl.SSLWantReadError):
                answer += tls.read(65536)
        writer.close()


async def test_connections_that_never_begin_tls_are_counted_and_ended(serve: Serve) -> None:
    with serve(FEW) as (relay, _, files):
        silent = [await tcp(relay) for _ in range(FEW.max_address_connections)]
        reader, one_more = await tcp(relay)
        await ended(reader)  # at once: four are as many as it takes
        for reader, _ in silent:
            await ended(reader)  # once they are late
        assert b"filesend-relay" in await ask(relay, files)
        for writer in (one_more, *(writer for _, writer in silent)):
            writer.close()


@pytest.mark.parametrize("said", [HEALTH, b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", b"\0" * 999])
async def test_what_is_no_tls_ends_the_connection_alone(serve: Serve, said: bytes) -> None:
    with serve() as (relay, _, files):
        reader, writer = await tcp(relay)
        writer.write(said)
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), WAIT)  # an alert, perhaps
        writer.close()
        assert b"filesend-relay" in await ask(relay, files)


async def test_a_handshake_counts_as_time_of_its_address(serve: Serve) -> None:
    little = Rate(burst=HANDSHAKE_COST / 2, per_second=1e-9)
    with serve(Limits(address_loop_time=little)) as (relay, _, files):
        trust = ssl.create_default_context(cafile=str(files[0]))
        _, writer = await asyncio.open_connection(
            "127.0.0.1", port_of(relay), ssl=trust, server_hostname="localhost"
        )
        assert relay.server._app.guard.loop_time.debt("127.0.0.1") > HANDSHAKE_COST / 4
        writer.close()


async def test_who_connects_after_a_renewal_gets_the_newer_certificate(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    with serve() as (relay, certificate, files):
        person = await connect(relay.url)
        (tmp_path / "newer").mkdir()
        newer = own_certificate(tmp_path / "newer")
        for old, new in zip(files, newer, strict=True):
            old.write_bytes(new.read_bytes())
        assert certificate.renew()
        assert b"filesend-relay" in await ask(relay, newer)
        assert await person.allocate()  # who is there stays
