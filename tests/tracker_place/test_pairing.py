"""Two people pair by the lobby's own steps, with a tracker in a relay's place."""

from __future__ import annotations

import asyncio
import os

import pytest

from filesend_tui.core.errors import WrongCode
from filesend_tui.core.relay_client.messages import RoomMessage, SealedMessage
from filesend_tui.core.relay_client.staying import ConnectionState
from filesend_tui.core.sessions.code import Code, new_code
from filesend_tui.core.sessions.envelope import Envelope
from filesend_tui.core.sessions.places.lobby import Introduced, Lobby
from filesend_tui.core.sessions.shared_secret import Secret
from filesend_tui.core.tracker_place.connection import TrackerPlace
from relay.protocol import words
from relay.protocol.words import PairingWord, Room, Word


class Side:
    """One side: a tracker, a lobby, and what came to a room after the pairing."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.claims: asyncio.Queue[Room] = asyncio.Queue()
        self.heard: asyncio.Queue[Word] = asyncio.Queue()
        self.rooms: set[Room] = set()
        self.place = TrackerPlace(self._take, self._note)
        self.lobby = Lobby(self.place, self, self._say)

    async def enter(self, room: Room) -> Introduced:
        introduced = await self.lobby.pair(room)
        for word in self.lobby.take_over(introduced):
            self.heard.put_nowait(word)
        self.rooms.add(room)
        return introduced

    async def close(self) -> None:
        await self.place.close()
        await self.lobby.close()

    def hello(self) -> words.Hello:
        return words.Hello(name=self.name)

    def holds(self, room: Room) -> bool:
        return room in self.rooms

    def claimed(self, room: Room) -> None:
        self.claims.put_nowait(room)

    def code_expired(self) -> None:
        raise AssertionError("no code expires here")

    async def _say(self, room: Room, word: SealedMessage | PairingWord) -> None:
        await self.place.send(room, word)

    def _take(self, word: Word | RoomMessage) -> None:
        if isinstance(word, RoomMessage) and word.room in self.rooms:
            self.heard.put_nowait(word.word)
        else:
            self.lobby.take(word)

    def _note(self, state: ConnectionState) -> None:
        if state is ConnectionState.LOST:
            self.lobby.lost(self.place.loss)


@pytest.fixture
async def sides(tracker_url: str):  # type: ignore[no-untyped-def]
    made = Side("Ada"), Side("Bob")
    for side in made:
        await side.place.connect(tracker_url)
    yield made
    for side in made:
        await side.close()


async def test_two_pair_by_a_code_and_talk_sealed(sides: tuple[Side, Side]) -> None:
    ada, bob = sides
    code = (await ada.lobby.open(new_code(4711))).code
    room = await bob.lobby.claim(Code(code.nameplate, code.words))
    ours, theirs = await asyncio.gather(ada.enter(await ada.claims.get()), bob.enter(room))
    assert (ours.agreed.hello.name, theirs.agreed.hello.name) == ("Bob", "Ada")
    assert ours.agreed.shared == theirs.agreed.shared
    await ada.place.send(room, ours.agreed.cipher.seal(Envelope(words.Message(text="hi"), 1)))
    heard = await bob.heard.get()
    assert isinstance(heard, SealedMessage)
    assert theirs.agreed.cipher.open(heard).word == words.Message(text="hi")


async def test_two_pair_at_a_place(sides: tuple[Side, Side]) -> None:
    secret = os.urandom(32)

    async def meet(side: Side) -> Introduced:
        return await side.enter(await side.lobby.meet([Secret(secret)]))

    ours, theirs = await asyncio.gather(*map(meet, sides))
    assert ours.agreed.shared == theirs.agreed.shared
    assert ours.agreed.side is theirs.agreed.side.other


async def test_a_wrong_guess_burns_the_code_for_both(sides: tuple[Side, Side]) -> None:
    ada, bob = sides
    code = (await ada.lobby.open(Code(4711, ("acid", "acid")))).code
    wrong = Code(code.nameplate, ("zesty", "zebra"))
    room = await bob.lobby.claim(wrong)
    ends = await asyncio.gather(
        ada.enter(await ada.claims.get()), bob.enter(room), return_exceptions=True
    )
    assert [type(end) for end in ends] == [WrongCode, WrongCode]
