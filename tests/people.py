"""Helpers for people tests: a socket.io server that misbehaves, and a link that notes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest
import socketio
import uvicorn

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import NotPaired
from filesend_tui.core.event_stream import EventStream
from filesend_tui.core.events import Event, SessionId, TransferId
from filesend_tui.core.exchange.manager import TransferManager
from filesend_tui.core.relay_client.connection import RelayConnection
from filesend_tui.core.relay_client.messages import RoomMessage, SealedMessage
from filesend_tui.core.relay_client.staying import ConnectionState
from filesend_tui.core.sessions.cipher import RoomCipher
from filesend_tui.core.sessions.code import Code
from filesend_tui.core.sessions.envelope import Envelope
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.manager import SessionManager
from filesend_tui.core.sessions.pairing import Pairing, PairingState
from filesend_tui.core.sessions.partner import Partner
from filesend_tui.core.sessions.places.lobby import Lobby
from filesend_tui.core.torrent.engine_protocol import Torrents
from relay.guard.limits import Limits
from relay.protocol import words
from relay.protocol.words import Done, PairingWord, Room, Word
from relay.server import RelayServer, listen
from tests.conftest import RunningRelay
from tests.scripted_engine import ScriptedEngine, World

E = TypeVar("E", bound=Event)
Links = Callable[[str], Awaitable["NotingConnection"]]


class NotingConnection(RelayConnection):
    """A real link that notes what it was told, for tests to wait on.

    It is in one room at most, which is left away from what it says and notes; and once it has
    paired by hand, it says and notes words as a partner does who says anything at all.
    """

    def __init__(self) -> None:
        self.words: list[Word] = []
        self.states: list[ConnectionState] = []
        self.room: Room = "0" * 32
        self.sealing: RoomCipher | None = None
        self.said = self.taken = 0
        self._changed = asyncio.Event()
        super().__init__(self._note_word, self._note_state)

    async def claim(self, nameplate: int) -> None:
        """Enter the room of whoever waits with a nameplate."""
        self.room = (await self.call(words.Claim(nameplate=nameplate), words.Joined)).room

    async def leave(self) -> None:
        """Leave the room that it is in, as who ends a session does."""
        if self.sealing is not None:
            with suppress(NotPaired):  # it has left already
                await self.tell(words.Goodbye())
        await self.call(words.Leave(room=self.room), Done)

    async def prove(self, code: Code) -> None:
        """Claim a code and go through with the pairing, up to the point where words are sealed."""
        await self.claim(code.nameplate)
        pairing = Pairing(code, Side.JOINER)
        for word in pairing.start():
            await self.tell(word)
        while pairing.state is not PairingState.PAIRED:
            await self.until(lambda: self.words)
            for word in pairing.receive(self.words.pop(0)):
                await self.tell(word)
        self.sealing = RoomCipher(pairing.shared_key, Side.JOINER)
        early, self.words = self.words, []
        for word in early:
            self._note(word)

    async def tell(self, word: Word) -> None:
        """Say something in the room, sealed where it has to be."""
        if self.sealing is not None and type(word) in words.CONTENTS.values():
            self.said += not isinstance(word, words.Hello)
            number = 0 if isinstance(word, words.Hello) else self.said
            word = self.sealing.seal(Envelope(word, number, self.taken))
        assert isinstance(word, SealedMessage | PairingWord)
        await self.send(self.room, word)

    def _note(self, word: Word) -> None:
        if self.sealing is not None and isinstance(word, SealedMessage):
            envelope = self.sealing.open(word)
            self.taken = envelope.number or self.taken
            word = envelope.word
        if not isinstance(word, words.Acknowledge):
            self.words.append(word)

    def _note_word(self, word: Word | RoomMessage) -> None:
        if isinstance(word, RoomMessage):
            word = word.word
        elif isinstance(word, words.Claimed | words.MetAtPlace):
            self.room = word.room
        self._note(word)
        self._changed.set()

    def _note_state(self, state: ConnectionState) -> None:
        self.states.append(state)
        self._changed.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def hostile_relay(
    on_word: Callable[[socketio.AsyncServer, str, str, Any], Awaitable[Any]],
) -> AsyncIterator[str]:
    """Serve a socket.io server that answers every word as `on_word(server, event, sid, data)`."""
    server = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*")

    async def handle(event: str, sid: str, data: Any = None) -> Any:
        return await on_word(server, event, sid, data)

    server.on("*", handle)
    with listen("127.0.0.1", 0) as listener:
        config = uvicorn.Config(
            socketio.ASGIApp(server), log_config=None, lifespan="off", timeout_graceful_shutdown=1
        )
        web = uvicorn.Server(config)
        web.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        serving = asyncio.create_task(web.serve([listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            web.should_exit = True
            await serving


@pytest.fixture
async def links() -> AsyncIterator[Callable[[str], Awaitable[NotingConnection]]]:
    """Return a maker of connected links, all closed at the end."""
    made: list[NotingConnection] = []

    async def make(url: str) -> NotingConnection:
        link = NotingConnection()
        made.append(link)
        await link.connect(url)
        return link

    yield make
    for link in made:
        await link.close()


class People(SessionManager):
    """Sessions and transfers put together as Client does it, with any engine."""

    def __init__(self, events: EventStream, engine: Torrents, config: ClientConfig) -> None:
        self._transfers = TransferManager(events, engine, config)
        super().__init__(events, config.name, self._transfers.begin, away_limit=config.away_limit)
        self.answer = self._transfers.answer
        self.cancel = self._transfers.cancel
        self.look_through = self._transfers.look_through

    @property
    def partners(self) -> dict[SessionId, Partner]:
        """Everybody there, by session."""
        return dict(self._partners)

    async def request(self, chosen: Any, *, to: SessionId | None = None, **how: Any) -> TransferId:
        return await self._transfers.request(self.partner(to).id, chosen, **how)

    async def say(self, text: str, *, to: SessionId | None = None) -> None:
        await self.partner(to).say(text)


class Person:
    """One People at a real relay, with a scripted engine and a log of all that was published."""

    def __init__(
        self, name: str, world: World, output: Path, *, away_limit: float = 3600.0
    ) -> None:
        self.events = EventStream()
        self.engine = ScriptedEngine(world, self.events)
        self.output = output
        config = ClientConfig(name=name, output=output, away_limit=away_limit)
        self.people = People(self.events, self.engine, config)
        self.log: list[Event] = []
        self._more = asyncio.Event()
        self._reader = self.events.subscribe()
        self.watching = asyncio.create_task(self._watch())

    @property
    def relay(self) -> RelayConnection:
        """The connection to the only relay."""
        (place,) = self.people._places.values()
        assert isinstance(place.connection, RelayConnection)
        return place.connection

    @property
    def lobby(self) -> Lobby:
        """The lobby at the only relay."""
        (place,) = self.people._places.values()
        return place.lobby

    @property
    def partner(self) -> str | None:
        """How the only partner is called."""
        names = [partner.name for partner in self.people.partners.values()]
        assert len(names) <= 1
        return names[0] if names else None

    async def _watch(self) -> None:
        async for event in self._reader:
            self.log.append(event)
            self._more.set()

    async def until(self, kind: type[E], **fields: object) -> E:
        """Return the first event of a kind with these fields, past or to come."""
        async with asyncio.timeout(10):
            while True:
                for event in self.log:
                    if isinstance(event, kind) and all(
                        getattr(event, name) == value for name, value in fields.items()
                    ):
                        return event
                self._more.clear()
                await self._more.wait()

    async def times(self, kind: type[Event], count: int) -> None:
        """Wait until there were so many events of a kind."""
        async with asyncio.timeout(20):
            while sum(isinstance(event, kind) for event in self.log) < count:
                self._more.clear()
                await self._more.wait()

    def close(self) -> None:
        self.events.close()


class NewPerson(Protocol):
    def __call__(self, name: str, other: RunningRelay | None = None, /) -> Awaitable[Person]: ...


@pytest.fixture
async def new_person(relay: RunningRelay, tmp_path: Path) -> AsyncIterator[NewPerson]:
    """Return a maker of people connected to the relay; all are destroyed at the end."""
    world = World()
    made: list[Person] = []

    async def make(name: str, other: RunningRelay | None = None) -> Person:
        output = tmp_path / f"output{len(made)}"
        person = Person(name, world, output)
        made.append(person)
        await person.people.connect((other or relay).url)
        return person

    yield make
    for person in made:
        await person.people.destroy()
        person.close()
        await person.watching


@pytest.fixture
def short_lived_relay() -> Iterator[RunningRelay]:
    """A real relay whose codes expire at once."""
    with listen("127.0.0.1", 0) as listener:
        ready = threading.Event()
        limits = Limits(nameplate_lifetime=0.2, sweep_every=0.05)
        server = RelayServer(listener, limits=limits, on_ready=lambda _url: ready.set())
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        assert ready.wait(10)
        running = RunningRelay(server.url, "", server, thread)
        yield running
        running.stop()
