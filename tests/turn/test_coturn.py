"""The relay's credentials, and what is done with them, at a real coturn."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from filesend_tui.core import doctor
from filesend_tui.core import events as e
from filesend_tui.core.config import ClientConfig, IceServer, RoadChoice
from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.events import TransferPhase
from filesend_tui.core.transports.base import Channel, RelayAccess, RelayEntry
from filesend_tui.core.transports.webrtc import turn
from filesend_tui.core.transports.webrtc.ice import RELAYED
from filesend_tui.core.transports.webrtc.transport import WebRtcTransport
from filesend_tui.core.transports.webrtc.turn import Server, allocate, server_of
from relay.protocol.words import TurnLogin
from relay.turn import TurnServers, turn_servers
from tests.conftest import running_relay
from tests.core.test_client import Person, pair, yes
from tests.torrent.lab import read_tree, write_tree
from tests.transports.pairs import read_exactly, soon
from tests.transports.relays import access
from tests.turn.coturn import Coturn, coturn, dead_server
from tests.waiting import until

WAYS = ["udp", "tcp", "tls"]
HOURS = 3600.0
HIDDEN = ClientConfig(relay_turn=True, relay_only=True, road=RoadChoice.WEBRTC)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coturn]:
    with coturn(tmp_path_factory.mktemp("coturn")) as running:
        yield running


@pytest.fixture(scope="module")
def streams_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coturn]:
    """One that has TCP and TLS alone."""
    with coturn(tmp_path_factory.mktemp("coturn"), "no-udp") as running:
        yield running


@pytest.fixture
def trusted(server: Coturn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process trust the server's certificate, as if a known authority had made it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))


def login_at(at: Coturn, *urls: str, ago: float = 0) -> TurnLogin:
    """What a relay with the server's secret gives out, or gave out so many seconds ago."""
    made = turn_servers(urls, at.secret_file)
    assert made is not None
    return TurnServers(urls, made._secret, clock=lambda: time.time() - ago).login("192.0.2.7")


def asked_as(url: str, login: TurnLogin) -> Server:
    ice = IceServer(urls=url, username=login.username, credential=login.credential)
    made = server_of(ice)
    assert made is not None
    return made


def relay_with(login: TurnLogin | None) -> RelayAccess:
    """A relay on this machine that gives such a login."""
    return access(RelayEntry("127.0.0.1:8421", "", "", "", b"", login))


# --- credentials


@pytest.mark.parametrize("way", WAYS)
async def test_it_takes_the_relays_credentials(server: Coturn, trusted: None, way: str) -> None:
    url: str = getattr(server, way)
    await allocate(asked_as(url, login_at(server, url)))


@pytest.mark.parametrize("way", WAYS)
async def test_it_refuses_those_that_have_expired(server: Coturn, trusted: None, way: str) -> None:
    url: str = getattr(server, way)
    await allocate(asked_as(url, login_at(server, url, ago=11.9 * HOURS)))
    expired = login_at(server, url, ago=13.1 * HOURS)
    with pytest.raises(ChannelFailed, match="does not take the login") as refused:
        await allocate(asked_as(url, expired))
    for secret in (expired.username, expired.credential):
        assert secret not in str(refused.value) + refused.value.hint


async def test_a_later_end_that_somebody_writes_into_their_own_is_refused(server: Coturn) -> None:
    login = login_at(server, server.udp)
    ends, _, whose = login.username.partition(":")
    longer = TurnLogin(
        urls=login.urls, username=f"{int(ends) + 99999}:{whose}", credential=login.credential
    )
    with pytest.raises(ChannelFailed, match="does not take the login"):
        await allocate(asked_as(server.udp, longer))


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(server: Coturn) -> None:
    with pytest.raises(ChannelFailed, match="certificate is not trusted"):
        await allocate(asked_as(server.tls, login_at(server, server.tls)))


async def test_an_allocation_is_given_back(server: Coturn) -> None:
    login = login_at(server, server.udp, ago=HOURS)  # an hour's that no other test has
    await allocate(asked_as(server.udp, login))
    await until(lambda: f"<{login.username}>, lifetime=0" in server.log.read_text(), 10)


# --- several servers


async def chosen(config: ClientConfig, login: TurnLogin) -> list[str]:
    """The TURN servers that a stack is told."""
    told = await WebRtcTransport(config)._with_servers(relay_with(login))
    return [each.urls for each in told.ice_servers if each.urls.startswith("turn")]


async def test_udp_is_preferred_where_it_works(server: Coturn, trusted: None) -> None:
    login = login_at(server, server.tls, server.tcp, server.udp)
    assert await chosen(HIDDEN, login) == [server.udp]


async def test_where_udp_is_blocked_tcp_is_used(streams_only: Coturn) -> None:
    with dead_server() as dead:
        login = login_at(streams_only, dead, streams_only.udp, streams_only.tcp)
        assert await chosen(HIDDEN, login) == [streams_only.tcp]


async def test_where_tls_alone_gets_through_it_is_used(server: Coturn, trusted: None) -> None:
    with dead_server() as dead:
        closed = dead.replace("udp", "tcp")  # nothing listens on that port by TCP
        login = login_at(server, dead, closed, server.tls)
        assert await chosen(HIDDEN, login) == [server.tls]


async def test_a_server_of_the_settings_counts_instead_of_the_relays(
    server: Coturn, streams_only: Coturn
) -> None:
    own = login_at(server, server.udp)
    ice = IceServer(urls=server.udp, username=own.username, credential=own.credential)
    config = ClientConfig(ice_servers=(ice,), relay_only=True)
    assert await chosen(config, login_at(streams_only, streams_only.tcp)) == [server.udp]


