"""The one error of the wire: a peer broke the protocol, and its connection is dead.

Reasons are stable words, for logs and for the code that decides what to do about the peer.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Which rule was broken."""

    BAD_HANDSHAKE = "badHandshake"
    WRONG_INFO_HASH = "wrongInfoHash"
    SELF_CONNECTION = "selfConnection"
    OVERSIZED_MESSAGE = "oversizedMessage"
    BAD_LENGTH = "badLength"
    INDEX_OUT_OF_RANGE = "indexOutOfRange"
    BLOCK_OUT_OF_RANGE = "blockOutOfRange"
    OVERSIZED_REQUEST = "oversizedRequest"
    UNREQUESTED = "unrequested"
    BAD_BITFIELD = "badBitfield"
    MISPLACED_BITFIELD = "misplacedBitfield"
    FAST_NOT_NEGOTIATED = "fastNotNegotiated"
    EXTENSIONS_NOT_NEGOTIATED = "extensionsNotNegotiated"
    BAD_EXTENSION = "badExtension"
    DEAD_CONNECTION = "deadConnection"


class WireError(Exception):
    """A peer broke the protocol. reason: stable; detail: figures only, never a peer's text."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
