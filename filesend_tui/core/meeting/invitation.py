"""An offer to one known peer, made before the swarm exists and sent to them beside any tracker.

The receiver of a transfer sends it with the yes, and the sender answers with what is ready: so they
are connected at once, even where the tracker is gone by then. Only transports whose offers keep for
minutes take part. Offers to peers that are not known are dialer.py's.
"""

from __future__ import annotations

from itertools import takewhile
from typing import NamedTuple, Self

from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.meeting.signaling import Texts
from filesend_tui.core.meeting.transport_race import TransportRace
from filesend_tui.core.transports.registry import Roads


class Reach(NamedTuple):
    """How one side can be reached. peer_id: 20 bytes, of its peer. texts: by transport."""

    peer_id: bytes
    texts: Texts


class Invitation:
    """This side's offer. It is taken by a dialer, or closed.

    Args:
        peer_id: The peer id that this side will have in the swarm, 20 bytes.
        race: Made.
    """

    def __init__(self, peer_id: bytes, race: TransportRace) -> None:
        self.peer_id = peer_id
        self.race = race

    @classmethod
    async def make(cls, peer_id: bytes, roads: Roads) -> Self | None:
        """Return an invitation into a private swarm; None where no transport can make one."""
        usable = roads.usable(private=True)
        # No worse one before a better one could be tried, unless that takes its place later.
        better = takewhile(lambda each: each.lasting, usable)
        lasting = [*better, *(each for each in usable if each.lasting and each.makeshift)]
        lasting = list(dict.fromkeys(lasting))
        if not lasting:
            return None
        try:
            return cls(peer_id, await TransportRace.offer(lasting, roads.relay))
        except ChannelFailed:
            return None

    @property
    def reach(self) -> Reach:
        """What the other side needs of it."""
        return Reach(self.peer_id, self.race.texts)

    async def close(self) -> None:
        """Free it. Idempotent; a channel that it led to stays open."""
        await self.race.close()