async def test_where_none_works_others_go_on_without_and_who_hides_is_told(
    server: Coturn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "TIMEOUT", 0.5)
    expired = login_at(server, server.udp, server.tcp, ago=14 * HOURS)
    assert await chosen(ClientConfig(relay_turn=True), expired) == []
    with pytest.raises(ChannelFailed, match="does not take the login"):
        await WebRtcTransport(HIDDEN).offer(relay_with(expired))


# --- what goes through


@asynccontextmanager
async def through(login: TurnLogin) -> AsyncIterator[tuple[Channel, Channel]]:
    """Both ends of a channel of two who hide behind the servers of a relay."""
    offer = await WebRtcTransport(HIDDEN).offer(relay_with(login))
    answer = await WebRtcTransport(HIDDEN).answer(offer.text, relay_with(login))
    await offer.accept(answer.text)
    ours, theirs = await soon(asyncio.gather(offer.opened(), answer.opened()), 30)
    try:
        yield ours, theirs
    finally:
        await soon(asyncio.gather(ours.close(), theirs.close()))


@pytest.mark.webrtc
async def test_bytes_go_through_by_tcp_alone(streams_only: Coturn) -> None:
    """With UDP named first, and blocked: before, that one alone was tried."""
    data = os.urandom(300_000)
    with dead_server() as dead:
        async with through(login_at(streams_only, dead, streams_only.tcp)) as (ours, theirs):
            await soon(ours.send(data))
            assert await soon(read_exactly(theirs, len(data)), 30) == data
            await soon(theirs.send(b"thanks"))
            assert await soon(read_exactly(ours, 6)) == b"thanks"
            assert (ours.road, theirs.road) == (RELAYED, RELAYED)
            for channel in (ours, theirs):
                assert channel.address.startswith("127.0.0.1:"), "it is the server's"


@pytest.mark.webrtc
async def test_bytes_go_through_by_tls(server: Coturn, trusted: None) -> None:
    async with through(login_at(server, server.tls)) as (ours, theirs):
        await soon(ours.send(b"hello"))
        assert await soon(read_exactly(theirs, 5)) == b"hello"


# --- the whole


@asynccontextmanager
async def hidden(urls: Sequence[str], at: Coturn, folder: Path) -> AsyncIterator[list[Person]]:
    """Two people who hide, paired at a real relay that has these servers."""
    with running_relay(turn=turn_servers(urls, at.secret_file)) as relay:
        more = {"relay_turn": True, "relay_only": True, "road": RoadChoice.WEBRTC}
        async with pair(relay, folder, **more) as both:
            yield [*both]


@pytest.mark.webrtc
async def test_a_transfer_of_two_who_hide_where_udp_is_blocked(
    streams_only: Coturn, tmp_path: Path
) -> None:
    files = {"src/file.bin": os.urandom(200_000)}
    write_tree(tmp_path, files)
    with dead_server() as dead:
        async with hidden([dead, streams_only.tcp], streams_only, tmp_path) as (ann, bob):
            transfer = await ann.client.request([tmp_path / "src/file.bin"])
            await yes(bob)
            for person in (ann, bob):
                assert await person.ended(transfer) is TransferPhase.DONE
            (arrived,) = bob.of(e.DownloadComplete)
            assert arrived.road == RELAYED
            assert not ann.of(e.Error) + bob.of(e.Error)
    assert read_tree(tmp_path / "bob") == {"file.bin": files["src/file.bin"]}


async def test_who_hides_where_there_is_no_server_is_told_within_seconds(tmp_path: Path) -> None:
    """Both of them; it was known after a second, and told after a minute."""
    write_tree(tmp_path, {"src/file.bin": b"x" * 5000})
    more = {"relay_turn": True, "relay_only": True, "road": RoadChoice.WEBRTC}
    with running_relay() as relay:
        async with pair(relay, tmp_path, **more) as (ann, bob):
            transfer = await ann.client.request([tmp_path / "src/file.bin"])
            await yes(bob)
            async with asyncio.timeout(20):
                endings = {await person.ended(transfer) for person in (ann, bob)}
            # Whoever notices first tells the other.
            assert endings <= {TransferPhase.FAILED, TransferPhase.CANCELLED}
            assert TransferPhase.FAILED in endings
            told = [error for person in (ann, bob) for error in person.of(e.Error)]
            assert any("no TURN server is set" in error.message for error in told)
            assert any("Add a TURN server" in error.hint for error in told)


# --- filesend doctor


def own(at: Coturn, url: str, ago: float = 0) -> IceServer:
    login = login_at(at, url, ago=ago)
    return IceServer(urls=url, username=login.username, credential=login.credential)


async def test_the_doctor_tells_which_ways_work(server: Coturn, trusted: None) -> None:
    ways = (server.udp, server.tcp, server.tls)
    found = await doctor.turn([own(server, url) for url in ways])
    assert found.ok
    for word in ("UDP", "TCP", "TLS"):
        assert word in found.message
    assert "paired" in found.message, "the relay's are not tried"


async def test_the_doctor_tells_which_do_not(server: Coturn) -> None:
    half = await doctor.turn([own(server, server.udp), own(server, server.tcp, ago=14 * HOURS)])
    assert half.ok is None
    assert "by UDP works" in half.message
    assert "does not take the login" in half.message
    none = await doctor.turn([own(server, server.udp, ago=14 * HOURS)])
    assert none.ok is False
    assert none.hint
