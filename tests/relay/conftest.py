"""Real clients of a real relay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import socketio

from relay.guard.limits import Limits, Rate
from relay.protocol.words import DELIVERED, MAX_FRAME
from tests.conftest import running_relay

TIMEOUT = 10


class Person:
    """A socket.io client that writes down everything it hears. tls: of whoever says to be there."""

    def __init__(self, *, tls: bool = False) -> None:
        self.client = socketio.AsyncClient(
            ssl_verify=not tls,
            reconnection=False,
            websocket_extra_options={"max_msg_size": MAX_FRAME},
        )
        self.heard: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        for event in DELIVERED:
            self.client.on(event, lambda data, event=event: self.heard.put_nowait((event, data)))
        self.client.on("disconnect", lambda *_: self.heard.put_nowait(("disconnect", None)))

    async def call(self, event: str, *data: object) -> dict[str, Any]:
        # A tuple is several arguments to socket.io, and an empty one none.
        return await self.client.call(event, data, timeout=TIMEOUT)

    async def code(self, event: str, *data: object) -> str:
        """The code of the error that answers this call."""
        return (await self.call(event, *data))["error"]["code"]

    async def hear(self) -> tuple[str, Any]:
        return await asyncio.wait_for(self.heard.get(), TIMEOUT)

    async def allocate(self) -> int:
        return (await self.call("allocate", {}))["nameplate"]


Connect = Callable[..., Awaitable[Person]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    people: list[Person] = []

    async def connect(url: str, **how: Any) -> Person:
        person = Person(tls=url.startswith("https:"))
        people.append(person)
        await person.client.connect(url, **({"transports": ["websocket"]} | how))
        return person

    yield connect
    for person in people:
        await person.client.disconnect()


async def pair(one: Person, other: Person) -> str:
    """Have `other` claim a nameplate of `one`; return the room."""
    return await claim(one, other, await one.allocate())


async def claim(one: Person, other: Person, nameplate: int) -> str:
    room = (await other.call("claim", {"nameplate": nameplate}))["room"]
    assert await one.hear() == ("claimed", {"nameplate": nameplate, "room": room})
    return room


@pytest.fixture(scope="session")
def shared() -> Iterator[str]:
    """URL of a relay that many tests share: no test may count on its numbers."""
    plenty = Rate(1e6, 1e6)
    limits = Limits(address_codes=plenty, address_claims=plenty, address_failed_claims=plenty)
    with running_relay(limits) as relay:
        yield relay.url
