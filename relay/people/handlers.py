"""People on the relay: socket.io on one side, rooms on the other.

Every word is validated here and then either answered (a call) or forwarded to the other in the room
that it names (a routed word). No word's content is logged or kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import socketio.exceptions

from relay.guard.limits import Limits
from relay.guard.socketio_guard import SocketServer
from relay.metrics import Metrics
from relay.protocol.words import (
    CALLS,
    CONTENTS,
    ROUTES,
    Allocate,
    AskRoads,
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
    Roads,
    Route,
    Routed,
    Sealed,
    W,
    Word,
    parse,
    to_wire,
)
from relay.stores.base import Counted, CountedByAddress, Notice, Refusal, Stores
from relay.transit.passes import Passes
from relay.turn import TurnServers

logger = logging.getLogger(__name__)

_LONGEST_MESSAGE = 300
_TOO_MANY_CODES = "Too many codes tried; wait a little."
_TOO_MANY_MEETS = "Too many places tried; wait a little."


class _Person:
    """A connected client, and its address. is_direct: there is no proxy in between."""

    def __init__(self, address: str, *, is_direct: bool) -> None:
        self.address = address
        self.is_direct = is_direct
        #: Held while a word of theirs is handled, and while a notice is sent to them.
        self.busy = asyncio.Lock()


class People:
    """Everybody connected, and the handlers of their words."""

    def __init__(
        self,
        server: SocketServer,
        stores: Stores,
        limits: Limits,
        metrics: Metrics,
        passes: Passes,
        *,
        turn: TurnServers | None = None,
    ) -> None:
        self._server = server
        self._rooms = stores.people
        self._rates = stores.rates
        self._limits = limits
        self._metrics = metrics
        self._passes = passes
        self._turn = turn
        self._people: dict[str, _Person] = {}
        self._closing = False
        #: Where STUN is answered; None: nowhere.
        self.stun_port: int | None = None
        server.on("connect", self._on_connect)
        server.on("disconnect", self._on_disconnect)
        server.on("*", self._on_word)

    @property
    def count(self) -> int:
        """The number of people who are connected."""
        return len(self._people)

    async def keep(self) -> None:
        """Expire nameplates and places for as long as the relay runs."""
        while True:
            await asyncio.sleep(self._limits.sweep_every)
            await self._server.sweep()
            await self._tell(await self._rooms.expire())

    async def say_closing(self) -> None:
        """Notify everybody that the relay closes; return when that is sent, or after a timeout."""
        self._closing = True
        if self._people:
            await self._server.emit("relayClosing", to_wire(RelayClosing()))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._server.finish(), self._limits.closing_grace)

    async def _on_connect(self, sid: str, environ: dict[str, Any], _auth: object) -> None:
        if self._closing or len(self._people) >= self._limits.max_people:
            raise socketio.exceptions.ConnectionRefusedError("The relay is full.")
        address, port = environ["asgi.scope"]["client"]
        self._people[sid] = _Person(address, is_direct=bool(port))

    async def _on_disconnect(self, sid: str, _reason: str) -> None:
        person = self._people.pop(sid, None)
        self._passes.drop(sid)
        if person is None:
            return
        async with person.busy:  # else their last word could add state after this removes it
            notices = await self._rooms.lost(sid)
        if not self._closing:  # else everybody was notified already
            await self._tell(notices)

    async def _on_word(self, event: str, sid: str, *arguments: object) -> dict[str, Any]:
        try:
            person = self._people[sid]
            async with person.busy:
                reply, notices = await self._handle(event, sid, person, arguments)
            # Not while `busy` is held: two who notify each other would deadlock.
            await self._tell(notices)
            return to_wire(reply)
        except Refusal as refusal:
            self._metrics.refused.labels(refusal.code).inc()
            return {"error": {"code": refusal.code, "message": refusal.message}}
        except Exception:
            logger.exception("handling a word failed")
            raise

    async def _handle(
        self, event: str, sid: str, person: _Person, arguments: tuple[object, ...]
    ) -> tuple[Word, Sequence[Notice]]:
        if not await self._rates.take(Counted.WORDS, sid):
            raise Refusal(ErrorCode.RATE_LIMITED, "Too many words at once; slow down.")
        route = ROUTES.get(event)
        if route is not None:
            await self._route(event, route, sid, _read(route.payload, arguments))
            return Done(), ()
        call = CALLS.get(event)
        if call is None:
            raise Refusal(ErrorCode.UNKNOWN_EVENT, "The relay does not know this event.")
        return await self._answer(_read(call, arguments), sid, person.address)

    async def _route(self, event: str, route: Route, sid: str, word: Routed | Sealed) -> None:
        partner, proven = await self._rooms.route(sid, word.room, proves=event in CONTENTS)
        if proven is not None:
            await self._rates.give_back(CountedByAddress.FAILED_CLAIMS, proven)
        await self._server.send(route.delivered_as, to_wire(word), to=partner)
        self._metrics.routed.labels(event).inc()

    async def _answer(  # noqa: PLR0911 - a table of the calls
        self, call: Word, sid: str, address: str
    ) -> tuple[Word, Sequence[Notice]]:
        limits = self._limits
        match call:
            case Allocate(nameplate=wanted):
                await self._count_code(sid, address)
                lifetime, rest = limits.nameplate_lifetime, limits.remember
                return await self._rooms.allocate(sid, lifetime, rest, wanted), ()
            case Claim(nameplate=nameplate):
                await self._count_code(sid, address)
                await self._count_claim(address)
                room, notice = await self._rooms.claim(sid, address, nameplate)
                return Joined(room=room), (notice,)
            case Release():
                await self._rooms.release(sid)
            case Meet(place=place):
                await self._count_meet(sid, address)
                entered = await self._rooms.meet(sid, address, place, limits.place_lifetime)
                if entered is None:
                    return Met(room=None), ()
                return Met(room=entered.room), (entered.notice,)
            case LeavePlace(place=place):
                await self._rooms.leave_place(sid, place)
            case Leave(room=room):
                return Done(), await self._rooms.leave(sid, room)
            case AskRoads():
                return await self._roads_of(sid, address), ()
        return Done(), ()

    async def _roads_of(self, sid: str, address: str) -> Roads:
        turn = None
        if self._turn is not None and await self._rooms.is_paired(sid):
            turn = self._turn.login(address)
            self._metrics.turn.inc()
        # A proxy in front passes on no UDP.
        stun = self.stun_port if self._people[sid].is_direct else None
        given = self._passes.give(sid) if self._limits.transit else None
        return Roads(pass_=given, stun_port=stun, turn=turn)

    async def _count_code(self, sid: str, address: str) -> None:
        await self._count(Counted.CODES, sid, CountedByAddress.CODES, address, _TOO_MANY_CODES)

    async def _count_claim(self, address: str) -> None:
        # Each claim counts as failed until the code's owner proves otherwise.
        for what in (CountedByAddress.CLAIMS, CountedByAddress.FAILED_CLAIMS):
            if not await self._rates.take_of_address(what, address):
                raise Refusal(ErrorCode.RATE_LIMITED, _TOO_MANY_CODES)

    async def _count_meet(self, sid: str, address: str) -> None:
        await self._count(Counted.MEETS, sid, CountedByAddress.MEETS, address, _TOO_MANY_MEETS)

    async def _count(
        self, own: Counted, sid: str, all_of: CountedByAddress, address: str, refusal: str
    ) -> None:
        # Both buckets are charged, so that a socket over its rate also counts against its address.
        taken = await self._rates.take(own, sid)
        if not await self._rates.take_of_address(all_of, address) or not taken:
            raise Refusal(ErrorCode.RATE_LIMITED, refusal)

    async def _tell(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            person = self._people.get(notice.to)
            if person is None:
                continue  # they are gone
            async with person.busy:  # the answer with a room precedes the notice of its end
                await self._server.send(notice.event, to_wire(notice.word), to=notice.to)


def _read(payload_type: type[W], arguments: tuple[object, ...]) -> W:
    if len(arguments) > 1:
        raise Refusal(ErrorCode.INVALID_PAYLOAD, "Expected one payload.")
    try:
        return parse(payload_type, arguments[0] if arguments else None)
    except msgspec.ValidationError as error:
        raise Refusal(ErrorCode.INVALID_PAYLOAD, str(error)[:_LONGEST_MESSAGE]) from None
