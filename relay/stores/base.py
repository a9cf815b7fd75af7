"""What a relay keeps, as interfaces: who meets whom, swarms, and what holds the rates of who asks.

Each method is one atomic step: whatever several connections, or several processes of a relay, ask
for at the same time, it is as if each step was over before the next one began. So nothing here is
read, decided on and written back over two calls.

Times are seconds from now, to live or to rest. The clock is the store's own, and no reading of it
is given or returned: two processes have none in common. Bounds are those of the Limits that a store
was made with. Keys of connections are given out once, by whatever process. A step ends
within seconds, with an error if need be; one whose caller is cancelled may still happen.

What bounds the cost of a process itself (its bytes, frames, memory and time) is no store's but
relay/guard's. How anything is kept never lives here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum
from typing import NamedTuple, Protocol, TypeAlias

from relay.protocol.tracker_frames import Announce, Answer, Scrape, ScrapeReply, ServerFrame
from relay.protocol.words import Allocated, Room, Word

#: A person's connection, and a tracker's socket.
PersonKey: TypeAlias = str
SocketKey: TypeAlias = str


class Refusal(Exception):
    """The relay says no. code: one of words.ErrorCode. message: a sentence for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Notice(NamedTuple):
    """Something the relay must tell `to` of its own accord."""

    to: PersonKey
    event: str
    word: Word


class Entered(NamedTuple):
    """A room that two people are in from now on, and what who waited for it must be told."""

    room: Room
    notice: Notice


class Destination(NamedTuple):
    """For whom a routed word is. proven: the address of a claim that was no guess, said once."""

    to: PersonKey
    proven: str | None


class PeopleTotals(NamedTuple):
    """How many nameplates wait to be claimed, at how many places somebody waits, and rooms."""

    nameplates: int
    places: int
    rooms: int


class PeopleStore(Protocol):
    """Who waits with a nameplate or at a place, and who is in a room with whom.

    Each person has one nameplate at most, a bounded number of places, and of rooms. A nameplate, or
    whoever waits at a place, is met by one person, however many come at the same time.
    """

    async def allocate(self, person: PersonKey, lifetime: float, rest: float) -> Allocated:
        """Give `person` a nameplate that nobody can foresee; an earlier one is given up.

        lifetime: seconds until it expires. rest: seconds from its end, whatever that is, in which a
        claim hears how it ended, and nobody is given its number.

        Raises:
            Refusal: relayFull.
        """

    async def release(self, person: PersonKey) -> None:
        """Give up the nameplate that `person` holds, if any."""

    async def claim(self, person: PersonKey, address: str, nameplate: int) -> Entered:
        """Open a room for `person` and the owner of a nameplate, which is used up by it.

        `person` gives up their own. address: where they are counted; that the claim was no guess,
        `route` says later.

        Raises:
            Refusal: tooManyRooms, ownCode, unknownCode, usedCode, expiredCode, withdrawnCode.
        """

    async def meet(
        self, person: PersonKey, address: str, place: bytes, lifetime: float
    ) -> Entered | None:
        """Open a room for `person` and whoever waits at a place; else have them wait there.

        address: where `person` is counted. lifetime: seconds that they wait, from now on also where
        they did before.

        Raises:
            Refusal: tooManyRooms, tooManyPlaces, relayFull.
        """

    async def leave_place(self, person: PersonKey, place: bytes) -> None:
        """End the waiting of `person` at a place, if they do."""

    async def route(self, person: PersonKey, room: Room, *, proves: bool) -> Destination:
        """Return for whom a word of `person` in a room is.

        proves: it is one that only two who share a code say. The first such word of who made the
        code shows that whoever claimed it did not guess.

        Raises:
            Refusal: notPaired.
        """

    async def leave(self, person: PersonKey, room: Room) -> Sequence[Notice]:
        """End a room, because `person` in it said so; nothing where they are not."""

    async def lost(self, person: PersonKey) -> Sequence[Notice]:
        """Forget `person`, whose connection ended: nameplate, places and rooms."""

    async def expire(self) -> Sequence[Notice]:
        """End the waiting of those whose time is over; asked for every second or so.

        Each is returned once, to whoever asked first.
        """

    async def totals(self) -> PeopleTotals:
        """Return how much is kept."""


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
    MEETS = "meets"
    TRACKER_FRAMES = "tracker_frames"
    TRACKER_OFFERS = "tracker_offers"


class CountedByAddress(Enum):
    """Likewise, for an address, and for the networks that it is in by their share."""

    CODES = "address_codes"
    CLAIMS = "address_claims"
    FAILED_CLAIMS = "address_failed_claims"
    MEETS = "address_meets"


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

    people: PeopleStore
    swarms: SwarmStore
    rates: RateStore
