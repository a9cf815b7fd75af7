"""The interfaces of transports: ways to reach a peer, attempts, and channels.

A transport makes a text for a peer, takes the peer's, and returns an attempt, which may result in a
channel. The kinds are packages beside this module, listed in registry.py; none of them is named
here. Nothing about torrents ever lives here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple, Protocol, runtime_checkable

from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.clues import Clue
from relay.protocol.words import TurnLogin

#: Timeout in seconds of an attempt, from both texts to an open channel.
OPEN_TIMEOUT: Final = 25.0


#: Seconds that an open channel waits for a better one that is still in progress.
GRACE: Final = 0.4


class RelayEntry(NamedTuple):
    """What a relay has for transports.

    address: its own, as text for a person. transit: URL of its transit's WebSocket. reflect: URL
    that tells where a request comes from. stun: URL of its STUN (RFC 7064), empty where there is
    none. pass_: admits this client to the transit, a secret; empty where there is none. turn: its
    TURN servers, with a login; None where there is none, or this client is not paired.
    """

    address: str
    transit: str
    reflect: str
    stun: str
    pass_: bytes
    turn: TurnLogin | None = None

    def __repr__(self) -> str:
        return f"RelayEntry({self.address!r})"  # never the pass or the login


class RelayAccess(Protocol):
    """The relay that channels to one partner may use. It may be another one at every question."""

    @property
    def proxied(self) -> bool:
        """Whether it is reached by a proxy right now."""

    async def __call__(self) -> RelayEntry:
        """Ask it what it has.

        Raises:
            FileSendError: There is no relay, or no connection to it.
        """


#: Timeout in seconds for the relay's answer where an offer waits for it: it can do without.
RELAY_TIMEOUT: Final = 2.0


class _NoRelay:
    proxied = False

    async def __call__(self) -> RelayEntry:
        raise ChannelFailed("There is no relay.")


#: Where there is no relay: raises ChannelFailed, and is reached by no proxy.
no_relay: Final[RelayAccess] = _NoRelay()


class NoWay(ChannelFailed):
    """No peer can be reached with these settings: trying again changes nothing by itself."""


class Abuse(StrEnum):
    """Misuse for which a peer is cut off; stable names."""

    UNREAD_FLOOD = "unreadFlood"
    ENDLESS_MESSAGE = "endlessMessage"
    TEXT_MESSAGE = "textMessage"
    SECOND_CHANNEL = "secondChannel"
    UNASKED_BULK = "unaskedBulk"


class ChannelAbused(ChannelFailed):
    """The peer misused the channel and was cut off. abuse: how."""

    def __init__(self, message: str, abuse: Abuse) -> None:
        super().__init__(message)
        self.abuse = abuse


class Channel(Protocol):
    """An ordered, reliable byte stream to one peer. Message boundaries mean nothing."""

    @property
    def road(self) -> str:
        """How its bytes travel, as a word for people; one transport may have several roads."""

    @property
    def address(self) -> str:
        """The other end as text for a person, such as `192.0.2.7:51413`."""

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more: closed by either side, or failed."""

    async def send(self, data: bytes) -> None:
        """Queue bytes; return once the backlog is below the high-water mark (back-pressure).

        Raises:
            ChannelFailed: The channel was closed or failed.
        """

    async def receive(self) -> bytes:
        """Return the next bytes, whatever their number, or b"" at the end of the stream.

        Raises:
            ChannelFailed: It failed.
            ChannelAbused: The peer was cut off, such as for sending more than was ever read.
        """

    async def close(self) -> None:
        """Close it and free everything; never raises, may be called twice."""


class BulkSink(Protocol):
    """The destination of received bulk. Called on the channel's own thread; may block."""

    def space(self, tag: bytes, at: int, left: int) -> memoryview:
        """Return the buffer for the next bytes of a frame, at most `left` and at least one.

        Args:
            tag: The sender's tag of the frame.
            at: Bytes of it received so far.
            left: Bytes of it still to come.

        Raises:
            ChannelAbused: It was not requested.
            ChannelFailed: Its destination is gone.
        """

    def filled(self, count: int) -> None:
        """Accept the last buffer, which is full now: `count` bytes."""


