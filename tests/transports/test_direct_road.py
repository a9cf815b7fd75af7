"""Two clients of this machine that listen and dial, and strangers who try the door."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import pytest

from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.direct import road
from filesend_tui.core.transports.direct.offer import LOOPBACK, DirectOffer, Endpoint, own_addresses
from filesend_tui.core.transports.direct.road import MAX_ARRIVING_FROM_ONE, DirectRoad
from filesend_tui.core.transports.framed_channel import FramedChannel
from filesend_tui.core.transports.tls import identity
from filesend_tui.core.transports.tls.connection import TlsConnection
from filesend_tui.core.transports.tls.identity import Identity, fingerprint
from tests.transports.direct_pairs import HERE, meet, roads
from tests.transports.pairs import soon
from tests.waiting import until


async def say_hello(here: FramedChannel, there: FramedChannel) -> None:
    await here.send(b"hello")
    assert await soon(there.receive()) == b"hello"


async def close(*channels: FramedChannel) -> None:
    await soon(asyncio.gather(*(channel.close() for channel in channels)))


def test_an_identity_is_new_each_time_and_its_key_is_never_on_the_disk_in_the_clear() -> None:
    one, two = Identity(), Identity()
    assert fingerprint(one.certificate) != fingerprint(two.certificate)
    assert b"ENCRYPTED PRIVATE KEY" in one._chain
    assert len(one.certificate) < 400


async def test_two_meet_on_one_and_the_same_connection() -> None:
    for _ in range(5):
        async with roads() as (ours, theirs):
            here, there = await meet(ours, theirs)
            await say_hello(here, there)
            await say_hello(there, here)
            await close(here, there)


async def test_over_ipv6_too(monkeypatch: pytest.MonkeyPatch) -> None:
    if not socket.has_ipv6:
        pytest.skip("there is no IPv6 here")
    loop = asyncio.get_running_loop()
    connect = loop.sock_connect

    def as_on_windows(sock: socket.socket, address: tuple[object, ...]) -> Awaitable[None]:
        assert len(address) == 4, "Windows takes it for IPv4"
        return connect(sock, address)

    monkeypatch.setattr(loop, "sock_connect", as_on_windows)
    async with roads(("::1",), ("::1",)) as (ours, theirs):
        here, there = await meet(ours, theirs)
        assert here.address.startswith("[::1]:")
        await say_hello(here, there)
        await close(here, there)


async def test_a_connection_that_bears_no_options_is_no_harm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """macOS refuses them where a stranger came and went at once."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    async with roads() as (ours, theirs):
        monkeypatch.setattr(socket.socket, "setsockopt", refuse)
        here, there = await meet(ours, theirs)
        await say_hello(here, there)
        await close(here, there)
        assert not ours._arriving
        assert not theirs._arriving


async def test_several_meetings_of_the_same_two_do_not_get_mixed_up() -> None:
    async with roads() as (ours, theirs):
        pairs = await asyncio.gather(*(meet(ours, theirs) for _ in range(4)))
        for n, (here, there) in enumerate(pairs):
            await here.send(b"%d" % n)
            assert await soon(there.receive()) == b"%d" % n
        await close(*(channel for pair in pairs for channel in pair))


