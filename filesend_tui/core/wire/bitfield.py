"""A set of piece indices, as compact as BEP 3 sends it.

Only membership lives here; which peer has which piece, and what follows, is the picker's and the
swarm's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class Bitfield:
    """A set of pieces out of `count`: one bit a piece, the first in the high bit of byte 0.

    Args:
        count: How many pieces the torrent has; may be 0.
        indices: The pieces to start with.

    Raises:
        IndexError: An index is not in `range(count)`; so do all methods that take one.
    """

    __slots__ = ("_bits", "_count")

    def __init__(self, count: int, indices: Iterable[int] = ()) -> None:
        self._count = count
        self._bits = bytearray((count + 7) // 8)
        for index in indices:
            self.set(index)

    def to_bytes(self) -> bytes:
        """Return the payload of a `bitfield` message (BEP 3): spare bits at the end are zero."""
        return bytes(self._bits)

    def set(self, index: int) -> None:
        """Add a piece to the set."""
        if not self.has(index):
            self._bits[index >> 3] |= 0x80 >> (index & 7)

    def has(self, index: int) -> bool:
        """Return whether the piece is in the set."""
        if not 0 <= index < self._count:
            raise IndexError(f"no piece {index} of {self._count}")
        return bool(self._bits[index >> 3] & 0x80 >> (index & 7))

    def __iter__(self) -> Iterator[int]:
        """Yield the pieces in the set, in order."""
        for byte_index, byte in enumerate(self._bits):
            if byte:
                first = byte_index * 8
                yield from (first + bit for bit in range(8) if byte & 0x80 >> bit)
