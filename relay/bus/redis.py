"""The bus of relays that share a Redis or Valkey server: a channel of its pub/sub a process.

So only the process concerned hears a message, and nothing of it is kept: the server knows at once
whether somebody hears. What may be lost is told. Nothing is read of a message here.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from relay.bus.base import BusAway, Receive

logger = logging.getLogger(__name__)

# Seconds of silence after which the server is asked for a sign, and for which that is waited for;
# and until the next try where it is away.
_SILENCE: Final = 4.0
_AGAIN: Final = 1.0
_CHANNEL: Final = "filesend:process:"


class _Parcel(msgspec.Struct, array_like=True, frozen=True):
    """A message to a connection that the receiving process calls `own`."""

    kind: str
    own: str
    message: bytes


class RedisBus:
    """A Bus. client: of the server, this process's alone, and closed with the bus."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._process = secrets.token_hex(8)
        self._receivers: dict[str, Receive] = {}
        self._open = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether messages for this process arrive."""
        return self._open.is_set()

    def key(self, own: str) -> str:
        """Return a key for a connection, which says whose process's it is."""
        return f"{self._process}.{own}"

    def own(self, key: str) -> str | None:
        """Return what this process calls a connection; None for one of another process."""
        process, _, own = key.partition(".")
        return own if process == self._process else None

    def receive(self, kind: str, receive: Receive) -> None:
        """Have messages of a kind handed to `receive`."""
        self._receivers[kind] = receive

    async def send(self, kind: str, key: str, message: bytes) -> bool:
        """Hand a message to the process of a connection; False if there is none that hears."""
        process, _, own = key.partition(".")
        parcel = msgspec.msgpack.encode(_Parcel(kind, own, message))
        try:
            return bool(await self._client.publish(_CHANNEL + process, parcel))
        except (RedisError, OSError, TimeoutError) as error:
            raise BusAway(f"nothing carries messages to other processes: {error}") from error

    async def hear(self, missed: Callable[[], Awaitable[None]]) -> None:
        """Take in messages until cancelled; call `missed` when the server was away."""
        told = False
        while True:
            try:
                await self._hear_once()
            except (RedisError, OSError, TimeoutError, BusAway) as error:
                if not told:
                    logger.error("the way to other processes is closed: %s", error)
                told = not self.is_open
            if self.is_open:
                self._open.clear()
                await missed()
            await asyncio.sleep(_AGAIN)

    async def opened(self) -> None:
        """Return once messages arrive."""
        await self._open.wait()

    async def close(self) -> None:
        """Close the connections to the server."""
        await self._client.aclose()

    async def _hear_once(self) -> None:
        """Hear until something fails: afterwards a message may have been lost."""
        async with self._client.pubsub() as channel:
            # A server that is another's copy would take all of this but a write, of nothing here.
            await self._client.expire(_CHANNEL + self._process, 1)
            await channel.subscribe(_CHANNEL + self._process)
            is_asked = False
            while True:
                said = await channel.get_message(timeout=_SILENCE)
                if said is None:
                    if is_asked:
                        raise BusAway("the server gives no sign")
                    await channel.ping()
                elif said["type"] == "subscribe":
                    if self.is_open:  # the library came back by itself
                        raise BusAway("the connection was lost")
                    self._open.set()
                elif said["type"] == "message":
                    self._take(said["data"])
                is_asked = said is None

    def _take(self, data: bytes) -> None:
        try:
            parcel = msgspec.msgpack.decode(data, type=_Parcel)
        except msgspec.DecodeError:
            logger.warning("a message of another process cannot be read")
            return
        receive = self._receivers.get(parcel.kind)
        if receive is not None:
            receive(parcel.own, parcel.message)