@pytest.mark.parametrize("late", [0, 1])
@pytest.mark.parametrize("chooser", [0, 1])
async def test_one_that_learns_of_the_other_later_is_met_all_the_same(
    late: int, chooser: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, came = asyncio.get_running_loop(), 0
    accept = loop.sock_accept

    async def counting(listener: socket.socket) -> Any:
        nonlocal came
        accepted = await accept(listener)
        came += 1
        return accepted

    monkeypatch.setattr(loop, "sock_accept", counting)
    async with roads() as both:
        offers = [road.offer() for road in both]
        early = asyncio.create_task(
            both[1 - late].meet(offers[1 - late], offers[late], chooses=late != chooser)
        )
        await until(lambda: came)  # and is sent away: nobody is expected there yet
        here = await soon(both[late].meet(offers[late], offers[1 - late], chooses=late == chooser))
        there = await soon(early)
        await say_hello(here, there)
        await close(here, there)


@pytest.mark.parametrize("reachable", [0, 1])
async def test_it_is_enough_that_one_side_can_be_reached(reachable: int) -> None:
    async with roads() as both:
        offers = [road.offer() for road in both]
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            hidden = (Endpoint("127.0.0.1", closed.getsockname()[1]),)
            told = [
                offer if n == reachable else offer._replace(endpoints=hidden)
                for n, offer in enumerate(offers)
            ]
            here, there = await soon(
                asyncio.gather(
                    both[0].meet(offers[0], told[1], chooses=True),
                    both[1].meet(offers[1], told[0], chooses=False),
                )
            )
        await say_hello(here, there)
        await close(here, there)


async def test_whoever_is_met_is_met_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not after all else is let go: meanwhile one side could take another road than the other."""
    let_go = asyncio.Event()
    close_meeting = road._Meeting.close

    async def slowly(meeting: road._Meeting) -> None:
        await let_go.wait()
        await close_meeting(meeting)

    monkeypatch.setattr(road._Meeting, "close", slowly)
    async with roads() as (ours, theirs):
        here, there = await soon(meet(ours, theirs), 5)
        await say_hello(here, there)
        await close(here, there)
        let_go.set()


async def test_a_connection_that_comes_behind_the_one_that_was_taken_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owners: dict[TlsConnection, DirectRoad] = {}
    met = asyncio.Event()
    make, say = DirectRoad._link, TlsConnection.send

    def noting(road: DirectRoad, sock: socket.socket, *, server: bool) -> TlsConnection:
        link = make(road, sock, server=server)
        owners[link] = road
        return link

    async def late(link: TlsConnection, data: bytes) -> None:
        await say(link, data)
        if data == road._YES and owners[link] is ours:
            await met.wait()

    monkeypatch.setattr(DirectRoad, "_link", noting)
    monkeypatch.setattr(TlsConnection, "send", late)
    async with roads() as (ours, theirs):
        here, there = await meet(ours, theirs)
        await until(lambda: ours._arriving, 10)
        met.set()
        await close(here, there)
        await until(lambda: not ours._arriving, 10)
    assert [link for link in owners if link._sock.fileno() != -1] == []


async def test_a_partner_who_is_nowhere_is_given_up() -> None:
    async with roads() as (ours, theirs):
        with pytest.raises(ChannelFailed):
            await soon(ours.meet(ours.offer(), theirs.offer(), chooses=True, timeout=0.3))
        assert not ours._meetings


async def test_a_certificate_that_is_none_is_refused() -> None:
    async with roads() as (ours, _):
        with pytest.raises(ChannelFailed):
            await soon(
                ours.meet(ours.offer(), DirectOffer(bytes(16), b"nonsense", ()), chooses=True)
            )


async def test_whoever_shows_another_certificate_is_not_met() -> None:
    """An impostor at the right address, with the right ticket, who saw the offers."""
    async with roads() as (ours, theirs), roads() as (impostor, _):
        genuine, mine = theirs.offer(), ours.offer()
        fake = impostor.offer()
        # It listens where the partner is said to be, and knows whom to dial and with which ticket.
        lured = genuine._replace(endpoints=fake.endpoints)
        attempts = await asyncio.gather(
            ours.meet(mine, lured, chooses=False, timeout=1.5),
            impostor.meet(fake._replace(ticket=genuine.ticket), mine, chooses=True, timeout=1.5),
            return_exceptions=True,
        )
        assert all(isinstance(failure, ChannelFailed) for failure in attempts)


async def test_an_earlier_partner_cannot_take_a_later_ones_place() -> None:
    async with roads() as (ours, earlier), roads() as (later, _):
        await close(*await meet(ours, earlier))
        # Its certificate is in our TLS context still; only who is expected now may come in.
        mine = ours.offer()
        expected = later.offer()
        attempts = await asyncio.gather(
            ours.meet(mine, expected._replace(endpoints=()), chooses=False, timeout=1),
            earlier.meet(
                earlier.offer()._replace(ticket=expected.ticket), mine, chooses=True, timeout=1
            ),
            return_exceptions=True,
        )
        assert all(isinstance(failure, ChannelFailed) for failure in attempts)


# -- strangers


def knock(road: DirectRoad) -> socket.socket:
    (endpoint, *_) = road.offer().endpoints
    sock = socket.create_connection((endpoint.host, endpoint.port), timeout=5)
    sock.settimeout(5)
    return sock


@contextlib.asynccontextmanager
async def expecting(road: DirectRoad) -> AsyncIterator[None]:
    """The road waits for somebody who never comes."""
    nobody = DirectOffer(bytes(16), Identity().certificate, ())
    waiting = asyncio.create_task(road.meet(road.offer(), nobody, chooses=True))
    await asyncio.sleep(0)
    yield
    waiting.cancel()
    await asyncio.wait({waiting})


async def test_a_stranger_without_a_certificate_gets_nothing() -> None:
    def try_in() -> bytes:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with knock(ours) as sock, context.wrap_socket(sock) as tls:
            tls.sendall(bytes(16))
            return tls.recv(1)

    async with roads() as (ours, _), expecting(ours):
        with pytest.raises(OSError):
            await asyncio.to_thread(try_in)


async def test_while_nobody_is_expected_nobody_is_heard() -> None:
    def try_in() -> bytes:
        with knock(ours) as sock:
            return sock.recv(1)

    async with roads() as (ours, _):
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.to_thread(try_in) == b""


async def test_strangers_who_say_nothing_are_few_and_soon_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(road, "HANDSHAKE_TIMEOUT", 1.0)
    async with roads() as (ours, theirs), expecting(ours):
        loris = [await asyncio.to_thread(knock, ours) for _ in range(MAX_ARRIVING_FROM_ONE + 4)]
        began = time.monotonic()
        ended = await asyncio.to_thread(lambda: [_ended(sock) for sock in loris])
        assert all(ended)
        assert time.monotonic() - began < 4
        assert not ours._arriving
        # And a friend still finds the way in.
        here, there = await meet(ours, theirs)
        await say_hello(here, there)
        await close(here, there)
        for sock in loris:
            sock.close()


def _ended(sock: socket.socket) -> bool:
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


async def test_a_flood_of_strangers_is_bounded_from_one_address() -> None:
    async with roads() as (ours, _), expecting(ours):
        loris = [await asyncio.to_thread(knock, ours) for _ in range(3 * MAX_ARRIVING_FROM_ONE)]
        await until(lambda: len(ours._arriving) != 0, 5)
        assert ours._arriving.total() <= MAX_ARRIVING_FROM_ONE
        for sock in loris:
            sock.close()


async def test_nothing_listens_after_the_end() -> None:
    async with roads() as (ours, _):
        endpoint = ours.offer().endpoints[0]
    with pytest.raises(OSError):
        socket.create_connection((endpoint.host, endpoint.port), timeout=2)
    with pytest.raises(ChannelFailed):
        await ours.start()


async def test_a_chosen_port_is_the_one() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    road = DirectRoad(port=port, addresses=HERE)
    await soon(road.start())
    assert road.offer().endpoints == (Endpoint("127.0.0.1", port),)
    await soon(road.close())


# --- where everybody is on this machine


def _listening(road: DirectRoad) -> set[str]:
    return {listener.getsockname()[0] for listener in road._listeners}


async def test_where_everybody_is_on_this_machine_only_it_can_connect() -> None:
    ours, theirs = DirectRoad(local=True), DirectRoad(local=True, mapping=True)
    try:
        await soon(asyncio.gather(ours.start(), theirs.start()))
        for road in (ours, theirs):
            assert _listening(road) <= set(LOOPBACK)
            offer = road.offer()
            assert {endpoint.host for endpoint in offer.endpoints} == _listening(road)
            assert road._mapping is None
            # A listener that told less than it listens on would be no better.
            port = offer.endpoints[0].port
            for host in set(own_addresses()) - set(LOOPBACK):
                with pytest.raises(OSError):
                    socket.create_connection((host, port), timeout=2)
        here, there = await meet(ours, theirs)
        await say_hello(here, there)
        await close(here, there)
    finally:
        await soon(asyncio.gather(ours.close(), theirs.close()))


async def test_where_only_one_knows_that_they_still_meet() -> None:
    """As where the other named the same relay by this machine's address in the network."""
    elsewhere = tuple(host for host in own_addresses() if host not in LOOPBACK)
    if not elsewhere:
        pytest.skip("this machine has no network")
    ours, theirs = DirectRoad(local=True), DirectRoad(addresses=elsewhere)
    try:
        await soon(asyncio.gather(ours.start(), theirs.start()))
        here, there = await meet(ours, theirs)
        assert here.address.rsplit(":", 1)[0].strip("[]") in elsewhere
        await say_hello(here, there)
        await close(here, there)
    finally:
        await soon(asyncio.gather(ours.close(), theirs.close()))


def test_a_fingerprint_is_of_the_whole_certificate() -> None:
    assert fingerprint(b"one") != fingerprint(b"two")
    assert len(fingerprint(b"")) == 32


@pytest.mark.parametrize("nameless", [True, False], ids=["without a name", "named"])
def test_a_key_lies_in_no_folder_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nameless: bool
) -> None:
    """Whoever is killed right then leaves nothing; where a name is needed, it is encrypted."""
    found: list[Path] = []
    load = ssl.SSLContext.load_cert_chain

    def loading(self: ssl.SSLContext, chain: str, key: str, password: bytes) -> None:
        found.extend(path for path in tmp_path.rglob("*") if path.is_file())
        load(self, chain, key, password)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", loading)
    if not nameless:
        monkeypatch.setattr(identity, "_OPEN_FILES", tmp_path / "nowhere")
    made = Identity()
    assert made.context(server=True) is not made.context(server=False)
    assert bool(found) is not (nameless and sys.platform != "win32")
    assert not [*tmp_path.iterdir()]
