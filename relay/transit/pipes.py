"""Pipes: two WebSockets of two paired people, and the bytes between them.

An end is read only as fast as the other end takes it, so that little is ever kept here
(back-pressure). Messages are handed on below ASGI (guard/pipe_guard.py): here it is decided whether
and when. Whose end it is, its pass says (passes.py); what the bytes mean is not known.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec
from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from relay.guard.buckets import AddressBuckets, AddressTally, TokenBucket
from relay.guard.limits import Limits, Rate
from relay.guard.pipe_guard import PIPE_EXTENSION, PipeGuard
from relay.metrics import Metrics
from relay.protocol.transit import (
    JOINED,
    PASS,
    PIPE,
    Slowed,
    TransitEnd,
    TransitNotice,
)
from relay.stores.base import PeopleStore, PersonKey
from relay.transit.passes import Passes

# Seconds of waiting from which the two are told, and the longest wait for one message.
_TOLD_FROM: Final = 1.0
_LONGEST_WAIT: Final = 15.0


class _Refused(Exception):
    """An end is closed. code: why."""

    def __init__(self, code: TransitEnd) -> None:
        super().__init__(code.name)
        self.code = code


class _Wait(NamedTuple):
    """Bytes have to wait. seconds: for how long. bound, rate: what for, and its bytes a second."""

    seconds: float
    bound: Slowed
    rate: float


class _End:
    """One WebSocket of a pipe. person: whose. early: what came before it was told of the other."""

    def __init__(self, websocket: WebSocket, person: PersonKey, address: str) -> None:
        self.websocket = websocket
        self.person = person
        self.address = address
        self.early: Message | None = None
        self.socket: PipeGuard = websocket.scope["extensions"][PIPE_EXTENSION]
        self.pipe: asyncio.Future[_Pipe] = asyncio.get_running_loop().create_future()

    async def send(self, message: Message) -> bool:
        """Send a message; False if it is closed."""
        try:
            await self.websocket.send(message)
        except (RuntimeError, WebSocketDisconnect):
            return False
        return True

    async def close(self, code: TransitEnd) -> None:
        """Close it, unless it is closed."""
        await self.send({"type": "websocket.close", "code": code, "reason": ""})


class _Flow:
    """One direction of a pipe: hands each message on when it may go, and the far end has room.

    spend: counts bytes, and returns for how long they have to wait. waited: waits; False if the
    pipe ends meanwhile. carried: counts bytes that went.
    """

    def __init__(
        self,
        source: PipeGuard,
        target: PipeGuard,
        *,
        spend: Callable[[int], _Wait | None],
        waited: Callable[[_Wait], Awaitable[bool]],
        carried: Callable[[float], None],
    ) -> None:
        self._source = source
        self._target = target
        self._spend = spend
        self._waited = waited
        self._carried = carried
        self._waiting: asyncio.Task[None] | None = None

    def take(self, data: bytes) -> bool:
        """Take a message; return whether the next may follow now. See PipeGuard.begin."""
        wait = self._spend(len(data))
        if wait is None:
            return self._put(data)
        self._waiting = asyncio.create_task(self._put_later(wait, data))
        return False

    def drained(self) -> None:
        """Go on, as the far end has room again; unless a message waits for its time."""
        if self._waiting is None:
            self._source.go_on()

    async def _put_later(self, wait: _Wait, data: bytes) -> None:
        goes = await self._waited(wait)
        self._waiting = None
        if goes and self._put(data):
            self._source.go_on()

    def _put(self, data: bytes) -> bool:
        self._carried(len(data))
        return self._target.put(data)


class _Pipe:
    """Two ends that have met."""

    def __init__(self, ends: tuple[_End, _End], rate: Rate, now: float) -> None:
        self.ends = ends
        self.bytes = TokenBucket(rate, now)
        #: The bound that the two were told of last.
        self.told: Slowed | None = None
        #: Set when either end is gone.
        self.over = asyncio.Event()

    def other(self, end: _End) -> _End:
        """Return the far end."""
        return self.ends[self.ends[0] is end]


class Transit:
    """All pipes. clock: monotonic seconds."""

    def __init__(
        self,
        people: PeopleStore,
        passes: Passes,
        limits: Limits,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._people = people
        self._passes = passes
        self._limits = limits
        self._metrics = metrics
        self._now = clock
        self._waiting: dict[bytes, _End] = {}
        self._ends = AddressTally()
        self._count = 0
        self._all = TokenBucket(limits.transit_bytes, clock())
        self._days = AddressBuckets(limits.transit_day, limits.max_addresses)

    @property
    def count(self) -> int:
        """The number of open ends."""
        return self._count

    async def keep(self) -> None:
        """Forget what addresses have carried once it does not count any more."""
        while True:
            await asyncio.sleep(self._limits.sweep_every)
            self._days.forget(self._now())

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one end until either end is closed."""
        address = websocket.client.host if websocket.client else ""
        await websocket.accept()
        try:
            full = self._count >= self._limits.max_transit_ends
            if full or not self._ends.has_room(address, self._limits.max_address_transit_ends):
                raise _Refused(TransitEnd.FULL)
            self._count += 1
            self._ends.add(address)
            try:
                await self._serve(websocket, address)
            finally:
                self._count -= 1
                self._ends.remove(address)
        except _Refused as refused:
            self._metrics.rejected.labels("transit").inc()
            with suppress(RuntimeError, WebSocketDisconnect):
                await websocket.close(refused.code)

    async def _serve(self, websocket: WebSocket, address: str) -> None:
        greeting = await self._greeted(websocket)
        person = self._passes.holder(greeting[:PASS])
        if person is None:
            raise _Refused(TransitEnd.NOT_PAIRED)
        end = _End(websocket, person, address)
        pipe = await self._meet(end, greeting[PASS:])
        if pipe is None:
            return
        try:
            await self._carry(end)
        finally:
            pipe.over.set()
            for each in pipe.ends:
                each.socket.finish()
            await pipe.other(end).close(TransitEnd.GONE)

    async def _greeted(self, websocket: WebSocket) -> bytes:
        """Return the greeting. Raises _Refused."""
        try:
            async with asyncio.timeout(self._limits.head_seconds):
                message = await websocket.receive()
        except TimeoutError:
            raise _Refused(TransitEnd.NO_GREETING) from None
        data: bytes = message.get("bytes") or b""
        if len(data) != PASS + PIPE:
            raise _Refused(TransitEnd.NO_GREETING)
        return data

    async def _meet(self, end: _End, name: bytes) -> _Pipe | None:
        """Wait for the other end; return None if this one is gone meanwhile. Raises _Refused."""
        waiting = self._waiting.pop(name, None)
        if waiting is None:
            return await self._await_other(end, name)
        if not await self._people.share_room(end.person, waiting.person):
            waiting.pipe.cancel()
            raise _Refused(TransitEnd.NOT_PAIRED)
        if waiting.pipe.done():  # it left while the store was asked
            raise _Refused(TransitEnd.NOBODY)
        pipe = _Pipe((waiting, end), self._limits.transit_pipe_bytes, self._now())
        waiting.pipe.set_result(pipe)
        self._metrics.pipes.inc()
        if not self._connect(pipe):
            pipe.over.set()
            await waiting.close(TransitEnd.BAD_MESSAGE)
            raise _Refused(TransitEnd.BAD_MESSAGE)
        for each in pipe.ends:
            await each.send({"type": "websocket.send", "bytes": JOINED})
        return pipe

    def _connect(self, pipe: _Pipe) -> bool:
        """Let the messages of each end go to the other; False if one has said something before."""
        one, other = (end.socket for end in pipe.ends)
        there, back = (
            _Flow(
                source,
                target,
                spend=partial(self._spend, pipe),
                waited=partial(self._waited, pipe),
                carried=self._metrics.transit_bytes.inc,
            )
            for source, target in ((one, other), (other, one))
        )
        silent = one.begin(there.take, back.drained)
        return other.begin(back.take, there.drained) and silent

    async def _await_other(self, end: _End, name: bytes) -> _Pipe | None:
        """See `_meet`."""
        self._waiting[name] = end
        # Nothing is to come from it before it is told of the other, but its end.
        coming = asyncio.ensure_future(end.websocket.receive())
        awaited: set[asyncio.Future[Any]] = {coming, end.pipe}
        try:
            await asyncio.wait(
                awaited, timeout=self._limits.transit_wait, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            if self._waiting.get(name) is end:
                del self._waiting[name]
            was_refused = end.pipe.cancelled()
            end.pipe.cancel()
            coming.cancel()
            await asyncio.wait({coming})
        if not coming.cancelled():
            end.early = coming.result()
        if not end.pipe.cancelled():
            return end.pipe.result()
        if end.early is None:
            raise _Refused(TransitEnd.NOT_PAIRED if was_refused else TransitEnd.NOBODY)
        if end.early["type"] != "websocket.disconnect":
            raise _Refused(TransitEnd.BAD_MESSAGE)
        return None

    async def _carry(self, end: _End) -> None:
        """Wait until an end is gone. Raises _Refused."""
        # Its messages go to the other end by themselves: what comes here is none.
        message = end.early or await end.websocket.receive()
        if message["type"] != "websocket.disconnect":
            raise _Refused(TransitEnd.BAD_MESSAGE)

    def _spend(self, pipe: _Pipe, count: int) -> _Wait | None:
        """Count bytes; return the longest wait for them, if they have to wait."""
        now, limits = self._now(), self._limits
        pipe.bytes.spend(now, count)
        self._all.spend(now, count)
        left = [
            (pipe.bytes.left(now), Slowed.PIPE, limits.transit_pipe_bytes.per_second),
            (self._all.left(now), Slowed.ALL, limits.transit_bytes.per_second),
        ]
        for address in {end.address for end in pipe.ends}:
            self._days.spend(address, now, count)
            left.append((self._days.left(address, now), Slowed.DAY, limits.transit_day.per_second))
        wait = max(_Wait(-each / rate, bound, rate) for each, bound, rate in left)
        return wait if wait.seconds > 0 else None

    async def _waited(self, pipe: _Pipe, wait: _Wait) -> bool:
        """Wait, and tell both why where it is long; False if the pipe ends meanwhile."""
        if wait.seconds >= _TOLD_FROM and pipe.told is not wait.bound:
            pipe.told = wait.bound
            notice = TransitNotice(slowed=wait.bound, per_second=int(wait.rate))
            text = msgspec.json.encode(notice).decode()
            for each in pipe.ends:
                await each.send({"type": "websocket.send", "text": text})
        try:
            async with asyncio.timeout(min(wait.seconds, _LONGEST_WAIT)):
                await pipe.over.wait()
        except TimeoutError:
            return True
        return False
