"""People on the relay: socket.io on one side, rooms on the other.

Every word is checked here and then either answered (a call) or handed to the partner (a routed
word) and forgotten. No word's content is logged or kept.
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

from relay.guard.limits import Limits
from relay.guard.socketio_guard import SocketServer
from relay.metrics import Metrics
from relay.people.rooms import Notice, Refusal, Rooms
from relay.protocol.words import (
    CALLS,
    CONTENTS,
    ROUTES,
    Allocate,
    Claim,
    Done,
    ErrorCode,
    Leave,
    RelayClosing,
    Release,
    Route,
    Word,
    parse,
    to_wire,
)
from relay.stores.base import Counted, CountedByAddress, Stores

logger = logging.getLogger(__name__)

_LONGEST_MESSAGE = 300
_TOO_MANY_CODES = "Too many codes tried; wait a little."


class _Person:
    """A connected client: where from."""

    def __init__(self, address: str) -> None:
        self.address = address


class People:
    """Everybody connected, and the handlers of what they say. clock: monotonic seconds."""

    def __init__(
        self,
        server: SocketServer,
        rooms: Rooms,
        stores: Stores,
        limits: Limits,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._rooms = rooms
        self._rates = stores.rates
        self._limits = limits
        self._metrics = metrics
        self._clock = clock
        self._people: dict[str, _Person] = {}
        self._closing = False
        server.on("connect", self._on_connect)
        server.on("disconnect", self._on_disconnect)
        server.on("*", self._on_word)

    @property
    def count(self) -> int:
        """How many people are connected."""
        return len(self._people)

    async def keep(self) -> None:
        """Expire nameplates for as long as the relay lives."""
        while True:
            await asyncio.sleep(self._limits.sweep_every)
            await self._server.sweep()
            await self._tell(self._rooms.expire(self._clock()))

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
        self._people[sid] = _Person(address)

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
        if not await self._rates.take(Counted.WORDS, sid):
            raise Refusal(ErrorCode.RATE_LIMITED, "Too many words at once; slow down.")
        route = ROUTES.get(event)
        if route is not None:
            await self._route(event, route, sid, _read(route.payload, arguments))
            return Done()
        call = CALLS.get(event)
        if call is None:
            raise Refusal(ErrorCode.UNKNOWN_EVENT, "The relay does not know this event.")
        return await self._answer(_read(call, arguments), sid, person)

    async def _route(self, event: str, route: Route, sid: str, word: Word) -> None:
        partner = self._rooms.partner(sid)
        if event in CONTENTS and (claimant := self._rooms.proven(sid)) is not None:
            address = self._people[claimant].address
            await self._rates.give_back(CountedByAddress.FAILED_CLAIMS, address)
        await self._server.say(route.delivered_as, to_wire(word), to=partner)
        self._metrics.routed.labels(event).inc()

    async def _answer(self, call: Word, sid: str, person: _Person) -> Word:
        match call:
            case Allocate():
                await self._count_code(sid, person.address)
                return self._rooms.allocate(sid, self._clock())
            case Claim(nameplate=nameplate):
                await self._count_code(sid, person.address)
                await self._count_claim(person.address)
                await self._tell(self._rooms.claim(sid, nameplate, self._clock()))
            case Release():
                self._rooms.release(sid, self._clock())
            case Leave():
                await self._tell(self._rooms.leave(sid))
        return Done()

    async def _count_code(self, sid: str, address: str) -> None:
        # Both buckets are asked, so that one socket's greed also counts against its address.
        own = await self._rates.take(Counted.CODES, sid)
        if not await self._rates.take_of_address(CountedByAddress.CODES, address) or not own:
            raise Refusal(ErrorCode.RATE_LIMITED, _TOO_MANY_CODES)

    async def _count_claim(self, address: str) -> None:
        # Each one counts as a failed one until the code's owner shows that it was not.
        for what in (CountedByAddress.CLAIMS, CountedByAddress.FAILED_CLAIMS):
            if not await self._rates.take_of_address(what, address):
                raise Refusal(ErrorCode.RATE_LIMITED, _TOO_MANY_CODES)

    async def _tell(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            await self._server.say(notice.event, to_wire(notice.word), to=notice.to)


def _read(payload_type: type[Word], arguments: tuple[object, ...]) -> Word:
    if len(arguments) > 1:
        raise Refusal(ErrorCode.INVALID_PAYLOAD, "Expected one payload.")
    try:
        return parse(payload_type, arguments[0] if arguments else None)
    except msgspec.ValidationError as error:
        raise Refusal(ErrorCode.INVALID_PAYLOAD, str(error)[:_LONGEST_MESSAGE]) from None
