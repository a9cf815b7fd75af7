"""People on the relay: socket.io on one side, rooms on the other.

Every word is checked here and then either answered (a call) or handed to the other in the room that
it names (a routed word) and forgotten. No word's content is logged or kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import socketio.exceptions

from relay.guard.buckets import AddressBuckets, TokenBucket
from relay.guard.limits import Limits
from relay.guard.socketio_guard import SocketServer
from relay.metrics import Metrics
from relay.people.notices import Notice, Refusal
from relay.people.rooms import Rooms
from relay.protocol.words import (
    CALLS,
    CONTENTS,
    ROUTES,
    Allocate,
    Claim,
    Done,
    ErrorCode,
    Joined,
    Leave,
    LeavePlace,
    Meet,
    Met,
    RelayClosing,
    Release,
    Route,
    Routed,
    Sealed,
    W,
    Word,
    parse,
    to_wire,
)

logger = logging.getLogger(__name__)

_LONGEST_MESSAGE = 300
_TOO_MANY_CODES = "Too many codes tried; wait a little."
_TOO_MANY_MEETS = "Too many places tried; wait a little."


class _Person:
    """A connected client: where from, and how much it asks."""

    def __init__(self, address: str, limits: Limits, now: float) -> None:
        self.address = address
        self.words = TokenBucket(limits.words, now)
        self.codes = TokenBucket(limits.codes, now)
        self.meets = TokenBucket(limits.meets, now)


class People:
    """Everybody connected, and the handlers of what they say. clock: monotonic seconds."""

    def __init__(
        self,
        server: SocketServer,
        rooms: Rooms,
        limits: Limits,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._rooms = rooms
        self._limits = limits
        self._metrics = metrics
        self._clock = clock
        self._people: dict[str, _Person] = {}
        self._address_codes = AddressBuckets(limits.address_codes, limits.max_addresses)
        self._address_claims = AddressBuckets(limits.address_claims, limits.max_addresses)
        self._address_failures = AddressBuckets(limits.address_failed_claims, limits.max_addresses)
        self._address_meets = AddressBuckets(limits.address_meets, limits.max_addresses)
        self._closing = False
        server.on("connect", self._on_connect)
        server.on("disconnect", self._on_disconnect)
        server.on("*", self._on_word)

    @property
    def count(self) -> int:
        """How many people are connected."""
        return len(self._people)

    async def keep(self) -> None:
        """Expire nameplates and places for as long as the relay lives."""
        while True:
            await asyncio.sleep(self._limits.sweep_every)
            await self._server.sweep()
            now = self._clock()
            await self._tell(self._rooms.expire(now))
            for buckets in (
                self._address_codes,
                self._address_claims,
                self._address_failures,
                self._address_meets,
            ):
                buckets.forget(now)

    async def say_closing(self) -> None:
        """Tell everybody that the relay closes; returns when they are told or will not listen."""
        self._closing = True
        if self._people:
            await self._server.emit("relayClosing", to_wire(RelayClosing()))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._server.finish(), self._limits.closing_grace)

    async def _on_connect(self, sid: str, environ: dict[str, Any], _auth: object) -> None:
        if self._closing or len(self._people) >= self._limits.max_people:
            raise socketio.exceptions.ConnectionRefusedError("The relay is full.")
        address = environ["asgi.scope"]["client"][0]
        self._people[sid] = _Person(address, self._limits, self._clock())

    async def _on_disconnect(self, sid: str, _reason: str) -> None:
        self._people.pop(sid, None)
        notices = self._rooms.lost(sid, self._clock())
        if not self._closing:  # then everybody goes, and has been told so
            await self._tell(notices)

    async def _on_word(self, event: str, sid: str, *arguments: object) -> dict[str, Any]:
        try:
            return to_wire(await self._handle(event, sid, arguments))
        except Refusal as refusal:
            self._metrics.refused.labels(refusal.code).inc()
            return {"error": {"code": refusal.code, "message": refusal.message}}
        except Exception:
            logger.exception("handling a word failed")
            raise

    async def _handle(self, event: str, sid: str, arguments: tuple[object, ...]) -> Word:
        person = self._people[sid]
        if not person.words.take(self._clock()):
            raise Refusal(ErrorCode.RATE_LIMITED, "Too many words at once; slow down.")
        route = ROUTES.get(event)
        if route is not None:
            await self._route(event, route, sid, _read(route.payload, arguments))
            return Done()
        call = CALLS.get(event)
        if call is None:
            raise Refusal(ErrorCode.UNKNOWN_EVENT, "The relay does not know this event.")
        return await self._answer(_read(call, arguments), sid, person)

    async def _route(self, event: str, route: Route, sid: str, word: Routed | Sealed) -> None:
        partner = self._rooms.partner(sid, word.room)
        if event in CONTENTS and (claimant := self._rooms.proven(sid, word.room)) is not None:
            self._give_back_claim(self._people[claimant])
        await self._server.say(route.delivered_as, to_wire(word), to=partner)
        self._metrics.routed.labels(event).inc()

    async def _answer(self, call: Word, sid: str, person: _Person) -> Word:
        now = self._clock()
        match call:
            case Allocate():
                self._count_code(person, now)
                return self._rooms.allocate(sid, now)
            case Claim(nameplate=nameplate):
                self._count_code(person, now)
                self._count_claim(person, now)
                room, notice = self._rooms.claim(sid, nameplate, now)
                await self._tell((notice,))
                return Joined(room=room)
            case Release():
                self._rooms.release(sid, now)
            case Meet(place=place):
                self._count_meet(person, now)
                entered = self._rooms.meet(sid, person.address, place, now)
                if entered is None:
                    return Met(room=None)
                await self._tell((entered.notice,))
                return Met(room=entered.room)
            case LeavePlace(place=place):
                self._rooms.leave_place(sid, place)
            case Leave(room=room):
                await self._tell(self._rooms.leave(sid, room))
        return Done()

    def _count_code(self, person: _Person, now: float) -> None:
        # Both buckets are asked, so that one socket's greed also counts against its address.
        own = person.codes.take(now)
        if not self._address_codes.take(person.address, now) or not own:
            raise Refusal(ErrorCode.RATE_LIMITED, _TOO_MANY_CODES)

    def _count_claim(self, person: _Person, now: float) -> None:
        # Each one counts as a failed one until the code's owner shows that it was not.
        claims, failures = self._address_claims, self._address_failures
        if not (claims.take(person.address, now) and failures.take(person.address, now)):
            raise Refusal(ErrorCode.RATE_LIMITED, _TOO_MANY_CODES)

    def _count_meet(self, person: _Person, now: float) -> None:
        own = person.meets.take(now)
        if not self._address_meets.take(person.address, now) or not own:
            raise Refusal(ErrorCode.RATE_LIMITED, _TOO_MANY_MEETS)

    def _give_back_claim(self, claimant: _Person) -> None:
        self._address_failures.spend(claimant.address, self._clock(), -1)

    async def _tell(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            await self._server.say(notice.event, to_wire(notice.word), to=notice.to)


def _read(payload_type: type[W], arguments: tuple[object, ...]) -> W:
    if len(arguments) > 1:
        raise Refusal(ErrorCode.INVALID_PAYLOAD, "Expected one payload.")
    try:
        return parse(payload_type, arguments[0] if arguments else None)
    except msgspec.ValidationError as error:
        raise Refusal(ErrorCode.INVALID_PAYLOAD, str(error)[:_LONGEST_MESSAGE]) from None
