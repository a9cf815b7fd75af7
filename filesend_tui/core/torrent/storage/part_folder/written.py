"""Which pieces were written to a part folder, and how its part files were left by that.

A file of fixed size: a byte a piece, then a row for the spill and for each file of the torrent,
with its identity and the time of the last write. Each is written at its place after what it tells
of, so that after the end of a process in any way it tells of nothing that is not there. What that
is worth is kept.py's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from contextlib import AbstractContextManager
from enum import IntEnum
from itertools import starmap
from typing import Final, NamedTuple

from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.file_handles import HandlePool
from filesend_tui.core.torrent.storage.part_folder import whole_file
from filesend_tui.core.wire.shape import TorrentShape

#: Its name in a part folder.
PIECES: Final = "pieces"

_ROW: Final = struct.Struct("<QQq")


class Mark(IntEnum):
    """What is said of a piece."""

    #: It is not there.
    MISSING = 0
    #: It was written, by a process that cannot vouch for it any more: its hash decides.
    DOUBTED = 1
    #: It was verified and written.
    WRITTEN = 2


class Left(NamedTuple):
    """The status of a file as this program left it; zeros where it never wrote to it.

    device, number: its identity. modified_ns: the time of the last write.
    """

    device: int
    number: int
    modified_ns: int


class Told(NamedTuple):
    """marks: a Mark for each piece. left: for the spill, and for each file, how it was left."""

    marks: bytes
    left: list[Left]


class Written:
    """The file of one download, held open as it is needed. Thread-safe.

    Args:
        ground: The part folder.
        shape: The torrent's pieces.
        files: How many files the torrent has.
    """

    def __init__(self, ground: DirHandle, shape: TorrentShape, files: int) -> None:
        self._ground = ground
        self._count = shape.piece_count
        self._rows = files + 1
        self._file = HandlePool(lambda _, flags: ground.open((PIECES,), flags), writable=True)

    def read(self) -> Told | None:
        """Return what an earlier run told; None where that is nothing, or no sense.

        Raises:
            OSError: It cannot be read.
        """
        size = self._count + self._rows * _ROW.size
        data = whole_file.read(self._ground, PIECES, size)
        if data is None or len(data) != size:
            return None
        rows = [Left(*row) for row in _ROW.iter_unpack(data[self._count :])]
        return Told(data[: self._count], rows)

    def begin(self, marks: bytes | None = None) -> None:
        """Tell of these pieces from now on (None: of none), and of no file. Raises OSError."""
        marks = bytes(self._count) if marks is None else marks
        whole_file.write(self._ground, PIECES, marks + bytes(self._rows * _ROW.size), sync=False)

    def renewed(self) -> AbstractContextManager[None]:
        """See HandlePool."""
        return self._file.renewed()

    def mark(self, pieces: range, mark: Mark = Mark.WRITTEN) -> None:
        """Tell of a run of pieces. Raises OSError, and StorageFailed where it is closed."""
        self._put(pieces.start, bytes([mark]) * len(pieces))

    def leave(self, first: int, left: Iterable[tuple[int, int, int]]) -> None:
        """Tell how files in a row were left, from number `first` on (-1: the spill).

        left: a Left for each. Raises as `mark`.
        """
        self._put(self._count + (first + 1) * _ROW.size, b"".join(starmap(_ROW.pack, left)))

    def _put(self, offset: int, data: bytes) -> None:
        with self._file.use(0) as handle:
            handle.write_at(offset, data)

    def close(self) -> None:
        """Close it, once writes under way have ended. Idempotent."""
        self._file.close()
