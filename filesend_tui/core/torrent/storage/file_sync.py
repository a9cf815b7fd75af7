"""Syncing files to the disk (fsync, syncfs). Which files is not decided here."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from filesend_tui.core.torrent.storage.dir_handle import DirHandle

# Threads that wait for the disk: file systems commit many waiting files at once.
_SYNC_THREADS = 8
#: From so many files on the whole file system is synced instead: measured 0.3 s for 10,000, and
#: 3 to 14 s one by one.
MANY: Final = 64


def sync_files(ground: DirHandle, files: Sequence[Sequence[str]]) -> None:
    """Sync the files' bytes to the disk; a late write error is reported here or never.

    Raises:
        OSError: A file cannot be opened or synced.
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
    """Return Linux's sync of a whole file system, which Python does not offer (syncfs(2)).

    It reports write errors from Linux 5.8 on.
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
