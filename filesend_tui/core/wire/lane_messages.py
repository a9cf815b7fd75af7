"""The messages of `fs_lane`, which set up further channels between two FileSend peers (BEP 10).

A lane is one more channel to the same peer, for blocks only. Offers and answers go over the
existing connection, never through a tracker. Payloads to values and back.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import msgspec
from bencode2 import bencode

from filesend_tui.core.wire.errors import Reason, WireError
from filesend_tui.core.wire.extension_fields import decode_fields

#: Name of the extension in an extended handshake, and the id under which we take its messages.
LANE_EXTENSION: Final = b"fs_lane"
LANE_ID: Final = 8
#: Longest SDP description, in bytes; one is about 1 KiB.
MAX_LANE_SDP: Final = 16 * 1024
_MAX_NUMBER: Final = 2**31


class LaneOffer(msgspec.Struct, frozen=True):
    """Offers a lane. lane: a number of the sender's choice. sdp: a WebRTC offer."""

    lane: int
    sdp: str


class LaneAnswer(msgspec.Struct, frozen=True):
    """Answers a LaneOffer. sdp: a WebRTC answer."""

    lane: int
    sdp: str


class LaneRefusal(msgspec.Struct, frozen=True):
    """Refuses a LaneOffer."""

    lane: int


class LanePing(msgspec.Struct, frozen=True):
    """Requests a LanePong with the same number, to measure the round trip."""

    number: int


class LanePong(msgspec.Struct, frozen=True):
    """Answers a LanePing."""

    number: int


LaneMessage: TypeAlias = LaneOffer | LaneAnswer | LaneRefusal | LanePing | LanePong
#: In the order of their `msg_type`.
_KINDS: Final = (LaneOffer, LaneAnswer, LaneRefusal, LanePing, LanePong)


def encode_lane(message: LaneMessage) -> bytes:
    """Return the payload of an fs_lane message."""
    fields: dict[bytes, Any] = {b"msg_type": _KINDS.index(type(message))}
    match message:
        case LaneOffer(number, sdp) | LaneAnswer(number, sdp):
            fields |= {b"n": number, b"sdp": sdp.encode()}
        case LaneRefusal(number) | LanePing(number) | LanePong(number):
            fields |= {b"n": number}
    return bencode(fields)


def decode_lane(payload: bytes) -> LaneMessage | None:
    """Return the fs_lane message that `payload` holds, or None for a type to be ignored.

    Raises:
        WireError: `badExtension`: not bencoded, or a field of the wrong type or out of bounds.
    """
    if len(payload) > MAX_LANE_SDP + 256:
        raise WireError(Reason.BAD_EXTENSION, "fs_lane")
    fields = decode_fields(payload)
    kind, number, sdp = (fields.get(key) for key in (b"msg_type", b"n", b"sdp"))
    if not isinstance(kind, int) or not isinstance(number, int) or not 0 <= number < _MAX_NUMBER:
        raise WireError(Reason.BAD_EXTENSION, "fs_lane without msg_type or number")
    if not 0 <= kind < len(_KINDS):
        return None
    if kind <= 1:
        if not isinstance(sdp, bytes):
            raise WireError(Reason.BAD_EXTENSION, "fs_lane without sdp")
        text = sdp.decode(errors="replace")
        return LaneAnswer(number, text) if kind else LaneOffer(number, text)
    return (LaneRefusal, LanePing, LanePong)[kind - 2](number)
