"""What a transport is: a way to reach a peer, and the channels that come of it.

A transport makes a text for a peer, takes the peer's, and so gets an attempt, of which a channel
may come. The kinds are packages beside this module, listed in registry.py; none of them is named
here. Nothing about torrents ever lives here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable

from filesend_tui.core.errors import ChannelFailed

#: Seconds that an attempt has from both texts to an open channel.
OPEN_TIMEOUT: Final = 25.0


class Abuse(StrEnum):
    """What a peer did to lose its channel; stable words."""

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
        """Which way its bytes go, as a word for people; of one transport there may be several."""

    @property
    def address(self) -> str:
        """The other end as text for a person, such as `192.0.2.7:51413`."""

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more: closed by either side, or broken."""

    async def send(self, data: bytes) -> None:
        """Queue bytes; returns once the backlog is below the high-water mark (back-pressure).

        Raises:
            ChannelFailed: The channel is closed or broke.
        """

    async def receive(self) -> bytes:
        """Return the next bytes, whatever their number, or b"" at the end of the stream.

        Raises:
            ChannelFailed: It broke.
            ChannelAbused: The peer was cut off, such as for sending more than was ever read.
        """

    async def close(self) -> None:
        """Close it and free everything; never raises, may be called twice."""


class BulkSink(Protocol):
    """Where bulk goes on its arrival. Called on the channel's own thread; may block."""

    def space(self, tag: bytes, at: int, left: int) -> memoryview:
        """Return where the next bytes of a frame go, at most `left` and at least one.

        Args:
            tag: What the sender called the frame.
            at: How much of it came before.
            left: How much of it is still to come.

        Raises:
            ChannelAbused: Nobody asked for it.
            ChannelFailed: It can go nowhere any more.
        """

    def filled(self, count: int) -> None:
        """The last space holds its bytes, `count` of them: all of it."""


@runtime_checkable
class BulkChannel(Channel, Protocol):
    """A channel that also moves bulk: frames of many bytes that the event loop never sees.

    They may overtake the byte stream, and it them; among themselves they keep their order.
    """

    def take_bulk(self, sink: BulkSink) -> None:
        """Let the peer's bulk go there; without a sink bulk is abuse."""

    async def send_bulk(self, tag: bytes, length: int, fill: Callable[[memoryview], None]) -> None:
        """Queue a bulk frame; returns once the backlog of bulk is small enough (back-pressure).

        Args:
            tag: Eight bytes that tell the other side's sink what it is.
            length: In bytes, at most 1 MiB.
            fill: Writes exactly so many bytes; called on the channel's thread when its turn comes.
                What it raises breaks the channel.

        Raises:
            ChannelFailed: The channel is closed or broke.
        """


class Attempt(ABC):
    """One attempt to reach one peer. Made by a Transport; ends with `opened` or `close`.

    Attributes:
        text: What the peer must be told.
        settled: The peer may have the channel already, so that giving this up would lose it.
    """

    text: str
    settled = False

    @abstractmethod
    async def accept(self, text: str) -> None:
        """Take the peer's answer to our offer, soon: `opened` waits for the channel.

        Raises:
            ChannelFailed: The text is refused. What there is of the attempt is freed by `close`.
        """

    @abstractmethod
    async def opened(self, timeout: float = OPEN_TIMEOUT) -> Channel:
        """Wait for the channel, at most `timeout` seconds; the caller closes it.

        Raises:
            ChannelFailed: The peer could not be reached.
        """

    def abandon(self) -> None:  # noqa: B027 - most have nothing to choose
        """Choose no connection from now on; `close` frees what there is."""

    @abstractmethod
    async def close(self) -> None:
        """Give it up and free everything; a channel that was handed out stays open."""


class Transport(ABC):
    """One client's end of all its channels of one kind.

    It starts by itself what its first offer or answer needs. A text that comes from a peer is a
    stranger's: a transport bounds it and checks it before it does anything with it.

    Attributes:
        name: Stands before its text in descriptions, and chooses it in settings.
        hides_addresses: Whether it keeps to `relay_only`, so that no peer learns an address of
            this machine; where that is set, no other is used.
        lanes: Whether several channels to one peer carry more than one (see torrent/lanes/).
        hint: What a person can look at where no channel comes about.
    """

    name: str
    hides_addresses = False
    lanes = False
    hint = "Check that the other side is still there."

    async def warm(self) -> None:  # noqa: B027 - most need nothing
        """Make ready what a first attempt would wait for; may be called again.

        Raises:
            ChannelFailed: It cannot be used. Whoever makes an offer is told again.
        """

    @abstractmethod
    async def offer(self) -> Attempt:
        """Make an offer for a peer that is not known yet.

        Raises:
            ChannelFailed: It cannot be made.
        """

    @abstractmethod
    async def answer(self, text: str) -> Attempt:
        """Answer a peer's offer.

        Where two sides could come to different connections, whoever answers chooses and has the
        channel first: two that offered to each other come to the same one by that (glare.py).

        Raises:
            ChannelFailed: The text is refused, or cannot be answered.
        """

    async def close(self) -> None:  # noqa: B027 - most hold nothing
        """Give up every attempt and free everything; channels that were handed out stay open."""
