"""The status of part files as this program left them, to detect changes by another program.

Only this user's programs can change one: a part folder is private. Nothing is opened here, and what
a file should hold is not known.
"""

from __future__ import annotations

import os
import stat
import threading
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from filesend_tui.core.util.file_id import SETTLED, place_of

#: Whether each write updates a file's modification time at once.
_TIMES_WRITES: Final = os.name != "nt"
# States of a file in the table; 0 is that of one that was not left yet.
_NAMELESS: Final = 1
_NAMED: Final = 2


_64_BITS: Final = 0xFFFF_FFFF_FFFF_FFFF
# Files of which one note tells at most.
_AT_ONCE: Final = 1_000


def no_note(_first: int, _left: Iterable[tuple[int, int, int]]) -> None:
    """Note nothing: nobody goes on with these files later."""


class Meddled(Exception):
    """Another program changed a file."""


class _Left(NamedTuple):
    place: tuple[int, int]
    modified_ns: int
    named: bool


class _Table:
    """What was left of each file, in 25 bytes each; the first place is that of number -1."""

    def __init__(self) -> None:
        self._devices, self._numbers = array("Q"), array("Q")
        self._times, self._states = array("q"), array("B")

    def get(self, number: int) -> _Left | None:
        place = number + 1
        if place >= len(self._states) or not self._states[place]:
            return None
        return _Left(
            (self._devices[place], self._numbers[place]),
            self._times[place],
            self._states[place] == _NAMED,
        )

    def rows(self, first: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """Yield what was left of files in a row; zeros of one that was not."""
        here = slice(first + 1, stop + 1)
        yield from zip(self._devices[here], self._numbers[here], self._times[here], strict=True)

    def set(self, number: int, left: _Left) -> None:
        place = number + 1
        if place >= len(self._states):
            more = bytes(max(64, place + 1, len(self._states)))
            self._states.frombytes(more)
            for column in (self._devices, self._numbers, self._times):
                column.frombytes(more * column.itemsize)
        device, number = left.place
        self._devices[place], self._numbers[place] = device & _64_BITS, number & _64_BITS
        self._times[place] = left.modified_ns
        self._states[place] = _NAMED if left.named else _NAMELESS

    def date(self, number: int, modified_ns: int) -> None:
        place = number + 1
        if place < len(self._states) and self._states[place]:
            self._times[place] = modified_ns


class Traces:
    """The files of one download, by number. Thread-safe.

    Args:
        length: Returns a file's length in bytes, which never changes.
        note: Called with the number of a file, and the identity and time with which it and those
            after it were left.
    """

    def __init__(
        self,
        length: Callable[[int], int],
        note: Callable[[int, Iterable[tuple[int, int, int]]], None] = no_note,
    ) -> None:
        self._length = length
        self._note = note
        self._left = _Table()
        self._writers: Counter[int] = Counter()
        self._doubtful: set[int] = set()
        self._lock = threading.Lock()

    def begin(self, number: int, descriptor: int) -> None:
        """Check a file before it is written to; if this returns, `end` must follow.

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

    def tell(self, numbers: Iterable[int]) -> None:
        """Note how files between the lowest and the highest of these were left.

        Many are noted at once; until then a later run doubts those that were written to.
        """
        told = sorted(numbers)
        if not told:
            return
        if told[0] < 0:
            self._tell(-1, 0)
        lowest, stop = max(0, told[0]), told[-1] + 1
        if told[0] < 0 and len(told) > 1:
            lowest = told[1]
        for first in range(lowest, stop, _AT_ONCE):
            self._tell(first, min(first + _AT_ONCE, stop))

    def _tell(self, first: int, stop: int) -> None:
        with self._lock:  # so that what is noted last is what is known last
            self._note(first, self._left.rows(first, stop))

    def found(self, number: int, status: os.stat_result) -> None:
        """Record a file that an earlier run left; nothing writes to it meanwhile."""
        left = _Left(place_of(status), status.st_mtime_ns, status.st_nlink > 0)
        self._left.set(number, left)
        self._tell(number, number + 1)

    def knows(self, number: int) -> bool:
        """Return whether a file was left before."""
        return self._left.get(number) is not None

    def made(self, number: int, descriptor: int) -> None:
        """Record a file that this thread has just made; nothing else writes to it meanwhile.

        It is noted once `tell` is called. Raises OSError.
        """
        status = os.fstat(descriptor)
        with self._lock:
            self._left.set(number, _Left(place_of(status), status.st_mtime_ns, status.st_nlink > 0))

    def doubt(self, numbers: Iterable[int]) -> None:
        """Have files verified again at the end, whatever their status shows."""
        with self._lock:
            self._doubtful.update(numbers)

    def dated(self, number: int, modified_ns: int) -> None:
        """Record that this program set a file's time; nothing writes to it meanwhile.

        It is noted once `tell` is called.
        """
        self._left.date(number, modified_ns)

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

    def end(self, number: int, descriptor: int) -> None:
        """Record a file once it was written to. Raises OSError."""
        status = os.fstat(descriptor)
        with self._lock:
            self._writers[number] -= 1
            if not self._writers[number]:
                del self._writers[number]
            left = self._left.get(number)
            if left and left.place != place_of(status):
                self._doubtful.add(number)
            # Of concurrent writers the last to read the status may not be the last to get here.
            newest = max(status.st_mtime_ns, left.modified_ns if left else 0)
            self._left.set(number, _Left(place_of(status), newest, status.st_nlink > 0))

    def _is_deleted(self, number: int, status: os.stat_result) -> bool:
        """Return whether an open file had a name and has none; some file systems never show it."""
        left = self._left.get(number)
        return left is not None and left.named and status.st_nlink == 0

    def _has_length(self, number: int, status: os.stat_result) -> bool:
        return stat.S_ISREG(status.st_mode) and status.st_size == self._length(number)
