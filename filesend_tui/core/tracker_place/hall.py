"""All that one side does at one tracker, for the life of one connection: its number, places, rooms.

Frames are handed to whoever is in the swarm that they name; what becomes of it are words, as a
relay would send them. Connecting never lives here.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeAlias

from filesend_tui.core.errors import FileSendError, NameplateTaken
from filesend_tui.core.relay_client.connection import refusal
from filesend_tui.core.relay_client.messages import RoomMessage, SealedMessage
from filesend_tui.core.tracker_place.errands import (
    Claiming,
    Making,
    Visiting,
    future,
    reject,
    resolve,
)
from filesend_tui.core.tracker_place.room import End, Room, RoomHost
from filesend_tui.core.tracker_place.stream import TooMuch
from filesend_tui.core.tracker_place.swarm import NEVER, Guest, Post, new_id
from filesend_tui.core.tracker_place.timings import Timings
from filesend_tui.core.util.text import clean
from relay.protocol import words
from relay.protocol.tracker_json import (
    AnnounceReply,
    AnswerFrame,
    Failure,
    OfferFrame,
    ServerFrame,
)
from relay.protocol.words import MAX_PLACES, MAX_ROOMS, PAIRING, ErrorCode, PairingWord, Word

#: Most numbers that this side comes to at once.
MAX_CLAIMS: Final = 8
#: How often a number is drawn, where nobody wishes for one, before all seem taken.
_DRAWS: Final = 5

Told: TypeAlias = Callable[[Word | RoomMessage], None]
_EVENT: Final = {payload: event for event, payload in PAIRING.items()}


class Hall:
    """One side at one tracker.

    Args:
        name: The tracker's, for people.
        post: Sends it a frame.
        told: Called with each word, in order.
    """

    def __init__(self, name: str, post: Post, told: Told, timings: Timings) -> None:
        #: Fresh for each connection, and the same in all swarms: bittorrent-tracker removes the
        #: first id of a connection alone from its swarms when that ends.
        self.peer_id = new_id()
        self.post = post
        self.told = told
        self.timings = timings
        self.rooms: dict[str, Room] = {}
        self._name = name
        self._guests: dict[bytes, Guest] = {}
        self._making: Making | None = None
        self._visits: dict[bytes, Visiting] = {}
        self._claims: set[Claiming] = set()
        self._saying: dict[str, set[asyncio.Future[None]]] = {}
        self._leaving: dict[str, asyncio.Future[None]] = {}
        self._changed = asyncio.Event()

    # -- what may be asked

    async def allocate(self, wanted: int | None) -> words.Allocated:
        """Wait with a number, in place of the one before. Raises NameplateTaken, and as `call`."""
        for draw in range(_DRAWS):
            number = 1000 + secrets.randbelow(9000) if wanted is None else wanted
            self.release()
            making = self._making = Making(self, number)
            try:
                await self._in_time(making.opened)
            except NameplateTaken:
                if wanted is not None or draw + 1 == _DRAWS:
                    raise
                continue
            finally:
                if not making.is_open:
                    making.end()
            return words.Allocated(nameplate=number, expires_seconds=int(self.timings.lifetime))
        raise AssertionError("unreachable")

    def release(self) -> None:
        """Withdraw this side's number, if it has one."""
        if self._making is not None:
            self._making.end()

    async def claim(self, number: int) -> words.Joined:
        """Come to a number; return the room with its maker. Raises UnknownCode, and as `call`."""
        if self._making is not None and self._making.number == number:
            raise refusal(ErrorCode.OWN_CODE)
        self._check_rooms()
        if len(self._claims) >= MAX_CLAIMS:
            raise refusal(ErrorCode.RATE_LIMITED)
        claiming = Claiming(self, number)
        self._claims.add(claiming)
        try:
            room = await claiming.room
        except asyncio.CancelledError:
            claiming.give_back()
            raise
        finally:
            self._claims.discard(claiming)
            claiming.end()
        self.release()
        return words.Joined(room=room)

    async def meet(self, place: bytes) -> words.Met:
        """Come to a place, or wait there for longer. Raises as `call`."""
        visiting = self._visits.get(place)
        if visiting is None:
            self._check_rooms()
            if len(self._visits) >= MAX_PLACES:
                raise refusal(ErrorCode.TOO_MANY_PLACES)
            visiting = self._visits[place] = Visiting(self, place)
        elif visiting.visitor.is_waiting:
            visiting.visitor.renew(self.now())
            self.wake()
            return words.Met(room=None)
        try:
            return words.Met(room=await asyncio.shield(visiting.answer))
        except asyncio.CancelledError:
            visiting.give_back()
            raise

    def leave_place(self, place: bytes) -> None:
        """Wait at a place no more."""
        if (visiting := self._visits.get(place)) is not None:
            visiting.end()

    async def say(self, room: str, word: SealedMessage | PairingWord) -> None:
        """Say a word in a room; return once the other side has taken it. Raises as `send`."""
        there = self.rooms.get(room)
        if there is None or room in self._leaving:
            raise refusal(ErrorCode.NOT_PAIRED)
        event = word.event if isinstance(word, SealedMessage) else _EVENT[type(word)]
        taken: asyncio.Future[None] = future()
        saying = self._saying.setdefault(room, set())
        try:
            there.say(event, word.body, lambda: resolve(taken, None), self.now())
        except TooMuch:
            raise refusal(ErrorCode.RATE_LIMITED) from None
        saying.add(taken)
        self.wake()
        try:
            await taken
        finally:
            saying.discard(taken)

    async def leave(self, room: str) -> None:
        """Leave a room, and say so to the other side."""
        there = self.rooms.get(room)
        if there is None:
            return
        left = self._leaving.get(room)
        if left is None:
            left = self._leaving[room] = future()
            there.leave(self.now())
            self._fail_words(room)
            self.wake()
        await asyncio.shield(left)

    # -- the connection

    def take(self, frame: ServerFrame) -> None:
        """Handle a frame of the tracker's; one for no guest has no effect."""
        now = self.now()
        if isinstance(frame, Failure):
            self._refuse(frame)
            return
        if not isinstance(frame, AnnounceReply | OfferFrame | AnswerFrame):
            return
        guest = self._guests.get(frame.info_hash)
        if guest is None:
            return
        match frame:
            case AnnounceReply():
                guest.replied(frame, now)
            case OfferFrame():
                guest.offered(frame, now)
            case AnswerFrame():
                guest.answered(frame, now)
        self.wake()

    async def keep_time(self) -> None:
        """Do what is due, until cancelled."""
        while True:
            self._changed.clear()
            now = self.now()
            for guest in tuple(self._guests.values()):
                if now >= guest.due:
                    guest.tick(now)
            due = min((guest.due for guest in self._guests.values()), default=NEVER)
            with suppress(TimeoutError):
                async with asyncio.timeout_at(None if due == NEVER else due):
                    await self._changed.wait()

    def fail(self, error: FileSendError) -> None:
        """End all without a word: the connection is gone."""
        rooms, self.rooms = self.rooms, {}
        self._guests.clear()
        self._reject_all(error)
        for room in rooms:
            self._left(room)
        self._visits.clear()
        self._making = None

    def part(self, error: FileSendError) -> None:
        """Leave all swarms, and tell the others in rooms that this side is lost.

        Args:
            error: For whoever still waits for something.
        """
        now = self.now()
        self._reject_all(error)
        for room in self.rooms.values():
            room.drop(now)
        self.release()
        for claiming in tuple(self._claims):
            claiming.end()
        for visiting in tuple(self._visits.values()):
            visiting.end()

    # -- for guests

    def now(self) -> float:
        """Return the time of every guest."""
        return asyncio.get_running_loop().time()

    def wake(self) -> None:
        """Look at what is due again."""
        self._changed.set()

    def admit(self, swarm: bytes, guest: Guest) -> None:
        """Hand frames of a swarm to a guest from now on.

        Raises:
            FileSendError: Another guest of this side's is in it.
        """
        if swarm in self._guests:
            raise FileSendError(
                "This side is there already.", "Wait until what it does there is over."
            )
        self._guests[swarm] = guest
        self.wake()

    def dismiss(self, swarm: bytes, guest: Guest) -> None:
        """Hand them to nobody any more."""
        if self._guests.get(swarm) is guest:
            del self._guests[swarm]

    def enter(self, room: str, partner: bytes, host: RoomHost, *, maker: bool) -> bool:
        """Enter a room; return whether there is room for it."""
        if room in self.rooms or len(self.rooms) >= MAX_ROOMS:
            return False
        there = self.rooms[room] = Room(
            room,
            host,
            maker=maker,
            peer_id=self.peer_id,
            partner=partner,
            post=self.post,
            timings=self.timings,
        )
        self.admit(there.swarm, there)
        there.enter(self.now())
        return True

    def ended(self, room: Room, end: End) -> None:
        """Forget a room that is over, and tell why, unless this side left it."""
        self.rooms.pop(room.id, None)
        self.dismiss(room.swarm, room)
        if room.id not in self._leaving and end != "done":
            self.told(words.PartnerGone(room=room.id, reason=end))
        self._left(room.id)

    def forsake(self, room: str, now: float) -> None:
        """Drop a room in which nobody ever was."""
        if (there := self.rooms.pop(room, None)) is not None:
            self.dismiss(there.swarm, there)
            there.drop(now, told=False)

    def made(self, making: Making) -> None:
        """Forget a number that is given up, claimed or expired."""
        if self._making is making:
            self._making = None

    def visited(self, visiting: Visiting) -> None:
        """Forget a place that was left."""
        if self._visits.get(visiting.place) is visiting:
            del self._visits[visiting.place]

    def refused(self, reason: str) -> FileSendError:
        """Return the error for a refusal of the tracker's."""
        why = clean(reason) or "it gave no reason"
        return FileSendError(
            f"The tracker at {self._name} refused: {why}", "Use another tracker, or a relay."
        )

    # -- internals

    async def _in_time(self, answer: asyncio.Future[None]) -> None:
        try:
            async with asyncio.timeout(self.timings.reply):
                await answer
        except TimeoutError:
            raise FileSendError(
                f"The tracker at {self._name} does not answer.", "Use another tracker, or a relay."
            ) from None

    def _check_rooms(self) -> None:
        if len(self.rooms) >= MAX_ROOMS:
            raise refusal(ErrorCode.TOO_MANY_ROOMS)

    def _refuse(self, frame: Failure) -> None:
        """Hand a refusal to whom it is for; one that names no swarm to everybody who waits."""
        if frame.info_hash is None:
            for guest in tuple(self._guests.values()):
                guest.refused(frame.reason)
        elif (refused := self._guests.get(frame.info_hash)) is not None:
            refused.refused(frame.reason)
        self.wake()

    def _reject_all(self, error: FileSendError) -> None:
        for waiting in (
            *(claiming.room for claiming in self._claims),
            *(visiting.answer for visiting in self._visits.values()),
            *((self._making.opened,) if self._making is not None else ()),
            *(word for said in self._saying.values() for word in said),
        ):
            reject(waiting, error)

    def _left(self, room: str) -> None:
        self._fail_words(room)
        if (left := self._leaving.pop(room, None)) is not None:
            resolve(left, None)

    def _fail_words(self, room: str) -> None:
        for taken in self._saying.pop(room, ()):
            reject(taken, refusal(ErrorCode.NOT_PAIRED))
