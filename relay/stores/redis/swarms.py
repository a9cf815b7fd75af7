"""Swarms on the server: a SwarmStore whose steps are swarms.lua's.

What peers say to each other, their offers and answers, never goes there.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Collection
from typing import Any, Final

from redis.asyncio import Redis

from relay.guard.addresses import networks
from relay.guard.limits import Limits
from relay.protocol.tracker_frames import (
    Announce,
    AnnounceReply,
    Answer,
    AnswerFrame,
    Event,
    FrameError,
    OfferFrame,
    Scrape,
    ScrapeReply,
    SwarmFigures,
)
from relay.stores.base import Delivery, SocketKey, SwarmTotals
from relay.stores.redis.scripts import SERVER_CLOCK, Scripts

# Sockets that one step looks up: everybody else waits for it.
_BATCH: Final = 500


class RedisSwarms:
    """A SwarmStore. clock: Lua, see Scripts. rng: seeds the choice of who gets an offer."""

    def __init__(
        self,
        client: Redis,
        limits: Limits,
        clock: str = SERVER_CLOCK,
        rng: random.Random | None = None,
    ) -> None:
        self._scripts = Scripts(client, "swarms", limits, clock)
        self._interval = limits.announce_interval
        self._rng = rng or random.Random()  # noqa: S311  (no secret depends on it)

    async def announce(
        self, socket: SocketKey, address: str, frame: Announce, lifetime: float
    ) -> list[Delivery]:
        """Handle an announce; return the reply to it, and its offers for other peers."""
        ids = (frame.info_hash, frame.peer_id)
        if frame.event is Event.STOPPED:
            answer = await self._step(frame.info_hash, "stop", socket, *ids)
        else:
            completes = frame.event is Event.COMPLETED
            wanted = len(frame.offers)
            if frame.numwant is not None:
                wanted = min(wanted, frame.numwant)
            answer = await self._step(
                frame.info_hash,
                "announce",
                socket,
                address,
                *ids,
                int(frame.left == 0 or completes),
                int(completes),
                _digest(frame.key),
                lifetime,
                wanted,
                self._rng.getrandbits(31),
                *(each for network in networks(address) for each in network),
            )
        sockets, complete, incomplete, _downloaded = answer
        reply = AnnounceReply(
            info_hash=frame.info_hash,
            interval=self._interval,
            complete=complete,
            incomplete=incomplete,
        )
        deliveries = [Delivery(socket, reply)]
        for other, offer in zip(sockets, frame.offers, strict=False):
            relayed = OfferFrame(
                info_hash=frame.info_hash,
                peer_id=frame.peer_id,
                offer_id=offer.offer_id,
                offer=offer.offer,
            )
            deliveries.append(Delivery(other.decode(), relayed))
        return deliveries

    async def answer(self, socket: SocketKey, frame: Answer) -> list[Delivery]:
        """Handle an answer; return it for the peer that it names."""
        ids = (frame.info_hash, frame.peer_id, frame.to_peer_id)
        targets = await self._step(frame.info_hash, "answer", socket, *ids)
        relayed = AnswerFrame(
            info_hash=frame.info_hash,
            peer_id=frame.peer_id,
            offer_id=frame.offer_id,
            answer=frame.answer,
        )
        return [Delivery(target.decode(), relayed) for target in targets]

    async def scrape(self, frame: Scrape) -> ScrapeReply:
        """Return the figures of the swarms asked about."""
        [found] = await self._step(None, "scrape", *frame.info_hashes)
        return ScrapeReply(
            {
                info_hash: SwarmFigures(complete=each[0], incomplete=each[1], downloaded=each[2])
                for info_hash, each in zip(frame.info_hashes, found, strict=True)
            }
        )

    async def drop(self, socket: SocketKey) -> None:
        """Remove every peer of a closed socket."""
        await self._step(None, "drop", socket)

    async def members(self, sockets: Collection[SocketKey]) -> set[SocketKey]:
        """Return those of these sockets that are in any swarm."""
        asked, found = list(sockets), set[SocketKey]()
        for start in range(0, len(asked), _BATCH):
            [some] = await self._step(None, "members", *asked[start : start + _BATCH])
            found.update(each.decode() for each in some)
        return found

    async def expire(self) -> None:
        """Remove expired peers."""
        more = 1
        while more:
            [more] = await self._step(None, "expire")

    async def totals(self) -> SwarmTotals:
        """Return how much is kept."""
        return SwarmTotals(*await self._step(None, "totals"))

    async def _step(
        self, info_hash: bytes | None, step: str, *arguments: str | bytes | float
    ) -> list[Any]:
        how, *answer = await self._scripts.step(step, *arguments)
        if how == b"refused":
            raise FrameError(answer[0].decode(), action="announce", info_hash=info_hash)
        return answer


def _digest(key: str) -> bytes:
    """Return what is kept of a peer's key: nothing that a look at the server would show."""
    return hashlib.sha256(key.encode()).digest() if key else b""
