"""The pieces that a peer announced: bitfield, have-all and have (BEP 3, 6).

Before the torrent's shape is known (a magnet) they are kept, within bounds, and checked once it is.
When such a message may come is connection.py's.
"""

from __future__ import annotations

from collections.abc import Sequence

from filesend_tui.core.wire.errors import Reason, WireError
from filesend_tui.core.wire.shape import MAX_PIECES


class PeerPieces:
    """The pieces that a peer has; `has`, `count` and `is_seed` are O(1)."""

    def __init__(self) -> None:
        self._bits = bytearray()
        self._bitfield: bytes | None = None
        self._count = 0
        self._highest = -1
        self._all = False
        self._total: int | None = None

    @property
    def count(self) -> int:
        """How many pieces it has; 0 after a have-all while the torrent's shape is not known."""
        return self._count

    @property
    def is_seed(self) -> bool:
        """Whether the peer has every piece."""
        return self._all or (self._total is not None and self._count == self._total)

    def has(self, index: int) -> bool:
        """Return whether it has piece `index`; False for an index that does not exist."""
        at = index >> 3
        return 0 <= at < len(self._bits) and bool(self._bits[at] & (0x80 >> (index & 7)))

    def add(self, index: int) -> bool:
        """Record a have; return whether it is new.

        Raises:
            WireError: `indexOutOfRange`.
        """
        if index >= (MAX_PIECES if self._total is None else self._total):
            raise WireError(Reason.INDEX_OUT_OF_RANGE, f"have {index}")
        self._highest = max(self._highest, index)
        if self._all or self.has(index):
            return False
        at = index >> 3
        if at >= len(self._bits):
            self._bits.extend(bytes(at + 1 - len(self._bits)))
        self._bits[at] |= 0x80 >> (index & 7)
        self._count += 1
        return True

    def set_bits(self, bits: bytes) -> None:
        """Record a bitfield.

        Raises:
            WireError: `badBitfield`: wrong length or spare bits set, where the shape is known.
        """
        if self._total is not None:
            _check_bits(bits, self._total)
        self._bitfield = bits
        self._bits = bytearray(bits)
        self._count = int.from_bytes(bits, "big").bit_count()

    def set_all(self) -> None:
        """Record a have-all."""
        self._all = True
        if self._total is not None:
            self._count = self._total
            self._bits = _all_bits(self._total)

    def set_total(self, total: int) -> None:
        """Set how many pieces there are, and check what was announced before.

        Raises:
            WireError: `badBitfield` or `indexOutOfRange`.
        """
        if self._highest >= total:
            raise WireError(Reason.INDEX_OUT_OF_RANGE, f"have {self._highest} of {total}")
        if self._bitfield is not None:
            _check_bits(self._bitfield, total)
        self._total = total
        if self._all:
            self.set_all()
        else:
            self._bits.extend(bytes(-(-total // 8) - len(self._bits)))

    def indices(self) -> Sequence[int]:
        """Return the pieces it has, ascending; a range where it has all."""

        if self._total is not None and self._count == self._total:
            return range(self._total)
        if not self._count:
            return ()
        text = format(int.from_bytes(self._bits, "big"), f"0{len(self._bits) * 8}b")
        return tuple(index for index, bit in enumerate(text) if bit == "1")


def _check_bits(bits: bytes, total: int) -> None:
    spare = -total % 8
    if len(bits) != -(-total // 8) or (spare and bits[-1] & ((1 << spare) - 1)):
        raise WireError(Reason.BAD_BITFIELD, f"{len(bits)} bytes for {total} pieces")


def _all_bits(total: int) -> bytearray:
    bits = bytearray(b"\xff" * -(-total // 8))
    if total % 8:
        bits[-1] = 0xFF << (-total % 8) & 0xFF
    return bits
