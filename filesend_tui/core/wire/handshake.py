"""The 68-byte handshake that both sides of a connection send first (BEP 3).

Its reserved bits announce which extensions a side supports; what follows is connection.py's.
"""

from __future__ import annotations

from typing import Final

import msgspec

from filesend_tui.core.wire.errors import Reason, WireError

#: What every handshake begins with.
PROTOCOL: Final = b"\x13BitTorrent protocol"
#: Bytes of a handshake.
HANDSHAKE_SIZE: Final = 68
#: What this program supports: the extension protocol (BEP 10) and the fast extension (BEP 6).
OUR_RESERVED: Final = bytes.fromhex("0000000000100004")


class Handshake(msgspec.Struct, frozen=True):
    """A handshake. info_hash and peer_id are 20 bytes, reserved 8.

    Raises:
        ValueError: A field has another length.
    """

    info_hash: bytes
    peer_id: bytes
    reserved: bytes = OUR_RESERVED

    def __post_init__(self) -> None:
        if (len(self.info_hash), len(self.peer_id), len(self.reserved)) != (20, 20, 8):
            raise ValueError("info_hash and peer_id have 20 bytes, reserved has 8")

    @property
    def extended(self) -> bool:
        """The sender supports the extension protocol (BEP 10)."""
        return bool(self.reserved[5] & 0x10)

    @property
    def fast(self) -> bool:
        """The sender supports the fast extension (BEP 6)."""
        return bool(self.reserved[7] & 0x04)

    def encode(self) -> bytes:
        """Return its 68 bytes."""
        return PROTOCOL + self.reserved + self.info_hash + self.peer_id


def decode_handshake(data: bytes) -> Handshake:
    """Return the handshake that `data`, 68 bytes, holds.

    Raises:
        WireError: `badHandshake`.
    """
    if len(data) != HANDSHAKE_SIZE or not data.startswith(PROTOCOL):
        raise WireError(Reason.BAD_HANDSHAKE)
    return Handshake(info_hash=data[28:48], peer_id=data[48:], reserved=data[20:28])
