"""What a relay's transit, which carries every byte, can do to the two ends of a pipe: end it.

Real transports, a real WebSocket server. It keeps to the protocol but for its trick.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import websockets
from websockets.asyncio.server import ServerConnection

from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.base import Channel, RelayEntry
from filesend_tui.core.transports.relayed import transport
from filesend_tui.core.transports.tls.identity import Identity
from relay.protocol.transit import JOINED, MAX_MESSAGE, PASS, TRANSIT_PATH
from tests.transports.pairs import soon
from tests.transports.relayed_pairs import PROTECTIONS, End, end, meet, protect_by
from tests.waiting import until

MIB = 1024 * 1024
SECRET = b"the secret plans of the family: "


class Rogue:
    """A transit that joins whoever names the same pipe, in turn; messages go through `trick`.

    trick: gets a message's number since the handshake and the message, returns what is sent on.
    """

    def __init__(self) -> None:
        self.trick: Callable[[int, bytes], list[bytes]] = lambda _number, message: [message]
        self.joins = True
        self.first = JOINED
        self.seen: list[bytes] = []
        self.greetings: list[bytes] = []
        self.ends: list[ServerConnection] = []
        self.armed = False
        self._waiting: dict[bytes, tuple[ServerConnection, asyncio.Future[ServerConnection]]] = {}
        self._number = 0

    async def serve(self, end: ServerConnection) -> None:
        greeting = await end.recv()
        assert isinstance(greeting, bytes)
        self.greetings.append(greeting)
        self.ends.append(end)
        if not self.joins:
            await end.wait_closed()
            return
        name = greeting[PASS:]
        if name in self._waiting:
            other, met = self._waiting.pop(name)
            met.set_result(end)
        else:
            met = asyncio.get_running_loop().create_future()
            self._waiting[name] = end, met
            other = await met
        await end.send(self.first)
        with suppress(websockets.ConnectionClosed):
            async for message in end:
                assert isinstance(message, bytes)
                for each in self._passed(message):
                    await other.send(each)
        await other.close()

    def _passed(self, message: bytes) -> list[bytes]:
        self.seen.append(message)
        if not self.armed:
            return [message]
        self._number += 1
        return self.trick(self._number, message)


@pytest.fixture(autouse=True, params=PROTECTIONS)
def _protection(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can do no more where one side is a browser, which speaks no TLS."""
    protect_by(request.param, monkeypatch)


@pytest.fixture
async def rogue() -> AsyncIterator[tuple[Rogue, RelayEntry]]:
    made = Rogue()
    async with websockets.serve(made.serve, "127.0.0.1", 0, max_size=None) as server:
        port = server.sockets[0].getsockname()[1]
        yield (
            made,
            RelayEntry("rogue", f"ws://127.0.0.1:{port}{TRANSIT_PATH}", "", "", os.urandom(PASS)),
        )


@asynccontextmanager
async def pipe_at(entry: RelayEntry) -> AsyncIterator[tuple[Channel, Channel]]:
    here, there = (end(entry) for _ in range(2))
    ours, theirs = await meet(here, there)
    try:
        yield ours, theirs
    finally:
        await soon(asyncio.gather(ours.close(), theirs.close()))


async def fails(waiting: Awaitable[object]) -> None:
    with pytest.raises(ChannelFailed):
        await soon(waiting)


async def test_it_reads_nothing(rogue: tuple[Rogue, RelayEntry]) -> None:
    transit, entry = rogue
    async with pipe_at(entry) as (here, there):
        await here.send(SECRET * 10_000)
        got = b""
        while len(got) < 10_000 * len(SECRET):
            got += await soon(there.receive())
        assert got == SECRET * 10_000
    everything = b"".join(transit.seen)
    assert len(everything) > 10_000 * len(SECRET)
    assert SECRET[:12] not in everything


def flipped(message: bytes) -> bytes:
    middle = len(message) // 2
    return message[:middle] + bytes([message[middle] ^ 1]) + message[middle + 1 :]


