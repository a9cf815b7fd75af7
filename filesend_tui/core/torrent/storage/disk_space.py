"""Room on the disk: whether files fit, files made at full length, bytes that really arrived.

What the files are for is not known here.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from filesend_tui.core.errors import NoSpace, StorageFailed
from filesend_tui.core.torrent.storage.dir_cache import DirCache
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.disk_error import disk_error
from filesend_tui.core.torrent.storage.free_space import free_space
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.util.figures import size_text

# Threads that wait for the disk: file systems commit many waiting files at once.
_SYNC_THREADS = 8
#: Files from so many on are waited for all together, with all else that the file system holds:
#: measured 0.3 s for 10,000, and 3 to 14 s one by one.
MANY: Final = 64
#: Bytes up to which a file is not worth a promise of its own, which costs more than writing it.
SMALL: Final = 64 * 1024


def check_folder(folder: Path | Target) -> Target:
    """Refuse a folder that nothing could be written to, before anybody waits for it.

    Blocking; writes nothing.

    Args:
        folder: A folder as it was when it was chosen; a path is chosen now.

    Returns:
        The folder as it was when it was chosen.

    Raises:
        StorageFailed: It is no folder, may not be written to, cannot be made, or was replaced.
    """
    choose = "Choose another folder."
    path = folder.path if isinstance(folder, Target) else folder
    try:
        if "\0" in str(path):
            raise OSError(errno.EINVAL, "a name in it holds a NUL")
        place = path.expanduser().absolute()
        while not os.path.lexists(place) and place != place.parent:
            place = place.parent
        if place.is_symlink() and not place.exists():
            raise StorageFailed(f"{place} is a link that leads nowhere.", choose)
        if not place.is_dir():
            raise StorageFailed(f"{place} is not a folder.", choose)
        chosen = Target.of(folder)
        chosen.check()
    except (OSError, RuntimeError) as error:  # a home that nobody knows is a RuntimeError
        why = getattr(error, "strerror", None) or error
        raise StorageFailed(f"{path} cannot be used: {why}.", choose) from error
    if not os.access(place, os.W_OK | os.X_OK):
        raise StorageFailed(f"Nothing may be written to {place}.", choose)
    return chosen


def check_room(folder: Path | Target, needed: int) -> Target:
    """Refuse a folder on whose disk `needed` bytes do not fit; else as check_folder.

    Raises:
        NoSpace: They do not.
        StorageFailed: As check_folder.
    """
    chosen = check_folder(folder)
    free = free_space(chosen.path)
    if needed > free:
        raise NoSpace(
            f"This needs {size_text(needed)}, but {chosen.path} has only {size_text(free)} free."
        )
    return chosen


def make_file(ground: DirHandle | DirCache, parts: Sequence[str], length: int) -> None:
    """Make a new file of `length` bytes, if long where possible with a promise that they will fit.

    Its permissions are the umask's choice and nobody else's.

    Raises:
        OSError: It exists, there is no room, or the disk refused.
    """
    descriptor = ground.open(parts, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        if length and (length <= SMALL or not _promise(descriptor, length)):
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
