"""What a message weighs that moves nothing: the measure of a peer that only keeps us busy.

Blocks, asking for them and learning of new pieces weigh nothing here: those are bounded by what we
asked for, what we serve, and the torrent itself. How much is borne, and for how long, is decided
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

#: An extended handshake may change whom the info dictionary is asked of, which takes a look at
#: every piece of it and every peer.
HANDSHAKE_WEIGHT: Final = 64

#: Messages that the connection weighs by what they led to.
_WEIGHED_APART: Final[frozenset[type[Message]]] = frozenset(
    {Bitfield, Extended, Have, HaveAll, HaveNone, Piece, RejectRequest, Request}
)


def weight(kind: type[Message]) -> int:
    """Return what a message of this kind weighs, whatever it says."""
    return 0 if kind in _WEIGHED_APART else 1
