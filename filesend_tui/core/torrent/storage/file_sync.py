"""Waiting until bytes are really on the disk. Which files, others know."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from filesend_tui.core.torrent.storage.dir_handle import DirHandle

# Threads that wait for the disk: file systems commit many waiting files at once.
_SYNC_THREADS = 8
#: Files from so many on are waited for all together, with all else that the file system holds:
#: measured 0.3 s for 10,000, and 3 to 14 s one by one.
MANY: Final = 64


def sync_files(ground: DirHandle, files: Sequence[Sequence[str]]) -> None:
    """Wait until the files' bytes are on the disk; a late write error shows now or never.

    Raises:
        OSError: They are not.
    """
    if len(files) >= MANY and ground.descriptor is not None:
        sync_all = _syncfs()
        if sync_all is not None:
            sync_all(ground.descriptor)
            return

    def sync(parts: Sequence[str]) -> None:
        descriptor = ground.open(parts, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    with ThreadPoolExecutor(_SYNC_THREADS, "filesend-sync") as threads:
        for _ in threads.map(sync, files):
            pass


def _syncfs() -> Callable[[int], None] | None:
    """Return Linux's way to wait for a whole file system, which Python does not offer (syncfs(2)).

    It tells of write errors from Linux 5.8 on.
    """
    if sys.platform != "linux":
        return None
    import ctypes

    call = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if call is None:
        return None

    def sync_all(descriptor: int) -> None:
        if call(descriptor):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    return sync_all
