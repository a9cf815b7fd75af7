"""The state that a relay keeps, as interfaces: people, swarms and rate limits.

Each method is one atomic step: concurrent calls of several connections, or of several processes of
a relay, take effect as if each step ended before the next one began. So nothing here is read,
decided on and written back over two calls.

Times are durations in seconds from now. The clock is the store's own, and no timestamp is passed or
returned: two processes have no clock in common. Bounds are those of the Limits that a store was
made with. Keys of connections are unique across processes, never reused, and hold no zero byte. A
step ends within seconds, with StoreAway if need be; a step whose caller is cancelled may still take
effect.

Bounds on the cost of a process itself (its bytes, frames, memory and time) are relay/guard's. How
anything is stored never lives here.
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
    """The relay refuses. code: one of words.ErrorCode. message: a sentence for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class StoreAway(Exception):
    """A step got no answer from what keeps the state; it may have happened all the same."""


class Forgotten(StoreAway):
    """What was kept of this process's people is gone: all of them must come anew."""


class Notice(NamedTuple):
    """A word that the relay must send to `to` of its own accord."""

    to: PersonKey
    event: str
    word: Word


class Entered(NamedTuple):
    """A new room of two people, and the notice for the one who waited."""

    room: Room
    notice: Notice


class Destination(NamedTuple):
    """The receiver of a routed word. proven: the address of a claim that was no guess, once."""

    to: PersonKey
    proven: str | None


class PeopleTotals(NamedTuple):
    """Numbers of unclaimed nameplates, of places where somebody waits, and of rooms."""

    nameplates: int
    places: int
    rooms: int


class PeopleStore(Protocol):
    """The people who wait with a nameplate or at a place, and the rooms.

    Each person has one nameplate at most, a bounded number of places, and of rooms. Of several
    people who come to a nameplate or a place at the same time, exactly one meets the one who waits.
    """

    async def allocate(
        self, person: PersonKey, lifetime: float, rest: float, wanted: int | None = None
    ) -> Allocated:
        """Give `person` an unpredictable nameplate; withdraw an earlier one.

        lifetime: seconds until it expires. rest: seconds after its end, of whatever kind, in which
        the refusal of a claim has that kind, and its number is not reused. wanted: give this one.

        Raises:
            Refusal: relayFull; nameplateTaken: the one that is wanted is in use, rests, or is of a
                length of which too many are. The earlier one is withdrawn all the same.
        """

    async def release(self, person: PersonKey) -> None:
        """Withdraw the nameplate that `person` holds, if any."""

    async def claim(self, person: PersonKey, address: str, nameplate: int) -> Entered:
        """Open a room for `person` and the owner of a nameplate, which uses the nameplate up.

        The own nameplate of `person` is withdrawn. address: under which they are counted; `route`
        returns it once the claim proves to be no guess.

        Raises:
            Refusal: tooManyRooms, ownCode, unknownCode, usedCode, expiredCode, withdrawnCode.
        """

    async def meet(
        self, person: PersonKey, address: str, place: bytes, lifetime: float
    ) -> Entered | None:
        """Open a room for `person` and whoever waits at a place; else let `person` wait there.

        address: under which `person` is counted. lifetime: seconds that they wait, from now on even
        if they waited before.

        Raises:
            Refusal: tooManyRooms, tooManyPlaces, relayFull.
        """

    async def leave_place(self, person: PersonKey, place: bytes) -> None:
        """Stop `person` from waiting at a place, if they do."""

    async def route(self, person: PersonKey, room: Room, *, proves: bool) -> Destination:
        """Return the receiver of a word of `person` in a room.

        proves: whether only two people who share a code send such a word. The first one of the
        code's maker proves that its claimer did not guess.

        Raises:
            Refusal: notPaired.
        """

    async def share_room(self, person: PersonKey, other: PersonKey) -> bool:
        """Return whether two people are in a room with each other."""

    async def is_paired(self, person: PersonKey) -> bool:
        """Return whether a person is in a room, and not by a claim that is not proven yet."""

    async def leave(self, person: PersonKey, room: Room) -> Sequence[Notice]:
        """End a room that `person` leaves; do nothing if they are not in it."""

    async def lost(self, person: PersonKey) -> Sequence[Notice]:
        """Remove `person`, whose connection ended: nameplate, places and rooms."""

    async def expire(self) -> Sequence[Notice]:
        """End expired nameplates and waiting at places; called every second or so.

        Where processes share the store, it also tells that this one is alive, and removes the
        people of those that are not. Each notice is returned once, to the first caller.

        Raises:
            Forgotten: What was kept of the people of this process is gone, as the process did not
                call this for long, or the store lost it. From now on it is as if it began. Until
                then whatever would add something to what is kept raises it, too.
        """

    async def totals(self) -> PeopleTotals:
        """Return how much is kept."""


