"""Two who dial each other from the ports that they listen on. Routers are tests/nat's.

On one machine there is nothing in between, so the address of a listener stands for its outside.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.base import RelayEntry
from filesend_tui.core.transports.direct import reflection, road
from filesend_tui.core.transports.direct import transport as direct
from filesend_tui.core.transports.direct.offer import (
    MAX_NEXT,
    MAX_OUTSIDE,
    BadDirectOffer,
    DirectOffer,
    Endpoint,
)
from filesend_tui.core.transports.direct.ports import from_port, listen
from filesend_tui.core.transports.direct.reflection import reflected
from filesend_tui.core.transports.direct.road import DirectRoad
from filesend_tui.core.transports.direct.transport import DirectTransport
from filesend_tui.core.transports.framed_channel import FramedChannel
from relay.protocol.reflect import REFLECT_PATH
from tests.conftest import RunningRelay, running_relay
from tests.transports.direct_pairs import HERE, roads
from tests.transports.pairs import soon
from tests.transports.relays import ScriptedRelay, access


def outside_of(made: DirectRoad) -> Endpoint:
    listener = next(each for each in made._listeners if each.family == socket.AF_INET)
    return Endpoint("127.0.0.1", listener.getsockname()[1])


@asynccontextmanager
async def punching() -> AsyncIterator[tuple[DirectRoad, DirectRoad]]:
    """Two roads that tell where they are seen, and no address of their own."""
    async with roads() as (ours, theirs):
        for each in (ours, theirs):
            each._outside = (outside_of(each),)
        yield ours, theirs


def half(made: DirectRoad) -> DirectOffer:
    return made.offer()._replace(endpoints=())


async def met(
    ours: DirectRoad, theirs: DirectRoad, *, late: float = 0.0
) -> tuple[FramedChannel, FramedChannel]:
    here, there = half(ours), half(theirs)

    async def later() -> FramedChannel:
        await asyncio.sleep(late)
        return await theirs.meet(there, here, chooses=False)

    return await soon(asyncio.gather(ours.meet(here, there, chooses=True), later()))


@pytest.mark.parametrize(
    ("fixed", "seen", "named"),
    [
        pytest.param(True, 9, True, id="perhaps forwarded"),
        pytest.param(True, 0, False, id="kept by the router, so named already"),
        pytest.param(False, 9, False, id="any free port"),
    ],
)
async def test_a_fixed_port_is_named_at_the_outside_address(
    unused_tcp_port: int, fixed: bool, seen: int, named: bool
) -> None:
    made = DirectRoad(port=unused_tcp_port if fixed else 0, addresses=("192.0.2.4",))
    try:
        await made.start()
        made._outside = (Endpoint("203.0.113.1", seen or unused_tcp_port),)
        forwarded = Endpoint("203.0.113.1", unused_tcp_port)
        assert (forwarded in made.offer().endpoints) is named
    finally:
        await made.close()


async def heard(one: FramedChannel, other: FramedChannel) -> None:
    for sender, reader in ((one, other), (other, one)):
        await sender.send(b"hello")
        assert await soon(reader.receive()) == b"hello"


async def closed(*channels: FramedChannel) -> None:
    await soon(asyncio.gather(*(channel.close() for channel in channels)))


@pytest.mark.parametrize("late", [0.0, 0.3], ids=["at once", "one is late"])
async def test_two_meet_from_their_listening_ports(late: float) -> None:
    for _ in range(4):  # whoever's certificate is the greater one
        async with punching() as (ours, theirs):
            here, there = await met(ours, theirs, late=late)
            assert here._link.own_name[1] == outside_of(ours).port
            assert there._link.own_name[1] == outside_of(theirs).port
            await heard(here, there)
            await closed(here, there)


async def test_several_meetings_of_the_same_two_at_once() -> None:
    """Both offered to each other: of which of the meetings a connection is, TLS does not tell."""
    async with punching() as (ours, theirs):
        offers = [(half(ours), half(theirs)) for _ in range(2)]
        meetings = []
        for number, (here, there) in enumerate(offers):
            meetings += [
                ours.meet(here, there, chooses=number == 0, timeout=4),
                theirs.meet(there, here, chooses=number == 1, timeout=4),
            ]
        got = await soon(asyncio.gather(*meetings, return_exceptions=True), 30)
        channels = [each for each in got if isinstance(each, FramedChannel)]
        assert len(channels) >= 2, "one connection is the same for both"
        await closed(*channels)


async def test_only_who_knows_where_it_is_seen_dials_from_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dialled: list[Endpoint] = []

    async def connect(endpoint: Endpoint, sock: socket.socket | None = None) -> socket.socket:
        dialled.append(endpoint)
        if sock is not None:
            sock.close()
        raise OSError("nobody")

    monkeypatch.setattr(road, "_connect", connect)
    async with punching() as (ours, theirs):
        theirs._outside = ()
        here, there = half(ours), half(ours)
        with pytest.raises(ChannelFailed):
            await theirs.meet(half(theirs), here, chooses=True, timeout=0.3)
        assert not dialled
        with pytest.raises(ChannelFailed):
            await ours.meet(here, there, chooses=True, timeout=0.3)
        assert set(dialled) == {outside_of(ours)}


async def test_a_door_that_is_somebody_elses_costs_nothing_but_time() -> None:
    """Such as where a relay that lies about where a partner is seen leads."""
    came: list[bytes] = []

    async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.read(4096))
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(stranger, "127.0.0.1", 0)
    door = Endpoint(*server.sockets[0].getsockname()[:2])
    async with server, punching() as (ours, theirs):
        theirs._outside = (door,)
        here, there = half(ours), theirs.offer()
        channels = await soon(
            asyncio.gather(
                ours.meet(here, there, chooses=True), theirs.meet(there, here, chooses=False)
            )
        )
        await heard(*channels)
        await closed(*channels)
    assert all(each == b"" or each[0] == 0x16 for each in came), "TLS, or nothing"


# -- ports


def test_a_port_is_shared_with_what_connects_from_it_and_with_no_listener() -> None:
    (listener, *others) = listen(0)
    port = listener.getsockname()[1]
    with listener, from_port(socket.AF_INET, port) as sock:
        assert sock.getsockname()[1] == port
        assert not [each for each in listen(port) if each.family == listener.family]
    for each in others:
        each.close()


# -- the reflection


@asynccontextmanager
async def answering(*answers: bytes | None) -> AsyncIterator[tuple[str, list[int]]]:
    """A server with an answer for each, the last for all that follow, or silence.

    Yields its URL, and the ports that asked.
    """
    asked: list[int] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(writer.get_extra_info("peername")[1])
        await reader.readuntil(b"\r\n\r\n")
        answer = answers[min(len(asked), len(answers)) - 1]
        if answer is not None:
            writer.write(answer)
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{REFLECT_PATH}", asked


def said(body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{more}\r\n"
    return head.encode() + body


@asynccontextmanager
async def listening() -> AsyncIterator[int]:
    listeners = listen(0)
    try:
        yield next(each for each in listeners if each.family == socket.AF_INET).getsockname()[1]
    finally:
        for each in listeners:
            each.close()


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        (b'{"address": "203.0.113.7", "port": 1234}', ("203.0.113.7", 1234)),
        (b'{"address": "2001:db8::7", "port": 1234}', ("2001:db8::7", 1234)),
        (b'{"address": "203.0.113.7", "port": null}', ("203.0.113.7", None)),
    ],
)
async def test_it_is_asked_from_the_listening_port(
    body: bytes, seen: tuple[str, int | None]
) -> None:
    async with answering(said(body)) as (url, asked), listening() as port:
        found = await reflected(url, socket.AF_INET, port)
    assert asked == [port]
    assert found == Endpoint(seen[0], seen[1] or port), "a router that hides it keeps the port"


@pytest.mark.parametrize(
    "answer",
    [
        said(b""),
        said(b"[]"),
        said(b'{"address": "203.0.113.7"}'),
        said(b'{"address": "203.0.113.7", "port": 0}'),
        said(b'{"address": "203.0.113.7", "port": 99999}'),
        said(b'{"address": "relay.example", "port": 80}'),
        said(b'{"address": "224.0.0.1", "port": 80}'),
        said(b'{"address": "169.254.169.254", "port": 80}'),
        said(b'{"address": "127.0.0.1", "port": 80}'),
        said(b'{"address": "203.0.113.7", "port": 1}' + b" " * 10_000_000),
        said(b"", "302 Found", "Location: http://127.0.0.1:1/\r\n"),
        b"what is this",
        b"",
    ],
    ids=[
        *(
            "empty",
            "a list",
            "no port",
            "port 0",
            "a high port",
            "a name",
            "multicast",
            "link-local",
        ),
        *("loopback", "long", "a redirect", "no HTTP", "nothing"),
    ],
)
async def test_an_answer_that_is_of_no_use(answer: bytes) -> None:
    async with answering(answer) as (url, asked), listening() as port:
        assert await soon(reflected(url, socket.AF_INET, port)) is None
    assert 1 <= len(asked) <= 2, "aiohttp asks again where somebody hangs up"


async def test_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflection, "TIMEOUT", 0.3)
    async with answering(None) as (url, _), listening() as port:
        assert await soon(reflected(url, socket.AF_INET, port)) is None


async def test_it_is_asked_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'{"address": "203.0.113.7", "port": 1234}'
    async with answering(said(body)) as (url, asked):
        relay = access(RelayEntry("here", "", url, "", b""))
        transport = DirectTransport(ClientConfig())
        for _ in range(3):
            offer = await transport.offer(relay)
            assert DirectOffer.decode(offer.text).outside == (Endpoint("203.0.113.7", 1234),)
        assert len(asked) == 2, "once from the port, and once to see whether the router counts up"
        monkeypatch.setattr(road, "OUTSIDE_LASTS", -1.0)
        for _ in range(2):
            await transport.offer(relay)
        assert len(asked) == 6
        await transport.close()


async def test_what_one_relay_says_is_in_no_offer_for_those_who_meet_at_another() -> None:
    transport = DirectTransport(ClientConfig())
    seen = []
    async with (
        answering(said(b'{"address": "203.0.113.7", "port": 1234}')) as (url, _),
        answering(said(b'{"address": "198.51.100.9", "port": 1234}')) as (other, _),
    ):
        relays = [access(RelayEntry("here", "", at, "", b"")) for at in (url, other)]
        for relay in (*relays, relays[0]):
            offer = await transport.offer(relay)
            seen.append([each.host for each in DirectOffer.decode(offer.text).outside])
    offer = await transport.offer(access(RelayEntry("nobody", "", other, "", b"")))
    assert seen == [["203.0.113.7"], ["198.51.100.9"], ["203.0.113.7"]]
    assert not DirectOffer.decode(offer.text).outside
    await transport.close()


async def test_a_relay_that_hangs_holds_no_offer_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct, "RELAY_TIMEOUT", 0.2)

    async def relay() -> RelayEntry:
        await asyncio.sleep(600)
        raise AssertionError

    transport = DirectTransport(ClientConfig())
    offer = await soon(transport.offer(ScriptedRelay(relay)), 5)
    assert not DirectOffer.decode(offer.text).outside
    await transport.close()


async def test_on_one_machine_nobody_is_asked() -> None:
    async def relay() -> RelayEntry:
        raise AssertionError

    transport = DirectTransport(ClientConfig(local=True))
    offer = await transport.offer(ScriptedRelay(relay))
    assert not DirectOffer.decode(offer.text).outside
    await transport.close()


async def test_what_is_this_machines_own_address_needs_no_punching() -> None:
    body = json.dumps({"address": HERE[0], "port": 1}).encode()
    async with answering(said(body)) as (url, _), roads(("203.0.113.7",), HERE) as (ours, _):
        await ours.look_outside(url)
        assert not ours.offer().outside
    body = b'{"address": "203.0.113.7", "port": 1234}'
    async with answering(said(body)) as (url, _), roads(("203.0.113.7",), HERE) as (ours, _):
        await ours.look_outside(url)
        assert not ours.offer().outside


async def test_a_relay_tells_the_port_unless_a_proxy_hides_it(relay: RunningRelay) -> None:
    async def seen(url: str) -> dict[str, object]:
        import aiohttp

        async with aiohttp.ClientSession() as session, session.get(url + REFLECT_PATH) as answer:
            assert answer.status == 200
            found: dict[str, object] = await answer.json()
            return found

    answer = await seen(relay.url)
    assert answer["address"] == "127.0.0.1"
    assert isinstance(answer["port"], int)
    with running_relay(trusted_proxies=["127.0.0.1"]) as behind:
        assert (await seen(behind.url))["port"] is None


@pytest.mark.parametrize(
    ("first", "second", "following"),
    [
        pytest.param(40_000, 40_001, tuple(range(40_002, 40_010)), id="one by one"),
        pytest.param(40_000, 40_002, tuple(range(40_004, 40_020, 2)), id="by twos"),
        pytest.param(65_531, 65_532, (65_533, 65_534, 65_535), id="up to the last"),
        pytest.param(40_000, 40_000, (), id="not at all"),
        pytest.param(40_001, 40_000, (), id="down"),
        pytest.param(40_000, 40_100, (), id="too far to count on"),
    ],
)
async def test_a_router_that_counts_up_is_known_by_two_connections(
    first: int, second: int, following: tuple[int, ...]
) -> None:
    answers = [
        said(json.dumps({"address": "203.0.113.7", "port": port}).encode())
        for port in (first, second)
    ]
    async with answering(*answers) as (url, _), roads(("192.0.2.4",), HERE) as (ours, _):
        await ours.look_outside(url)
        assert ours.offer().outside == (Endpoint("203.0.113.7", first),)
        assert ours.offer().next_ports == following


async def test_of_a_router_that_keeps_ports_nothing_more_is_asked() -> None:
    async with roads(("192.0.2.4",), HERE) as (ours, _):
        body = json.dumps({"address": "203.0.113.7", "port": outside_of(ours).port}).encode()
        async with answering(said(body)) as (url, asked):
            await ours.look_outside(url)
            assert len(asked) == 1
        assert ours.offer().next_ports == ()


def test_ports_that_come_next_are_few_and_at_an_address_that_is_named() -> None:
    ports = tuple(range(1, MAX_NEXT + 20))
    seen = (Endpoint("2001:db8::1", 9), Endpoint("203.0.113.7", 9))
    offer = DirectOffer.decode(DirectOffer(bytes(16), b"c", (), seen, ports).encode())
    guessed = tuple(Endpoint("203.0.113.7", port) for port in ports[:MAX_NEXT])
    assert offer.doors == (*guessed, *seen), "the ones to come are dialled first, in order"
    alone = DirectOffer(bytes(16), b"c", (), (), ports)
    assert DirectOffer.decode(alone.encode()).doors == ()
    wire = json.loads(offer.encode()) | {"n": list(ports)}
    with pytest.raises(BadDirectOffer):
        DirectOffer.decode(json.dumps(wire))


async def test_a_connection_from_a_port_that_came_next_is_a_punched_one() -> None:
    async with punching() as (ours, theirs):
        for each in (ours, theirs):
            (seen,) = each._outside
            # Where it is seen is a port that nobody has; the next one is the listener's.
            each._outside, each._next_ports = (Endpoint(seen.host, 9),), (seen.port,)
        here, there = await met(ours, theirs)
        await here.close()
        await there.close()


async def test_who_has_no_door_takes_a_connection_from_a_port_that_came_next_as_any_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A router that counts up gives an ordinary connection, too, the port that was to come next.

    Taken for a punched one, both sides would be the TLS client, or the right one, by chance.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async def connect(endpoint: Endpoint, sock: socket.socket | None = None) -> socket.socket:
        assert sock is None, "nobody punches"
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        return await plainly(endpoint, sock)

    plainly = road._connect
    monkeypatch.setattr(road, "_connect", connect)
    async with roads() as both:
        for public, counting in (both, both[::-1]):  # one of the two has the lesser fingerprint
            counting._outside, counting._next_ports = (Endpoint("127.0.0.1", 9),), (port,)
            public._outside, public._next_ports = (), ()
            here, there = public.offer(), counting.offer()._replace(endpoints=())
            assert Endpoint("127.0.0.1", port) in there.doors
            channels = await soon(
                asyncio.gather(
                    public.meet(here, there, chooses=True),
                    counting.meet(there, here, chooses=False),
                )
            )
            await closed(*channels)


def test_an_offer_holds_few_of_them() -> None:
    many = tuple(Endpoint(f"203.0.113.{n}", 1) for n in range(1, 20))
    offer = DirectOffer(bytes(16), b"c", (), many)
    assert DirectOffer.decode(offer.encode()).outside == many[:MAX_OUTSIDE]
    evil = DirectOffer(bytes(16), b"c", (), (Endpoint("169.254.169.254", 80), Endpoint("::1", 1)))
    assert DirectOffer.decode(evil.encode()).outside == (Endpoint("::1", 1),), (
        "kept for a pair here"
    )
