"""People with a state folder of their own, who can restart; real clients at real relays."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from filesend_tui.core import events as e
from filesend_tui.core.client import Client
from filesend_tui.core.config import ClientConfig, RoadChoice
from filesend_tui.core.contacts.manager import Contacts
from filesend_tui.core.events import Contact, Event, SessionId
from filesend_tui.core.journal.journal import Journal

E = TypeVar("E", bound=Event)


class Friend:
    """Somebody: a folder, and a client that is started and ended any number of times."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.state = folder / "state"
        self.output = folder / "output"
        self.output.mkdir(parents=True)
        self.log: list[Event] = []
        self._news = asyncio.Event()
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        assert self._client is not None
        return self._client

    @property
    def inner(self) -> Contacts:
        """The contacts inside the client."""
        assert self.client._contacts is not None
        return self.client._contacts

    async def start(self, *relays: str) -> None:
        """Start, and be at these relays; what was told before is forgotten."""
        config = ClientConfig(name=self.name, output=self.output, road=RoadChoice.DIRECT)
        self._client = Client(config, Journal.open(self.state))
        self.log = []
        self._reading = asyncio.create_task(self._read(self._client))
        for relay in relays:
            await self._client.connect(relay)

    async def end(self, *, keep: bool = False) -> None:
        """End, as a program does."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.destroy(keep=keep)
            await self._reading

    async def restart(self, *relays: str) -> None:
        await self.end()
        await self.start(*relays)

    def copy(self, name: str) -> Friend:
        """Return somebody who has a copy of the state folder, which must not be in use."""
        copied = Friend(self.name, self.folder.with_name(name))
        shutil.copytree(self.state, copied.state)
        return copied

    async def _read(self, client: Client) -> None:
        async for event in client.subscribe():
            self.log.append(event)
            self._news.set()

    async def told(self, kind: type[E], nth: int = 1, **fields: Any) -> E:
        """Return the nth event of a kind with these fields, past or to come."""

        def found() -> list[E]:
            return [
                event
                for event in self.log
                if isinstance(event, kind)
                and all(getattr(event, name) == value for name, value in fields.items())
            ][nth - 1 : nth]

        await self.until(found)
        return found()[0]

    async def until(self, holds: Callable[[], Any], seconds: float = 30) -> None:
        async with asyncio.timeout(seconds):
            while not holds():
                self._news.clear()
                await self._news.wait()

    async def contact(self, name: str) -> Contact:
        """Return the contact of this name."""
        (found,) = [each for each in await self.client.contacts() if each.name == name]
        return found

    async def call(self, name: str) -> SessionId:
        return await self.client.call((await self.contact(name)).contact)


@asynccontextmanager
async def friends(folder: Path, *names: str) -> AsyncIterator[list[Friend]]:
    """Yield people who have not started; all are ended."""
    people = [Friend(name, folder / name) for name in names]
    try:
        yield people
    finally:
        for person in people:
            await person.end()


async def befriend(one: Friend, other: Friend) -> None:
    """Have two who are at a common place pair by a code, remember each other, and part."""
    session = await other.client.join(await one.client.create_code())
    ours = (await one.told(e.Paired, contact="", partner=other.name)).session
    assert ours is not None
    await one.client.remember(ours)
    await other.told(e.RememberAsked, session=session, outgoing=False)
    await other.client.remember(session)
    await one.told(e.Remembered, session=ours)
    await other.told(e.Remembered, session=session)
    await one.client.leave(ours)
    await other.told(e.PartnerGone, session=session)
