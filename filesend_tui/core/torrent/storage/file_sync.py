"""Syncing files and folders to the disk (fsync, syncfs). Which ones is not decided here.

A file's name is in its folder, which is synced by itself: after a power failure a synced file may
else have no name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.util.folder_sync import sync_folder

# Threads that wait for the disk: file systems commit many waiting files at once.
_SYNC_THREADS = 8
#: From so many files on the whole file system is synced instead: measured 0.3 s for 10,000, and
#: 3 to 14 s one by one.
MANY: Final = 64


def sync_files(ground: DirHandle, files: Collection[Sequence[str]]) -> None:
    """Sync files, and the names of the folders they are in, to the disk.

    A late write error is reported here or never.

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
    if ground.descriptor is not None:
        for way in {tuple(parts[:length]) for parts in files for length in range(len(parts))}:
            with ground.below(*way) as folder:
                if folder.descriptor is not None:
                    sync_folder(folder.descriptor)


def sync_names(ground: DirHandle) -> None:
    """Sync the names in a folder, after files were moved into it; on Windows that is not possible.

    On macOS, where a drive may hold back what was synced, it writes all of that too.

    Raises:
        OSError: The disk failed.
    """
    if ground.descriptor is None:
        return
    if sys.platform == "darwin":
        import fcntl

        with suppress(OSError):  # not every file system can
            fcntl.fcntl(ground.descriptor, fcntl.F_FULLFSYNC)
            return
    sync_folder(ground.descriptor)


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
