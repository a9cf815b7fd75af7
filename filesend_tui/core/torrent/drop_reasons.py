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

    #: The peer closed the connection.
    CLOSED = "closed"
    #: The channel broke.
    CHANNEL_FAILED = "channelFailed"
    #: This side left the swarm; not published.
    STOPPED = "stopped"
    #: Both sides have every piece.
    BOTH_COMPLETE = "bothComplete"
    #: It is connected already.
    DUPLICATE = "duplicate"
    #: It was silent for a while, and came back by another connection.
    REPLACED = "replaced"
    #: It traded nothing for a while, and another peer needed its slot.
    DISPLACED = "displaced"
    #: The disk failed while it was served.
    STORAGE_FAILED = "storageFailed"
    #: A fault of this program; see its log.
    INTERNAL_ERROR = "internalError"

    #: It alone sent a piece whose hash is wrong.
    BAD_PIECE = "badPiece"
    #: It sent a false info dictionary, or a false size of it.
    BAD_METADATA = "badMetadata"
    #: It was dropped for one of the two before.
    BANNED = "banned"

    #: No handshake came in time.
    HANDSHAKE_TIMEOUT = "handshakeTimeout"
    #: No byte arrived for two minutes.
    SILENT = "silent"
    #: Requests were in flight, and no requested block arrived for two minutes.
    STALLED = "stalled"
    #: It does not read what is sent to it.
    NOT_READING = "notReading"

    #: More of its requests wait than this side allows.
    REQUEST_FLOOD = "requestFlood"
    #: It requested the info dictionary too often.
    METADATA_FLOOD = "metadataFlood"
    #: It sent too many messages that transfer no data.
    MESSAGE_FLOOD = "messageFlood"
    #: It does not choke us, and rejects every request.
    REJECTS_ALL = "rejectsAll"
    #: It chokes and unchokes, and serves nothing in between.
    FLAPPING = "flapping"


WhyDropped: TypeAlias = Drop | Reason | Abuse
