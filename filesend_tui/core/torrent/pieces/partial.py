"""A piece in work, and a peer as the picker sees it: plain values, kept by the picker alone."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from filesend_tui.core.wire.shape import BLOCK, BlockRequest

#: A peer as an opaque key.
PeerKey = TypeVar("PeerKey", bound=Hashable)


class Partial(Generic[PeerKey]):
    """A piece begun and not yet verified. A block is free, asked (in askers), or received."""

    __slots__ = ("askers", "bit", "contributors", "free", "index", "left", "owner", "size")

    def __init__(self, index: int, bit: int, size: int) -> None:
        self.index = index
        self.bit = bit
        self.size = size
        self.free = list(range(0, size, BLOCK))[::-1]  # begins; the first block is popped first
        self.left = len(self.free)
        self.askers: dict[int, list[PickedPeer[PeerKey]]] = {}
        self.contributors: dict[PeerKey, None] = {}
        self.owner: PickedPeer[PeerKey] | None = None

    def request(self, begin: int) -> BlockRequest:
        """Return the request for the block at `begin`, a multiple of BLOCK below `size`."""
        return BlockRequest(self.index, begin, min(BLOCK, self.size - begin))


class PickedPeer(Generic[PeerKey]):
    """A connected peer: what it has (bit i: piece i), what is in flight, whether on parole.

    requests, pieces: the blocks in flight from it, and the whole pieces; no piece is in both.
    at_hand: the piece last requested from it. used, wasted: how many of its blocks were of use, and
    how many were not. pace: how many are expected of it within a tick.
    """

    __slots__ = (
        "at_hand",
        "bits",
        "key",
        "pace",
        "parole",
        "pieces",
        "requests",
        "used",
        "used_before",
        "wasted",
    )

    def __init__(self, key: PeerKey) -> None:
        self.key = key
        self.bits = 0
        self.requests: dict[BlockRequest, Partial[PeerKey]] = {}
        self.pieces: dict[int, None] = {}
        self.parole = False
        self.at_hand: Partial[PeerKey] | None = None
        self.used = 0
        self.used_before = 0
        self.pace = 0
        self.wasted = 0
