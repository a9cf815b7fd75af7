"""Why a peer's connection ended: the stable words of `PeerDropped.reason`.

A peer that broke the wire's rules is dropped with that rule's word (wire/errors.py), one that
abused its channel with the channel's (transports/base.py), and all others with one of these. They
are listed together in docs/protocol.md.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from filesend_tui.core.transports.base import Abuse
from filesend_tui.core.wire.errors import Reason


class Drop(StrEnum):
    """What ended a connection that broke no rule of the wire or the channel."""

    #: The peer hung up.
    CLOSED = "closed"
    #: The channel broke.
    CHANNEL_FAILED = "channelFailed"
    #: This side left the swarm; not told in events.
    STOPPED = "stopped"
    #: Both sides have everything.
    BOTH_COMPLETE = "bothComplete"
    #: It is connected already.
    DUPLICATE = "duplicate"
    #: It had nothing to trade for a while, and another peer wanted its place.
    DISPLACED = "displaced"
    #: The disk failed while it was served.
    STORAGE_FAILED = "storageFailed"
    #: A fault of this program; its log says more.
    INTERNAL_ERROR = "internalError"

    #: It alone sent a piece whose hash is wrong.
    BAD_PIECE = "badPiece"
    #: It sent a false description of the torrent, or lied about its size.
    BAD_METADATA = "badMetadata"
    #: It was dropped for one of the two before.
    BANNED = "banned"

    #: No handshake came in time.
    HANDSHAKE_TIMEOUT = "handshakeTimeout"
    #: Not a byte came for two minutes.
    SILENT = "silent"
    #: It owed blocks and sent none that was asked for, for two minutes.
    STALLED = "stalled"
    #: It does not take what is sent to it.
    NOT_READING = "notReading"

    #: More requests wait than any peer is told to send.
    REQUEST_FLOOD = "requestFlood"
    #: It asked for the description again and again.
    METADATA_FLOOD = "metadataFlood"
    #: Its messages keep us busy and move nothing.
    MESSAGE_FLOOD = "messageFlood"
    #: It does not choke us, and refuses every request.
    REJECTS_ALL = "rejectsAll"
    #: It chokes and unchokes, and serves nothing in between.
    FLAPPING = "flapping"


WhyDropped: TypeAlias = Drop | Reason | Abuse
