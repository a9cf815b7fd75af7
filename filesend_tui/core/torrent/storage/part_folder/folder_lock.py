"""The lock file of an unfinished download's folder; the system releases it after a crash.

On POSIX it is made and locked through the open folder, so that no link redirects it; on Windows
filelock does it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Self

from filesend_tui.core.torrent.storage.dir_handle import DirHandle


class FolderLock:
    """A held lock. `take` makes one."""

    def __init__(self, let_go: Callable[[], None]) -> None:
        self._let_go: Callable[[], None] | None = let_go

    @classmethod
    def take(cls, ground: DirHandle, name: str) -> Self | None:
        """Return the lock of the file `name` in `ground`; None where it is held already.

        Raises:
            OSError: It cannot be made.
        """
        if sys.platform == "win32" or ground.descriptor is None:
            return cls._take_by_path(str(ground.path / name))
        import fcntl

        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        try:
            descriptor = os.open(name, flags, 0o600, dir_fd=ground.descriptor)
        except FileNotFoundError:
            return None  # the former holder is just removing the folder
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The former holder may have deleted it meanwhile: then this lock is void.
            there = os.stat(name, dir_fd=ground.descriptor, follow_symlinks=False)
            if os.path.samestat(there, os.fstat(descriptor)):
                return cls(lambda: os.close(descriptor))
        except (BlockingIOError, FileNotFoundError):
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    @classmethod
    def _take_by_path(cls, path: str) -> Self | None:
        import filelock

        lock = filelock.FileLock(path, timeout=0, thread_local=False, mode=0o600)
        try:
            lock.acquire()
        except (filelock.Timeout, FileNotFoundError):  # or its folder is just being removed
            return None
        return cls(lock.release)

    @property
    def is_held(self) -> bool:
        """Whether it was not released yet."""
        return self._let_go is not None

    def release(self) -> None:
        """Release it; the file stays. Idempotent."""
        if self._let_go is not None:
            let_go, self._let_go = self._let_go, None
            let_go()
