"""A meeting place: a server where people meet, the connection to it, and its lobby.

A relay is one; whatever else takes the same words may be another. What is asked of several places
at once is open_code.py's and joining.py's; sessions never live here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeAlias, TypeVar

from filesend_tui.core.errors import RelayUnreachable
from filesend_tui.core.relay_client.address import RelayAddress
from filesend_tui.core.relay_client.messages import RoomMessage, SealedMessage
from filesend_tui.core.relay_client.staying import Again, ConnectionState, always
from filesend_tui.core.sessions.places.lobby import Lobby
from relay.protocol.words import Hello, PairingWord, Room, Word

W = TypeVar("W", bound=Word)


class Connection(Protocol):
    """The connection to a meeting place; relay_client/connection.py has one, and the errors."""

    @property
    def url(self) -> str:
        """The place's address, for people too; empty before the first `connect`."""

    @property
    def address(self) -> RelayAddress | None:
        """The relay's; None where it is none, and before the first `connect`."""

    @property
    def state(self) -> ConnectionState:
        """Its state."""

    @property
    def loss(self) -> RelayUnreachable:
        """The error for the lost connection."""

    @property
    def hung_up(self) -> bool:
        """Whether this side ended the last connection, for what the other end did."""

    async def connect(self, url: str, *, again: Again = always) -> None:
        """Connect, and stay connected until `close`."""

    async def call(self, word: Word, reply: type[W]) -> W:
        """Ask the place for something, and return its reply."""

    async def send(self, room: Room, word: SealedMessage | PairingWord) -> None:
        """Send a word to the other side of a room."""

    async def close(self) -> None:
        """Disconnect."""


#: Makes a connection. Its arguments: called with each word that comes, and with each new state.
Connect: TypeAlias = Callable[
    [Callable[[Word | RoomMessage], None], Callable[[ConnectionState], None]], Connection
]


class PlaceOwner(Protocol):
    """What a place asks of its owner; every method returns at once."""

    def hello(self) -> Hello:
        """Return how this side introduces itself."""

    def holds(self, place: MeetingPlace, room: Room) -> bool:
        """Return whether a room of a place is one of two people who were introduced."""

    def claimed(self, place: MeetingPlace, room: Room) -> None:
        """Take over a room in which pairing with the claimer of this side's code has begun."""

    def code_expired(self) -> None:
        """Handle that nobody claimed this side's code in time."""

    def heard(self, place: MeetingPlace, word: Word | RoomMessage) -> None:
        """Handle what a place delivers."""

    def place_changed(self, place: MeetingPlace, state: ConnectionState) -> None:
        """Handle a new state of the connection."""

    async def send_into(
        self, place: MeetingPlace, room: Room, word: SealedMessage | PairingWord
    ) -> None:
        """Send a word into a room of a place; raises FileSendError."""


class MeetingPlace:
    """One place of one client.

    Args:
        connect: Makes the connection.
        owner: The session manager.

    returns_until: the event loop's time until
    which a server that goes is expected to be there again, with nothing in its memory.
    """

    def __init__(self, connect: Connect, owner: PlaceOwner) -> None:
        self.returns_until = 0.0
        self._owner = owner
        self._clock = asyncio.get_running_loop().time
        self._expecting_until = 0.0
        self.connection = connect(
            lambda word: owner.heard(self, word), lambda state: owner.place_changed(self, state)
        )
        self.lobby = Lobby(self.connection, self, lambda *said: owner.send_into(self, *said))

    def __repr__(self) -> str:
        return f"MeetingPlace({self.url!r})"

    @property
    def url(self) -> str:
        """Its address."""
        return self.connection.url

    @property
    def is_open(self) -> bool:
        """Whether this side is connected to it."""
        return self.connection.state is ConnectionState.CONNECTED

    @property
    def is_opening(self) -> bool:
        """Whether a first connection is being made."""
        return self.connection.state is ConnectionState.CONNECTING

    @property
    def is_lost(self) -> bool:
        """Whether the connection was lost, and is not back yet."""
        return self.connection.state is ConnectionState.LOST

    @property
    def tracker(self) -> str:
        """The tracker for those who meet here (ws or wss URL): a relay's, or the place itself."""
        address = self.connection.address
        return address.tracker if address is not None else self.url

    @property
    def is_expecting(self) -> bool:
        """Whether others are about to come here, who may have made a code before."""
        return self._clock() < self._expecting_until

    def expect_people(self, seconds: float) -> None:
        """Be expecting for so long."""
        self._expecting_until = max(self._expecting_until, self._clock() + seconds)

    # -- LobbyHost

    def hello(self) -> Hello:
        """See LobbyHost."""
        return self._owner.hello()

    def holds(self, room: Room) -> bool:
        """See LobbyHost."""
        return self._owner.holds(self, room)

    def claimed(self, room: Room) -> None:
        """See LobbyHost."""
        self._owner.claimed(self, room)

    def code_expired(self) -> None:
        """See LobbyHost."""
        self._owner.code_expired()