@runtime_checkable
class BulkChannel(Channel, Protocol):
    """A channel that also moves bulk: large frames that bypass the event loop.

    They keep their order among themselves, but not relative to the byte stream.
    """

    def take_bulk(self, sink: BulkSink) -> None:
        """Set the sink of the peer's bulk; without a sink bulk is abuse."""

    async def send_bulk(self, tag: bytes, length: int, fill: Callable[[memoryview], None]) -> None:
        """Queue a bulk frame; return once the backlog of bulk is small enough (back-pressure).

        Args:
            tag: Eight bytes that identify it to the other side's sink.
            length: In bytes, at most 1 MiB.
            fill: Writes exactly so many bytes; called on the channel's thread when its turn comes.
                If it raises, the channel fails.

        Raises:
            ChannelFailed: The channel was closed or failed.
        """


class Slowing(NamedTuple):
    """A server in between makes a channel's bytes wait. bound: a stable word for its limit.

    per_second: bytes that it carries meanwhile.
    """

    bound: str
    per_second: int


@runtime_checkable
class SlowableChannel(Channel, Protocol):
    """A channel through a server that says when it makes bytes wait."""

    @property
    def slowed(self) -> Slowing | None:
        """What it said last; None where it has said nothing."""


def slowed_of(channel: Channel) -> Slowing | None:
    """Return what makes a channel's bytes wait, if anything does."""
    return channel.slowed if isinstance(channel, SlowableChannel) else None


class Attempt(ABC):
    """One attempt to reach one peer. Made by a Transport; ends with `opened` or `close`.

    Attributes:
        text: The text for the peer.
        settled: The peer may have the channel already, so that cancelling this would lose it.
        port: The fixed port of this machine where the peer may connect; 0 where there is none.
    """

    text: str
    settled = False
    port = 0

    @property
    def clues(self) -> frozenset[Clue]:
        """What is known by now of why the peer may not be reached; it grows."""
        return frozenset()

    @abstractmethod
    async def accept(self, text: str) -> None:
        """Apply the peer's answer to our offer, without delay: `opened` waits for the channel.

        Raises:
            ChannelFailed: The text is refused. `close` still has to free the attempt.
        """

    @abstractmethod
    async def opened(self, timeout: float = OPEN_TIMEOUT) -> Channel:
        """Wait for the channel, at most `timeout` seconds; the caller closes it.

        Raises:
            ChannelFailed: The peer could not be reached.
        """

    def abandon(self) -> None:  # noqa: B027 - most have nothing to choose
        """Choose no connection from now on; `close` frees the resources."""

    @abstractmethod
    async def close(self) -> None:
        """Stop and free everything; a channel that was handed out stays open."""


class Transport(ABC):
    """One client's end of all its channels of one kind.

    Its first offer or answer starts whatever it needs. A text from a peer is untrusted: a transport
    bounds and validates it before any use.

    Attributes:
        name: Key of its text in descriptions, and its name in settings.
        hides_addresses: Whether it honours `relay_only`, so that no peer learns an address of
            this machine; if that is set, no other is used.
        lasting: Whether an offer keeps for minutes, and costs nothing meanwhile.
        lanes: Whether several channels to one peer are faster than one (see torrent/lanes/).
        makeshift: Whether a better channel takes the place of an open one of it.
        grace: Seconds that its open channel waits for one of a better transport in progress.
        hint: What a person can check if no channel opens.
    """

    name: str
    hides_addresses = False
    lasting = False
    lanes = False
    makeshift = False
    grace = GRACE
    hint = "Check that the other side is still there."

    async def warm(self) -> None:  # noqa: B027 - most need nothing
        """Prepare what a first attempt would wait for; idempotent.

        Raises:
            ChannelFailed: It cannot be used. Making an offer raises it again.
        """

    @abstractmethod
    async def offer(self, relay: RelayAccess) -> Attempt:
        """Make an offer for a peer that is not known yet.

        Args:
            relay: The one that the channel may use; asked when it is needed.

        Raises:
            ChannelFailed: It cannot be made.
        """

    @abstractmethod
    async def answer(self, text: str, relay: RelayAccess) -> Attempt:
        """Answer a peer's offer.

        Where the two sides could end with different connections, the answering side chooses, and
        has the channel first: two that offered to each other so keep the same one (glare.py).

        Args:
            text: The peer's.
            relay: As in `offer`.

        Raises:
            ChannelFailed: The text is refused, or cannot be answered.
        """

    async def close(self) -> None:  # noqa: B027 - most hold nothing
        """Cancel every attempt and free everything; channels that were handed out stay open."""
