"""Room on the disk: whether files fit, files made at full length, bytes that really arrived.

What the files are for is not known here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from filesend_tui.core.errors import NoSpace
from filesend_tui.core.figures import size_text
from filesend_tui.core.space import free_space
from filesend_tui.core.torrent.diskerror import disk_error
from filesend_tui.core.torrent.handles import open_regular

# Threads that wait for the disk: file systems commit many waiting files at once.
_SYNC_THREADS = 8


def check_room(folder: Path, needed: int) -> None:
    """Raise NoSpace unless `needed` bytes fit on the disk of `folder`; else as free_space."""
    free = free_space(folder)
    if needed > free:
        raise NoSpace(
            f"This needs {size_text(needed)}, but {folder} has only {size_text(free)} free."
        )


def make_file(path: Path, length: int) -> None:
    """Make a new file of `length` bytes, where possible with a promise that they will fit.

    Raises:
        OSError: It exists, there is no room, or the disk refused.
    """
    descriptor = open_regular(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        if length and not _promise(descriptor, length):
            os.ftruncate(descriptor, length)
    finally:
        os.close(descriptor)


def _promise(descriptor: int, length: int) -> bool:
    if not hasattr(os, "posix_fallocate"):
        return False
    try:
        os.posix_fallocate(descriptor, 0, length)
    except OSError as error:
        if isinstance(disk_error(error, "allocating"), NoSpace):
            raise
        return False  # not every file system can
    return True


def sync_files(paths: Iterable[Path]) -> None:
    """Wait until the files' bytes are on the disk; a late write error shows now or never.

    Raises:
        OSError: They are not.
    """
    with ThreadPoolExecutor(_SYNC_THREADS, "filesend-sync") as threads:
        for _ in threads.map(_sync, paths):
            pass


def _sync(path: Path) -> None:
    descriptor = open_regular(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
