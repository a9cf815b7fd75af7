"""A lock file that says whose an unfinished download's folder is; a crash lets go of it.

On POSIX it is made and locked through the open folder, so that no link leads it elsewhere;
Windows' locks are filelock's.
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
        """Return the lock by the file `name` in `ground`; None where somebody has it.

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
            return None  # whoever had the folder is just removing it
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had it may have deleted it meanwhile: then this one says nothing.
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
        """Let go of it; the file stays. May be called twice."""
        if self._let_go is not None:
            let_go, self._let_go = self._let_go, None
            let_go()
