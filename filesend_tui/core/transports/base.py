"""What a channel is: an ordered, reliable byte stream to one peer, with back-pressure.

Roads (kinds of channel) are modules beside this one. Nothing about torrents ever lives here.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol, runtime_checkable

from filesend_tui.core.errors import ChannelFailed


class Road(StrEnum):
    """Which way the bytes of a channel go; shown to the user."""

    DIRECT = "direct"
    WEBRTC = "webrtc"
    RELAYED = "relayed"


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
    def road(self) -> Road:
        """The road it takes; known once it is open."""

    @property
    def address(self) -> str:
        """The other end as text for a person, such as `192.0.2.7:51413`."""

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
