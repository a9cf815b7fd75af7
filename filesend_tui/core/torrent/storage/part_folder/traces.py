"""How this program left the files that it writes: what tells that another program changed one.

Another user's program cannot: a part folder is its owner's alone. Nothing is opened here, and what
a file should hold is not known.
"""

from __future__ import annotations

import os
import stat
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from filesend_tui.core.util.file_id import SETTLED, place_of

#: Whether a file's time is that of its last write as soon as that is done.
_TIMES_WRITES: Final = os.name != "nt"


class Meddled(Exception):
    """Another program changed a file."""


class _Left(NamedTuple):
    place: tuple[int, int]
    modified_ns: int
    named: bool


class Traces:
    """The files of one download, by number. Thread-safe.

    Args:
        length: Of a file, in bytes; it has that from the beginning, and keeps it.
    """

    def __init__(self, length: Callable[[int], int]) -> None:
        self._length = length
        self._left: dict[int, _Left] = {}
        self._writers: Counter[int] = Counter()
        self._doubtful: set[int] = set()
        self._lock = threading.Lock()

    @contextmanager
    def writing(self, number: int, descriptor: int) -> Iterator[None]:
        """Look at a file before and after a block that writes to it.

        Raises:
            Meddled: It is another file or deleted, or has another length: written to further, one
                that was cut would have its length again, and a hole where something was.
            OSError: Nobody can tell.
        """
        before = os.fstat(descriptor)
        if not self.is_ours(number, before) or self._is_deleted(number, before):
            raise Meddled
        with self._lock:
            left = self._left.get(number)
            # While others of this program write to it, its time says nothing.
            alone = _TIMES_WRITES and not self._writers[number]
            if alone and left and before.st_mtime_ns > left.modified_ns:
                self._doubtful.add(number)
            self._writers[number] += 1
        try:
            yield
        finally:
            self._wrote(number, os.fstat(descriptor))

    def dated(self, number: int, modified_ns: int) -> None:
        """A file was given another time here; nothing writes to it."""
        if (left := self._left.get(number)) is not None:
            self._left[number] = left._replace(modified_ns=modified_ns)

    def is_ours(self, number: int, status: os.stat_result) -> bool:
        """Return whether a file that was opened can be the one that was written to before."""
        left = self._left.get(number)
        if left is None or not self._has_length(number, status):
            return self._has_length(number, status)
        device, inode = place_of(status)
        # Some file systems give out numbers anew, and keep coarser times than they told before.
        about_then = abs(status.st_mtime_ns - left.modified_ns) <= SETTLED
        return device == left.place[0] and (inode == left.place[1] or about_then)

    def are_of(self, number: int, status: os.stat_result) -> bool:
        """Return whether a file is, as far as all that was told of it, just as it was left."""
        left = self._left.get(number)
        if left is None or not self._has_length(number, status) or number in self._doubtful:
            return left is None and self._has_length(number, status)
        timely = status.st_mtime_ns == left.modified_ns or not _TIMES_WRITES
        return place_of(status) == left.place and timely

    def _wrote(self, number: int, status: os.stat_result) -> None:
        with self._lock:
            self._writers[number] -= 1
            left = self._left.get(number)
            if left and left.place != place_of(status):
                self._doubtful.add(number)
            # Of threads that write at once the last to look may not be the last to come here.
            newest = max(status.st_mtime_ns, left.modified_ns if left else 0)
            self._left[number] = _Left(place_of(status), newest, status.st_nlink > 0)

    def _is_deleted(self, number: int, status: os.stat_result) -> bool:
        """Return whether an open file had a name and has none; some file systems never tell."""
        left = self._left.get(number)
        return left is not None and left.named and status.st_nlink == 0

    def _has_length(self, number: int, status: os.stat_result) -> bool:
        return stat.S_ISREG(status.st_mode) and status.st_size == self._length(number)
