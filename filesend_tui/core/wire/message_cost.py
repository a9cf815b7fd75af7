"""The cost of messages that transfer no data: the measure of a peer that only keeps us busy.

Blocks, requests for them and announcements of new pieces weigh nothing: they are bounded by what we
requested, what we serve, and the torrent itself. How much is allowed, and for how long, is decided
by torrent/peer/flood_guard.py.
"""

from __future__ import annotations

from typing import Final

from filesend_tui.core.wire.messages import (
    Bitfield,
    Extended,
    Have,
    HaveAll,
    HaveNone,
    Message,
    Piece,
    RejectRequest,
    Request,
)

#: An extended handshake may change which peers the info dictionary is requested from, which costs a
#: pass over all its pieces and all peers.
HANDSHAKE_WEIGHT: Final = 64

#: Messages that the connection weighs by their effect.
_WEIGHED_APART: Final[frozenset[type[Message]]] = frozenset(
    {Bitfield, Extended, Have, HaveAll, HaveNone, Piece, RejectRequest, Request}
)


def weight(kind: type[Message]) -> int:
    """Return what a message of this kind weighs, whatever its content."""
    return 0 if kind in _WEIGHED_APART else 1
