"""What a relay keeps, as interfaces: its swarms and what holds the rates of who asks.

Each method is one atomic step: whatever several connections, or several processes of a relay, ask
for at the same time, it is as if each step was over before the next one began. So nothing here is
read, decided on and written back over two calls.

Times are seconds from now, to live or to rest. The clock is the store's own, and no reading of it
is given or returned: two processes have none in common. Bounds are those of the Limits that a store
was made with. Keys of connections are given out once, by whatever process. A step whose caller is
cancelled may still happen.

What bounds the cost of a process itself (its bytes, frames, memory and time) is no store's but
relay/guard's. How anything is kept never lives here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum
from typing import NamedTuple, Protocol, TypeAlias

from relay.protocol.tracker_frames import Announce, Answer, Scrape, ScrapeReply, ServerFrame

#: A tracker's socket.
SocketKey: TypeAlias = str


class Delivery(NamedTuple):
    """A frame for a socket."""

    to: SocketKey
    frame: ServerFrame


class SwarmTotals(NamedTuple):
    """How many swarms there are, and peers; a peer in two swarms counts twice."""

    swarms: int
    peers: int


class SwarmStore(Protocol):
    """Who is in which swarm, and which frame goes to whom.

    Swarms and peers are bounded. Where there are too many, whoever has most loses the least
    recently announced: nobody can push out others by having more.
    """

    async def announce(
        self, socket: SocketKey, address: str, frame: Announce, lifetime: float
    ) -> Sequence[Delivery]:
        """Take an announce: the reply to it, and its offers for other peers.

        address: what the socket is counted under, the same each time. lifetime: seconds until the
        peer is gone where it does not announce again.

        Raises:
            FrameError: This socket or its address is in too many swarms, or the peer id is somebody
                else's.
        """

    async def answer(self, socket: SocketKey, frame: Answer) -> Sequence[Delivery]:
        """Take an answer: for the peer that it names, or for nobody if that peer has gone.

        Raises:
            FrameError: The answering peer is not in the swarm through this socket.
        """

    async def scrape(self, frame: Scrape) -> ScrapeReply:
        """Return the figures of the swarms asked about; an unknown one is all zeros."""

    async def drop(self, socket: SocketKey) -> None:
        """Take every peer of a closed socket out, save those another socket has taken over."""

    async def members(self, sockets: Collection[SocketKey]) -> Collection[SocketKey]:
        """Return those of these sockets that are in any swarm."""

    async def expire(self) -> None:
        """Take out the peers whose time is over; asked for every few seconds."""

    async def totals(self) -> SwarmTotals:
        """Return how much is kept."""


class Counted(Enum):
    """What is counted against a rate: that of Limits by this name, for one connection each."""

    WORDS = "words"
    CODES = "codes"
    TRACKER_FRAMES = "tracker_frames"
    TRACKER_OFFERS = "tracker_offers"


class CountedByAddress(Enum):
    """Likewise, for an address, and for the networks that it is in by their share."""

    CODES = "address_codes"
    CLAIMS = "address_claims"
    FAILED_CLAIMS = "address_failed_claims"


class RateStore(Protocol):
    """What holds the rates of who asks, by a token bucket each (relay/guard/buckets.py).

    Connections stay with one process: a store that several share may keep theirs in each.
    """

    async def take(self, what: Counted, connection: str, count: float = 1) -> bool:
        """Take so many tokens of a connection; False, and none taken, where there are fewer."""

    async def take_of_address(self, what: CountedByAddress, address: str) -> bool:
        """Take one token of an address; False, and none taken, where there is none."""

    async def give_back(self, what: CountedByAddress, address: str) -> None:
        """Give one token of an address back."""

    async def expire(self) -> None:
        """Forget what is as if nothing had been taken; asked for every few seconds."""


class Stores(NamedTuple):
    """All that a relay keeps."""

    swarms: SwarmStore
    rates: RateStore
