"""What a person's calls lead to: a number to wait with, a claim, a place to be met at.

Each is the host of a guest in a swarm, and holds what its caller waits for.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, TypeVar

from filesend_tui.core.errors import FileSendError, PairingFailed
from filesend_tui.core.relay_client.connection import refusal
from filesend_tui.core.relay_client.messages import RoomMessage, routed
from filesend_tui.core.tracker_place.nameplate import Claimer, Maker
from filesend_tui.core.tracker_place.room import End, Room, RoomHost
from filesend_tui.core.tracker_place.swarm import Guest, Post
from filesend_tui.core.tracker_place.timings import Timings
from filesend_tui.core.tracker_place.visitor import Visitor
from relay.protocol import words
from relay.protocol.words import ErrorCode, Word

T = TypeVar("T")


class Keeper(Protocol):
    """What an errand asks of its owner; see Hall."""

    peer_id: bytes
    post: Post
    timings: Timings

    def now(self) -> float:
        """Return the time of every guest."""

    def told(self, word: Word | RoomMessage, /) -> None:
        """Tell the person a word."""

    def admit(self, swarm: bytes, guest: Guest) -> None:
        """Hand frames of a swarm to a guest from now on. Raises FileSendError: one is in it."""

    def dismiss(self, swarm: bytes, guest: Guest) -> None:
        """Hand them to nobody any more."""

    def enter(self, room: str, partner: bytes, host: RoomHost, *, maker: bool) -> bool:
        """Enter a room; return whether there is room for it."""

    def ended(self, room: Room, end: End) -> None:
        """Forget a room that is over, and tell why."""

    def forsake(self, room: str, now: float) -> None:
        """Drop a room in which nobody ever was."""

    def refused(self, reason: str) -> FileSendError:
        """Return the error for a refusal of the tracker's."""

    def made(self, making: Making) -> None:
        """Forget a number."""

    def visited(self, visiting: Visiting) -> None:
        """Forget a place."""


class Rooming:
    """A room that a person knows of. See RoomHost."""

    def __init__(self, hall: Keeper) -> None:
        self._hall = hall

    def entered(self, room: Room, now: float) -> None:
        """See RoomHost."""

    def said(self, room: Room, event: str, body: bytes) -> None:
        """See RoomHost."""
        word = routed(event, {"room": room.id, "body": body})
        if word is not None:
            self._hall.told(word)

    def ended(self, room: Room, end: End) -> None:
        """See RoomHost."""
        self._hall.ended(room, end)


class Making:
    """This side's number. See MakerHost.

    opened: resolved once it is this side's.
    """

    def __init__(self, hall: Keeper, number: int) -> None:
        self.number = number
        self.is_open = False
        self.opened: asyncio.Future[None] = future()
        self._hall = hall
        self._maker = Maker(
            number, self, peer_id=hall.peer_id, post=hall.post, timings=hall.timings
        )
        hall.admit(self._maker.swarm, self._maker)
        self._maker.enter(hall.now())

    def end(self) -> None:
        """Withdraw the number."""
        self._maker.leave()
        self._forget()
        reject(self.opened, refusal(ErrorCode.WITHDRAWN_CODE))

    # -- MakerHost

    def has_opened(self) -> None:
        """See MakerHost."""
        self.is_open = True
        resolve(self.opened, None)

    def taken(self) -> None:
        """See MakerHost."""
        self._forget()
        reject(self.opened, refusal(ErrorCode.NAMEPLATE_TAKEN))

    def refused(self, reason: str) -> None:
        """See MakerHost."""
        self._forget()
        reject(self.opened, self._hall.refused(reason))

    def claimed(self, room: str, claimer: bytes) -> bool:
        """See MakerHost."""
        if not self._hall.enter(room, claimer, Rooming(self._hall), maker=True):
            return False
        self._forget()
        self._hall.told(words.Claimed(nameplate=self.number, room=room))
        return True

    def expired(self) -> None:
        """See MakerHost."""
        self._forget()
        self._hall.told(words.NameplateExpired(nameplate=self.number))

    def _forget(self) -> None:
        self._hall.dismiss(self._maker.swarm, self._maker)
        self._hall.made(self)


