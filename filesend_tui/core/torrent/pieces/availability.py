"""How many peers have each piece, and which pieces the fewest have.

Sets of pieces are plain ints here, piece i being bit i, and the counts are bit-sliced: plane k
holds bit k of every piece's count. So a whole bitfield is added, and the rarest of any set found,
in a handful of big-integer operations however the peers come and go: a few microseconds at
100,000 pieces. What to fetch is the picker's.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

#: Below this many bits a set is searched bit by bit.
_SMALL = 64


def bits_of(indices: Iterable[int], count: int) -> int:
    """Return the set of `indices`, each in `range(count)`.

    Raises:
        IndexError: There is no such piece.
    """
    packed = bytearray((count + 7) // 8)
    for index in indices:
        if not 0 <= index < count:
            raise IndexError(f"no piece {index} of {count}")
        packed[index >> 3] |= 1 << (index & 7)
    return int.from_bytes(packed, "little")


def random_member(bits: int, rng: random.Random) -> int:
    """Return one piece of a set that is not empty, each with the same chance."""
    nth = rng.randrange(bits.bit_count())
    base = 0
    while (width := bits.bit_length()) > _SMALL:
        half = width // 2
        low = bits & (1 << half) - 1
        below = low.bit_count()
        if nth < below:
            bits = low
        else:
            nth -= below
            base += half
            bits >>= half
    for _ in range(nth):
        bits &= bits - 1  # drops the lowest
    return base + (bits & -bits).bit_length() - 1


class Availability:
    """Counts, for every piece, the peers that have it."""

    __slots__ = ("_planes",)

    def __init__(self) -> None:
        self._planes: list[int] = []

    def add(self, bits: int) -> None:
        """Count one more peer that has each of these pieces."""
        planes = self._planes
        for k, plane in enumerate(planes):
            if not bits:
                return
            planes[k], bits = plane ^ bits, plane & bits  # sum and carry
        if bits:
            planes.append(bits)

    def remove(self, bits: int) -> None:
        """Count one peer fewer for each of these pieces; each must have been added before."""
        planes = self._planes
        for k, plane in enumerate(planes):
            if not bits:
                break
            planes[k], bits = plane ^ bits, bits ^ (bits & plane)  # difference and borrow
        while planes and not planes[-1]:
            planes.pop()

    def rarest(self, candidates: int) -> int:
        """Return those of the candidates that the fewest peers have; all that tie."""
        for plane in reversed(self._planes):
            if without := candidates ^ (candidates & plane):
                candidates = without
        return candidates

    def count(self, index: int) -> int:
        """Return how many peers have one piece."""
        return sum((plane >> index & 1) << k for k, plane in enumerate(self._planes))
