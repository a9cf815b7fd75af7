"""The transit: an opaque pipe between two paired people, over WebSocket, and the bounds of it.

Each of the two opens a WebSocket at TRANSIT_PATH and sends a greeting. When both are there, each is
told so by an empty binary message, and from then on each binary message of the one is a binary
message of the other. No bytes of a pipe are ever read here.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Annotated, Final

import msgspec

#: Path of the transit on a relay.
TRANSIT_PATH: Final = "/transit"
#: Bytes of a pass, which the relay gives to one person, and of the name of a pipe, which one of the
#: two draws and tells the other.
PASS: Final = 16
PIPE: Final = 16
#: Longest message of a pipe, in bytes.
MAX_MESSAGE: Final = 64 * 1024
#: Sent to both once both are there.
JOINED: Final = b""
#: Longest text message of the relay that is read, in characters.
MAX_NOTICE: Final = 200


class Slowed(StrEnum):
    """Bounds of a relay that make a pipe wait."""

    PIPE = "pipe"
    ALL = "all"
    DAY = "day"


class TransitNotice(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A text message of the relay to both: the pipe waits. per_second: bytes, while it does."""

    slowed: Slowed
    per_second: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]


class TransitEnd(IntEnum):
    """Codes with which the relay closes an end (RFC 6455, section 7.4.2: private use)."""

    #: The greeting is none, or does not come.
    NO_GREETING = 4000
    #: The pass is nobody's, or the two are not paired.
    NOT_PAIRED = 4001
    #: Nobody came to the other end in time.
    NOBODY = 4002
    #: There are too many pipes: of this address, or in all.
    FULL = 4003
    #: The other end is gone.
    GONE = 4004
    #: A message that no pipe carries.
    BAD_MESSAGE = 4005


def greeting(pass_: bytes, pipe: bytes) -> bytes:
    """Return the first message of an end. pass_: PASS bytes. pipe: PIPE bytes."""
    return pass_ + pipe