class Claiming:
    """A claim. See ClaimerHost. room: resolved with the room that is shared with the maker."""

    def __init__(self, hall: Keeper, number: int) -> None:
        self.room: asyncio.Future[str] = future()
        self._hall = hall
        self._claimer = Claimer(
            number, self, peer_id=hall.peer_id, post=hall.post, timings=hall.timings
        )
        hall.admit(self._claimer.swarm, self._claimer)
        self._claimer.enter(hall.now())

    def end(self) -> None:
        """Give up."""
        self._claimer.leave()
        self._hall.dismiss(self._claimer.swarm, self._claimer)

    def give_back(self) -> None:
        """Drop the room, if there is one: nobody waits for it any more."""
        if self.room.done() and not self.room.cancelled() and self.room.exception() is None:
            self._hall.forsake(self.room.result(), self._hall.now())

    # -- ClaimerHost

    def unknown(self) -> None:
        """See ClaimerHost."""
        reject(self.room, refusal(ErrorCode.UNKNOWN_CODE))

    def refused(self, reason: str) -> None:
        """See ClaimerHost."""
        reject(self.room, self._hall.refused(reason))

    def joined(self, room: str, maker: bytes) -> None:
        """See ClaimerHost."""
        if self._hall.enter(room, maker, Rooming(self._hall), maker=False):
            resolve(self.room, room)
        else:
            reject(self.room, refusal(ErrorCode.TOO_MANY_ROOMS))


class Visiting:
    """A place. See VisitorHost and RoomHost.

    answer: resolved with the room that is shared with whoever waited; None: nobody did.
    """

    def __init__(self, hall: Keeper, place: bytes) -> None:
        self.place = place
        self.answer: asyncio.Future[str | None] = future()
        self._hall = hall
        self.visitor = Visitor(
            place, self, peer_id=hall.peer_id, post=hall.post, timings=hall.timings
        )
        hall.admit(self.visitor.swarm, self.visitor)
        self.visitor.enter(hall.now())

    def end(self) -> None:
        """Leave the place."""
        self.visitor.leave(self._hall.now())
        self._forget()
        reject(self.answer, PairingFailed("This side left the place.", "Come there again."))
        self.answer.exception()  # perhaps nobody waits for it

    def give_back(self) -> None:
        """Leave the place, or drop the room that nobody waits for any more."""
        answered = self.answer.done() and self.answer.exception() is None
        room = self.answer.result() if answered else None
        if room is not None:
            self._hall.forsake(room, self._hall.now())
        self.end()

    # -- VisitorHost

    def waits(self) -> None:
        """See VisitorHost."""
        resolve(self.answer, None)

    def joined(self, room: str, waiter: bytes) -> None:
        """See VisitorHost."""
        self._forget()
        if self._hall.enter(room, waiter, Rooming(self._hall), maker=False):
            resolve(self.answer, room)
        else:
            reject(self.answer, refusal(ErrorCode.TOO_MANY_ROOMS))

    def refused(self, reason: str) -> None:
        """See VisitorHost."""
        self._forget()
        reject(self.answer, self._hall.refused(reason))

    def expired(self) -> None:
        """See VisitorHost."""
        self._forget()
        self._hall.told(words.PlaceExpired(place=self.place))

    def enters(self, room: str, guest: bytes) -> bool:
        """See VisitorHost."""
        return self._hall.enter(room, guest, _Entered(self._hall, self.visitor), maker=True)

    def forsakes(self, room: str, now: float) -> None:
        """See VisitorHost."""
        self._hall.forsake(room, now)

    def met(self, room: str) -> None:
        """See VisitorHost."""
        self._forget()
        self._hall.told(words.MetAtPlace(place=self.place, room=room))

    def _forget(self) -> None:
        self._hall.dismiss(self.visitor.swarm, self.visitor)
        self._hall.visited(self)


class _Entered(Rooming):
    """A room that was entered from a place: a person knows of it from its first sign on."""

    def __init__(self, hall: Keeper, visitor: Visitor) -> None:
        super().__init__(hall)
        self._visitor = visitor

    def entered(self, room: Room, now: float) -> None:
        """See RoomHost."""
        self._visitor.sign(room.id, now)


def future() -> asyncio.Future[T]:
    """Return a future of the running loop."""
    return asyncio.get_running_loop().create_future()


def resolve(answer: asyncio.Future[T], result: T) -> None:
    """Give a future its result, unless it is done."""
    if not answer.done():
        answer.set_result(result)


def reject(answer: asyncio.Future[T], error: FileSendError) -> None:
    """Give a future an error, unless it is done."""
    if not answer.done():
        answer.set_exception(error)