TRICKS: dict[str, Callable[[int, bytes], list[bytes]]] = {
    "changes a bit": lambda n, m: [flipped(m) if n == 3 else m],
    "leaves one out": lambda n, m: [] if n == 3 else [m],
    "sends one twice": lambda n, m: [m, m] if n == 3 else [m],
    "cuts one": lambda n, m: [m[:-1]] if n == 3 else [m],
    "puts something in": lambda n, m: [b"\x17\x03\x03\x00\x05hello", m] if n == 3 else [m],
    "sends noise": lambda n, m: [os.urandom(len(m)) if n == 3 else m],
}


@pytest.mark.parametrize("trick", TRICKS)
async def test_what_it_does_to_bytes_ends_the_channel(
    rogue: tuple[Rogue, RelayEntry], trick: str
) -> None:
    transit, entry = rogue
    sent = os.urandom(2 * MIB)
    async with pipe_at(entry) as (here, there):
        transit.trick, transit.armed = TRICKS[trick], True
        sending = asyncio.create_task(here.send(sent))
        got = b""
        with pytest.raises(ChannelFailed):
            while True:
                part = await soon(there.receive())
                assert part, "no end as if the sender had ended it"
                got += part
        assert sent.startswith(got)
        assert len(got) < len(sent)
        await asyncio.wait({sending})
        sending.exception()


async def test_it_swaps_two(rogue: tuple[Rogue, RelayEntry]) -> None:
    transit, entry = rogue
    kept: list[bytes] = []

    def swap(number: int, message: bytes) -> list[bytes]:
        if number == 2:
            kept.append(message)
            return []
        return [message, *kept] if number == 3 else [message]

    async with pipe_at(entry) as (here, there):
        transit.trick, transit.armed = swap, True
        for number in range(6):
            await here.send(bytes([number]) * 30_000)
        got = b""
        with pytest.raises(ChannelFailed):
            while True:
                got += await soon(there.receive())
        assert len(got) < 6 * 30_000
        assert got == b"".join(bytes([n]) * 30_000 for n in range(6))[: len(got)]


async def test_it_ends_a_pipe_as_if_the_sender_had(rogue: tuple[Rogue, RelayEntry]) -> None:
    transit, entry = rogue
    async with pipe_at(entry) as (here, there):
        await here.send(b"the first half")
        assert await soon(there.receive()) == b"the first half"
        for end in transit.ends:
            await end.close()
        await fails(there.receive())
        await fails(here.receive())


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "HANDSHAKE_TIMEOUT", 1.5)


def way(entry: RelayEntry, number: int) -> End:
    """One end, whose pass says which it is."""
    return end(entry._replace(pass_=bytes([number]) * PASS))


@pytest.mark.usefixtures("hasty")
async def test_it_sits_in_the_middle(rogue: tuple[Rogue, RelayEntry]) -> None:
    """With a certificate of its own, as it has nobody else's."""
    transit, entry = rogue
    transit.joins = False
    offer = await way(entry, 0).offer()
    answer = await way(entry, 1).answer(offer.text)
    await offer.accept(answer.text)
    await until(lambda: len(transit.ends) == 2)
    middle = Identity()
    fooling = [
        asyncio.create_task(impersonate(end, middle, server=greeting[0] == 1))
        for end, greeting in zip(transit.ends, transit.greetings, strict=True)
    ]
    await fails(offer.opened())
    await fails(answer.opened())
    await soon(asyncio.gather(offer.close(), answer.close(), *fooling))


async def impersonate(end: ServerConnection, identity: Identity, *, server: bool) -> None:
    """Do the handshake with one end, of either role, and believe everything of it."""
    own = identity.context(server=server)
    own.verify_mode = ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = own.wrap_bio(incoming, outgoing, server_side=server)
    await end.send(JOINED)
    with suppress(websockets.ConnectionClosed, ssl.SSLError):
        while True:
            try:
                tls.do_handshake()
                return
            except ssl.SSLWantReadError:
                if data := outgoing.read():
                    await end.send(data)
                message = await end.recv()
                assert isinstance(message, bytes)
                incoming.write(message)


