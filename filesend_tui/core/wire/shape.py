"""The shape of a torrent: how its bytes are cut into pieces and blocks (BEP 3).

Only arithmetic lives here; no names, no hashes, and nothing about which peer has what.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

#: Bytes of one block, the unit of a request; only a torrent's very last block is shorter.
BLOCK: Final = 16 * 1024
#: Largest info dictionary that is accepted from a peer or a file, in bytes.
MAX_METADATA: Final = 32 * 1024 * 1024
#: Most pieces a torrent may have: its info dictionary holds 20 bytes for each, besides the names.
MAX_PIECES: Final = MAX_METADATA // 40


class BlockRequest(NamedTuple):
    """A block to request: piece, offset in it and length, in bytes."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    begin: int
    length: int


@dataclass(frozen=True, slots=True)
class TorrentShape:
    """How a torrent is cut. Lengths in bytes; a torrent of empty files alone has no piece.

    Raises:
        ValueError: The three numbers contradict each other.
    """

    piece_count: int
    piece_length: int
    total_length: int

    def __post_init__(self) -> None:
        if self.piece_length <= 0 or self.total_length < 0:
            raise ValueError("a piece length must be positive and a total length not negative")
        if self.piece_count != -(-self.total_length // self.piece_length):
            raise ValueError("piece count does not fit total and piece length")

    def piece_size(self, index: int) -> int:
        """Return the bytes of piece `index`; the last may be shorter than the others.

        Raises:
            IndexError: There is no such piece.
        """
        if not 0 <= index < self.piece_count:
            raise IndexError(f"no piece {index} of {self.piece_count}")
        return min(self.piece_length, self.total_length - index * self.piece_length)
