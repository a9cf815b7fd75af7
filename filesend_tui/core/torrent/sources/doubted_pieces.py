"""Pieces being sent that may be false, as the ctime of their files changed but not the mtime.

Only the ctimes are kept here; nothing is read, nor compared with a hash.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence

from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.storage.extents import pieces_of


class Doubts:
    """Which pieces of one torrent need a check of their hash. Thread-safe.

    Args:
        info: The torrent.
        found: The ctime of each file when it was found, in nanoseconds; None where unknown.
    """

    def __init__(self, info: TorrentInfo, found: Sequence[int | None]) -> None:
        self._info = info
        self._found = found
        self._since: dict[int, int] = {}
        self._good: set[int] = set()
        self._lock = threading.Lock()

    def of(self, pieces: Iterable[int], touched: Mapping[int, int]) -> list[int]:
        """Return which of the pieces are not known to be good.

        Args:
            pieces: Those that are being read.
            touched: The files in them whose ctime changed: number, and the present ctime.
        """
        ranges = [pieces_of(self._info, number) for number in touched]
        with self._lock:
            for (number, changed), held in zip(touched.items(), ranges, strict=True):
                if self._known(number) != changed:
                    self._since[number] = changed
                    self._good = {piece for piece in self._good if piece not in held}
            return [
                piece
                for piece in pieces
                if piece not in self._good and any(piece in held for held in ranges)
            ]

    def settle(self, piece: int, touched: Mapping[int, int]) -> None:
        """Record a piece as good, unless the ctime of its files changed again since `touched`."""
        with self._lock:
            if all(self._known(number) == changed for number, changed in touched.items()):
                self._good.add(piece)

    def _known(self, number: int) -> int | None:
        changed = self._since.get(number)
        return self._found[number] if changed is None else changed
