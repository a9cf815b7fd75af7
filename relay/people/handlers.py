"""People on the relay: socket.io on one side, rooms on the other.

Every word is validated here and then either answered (a call) or forwarded to the other in the room
that it names (a routed word), who may be connected to another process: post.py takes it there. No
word's content is logged or kept.

Where the store is away, a word is refused, as by a relay that is full, and people try again. Where
something that was meant for people here may be lost, or what was kept of them is, their connections
end: they come back, to rooms of which nothing is missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import socketio.exceptions

from relay.bus.base import Bus, BusAway
from relay.guard.limits import Limits
from relay.guard.pacing import paced
from relay.guard.socketio_guard import SocketServer
from relay.metrics import Metrics
from relay.people.post import Parcel, Post
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
    RelayMoving,
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
from relay.stores.base import (
    Counted,
    CountedByAddress,
    Forgotten,
    Notice,
    PersonKey,
    Refusal,
    StoreAway,
    Stores,
)
from relay.transit.passes import Passes
from relay.turn import TurnServers

logger = logging.getLogger(__name__)

_LONGEST_MESSAGE = 300
# Seconds in which somebody is gone who was told to go on elsewhere.
_MOVED_WITHIN = 1.0
_TOO_MANY_CODES = "Too many codes tried; wait a little."
_TOO_MANY_MEETS = "Too many places tried; wait a little."
_GONE = "The other person's connection is gone."
_AWAY = "The relay cannot reach what it keeps; try again in a moment."


class _Person:
    """A connected client, its key and address. is_direct: there is no proxy in between."""

    def __init__(self, key: PersonKey, address: str, *, is_direct: bool) -> None:
        self.key = key
        self.address = address
        self.is_direct = is_direct
        #: Held while a word of theirs is handled, and while a notice is sent to them.
        self.busy = asyncio.Lock()
        #: What came from other processes, and its size in bytes.
        self.inbox: deque[tuple[Parcel, int]] = deque()
        self.inbox_size = 0


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
        bus: Bus,
        turn: TurnServers | None = None,
    ) -> None:
        self._server = server
        self._bus = bus
        self._post = Post(bus, self._take_in)
        self._rooms = stores.people
        self._rates = stores.rates
        self._limits = limits
        self._metrics = metrics
        self._passes = passes
        self._turn = turn
        self._people: dict[str, _Person] = {}
        #: Who is gone, and has yet to be removed from the store, which was away.
        self._lost: set[PersonKey] = set()
        self._handing: set[asyncio.Task[None]] = set()
        self._closing = False
        self._moving = False
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
            await self._sweep()

    async def let_everybody_go(self) -> None:
        """End all connections, as something may be lost that is meant for them."""
        for sid in self._people:
            self._server.let_go(sid)

    async def move(self, seconds: float) -> None:
        """Tell everybody, within so many seconds, to go on elsewhere; nobody new is let in.

        One after another, so that they do not all come to the other at the same moment. Whoever
        does not know the word is let go a moment after it.
        """
        self._moving = True
        sids = list(self._people)
        random.shuffle(sids)
        loop = asyncio.get_running_loop()
        async for sid in paced(sids, seconds):
            await self._server.send("relayMoving", to_wire(RelayMoving()), to=sid)
            loop.call_later(_MOVED_WITHIN, self._server.let_go, sid)

    async def say_closing(self) -> None:
        """Notify everybody that the relay closes; return when that is sent, or after a timeout."""
        self._closing = True
        if self._people:
            await self._server.emit("relayClosing", to_wire(RelayClosing()))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._server.finish(), self._limits.closing_grace)

    async def _sweep(self) -> None:
        await self._post.tell_waiting()
        for person in tuple(self._lost):
            await self._tell(await self._rooms.lost(person))
            self._lost.discard(person)
        try:
            await self._tell(await self._rooms.expire())
        except Forgotten as forgotten:
            logger.warning("everybody has to come anew: %s", forgotten)
            await self.let_everybody_go()

    async def _on_connect(self, sid: str, environ: dict[str, Any], _auth: object) -> None:
        if self._closing or self._moving or len(self._people) >= self._limits.max_people:
            raise socketio.exceptions.ConnectionRefusedError("The relay is full.")
        if not self._bus.is_open:
            raise socketio.exceptions.ConnectionRefusedError(_AWAY)
        address, port = environ["asgi.scope"]["client"]
        self._people[sid] = _Person(self._bus.key(sid), address, is_direct=bool(port))

    async def _on_disconnect(self, sid: str, _reason: str) -> None:
        person = self._people.pop(sid, None)
        if person is None:
            return
        self._passes.drop(person.key)
        notices: Iterable[Notice] = ()
        async with person.busy:  # else their last word could add state after this removes it
            try:
                notices = await self._rooms.lost(person.key)
            except StoreAway:
                self._lost.add(person.key)
        if self._closing:  # who is here was notified already
            notices = [each for each in notices if self._bus.own(each.to) is None]
        await self._tell(notices)

    async def _on_word(self, event: str, sid: str, *arguments: object) -> dict[str, Any]:
        try:
            person = self._people[sid]
            async with person.busy:
                reply, notices = await self._handle(event, person, arguments)
            # Not while `busy` is held: two who notify each other would deadlock.
            await self._tell(notices)
            return to_wire(reply)
        except Refusal as refusal:
            return self._refused(refusal)
        except (StoreAway, BusAway) as away:
            logger.debug("a word is refused: %s", away)
            return self._refused(Refusal(ErrorCode.RELAY_FULL, _AWAY))
        except Exception:
            logger.exception("handling a word failed")
            raise

    def _refused(self, refusal: Refusal) -> dict[str, Any]:
        self._metrics.refused.labels(refusal.code).inc()
        return {"error": {"code": refusal.code, "message": refusal.message}}

    async def _handle(
        self, event: str, person: _Person, arguments: tuple[object, ...]
    ) -> tuple[Word, Sequence[Notice]]:
        if not await self._rates.take(Counted.WORDS, person.key):
            raise Refusal(ErrorCode.RATE_LIMITED, "Too many words at once; slow down.")
        route = ROUTES.get(event)
        if route is not None:
            await self._route(event, route, person.key, _read(route.payload, arguments))
            return Done(), ()
        call = CALLS.get(event)
        if call is None:
            raise Refusal(ErrorCode.UNKNOWN_EVENT, "The relay does not know this event.")
        return await self._answer(_read(call, arguments), person)

    async def _route(
        self, event: str, route: Route, sender: PersonKey, word: Routed | Sealed
    ) -> None:
        partner, proven = await self._rooms.route(sender, word.room, proves=event in CONTENTS)
        if proven is not None:
            await self._rates.give_back(CountedByAddress.FAILED_CLAIMS, proven)
        sid = self._bus.own(partner)
        if sid is not None:
            await self._server.send(route.delivered_as, to_wire(word), to=sid)
        elif not await self._post.send(partner, route.delivered_as, to_wire(word)):
            raise Refusal(ErrorCode.NOT_PAIRED, _GONE)
        self._metrics.routed.labels(event).inc()

    async def _answer(  # noqa: PLR0911 - a table of the calls
        self, call: Word, person: _Person
    ) -> tuple[Word, Sequence[Notice]]:
        limits, key, address = self._limits, person.key, person.address
        match call:
            case Allocate(nameplate=wanted):
                await self._count_code(key, address)
                lifetime, rest = limits.nameplate_lifetime, limits.remember
                return await self._rooms.allocate(key, lifetime, rest, wanted), ()
            case Claim(nameplate=nameplate):
                await self._count_code(key, address)
                await self._count_claim(address)
                room, notice = await self._rooms.claim(key, address, nameplate)
                return Joined(room=room), (notice,)
            case Release():
                await self._rooms.release(key)
            case Meet(place=place):
                await self._count_meet(key, address)
                entered = await self._rooms.meet(key, address, place, limits.place_lifetime)
                if entered is None:
                    return Met(room=None), ()
                return Met(room=entered.room), (entered.notice,)
            case LeavePlace(place=place):
                await self._rooms.leave_place(key, place)
            case Leave(room=room):
                return Done(), await self._rooms.leave(key, room)
            case AskRoads():
                return await self._roads_of(person), ()
        return Done(), ()

    async def _roads_of(self, person: _Person) -> Roads:
        turn = None
        if self._turn is not None and await self._rooms.is_paired(person.key):
            turn = self._turn.login(person.address)
            self._metrics.turn.inc()
        # A proxy in front passes on no UDP.
        stun = self.stun_port if person.is_direct else None
        given = self._passes.give(person.key) if self._limits.transit else None
        return Roads(pass_=given, stun_port=stun, turn=turn)

    async def _count_code(self, key: PersonKey, address: str) -> None:
        await self._count(Counted.CODES, key, CountedByAddress.CODES, address, _TOO_MANY_CODES)

    async def _count_claim(self, address: str) -> None:
        # Each claim counts as failed until the code's owner proves otherwise.
        for what in (CountedByAddress.CLAIMS, CountedByAddress.FAILED_CLAIMS):
            if not await self._rates.take_of_address(what, address):
                raise Refusal(ErrorCode.RATE_LIMITED, _TOO_MANY_CODES)

    async def _count_meet(self, key: PersonKey, address: str) -> None:
        await self._count(Counted.MEETS, key, CountedByAddress.MEETS, address, _TOO_MANY_MEETS)

    async def _count(
        self, own: Counted, key: PersonKey, all_of: CountedByAddress, address: str, refusal: str
    ) -> None:
        # Both buckets are charged, so that a socket over its rate also counts against its address.
        taken = await self._rates.take(own, key)
        if not await self._rates.take_of_address(all_of, address) or not taken:
            raise Refusal(ErrorCode.RATE_LIMITED, refusal)

    async def _tell(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            sid = self._bus.own(notice.to)
            if sid is None:
                await self._post.tell(notice)
                continue
            person = self._people.get(sid)
            if person is None:
                continue  # they are gone
            async with person.busy:  # the answer with a room precedes the notice of its end
                await self._server.send(notice.event, to_wire(notice.word), to=sid)

    def _take_in(self, sid: str, parcel: Parcel, size: int) -> None:
        """Take in what another process has for a person; it is handed on in its order."""
        person = self._people.get(sid)
        if person is None:
            return  # they are gone
        if person.inbox_size + size > self._limits.max_backlog:
            self._server.let_go(sid)  # as whoever reads too slowly
            return
        person.inbox.append((parcel, size))
        person.inbox_size += size
        if len(person.inbox) == 1:
            handing = asyncio.create_task(self._hand_on(sid, person))
            self._handing.add(handing)
            handing.add_done_callback(self._handing.discard)

    async def _hand_on(self, sid: str, person: _Person) -> None:
        """Hand on what came, as `_tell` and `_route` do; end the connection where that fails."""
        try:
            while person.inbox:
                parcel, size = person.inbox[0]
                async with person.busy if parcel.is_notice else contextlib.nullcontext():
                    await self._server.send(parcel.event, parcel.word, to=sid)
                person.inbox.popleft()
                person.inbox_size -= size
        except Exception:
            logger.exception("handing on what another process passed on failed")
            self._server.let_go(sid)


def _read(payload_type: type[W], arguments: tuple[object, ...]) -> W:
    if len(arguments) > 1:
        raise Refusal(ErrorCode.INVALID_PAYLOAD, "Expected one payload.")
    try:
        return parse(payload_type, arguments[0] if arguments else None)
    except msgspec.ValidationError as error:
        raise Refusal(ErrorCode.INVALID_PAYLOAD, str(error)[:_LONGEST_MESSAGE]) from None
