"""A set of piece indices, as compact as BEP 3 sends it.

Only membership lives here; who has what, and what to do about it, is the picker's and the swarm's.
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

    __slots__ = ("_bits", "_count", "_set")

    def __init__(self, count: int, indices: Iterable[int] = ()) -> None:
        self._count = count
        self._bits = bytearray((count + 7) // 8)
        self._set = 0
        for index in indices:
            self.set(index)

    @classmethod
    def full(cls, count: int) -> Bitfield:
        """Return the set of all `count` pieces."""
        result = cls(count)
        result._bits = bytearray(b"\xff") * len(result._bits)
        if spare := -count % 8:
            result._bits[-1] = 0xFF << spare & 0xFF
        result._set = count
        return result

    @classmethod
    def from_bytes(cls, data: bytes, count: int) -> Bitfield:
        """Read the payload of a `bitfield` message (BEP 3).

        Raises:
            ValueError: The length does not fit `count`, or a spare bit at the end is set.
        """
        result = cls(count)
        if len(data) != len(result._bits):
            raise ValueError("a bitfield's length does not fit the number of pieces")
        if data and data[-1] & (1 << -count % 8) - 1:
            raise ValueError("a bitfield names pieces that do not exist")
        result._bits[:] = data
        result._set = int.from_bytes(data, "big").bit_count()
        return result

    def to_bytes(self) -> bytes:
        """Return the payload of a `bitfield` message (BEP 3): spare bits at the end are zero."""
        return bytes(self._bits)

    @property
    def count(self) -> int:
        """How many pieces the torrent has."""
        return self._count

    @property
    def count_set(self) -> int:
        """How many pieces are in the set."""
        return self._set

    @property
    def complete(self) -> bool:
        """Whether every piece is in the set; true of a torrent without pieces."""
        return self._set == self._count

    def set(self, index: int) -> None:
        """Put a piece into the set."""
        if not self.has(index):
            self._bits[index >> 3] |= 0x80 >> (index & 7)
            self._set += 1

    def has(self, index: int) -> bool:
        """Whether the piece is in the set."""
        if not 0 <= index < self._count:
            raise IndexError(f"no piece {index} of {self._count}")
        return bool(self._bits[index >> 3] & 0x80 >> (index & 7))

    def __contains__(self, index: int) -> bool:
        return self.has(index)

    def __iter__(self) -> Iterator[int]:
        """Yield the pieces in the set, in order."""
        for byte_index, byte in enumerate(self._bits):
            if byte:
                first = byte_index * 8
                yield from (first + bit for bit in range(8) if byte & 0x80 >> bit)

    def __len__(self) -> int:
        return self._set

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Bitfield):
            return NotImplemented
        return self._count == other._count and self._bits == other._bits

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"Bitfield({self._set} of {self._count})"
