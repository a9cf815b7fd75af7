"""Relays and trackers that point elsewhere: to what listens on this machine only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import FileSendError, RelayUnreachable, TrackerFailed
from filesend_tui.core.meeting.rendezvous import Rendezvous, Totals
from filesend_tui.core.meeting.signaling import PlainSignaling
from filesend_tui.core.relay_client.connection import RelayConnection
from filesend_tui.core.transports.base import no_relay
from filesend_tui.core.transports.registry import Transports


class Service:
    """Something that listens and notes what it is asked; it answers `answer`, or nothing."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.answer = b""
        self.port = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(await reader.readline())
        writer.write(self.answer)
        writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[Service]:
    service = Service()
    server = await asyncio.start_server(service.talk, "127.0.0.1", 0)
    service.port = server.sockets[0].getsockname()[1]
    async with server:
        yield service


def pointing(scheme: str, status: int, to: Service) -> bytes:
    return (
        f"HTTP/1.1 {status} Elsewhere\r\nLocation: {scheme}://127.0.0.1:{to.port}/stop\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_relay_sends_nobody_elsewhere(status: int) -> None:
    async with serving() as inner, serving() as relay:
        relay.answer = pointing("http", status, inner)
        link = RelayConnection(lambda _word: None, lambda _state: None)
        with pytest.raises(RelayUnreachable):
            await link.connect(f"http://127.0.0.1:{relay.port}")
        await link.close()
        assert relay.asked
        assert not inner.asked


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_tracker_sends_nobody_elsewhere(status: int) -> None:
    told: asyncio.Queue[FileSendError] = asyncio.Queue()
    async with serving() as inner, serving() as tracker:
        tracker.answer = pointing("ws", status, inner)
        rendezvous = Rendezvous(
            signaling=PlainSignaling(bytes(20)),
            peer_id=bytes(20),
            trackers=[f"ws://127.0.0.1:{tracker.port}/announce"],
            roads=Transports(ClientConfig()).by(no_relay),
            config=ClientConfig(),
            totals=lambda: Totals(0, 0, None),
            wants_peers=lambda: 1,
            on_problem=told.put_nowait,
        )
        await rendezvous.start()
        assert isinstance(await asyncio.wait_for(told.get(), 10), TrackerFailed)
        await rendezvous.stop()
        assert tracker.asked
        assert not inner.asked
