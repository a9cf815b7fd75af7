"""Two ends of a real pipe at a real relay on this machine, for tests."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest

from filesend_tui.core.config import ClientConfig, RoadChoice
from filesend_tui.core.transports.base import Attempt, Channel, RelayAccess, RelayEntry
from filesend_tui.core.transports.framed_channel import FramedChannel
from filesend_tui.core.transports.relayed.offer import RelayedOffer
from filesend_tui.core.transports.relayed.transport import RelayedTransport
from relay.protocol.reflect import REFLECT_PATH
from relay.protocol.transit import TRANSIT_PATH
from tests.relay.conftest import Person, pair
from tests.transports.pairs import soon
from tests.transports.relays import access

NOWHERE = RelayEntry("nowhere", "", "", "", b"")
ALONE = ClientConfig(road=RoadChoice.RELAYED)


#: What can protect the bytes in a pipe.
PROTECTIONS = ("tls", "records")


def protect_by(protection: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everybody from now on offer and answer this alone, as a browser does by records."""
    encode = RelayedOffer.encode
    without = {"tls": {"key": b""}, "records": {"certificate": b""}}[protection]
    monkeypatch.setattr(RelayedOffer, "encode", lambda self: encode(self._replace(**without)))


def entry_at(url: str, pass_: bytes) -> RelayEntry:
    return RelayEntry(
        url.partition("//")[2],
        url.replace("http", "ws", 1) + TRANSIT_PATH,
        url + REFLECT_PATH,
        "",
        pass_,
    )


@asynccontextmanager
async def paired_at(url: str) -> AsyncIterator[tuple[RelayEntry, RelayEntry]]:
    """Two people who are paired at a relay: what admits each to its transit."""
    people = Person(), Person()
    try:
        for person in people:
            await person.client.connect(url, transports=["websocket"])
        await pair(*people)
        passes = [(await each.call("askRoads", {}))["pass"] for each in people]
        here, there = (entry_at(url, base64.b64decode(each)) for each in passes)
        yield here, there
    finally:
        for person in people:
            await person.client.disconnect()


class End(NamedTuple):
    """One person's transport, and their relay."""

    transport: RelayedTransport
    relay: RelayAccess

    async def offer(self) -> Attempt:
        return await self.transport.offer(self.relay)

    async def answer(self, text: str) -> Attempt:
        return await self.transport.answer(text, self.relay)


def end(entry: RelayEntry) -> End:
    """A person whose relay has this."""
    return End(RelayedTransport(ALONE), access(entry))


async def meet(here: End, there: End) -> tuple[Channel, Channel]:
    """Return both ends of one channel; the second answered."""
    offer = await here.offer()
    answer = await there.answer(offer.text)
    await offer.accept(answer.text)
    ours, theirs = await soon(asyncio.gather(offer.opened(), answer.opened()))
    return ours, theirs


@asynccontextmanager
async def piped(url: str) -> AsyncIterator[tuple[FramedChannel, FramedChannel]]:
    """Two open channels that are closed at the end."""
    async with paired_at(url) as entries:
        here, there = await meet(*map(end, entries))
        assert isinstance(here, FramedChannel)
        assert isinstance(there, FramedChannel)
        try:
            yield here, there
        finally:
            await soon(asyncio.gather(here.close(), there.close()))