@pytest.mark.usefixtures("hasty")
async def test_it_joins_two_who_did_not_mean_each_other(
    rogue: tuple[Rogue, RelayEntry],
) -> None:
    transit, entry = rogue
    transit.joins = False
    offers = [await way(entry, number).offer() for number in (0, 1)]
    answers = [await way(entry, 2 + n).answer(offer.text) for n, offer in enumerate(offers)]
    for offer, answer in zip(offers, answers, strict=True):
        await offer.accept(answer.text)
    await until(lambda: len(transit.ends) == 4)
    end_of = {
        greeting[0]: end for end, greeting in zip(transit.ends, transit.greetings, strict=True)
    }
    carrying = [
        asyncio.create_task(carry(end_of[one], end_of[other])) for one, other in ((0, 3), (1, 2))
    ]
    for attempt in (*offers, *answers):
        await fails(attempt.opened())
    await soon(asyncio.gather(*(each.close() for each in (*offers, *answers)), *carrying))


async def carry(one: ServerConnection, other: ServerConnection) -> None:
    async def copy(source: ServerConnection, to: ServerConnection) -> None:
        with suppress(websockets.ConnectionClosed):
            await source.send(JOINED)
            async for message in source:
                await to.send(message)
        await to.close()

    await asyncio.gather(copy(one, other), copy(other, one))


@pytest.mark.parametrize("says", [b"", b"x", "text"], ids=["joined", "something", "a text"])
async def test_it_never_goes_on(
    rogue: tuple[Rogue, RelayEntry], monkeypatch: pytest.MonkeyPatch, says: bytes | str
) -> None:
    """Silent, or after a first message, whatever that is."""
    monkeypatch.setattr(transport, "HANDSHAKE_TIMEOUT", 0.5)
    transit, entry = rogue
    transit.joins = False
    here = end(entry)
    answer = await here.answer((await here.offer()).text)
    before = asyncio.all_tasks()
    await fails(answer.opened(0.3))
    await until(lambda: len(transit.ends) == 1)
    await transit.ends[0].send(says)
    await fails(answer.opened())
    await soon(answer.close())
    await until(lambda: asyncio.all_tasks() <= before)


async def test_it_talks_without_end(rogue: tuple[Rogue, RelayEntry]) -> None:
    """Into a channel that nobody reads, and in messages of any length."""
    transit, entry = rogue
    async with pipe_at(entry) as (here, there):
        with suppress(websockets.ConnectionClosed):
            async with asyncio.timeout(5):
                for _ in range(1000):
                    await transit.ends[0].send(bytes(MAX_MESSAGE))
        for each in (here, there):
            await fails(each.receive())
    async with pipe_at(entry) as (here, _):
        await transit.ends[-1].send(bytes(MAX_MESSAGE + 1))
        await transit.ends[-2].send(bytes(MAX_MESSAGE + 1))
        await fails(here.receive())


async def test_its_notices_cost_a_line_of_the_log(
    rogue: tuple[Rogue, RelayEntry], caplog: pytest.LogCaptureFixture
) -> None:
    transit, entry = rogue
    caplog.set_level("INFO", "filesend_tui")
    async with pipe_at(entry) as (here, there):
        for end in transit.ends:
            for number in range(50):
                await end.send(f"\x1b[31m{number}\u202e" + "x" * 5000)
        await here.send(b"on")
        assert await soon(there.receive()) == b"on"
    lines = [record.getMessage() for record in caplog.records if "pipe" in record.getMessage()]
    assert len(lines) <= 2, "one for each end"
    assert all(line.isprintable() and len(line) < 200 for line in lines)


async def test_it_sends_nobody_elsewhere() -> None:
    """A redirect could lead to a service that listens on this machine alone."""
    asked: list[bytes] = []

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(
            b"HTTP/1.1 307 Temporary Redirect\r\nLocation: ws://127.0.0.1:%d/\r\n"
            b"Content-Length: 0\r\n\r\n" % port
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(redirect, "127.0.0.1", 0, family=socket.AF_INET)
    port = server.sockets[0].getsockname()[1]
    entry = RelayEntry("here", f"ws://127.0.0.1:{port}{TRANSIT_PATH}", "", "", bytes(PASS))
    here = end(entry)
    answer = await here.answer((await here.offer()).text)
    await fails(answer.opened())
    await answer.close()
    server.close()
    assert len(asked) == 1
    assert asked[0].startswith(b"GET /transit ")
