"""Open files, read and written at offsets by many threads, never more than a few at once.

Which bytes belong where is not known here.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import islice
from typing import Final, Protocol

from filesend_tui.core.errors import StorageFailed

#: Open files of one pool; systems allow a process as few as 256.
MAX_OPEN: Final = 32

_VECTORED: Final = hasattr(os, "preadv")
_POSITIONED: Final = hasattr(os, "pread") and hasattr(os, "pwrite")


class Handle:
    """One open file. Threads may read and write at the same time."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.users = 0
        self._seek = threading.Lock()

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer at the end of the file. Raises OSError."""
        parts: list[bytes] = []
        while length:
            if sys.platform != "win32" and _POSITIONED:
                part = os.pread(self.descriptor, length, offset)
            else:
                with self._seek:
                    os.lseek(self.descriptor, offset, os.SEEK_SET)
                    part = os.read(self.descriptor, length)
            if not part:
                break
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read_into(self, offset: int, view: memoryview) -> int:
        """Fill `view` from `offset`; return how much there was, less at the end of the file.

        Raises:
            OSError: It cannot be read.
        """
        count = 0
        while count < len(view):
            if sys.platform != "win32" and _VECTORED:
                part = os.preadv(self.descriptor, [view[count:]], offset + count)
            else:
                data = self.read_at(offset + count, len(view) - count)
                part = len(data)
                view[count : count + part] = data
            if not part:
                break
            count += part
        return count

    def write_at(self, offset: int, data: memoryview | bytes) -> None:
        """Write all of `data` at `offset`. Raises OSError."""
        data = memoryview(data)
        while data:
            if sys.platform != "win32" and _POSITIONED:
                written = os.pwrite(self.descriptor, data, offset)
            else:
                with self._seek:
                    os.lseek(self.descriptor, offset, os.SEEK_SET)
                    written = os.write(self.descriptor, data)
            offset += written
            data = data[written:]

    def keep(self, mode: int | None, modified_ns: int | None) -> bool:
        """Set the file's permissions and modification time; None: leave as it is.

        Errors are ignored: not every file system keeps them. Returns False where this system sets
        them by the name of a file only.
        """
        if sys.platform == "win32" or os.utime not in os.supports_fd:
            return False
        if mode is not None:
            with suppress(OSError):
                os.fchmod(self.descriptor, mode)
        if modified_ns is not None:
            with suppress(OSError):
                os.utime(self.descriptor, ns=(time.time_ns(), modified_ns))
        return True


class Visit(Protocol):
    """What `HandlePool.visiting` yields."""

    def __call__(self, number: int, flags: int = 0) -> AbstractContextManager[Handle]:
        """Open a file by its number, with further flags, for one block. Raises OSError."""
        ...


class HandlePool:
    """Opens files as they are needed and keeps the most recently used ones open. Thread-safe.

    Args:
        open_file: Opens a file by its number, with flags of os.open; returns a descriptor. Called
            by one thread at a time.
        writable: Open for writing too.
        limit: Files to keep open; more are open only while more threads use as many.
    """

    def __init__(
        self,
        open_file: Callable[[int, int], int],
        *,
        writable: bool,
        limit: int = MAX_OPEN,
    ) -> None:
        self._open_file = open_file
        self._flags = os.O_RDWR if writable else os.O_RDONLY
        self._limit = limit
        self._handles: OrderedDict[int, Handle] = OrderedDict()
        self._changed = threading.Condition()
        self._visitors = 0
        self._suspended = False
        self._closed = False

    @contextmanager
    def use(self, number: int) -> Iterator[Handle]:
        """Yield an open file, which stays open at least for the block.

        Raises:
            StorageFailed: The pool is closed.
            OSError: The file cannot be opened.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._suspended)
            self._check_open()
            handle = self._handles.get(number)
            if handle is None:
                handle = Handle(self._open_file(number, self._flags))
                self._handles[number] = handle
            self._handles.move_to_end(number)
            handle.users += 1
            self._evict()
        try:
            yield handle
        finally:
            with self._changed:
                handle.users -= 1
                self._evict()
                self._changed.notify_all()

    @contextmanager
    def visiting(self) -> Iterator[Visit]:
        """Yield what opens many files once each, in a third of the time: none of them is kept.

        It takes a file's number, as `use` does, and further flags of os.open. Like a use of a file,
        the block delays those who want all files closed; so nothing else of this pool may be used
        in it.

        Raises:
            StorageFailed: The pool is closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._suspended)
            self._check_open()
            self._visitors += 1
        try:
            yield self._visit
        finally:
            with self._changed:
                self._visitors -= 1
                self._changed.notify_all()

    @contextmanager
    def _visit(self, number: int, flags: int = 0) -> Iterator[Handle]:
        with self._changed:
            handle = Handle(self._open_file(number, self._flags | flags))
        try:
            yield handle
        finally:
            os.close(handle.descriptor)

    def _check_open(self) -> None:
        if self._closed:
            raise StorageFailed("The files of this torrent are closed.")

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Close every file, so that all may be moved; `use` blocks meanwhile.

        From then on they are opened for reading only.
        """
        with self._changed:
            self._suspended = True
            self._flags = os.O_RDONLY
            self._close_idle()
        try:
            yield
        finally:
            with self._changed:
                self._suspended = False
                self._changed.notify_all()

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Close every file, and open none in the block: what they are opened from changes there."""
        with self._changed:
            self._close_idle()
            yield

    def close(self) -> None:
        """Wait until no file is in use, then close them all, for good. Idempotent."""
        with self._changed:
            self._closed = True
            self._close_idle()

    def _close_idle(self) -> None:
        self._changed.wait_for(self._is_idle)
        while self._handles:
            with suppress(OSError):  # of a disk that fails; writes are synced by other handles
                os.close(self._handles.popitem()[1].descriptor)

    def _is_idle(self) -> bool:
        return not self._visitors and not any(h.users for h in self._handles.values())

    def _evict(self) -> None:
        surplus = len(self._handles) - self._limit
        if surplus > 0:
            idle = (number for number, handle in self._handles.items() if not handle.users)
            for number in tuple(islice(idle, surplus)):
                os.close(self._handles.pop(number).descriptor)
