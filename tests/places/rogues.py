"""Places that mean harm, or that are of no use: a relay that announces itself nearby, or a tracker.

python -m tests.places.rogues KIND ADDRESS PORT [--heard FILE]

    hang              accepts connections and answers nothing; announced
    full-relay        has no room for anybody; announced
    full-tracker      refuses every announce
    silent-relay      lets everybody into a room with nobody
    reading-relay     does its work; announced
    guessing-relay    does its work, but claims each code itself, with other words; announced
    reading-tracker   does its work
    guessing-tracker  as the relay of that name

What people say to it, all of it, goes to FILE. It says `ready`, and ends when it is killed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from filesend_tui.core.errors import FileSendError
from filesend_tui.core.sessions.code import Code, word_list
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.pairing import Pairing
from filesend_tui.core.tracker_place.seals import number_seals
from relay.announcement import Announcement
from relay.guard.limits import Limits
from relay.protocol.nearby import new_instance
from relay.protocol.tracker_json import Announce, Failure, encode, parse_client_frame
from relay.protocol.words import Allocated, PairingWord, to_wire
from relay.server import RelayServer, listen
from relay.stores.base import Entered, Refusal
from tests.security.rogue import RogueTracker, honest
from tests.security.rogue_relay import Middle, Passing, RogueRelay, Trick
from tests.security.rogue_relay import honest as passed_on
from tests.tracker_place.people import Person

#: Who is in rooms and is nobody.
NOBODY = "nobody"
#: A guess at the words of any code.
GUESS = tuple(word_list()[:2])


class Heard(list[Any]):
    """What was said, in a file at once."""

    def __init__(self, file: IO[str] | None) -> None:
        super().__init__()
        self._file = file

    def append(self, said: object) -> None:
        if self._file is not None:
            self._file.write(f"{said}\n")
            self._file.flush()


class InRooms:
    """Has a relay's nobody wait with each number that is claimed, or claim each that is made.

    guesses: what nobody says to whoever made it; None: it claims none.
    """

    def __init__(self, rogue: RogueRelay, guesses: Middle | None) -> None:
        self._rogue = rogue
        self._rooms = rogue._rooms
        self._claim = self._rooms.claim
        self._allocate = self._rooms.allocate
        self._rooms.claim = self._let_in
        if guesses is not None:
            self._guesses = guesses
            self._rooms.allocate = self._guess_at

    async def _let_in(self, person: str, address: str, number: int) -> Entered:
        with contextlib.suppress(Refusal):  # there is one
            await self._allocate(NOBODY, 60.0, 0.0, number)
        entered: Entered = await self._claim(person, address, number)
        return entered

    async def _guess_at(
        self, person: str, lifetime: float, rest: float, wanted: int | None
    ) -> Allocated:
        allocated: Allocated = await self._allocate(person, lifetime, rest, wanted)
        entered = await self._claim(NOBODY, "", allocated.nameplate)
        notice = entered.notice
        await self._rogue.say(notice.to, notice.event, to_wire(notice.word))
        pake = to_wire(self._guesses.begin(self._rogue, person))
        await self._rogue.say(person, "pake", {"room": entered.room, **pake})
        return allocated


def to_nobody(_: RogueRelay, __: Passing) -> Iterable[Passing]:
    """Drop it."""
    return ()


async def relay(kind: str, address: str, port: int, heard: Heard) -> None:
    limits = Limits()
    if kind == "full":
        limits = msgspec.structs.replace(limits, max_people=0)
    with listen(address, port) as listener:
        ready = asyncio.Event()
        server = RelayServer(listener, limits=limits, on_ready=lambda _: ready.set())
        middle = Middle(GUESS)
        tricks: dict[str, Trick] = {"guessing": middle, "silent": to_nobody}
        rogue = RogueRelay(server, tricks.get(kind, passed_on))
        rogue.seen = heard
        if kind in ("guessing", "silent"):
            InRooms(rogue, middle if kind == "guessing" else None)
        serving = asyncio.create_task(server.serve([listener]))
        await ready.wait()
        if kind == "silent":
            print("ready", flush=True)
        else:
            await announce(listener)
        await serving


async def announce(listener: socket.socket) -> None:
    announcement = Announcement(listener, new_instance())
    announcing = asyncio.create_task(announcement.run())
    while not announcement.reach.addresses:
        await asyncio.sleep(0.01)
    print("ready", flush=True)
    await announcing


async def hang(address: str, port: int, heard: Heard) -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while said := await reader.read(65536):
            heard.append(said)
        writer.close()

    with listen(address, port) as listener:
        async with await asyncio.start_server(accept, sock=listener):
            await announce(listener)


class GuessingTracker(RogueTracker):
    """Comes to each number that is made there, and guesses its words.

    A number is one of a few thousand, so whoever has the swarm has it.
    """

    def __init__(self) -> None:
        super().__init__(honest)
        self._numbers = {number_seals(n).swarm: n for n in range(1000, 10_000)}
        self._tasks: set[asyncio.Task[None]] = set()
        self._tried: set[int] = set()

    async def _take(self, key: str, text: str) -> list[Any]:
        due = await super()._take(key, text)
        frame = parse_client_frame(text)
        number = self._numbers.get(frame.info_hash) if isinstance(frame, Announce) else None
        if number is not None and number not in self._tried:
            self._tried.add(number)
            self._tasks.add(asyncio.create_task(self._guess(number)))
        return due

    async def _guess(self, number: int) -> None:
        guesser = Person()
        await guesser.connect(self.url)
        try:
            while True:  # one that comes before the code is shown is ignored
                room = await guesser.claim(number)
                pairing = Pairing(Code(number, GUESS), Side.JOINER)
                for word in pairing.start():
                    assert isinstance(word, PairingWord)
                    await guesser.send(room, word)
                await guesser.leave(room)
        except FileSendError:
            self._tried.discard(number)


class Full:
    """A tracker that refuses."""

    async def talk(self, socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for text in socket:
                frame = parse_client_frame(text)
                if isinstance(frame, Announce):
                    refusal = Failure(
                        reason="The tracker is full.", action="announce", info_hash=frame.info_hash
                    )
                    await socket.send(encode(refusal))


async def tracker(kind: str, address: str, port: int, heard: Heard) -> None:
    made: RogueTracker | Full
    if kind == "full":
        made = Full()
    else:
        made = GuessingTracker() if kind == "guessing" else RogueTracker(honest)
        made.url = f"ws://{address}:{port}/"
        made.seen = heard
    async with serve(made.talk, address, port, max_size=None):
        print("ready", flush=True)
        await asyncio.Event().wait()


async def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind")
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--heard", type=Path)
    options = parser.parse_args(arguments)
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(options.heard.open("w")) if options.heard else None
        heard = Heard(file)
        kind, _, what = options.kind.partition("-")
        if kind == "hang":
            await hang(options.address, options.port, heard)
        elif what == "relay":
            await relay(kind, options.address, options.port, heard)
        else:
            await tracker(kind, options.address, options.port, heard)


if __name__ == "__main__":
    asyncio.run(main())
