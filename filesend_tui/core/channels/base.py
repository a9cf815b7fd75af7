"""What a channel is: an ordered, reliable byte stream to one peer, with back-pressure.

Roads (kinds of channel) are modules beside this one. Nothing about torrents ever lives here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

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
