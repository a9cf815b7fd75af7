"""A relay that does its work and means harm: all that passes through it, it may see and change."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from filesend_tui.core.errors import PairingFailed
from filesend_tui.core.relay_client.messages import SealedMessage
from filesend_tui.core.sessions.cipher import RoomCipher
from filesend_tui.core.sessions.code import Code
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.pairing import Pairing, PairingState
from filesend_tui.core.sessions.shared_secret import Secret
from relay.protocol import words
from relay.protocol.words import Route, Routed, Sealed, Word, parse, to_wire
from relay.server import RelayServer, listen
from relay.stores.base import Entered
from tests.kept import kept


class Passing(NamedTuple):
    """A routed word on its way. event: as it was sent; delivered_as: as it will be delivered.

    room: where it was said, and will be delivered. data: all else that stands in it.
    """

    sender: str
    to: str
    event: str
    delivered_as: str
    room: str
    data: Any


#: What becomes of a word that is due to somebody: the words that are delivered in its place.
Trick = Callable[["RogueRelay", Passing], Iterable[Passing]]


def honest(_: RogueRelay, due: Passing) -> Iterable[Passing]:
    """Pass everything on."""
    yield due


class RogueRelay:
    """A real relay, but for its trick.

    seen: every frame of every socket, both ways, unmasked: of people and of the tracker.
    passed: every routed word that came, as it came. makers: who made a code that was claimed, or
    waited at a place where another came.
    """

    def __init__(self, server: RelayServer, trick: Trick) -> None:
        self.url = server.url
        self.trick = trick
        self.seen: list[str] = []
        self.passed: list[Passing] = []
        self.makers: set[str] = set()
        self._last_room: dict[str, str] = {}
        self.nameplate = 0
        self._app = server._app
        self._people = server._app._people
        self._rooms: Any = self._people._rooms
        self._claim: Any = self._rooms.claim
        self._people._route = self._route  # type: ignore[method-assign]
        self._meet: Any = self._rooms.meet
        self._rooms.claim = self._note_claim  # type: ignore[method-assign]
        self._rooms.meet = self._note_meeting  # type: ignore[method-assign]
        server.config.app = self._tap
        server.config.interface = "asgi3"

    async def say(self, to: str, event: str, data: Any) -> None:
        """Deliver anything to anybody."""
        await self._people._server.emit(event, data, to=self._app._bus.own(to))

    async def say_gone(self, to: str) -> None:
        """Tell somebody that their partner left, which is a lie."""
        await self.say(to, "partnerGone", {"room": self.room_of(to), "reason": "left"})

    def room_of(self, person: str) -> str:
        """The room that somebody is in, or was in last."""
        return self._last_room[person]

    async def cut(self, person: str) -> None:
        """Hang up on somebody."""
        await self._people._server.disconnect(self._app._bus.own(person) or "")

    async def _route(self, event: str, route: Route, sender: str, word: Routed | Sealed) -> None:
        partner, _ = await self._rooms.route(sender, word.room, proves=False)
        data = to_wire(word)
        due = Passing(sender, partner, event, route.delivered_as, data.pop("room"), data)
        self.passed.append(due)
        for passing in self.trick(self, due):
            data = {"room": passing.room, **passing.data}
            await self.say(passing.to, passing.delivered_as, data)

    async def _note_claim(self, person: str, address: str, nameplate: int) -> Entered:
        entered: Entered = await self._claim(person, address, nameplate)
        self._note(person, entered)
        self.nameplate = nameplate
        return entered

    async def _note_meeting(self, person: str, *how: Any, **named: Any) -> Entered | None:
        entered: Entered | None = await self._meet(person, *how, **named)
        if entered is not None:
            self._note(person, entered)
        return entered

    def _note(self, person: str, entered: Entered) -> None:
        self.makers.add(entered.notice.to)
        for each in (person, entered.notice.to):
            self._last_room[each] = entered.room

    async def _tap(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Any],
        send: Callable[[MutableMapping[str, Any]], Any],
    ) -> None:
        self.seen.append(str(scope.get("raw_path")) + str(scope.get("query_string")))

        def note(message: MutableMapping[str, Any]) -> None:
            for part in ("text", "bytes", "body"):
                if content := message.get(part):
                    self.seen.append(content if isinstance(content, str) else repr(content))

        async def noting_receive() -> MutableMapping[str, Any]:
            message: MutableMapping[str, Any] = await receive()
            note(message)
            return message

        async def noting_send(message: MutableMapping[str, Any]) -> None:
            note(message)
            await send(message)

        await self._app(scope, noting_receive, noting_send)


@asynccontextmanager
async def rogue_relay(trick: Trick = honest) -> AsyncIterator[RogueRelay]:
    """Serve a rogue relay on a free port of this machine, in this event loop."""
    with listen("127.0.0.1", 0) as listener:
        ready = asyncio.Event()
        stores, bus = kept(None)
        server = RelayServer(listener, stores=stores, bus=bus, on_ready=lambda _url: ready.set())
        rogue = RogueRelay(server, trick)
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
        serving = asyncio.create_task(server.serve([listener]))
        await ready.wait()
        try:
            yield rogue
        finally:
            server.should_exit = True
            await serving


class Middle:
    """The trick of a relay that pairs with both sides itself, by a guess at their words or secret.

    answers: it says its proof, as it must to be believed; else it only looks at theirs.
    read: what it could read of what they said. proofs: its own, for each of them.
    """

    def __init__(self, guess: tuple[str, ...] | Secret, *, answers: bool = True) -> None:
        self.guess = guess
        self.answers = answers
        self.read: list[Word] = []
        self.proofs: dict[str, Word] = {}
        self._early: list[Passing] = []
        self._pairings: dict[str, Pairing] = {}
        self._sealings: dict[str, RoomCipher] = {}

    def __call__(self, rogue: RogueRelay, due: Passing) -> Iterable[Passing]:
        match due.event:
            case "pake":
                if due.sender not in self._pairings:
                    yield self._back(due, "pake", self.begin(rogue, due.sender))
                if due.to not in self._pairings:  # the maker of a code waits for a first word
                    pake = to_wire(self.begin(rogue, due.to))
                    yield due._replace(data=pake)
                pairing = self._pairings[due.sender]
                proof, commit = pairing.receive(parse(words.Pake, due.data))
                self.proofs[due.sender] = proof
                if self.answers:
                    yield self._back(due, "confirm", proof)
                    yield self._back(due, "commit", commit)
            case "confirm" | "commit" | "reveal":
                pairing = self._pairings[due.sender]
                with contextlib.suppress(PairingFailed):  # it guessed wrong, and goes on to look
                    for reveal in pairing.receive(parse(words.PAIRING[due.event], due.data)):
                        yield self._back(due, "reveal", reveal)
                if pairing.state is PairingState.PAIRED:
                    side = Side.JOINER if due.sender in rogue.makers else Side.MAKER
                    self._sealings[due.sender] = RoomCipher(pairing.shared_key, side)
                    early, self._early = self._early, []
                    for said in early:
                        yield from self(rogue, said)
            case event if due.to in self._sealings:
                body = parse(Sealed, due.data | {"room": due.room}).body
                read = self._sealings[due.sender].open(SealedMessage(event=event, body=body))
                self.read.append(read.word)
                sealed = self._sealings[due.to].seal(read)
                yield due._replace(data=to_wire(words.PairingWord(body=sealed.body)))
            case _:
                self._early.append(due)

    def begin(self, rogue: RogueRelay, person: str) -> Word:
        """Begin to pair with somebody; return the word to say to them."""
        side = Side.JOINER if person in rogue.makers else Side.MAKER
        guess = self.guess
        known = guess if isinstance(guess, Secret) else Code(rogue.nameplate, guess)
        pairing = self._pairings[person] = Pairing(known, side)
        (pake,) = pairing.start()
        return pake

    @staticmethod
    def _back(due: Passing, event: str, word: Word) -> Passing:
        return Passing(due.to, due.sender, event, event, due.room, to_wire(word))