class Delivery(NamedTuple):
    """A frame for a socket."""

    to: SocketKey
    frame: ServerFrame


class SwarmTotals(NamedTuple):
    """Numbers of swarms and of peers; a peer in two swarms counts twice."""

    swarms: int
    peers: int


class SwarmStore(Protocol):
    """The peers of each swarm, and the receivers of frames.

    Swarms and peers are bounded. Beyond the bound, the network with the most peers loses its least
    recently announced one: nobody can evict others by having more.
    """

    async def announce(
        self, socket: SocketKey, address: str, frame: Announce, lifetime: float
    ) -> Sequence[Delivery]:
        """Handle an announce; return the reply to it, and its offers for other peers.

        address: under which the socket is counted, the same each time. lifetime: seconds until the
        peer expires unless it announces again.

        Raises:
            FrameError: This socket or its address is in too many swarms, or the peer id is another
                address's.
        """

    async def answer(self, socket: SocketKey, frame: Answer) -> Sequence[Delivery]:
        """Handle an answer; return it for the peer that it names, or nothing if that peer is gone.

        Raises:
            FrameError: The answering peer is not in the swarm through this socket.
        """

    async def scrape(self, frame: Scrape) -> ScrapeReply:
        """Return the figures of the swarms asked about; an unknown one is all zeros."""

    async def drop(self, socket: SocketKey) -> None:
        """Remove every peer of a closed socket, except those that another socket took over."""

    async def members(self, sockets: Collection[SocketKey]) -> Collection[SocketKey]:
        """Return those of these sockets that are in any swarm."""

    async def expire(self) -> None:
        """Remove expired peers; called every few seconds."""

    async def totals(self) -> SwarmTotals:
        """Return how much is kept."""


class Counted(Enum):
    """What is rate-limited by connection; each value is the name of its rate in Limits."""

    WORDS = "words"
    CODES = "codes"
    MEETS = "meets"
    TRACKER_FRAMES = "tracker_frames"
    TRACKER_OFFERS = "tracker_offers"


class CountedByAddress(Enum):
    """Likewise, by address, and by the networks that it is in, with their share."""

    CODES = "address_codes"
    CLAIMS = "address_claims"
    FAILED_CLAIMS = "address_failed_claims"
    MEETS = "address_meets"


class RateStore(Protocol):
    """The rate limits, a token bucket each (relay/guard/buckets.py).

    A connection belongs to one process: a store that several share may keep the buckets of
    connections in each.
    """

    async def take(self, what: Counted, connection: str, count: float = 1) -> bool:
        """Take so many tokens of a connection; False, and none taken, where there are fewer."""

    async def take_of_address(self, what: CountedByAddress, address: str) -> bool:
        """Take one token of an address; False, and none taken, where there is none."""

    async def give_back(self, what: CountedByAddress, address: str) -> None:
        """Give one token of an address back."""

    async def expire(self) -> None:
        """Drop full buckets; called every few seconds."""


class Stores(NamedTuple):
    """All state that a relay keeps."""

    people: PeopleStore
    swarms: SwarmStore
    rates: RateStore
