"""The status of part files as this program left them, to detect changes by another program.

Only this user's programs can change one: a part folder is private. Nothing is opened here, and what
a file should hold is not known.
"""

from __future__ import annotations

import os
import stat
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from filesend_tui.core.util.file_id import SETTLED, place_of

#: Whether each write updates a file's modification time at once.
_TIMES_WRITES: Final = os.name != "nt"


def no_note(_number: int, _place: tuple[int, int], _modified_ns: int) -> None:
    """Note nothing: nobody goes on with these files later."""


class Meddled(Exception):
    """Another program changed a file."""


class _Left(NamedTuple):
    place: tuple[int, int]
    modified_ns: int
    named: bool


class Traces:
    """The files of one download, by number. Thread-safe.

    Args:
        length: Returns a file's length in bytes, which never changes.
        note: Called with the number, identity and time of a file each time that it is left.
    """

    def __init__(
        self,
        length: Callable[[int], int],
        note: Callable[[int, tuple[int, int], int], None] = no_note,
    ) -> None:
        self._length = length
        self._note = note
        self._left: dict[int, _Left] = {}
        self._writers: Counter[int] = Counter()
        self._doubtful: set[int] = set()
        self._lock = threading.Lock()

    @contextmanager
    def writing(self, number: int, descriptor: int) -> Iterator[None]:
        """Check a file before a block that writes to it, and record its status after.

        Raises:
            Meddled: It was replaced or deleted, or has another length: further writes would restore
                the length of a truncated file, with a hole in it.
            OSError: Its status cannot be read.
        """
        before = os.fstat(descriptor)
        if not self.is_ours(number, before) or self._is_deleted(number, before):
            raise Meddled
        with self._lock:
            left = self._left.get(number)
            # While other threads write to it, its time proves nothing.
            alone = _TIMES_WRITES and not self._writers[number]
            if alone and left and before.st_mtime_ns > left.modified_ns:
                self._doubtful.add(number)
            self._writers[number] += 1
        try:
            yield
        finally:
            self._wrote(number, os.fstat(descriptor))

    def found(self, number: int, status: os.stat_result) -> None:
        """Record a file that an earlier run left; nothing writes to it meanwhile."""
        self._left[number] = _Left(place_of(status), status.st_mtime_ns, status.st_nlink > 0)
        self._note(number, place_of(status), status.st_mtime_ns)

    def doubt(self, numbers: Iterable[int]) -> None:
        """Have files verified again at the end, whatever their status shows."""
        with self._lock:
            self._doubtful.update(numbers)

    def dated(self, number: int, modified_ns: int) -> None:
        """Record that this program set a file's time; nothing writes to it meanwhile."""
        if (left := self._left.get(number)) is not None:
            self._left[number] = left._replace(modified_ns=modified_ns)
            self._note(number, left.place, modified_ns)

    def is_ours(self, number: int, status: os.stat_result) -> bool:
        """Return whether a file that was opened can be the one that was written to before."""
        left = self._left.get(number)
        if left is None or not self._has_length(number, status):
            return self._has_length(number, status)
        device, inode = place_of(status)
        # Some file systems change inode numbers, and keep coarser times than they reported.
        about_then = abs(status.st_mtime_ns - left.modified_ns) <= SETTLED
        return device == left.place[0] and (inode == left.place[1] or about_then)

    def are_of(self, number: int, status: os.stat_result) -> bool:
        """Return whether a file is, by all that its status shows, just as it was left."""
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
            # Of concurrent writers the last to read the status may not be the last to get here.
            newest = max(status.st_mtime_ns, left.modified_ns if left else 0)
            self._left[number] = _Left(place_of(status), newest, status.st_nlink > 0)
            self._note(number, place_of(status), newest)

    def _is_deleted(self, number: int, status: os.stat_result) -> bool:
        """Return whether an open file had a name and has none; some file systems never show it."""
        left = self._left.get(number)
        return left is not None and left.named and status.st_nlink == 0

    def _has_length(self, number: int, status: os.stat_result) -> bool:
        return stat.S_ISREG(status.st_mode) and status.st_size == self._length(number)
