"""What goes to people who are connected to another process of the relay, and comes from there.

A notice waits here where it cannot go, so that nobody waits for one that is never told; a word does
not, as its sender is told. Who is where is the bus's.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import msgspec

from relay.bus.base import Bus, BusAway
from relay.protocol.words import DELIVERED, to_wire
from relay.stores.base import Notice, PersonKey

logger = logging.getLogger(__name__)

_KIND: Final = "people"
# Notices that wait at most; beyond it the oldest are dropped.
_MOST_UNTOLD: Final = 10_000


class Parcel(msgspec.Struct, array_like=True, frozen=True):
    """A word for a person. is_notice: the relay's own, of what follows from a step of others'."""

    event: str
    word: dict[str, Any]
    is_notice: bool


class Post:
    """The post of one process.

    take_in: called with the connection of a person, what came for them, and its size in bytes.
    """

    def __init__(self, bus: Bus, take_in: Callable[[str, Parcel, int], None]) -> None:
        self._bus = bus
        self._take_in = take_in
        self._untold: deque[Notice] = deque(maxlen=_MOST_UNTOLD)
        bus.receive(_KIND, self._receive)

    async def send(self, to: PersonKey, event: str, word: dict[str, Any]) -> bool:
        """Send a word to a person of another process; False where that is gone.

        Raises:
            BusAway: It cannot be sent, or not before a notice that waits.
        """
        if self._waits_for(to):
            raise BusAway("a notice waits to be sent first")
        return await self._send(to, Parcel(event, word, is_notice=False))

    async def tell(self, notice: Notice) -> None:
        """Send a notice to a person of another process; later where that cannot be now."""
        if not self._waits_for(notice.to):
            with suppress(BusAway):
                await self._send_notice(notice)
                return
        self._untold.append(notice)

    async def tell_waiting(self) -> None:
        """Send the notices that wait, in their order, as far as that can be; not twice at once."""
        while self._untold:
            notice = self._untold[0]
            try:
                await self._send_notice(notice)
            except BusAway:
                return
            if self._untold[0] is notice:  # else it was dropped, as others came
                self._untold.popleft()

    def _waits_for(self, to: PersonKey) -> bool:
        return any(notice.to == to for notice in self._untold)

    async def _send_notice(self, notice: Notice) -> None:
        await self._send(notice.to, Parcel(notice.event, to_wire(notice.word), is_notice=True))

    async def _send(self, to: PersonKey, parcel: Parcel) -> bool:
        return await self._bus.send(_KIND, to, msgspec.msgpack.encode(parcel))

    def _receive(self, own: str, message: bytes) -> None:
        try:
            parcel = msgspec.msgpack.decode(message, type=Parcel)
        except msgspec.DecodeError:
            parcel = None
        if parcel is None or parcel.event not in DELIVERED:
            logger.warning("what another process passed on cannot be read")
            return
        self._take_in(own, parcel, len(message))
