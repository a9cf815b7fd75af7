"""Files made at full length before their bytes come, with a promise of the disk where it gives one.

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

#: Bytes up to which a file is not worth a promise of its own, which costs more than writing it.
SMALL: Final = 64 * 1024


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
