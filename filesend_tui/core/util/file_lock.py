"""A lock file; the system releases it when its process ends, in whatever way.

On POSIX it is taken by `flock`, without following a link; on Windows filelock does it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

#: Whether files are locked by flock, and an open one can be deleted.
_FLOCKS: Final = sys.platform != "win32"


class FileLock:
    """A held lock. `take` makes one. path: its file."""

    def __init__(self, path: Path, let_go: Callable[[], None]) -> None:
        self.path = path
        self._let_go: Callable[[], None] | None = let_go

    @classmethod
    def take(cls, path: Path, folder: int | None = None) -> Self | None:
        """Return the lock of a file, which is made where it does not exist; None if it is held.

        Args:
            path: The file.
            folder: A descriptor of its folder, where others may write to what leads there: then
                it is that folder's file of this name, whatever its path leads to. POSIX only.

        Raises:
            FileNotFoundError: There is no such folder.
            OSError: It cannot be made.
        """
        if sys.platform == "win32" or not _FLOCKS:
            import filelock

            lock = filelock.FileLock(str(path), timeout=0, thread_local=False, mode=0o600)
            try:
                lock.acquire()
            except filelock.Timeout:
                return None
            return cls(path, lock.release)
        import fcntl

        name = path if folder is None else path.name
        # O_NONBLOCK: a FIFO in its place would be waited for.
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(name, flags, 0o600, dir_fd=folder)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The former holder may have deleted it meanwhile: then this lock is void.
            there = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if os.path.samestat(there, os.fstat(descriptor)):
                return cls(path, lambda: os.close(descriptor))
        except (BlockingIOError, FileNotFoundError):
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    @property
    def is_held(self) -> bool:
        """Whether it was not released yet."""
        return self._let_go is not None

    def release(self) -> None:
        """Release it; the file stays. Idempotent."""
        if self._let_go is not None:
            let_go, self._let_go = self._let_go, None
            let_go()

    def remove(self) -> None:
        """Delete the file, by its path, and release it. Idempotent."""
        if self._let_go is not None:
            if _FLOCKS:
                with suppress(OSError):
                    self.path.unlink()
            self.release()
            if not _FLOCKS:
                with suppress(OSError):
                    self.path.unlink()
