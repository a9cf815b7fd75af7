"""Files made at full length before their bytes arrive, with allocated space where supported.

What the files are for is not known here, nor whether they fit (disk_space.py).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from filesend_tui.core.errors import NoSpace
from filesend_tui.core.torrent.storage.dir_cache import DirCache
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.disk_error import disk_error

#: Bytes up to which a file's space is not allocated: that costs more than writing it.
SMALL: Final = 64 * 1024


def make_file(
    ground: DirHandle | DirCache,
    parts: Sequence[str],
    length: int,
    filled: Sequence[tuple[int, int]] | None = None,
) -> None:
    """Make a new file of `length` bytes; if long, allocate its space where supported.

    filled: offset and length of each part that is no hole; None: all of it. Its permissions are set
    by the umask alone.

    Raises:
        OSError: It exists, there is no room, or the disk failed.
    """
    descriptor = ground.open(parts, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        if filled is not None:
            os.ftruncate(descriptor, length)
            for offset, size in filled:
                if size > SMALL and not _promise(descriptor, size, offset):
                    break
        elif length and (length <= SMALL or not _promise(descriptor, length)):
            os.ftruncate(descriptor, length)
    finally:
        os.close(descriptor)


def mend_length(ground: DirHandle | DirCache, parts: Sequence[str], length: int) -> None:
    """Give a file that another program cut or made longer its length again, with a hole in it.

    Raises:
        OSError: It cannot be opened, or the disk failed.
    """
    descriptor = ground.open(parts, os.O_RDWR)
    try:
        os.ftruncate(descriptor, length)
    finally:
        os.close(descriptor)


def _promise(descriptor: int, length: int, offset: int = 0) -> bool:
    if not hasattr(os, "posix_fallocate"):
        return False
    try:
        os.posix_fallocate(descriptor, offset, length)
    except OSError as error:
        if isinstance(disk_error(error, "allocating"), NoSpace):
            raise
        return False  # not every file system can
    return True
