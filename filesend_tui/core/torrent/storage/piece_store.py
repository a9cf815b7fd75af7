"""The interface of the stores of a torrent's pieces, and helpers that they share.

The stores themselves are download_files.py and sources/seed_files.py.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator

from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.storage.extents import ExtentMap, FileSlice


class PieceStore(ABC):
    """Where the bytes of a torrent's pieces are."""

    def __init__(self, info: TorrentInfo) -> None:
        self._info = info

    def read(self, index: int, begin: int, length: int) -> bytes:
        """Return `length` bytes of piece `index` from `begin`.

        Raises:
            ValueError: They are not all within the piece.
            StorageFailed: The disk failed, the bytes are not here, or the store is closed.
            BadSource: What is being sent changed.
        """
        start = _piece_start(self._info, index, begin, length)
        data = bytearray(length)
        self.read_into(start, memoryview(data))
        return bytes(data)

    @abstractmethod
    def read_into(self, start: int, view: memoryview) -> None:
        """Fill `view` with the torrent's bytes from `start` on, across pieces and files.

        Raises:
            ValueError: They are not all within the torrent.
            StorageFailed, BadSource: As `read`.
        """

    @abstractmethod
    def check(self, index: int) -> None:
        """Read a piece and compare it with its hash, as a peer reports it as false.

        Raises:
            StorageFailed, BadSource: It is false, with the cause; or it cannot be read.
        """

    @abstractmethod
    def close(self) -> None:
        """Close every file, once reads under way have ended. May be called twice."""


def verify(info: TorrentInfo, index: int, data: bytes | bytearray | memoryview) -> bool:
    """Return whether `data` is all of piece `index` (SHA-1, BEP 3)."""
    digest = hashlib.sha1(data, usedforsecurity=False).digest()
    return digest == info.piece_hash(index)


def _piece_start(info: TorrentInfo, index: int, begin: int, length: int) -> int:
    """Return where in the torrent a piece's bytes begin. Raises ValueError: not within it."""
    shape = info.shape
    inside = 0 <= index < shape.piece_count and begin >= 0 and length > 0
    if not inside or begin + length > shape.piece_size(index):
        raise ValueError("these bytes are not within one piece")
    return index * shape.piece_length + begin


def slices_in(extents: ExtentMap, start: int, length: int) -> Iterator[FileSlice]:
    """Yield where bytes lie. Raises ValueError where they are not in the torrent."""
    try:
        yield from extents.find(start, length)
    except LookupError as error:
        raise ValueError("these bytes are not in the torrent") from error
