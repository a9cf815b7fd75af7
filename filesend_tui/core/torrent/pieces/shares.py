"""Which pieces each of several receivers begins with, so that a seed sends few of them twice.

Every receiver knows who the others are and computes the same division, so nothing is said about
it: each takes its own share from whoever has all, and the others' shares from the others. It is a
preference among the pieces that the fewest have, and bars nothing. Who is there never lives here,
nor what is requested next.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from filesend_tui.core.wire.shape import TorrentShape

#: Bytes of neighbouring pieces that stay in one share: whole runs are requested of a peer.
ROW: Final = 1024 * 1024


def own_share(shape: TorrentShape, own: bytes, others: Collection[bytes]) -> int:
    """Return the pieces that this side begins with, as a set: bit i is piece i.

    Args:
        shape: How the torrent is cut.
        own: This side's peer_id.
        others: Those of all others that lack something, as far as known.
    """
    everything = (1 << shape.piece_count) - 1
    if not others:
        return everything
    row = max(1, ROW // shape.piece_length)
    rank, period = sum(other < own for other in others), row * (len(others) + 1)
    turns = -(-shape.piece_count // period)
    # One bit for the beginning of each turn: 1 + 2 ** period + 2 ** (2 * period) and so on.
    beginnings = ((1 << period * turns) - 1) // ((1 << period) - 1)
    return beginnings * (((1 << row) - 1) << rank * row) & everything
