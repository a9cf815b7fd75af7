"""Syncing the names in a folder to the disk (fsync). Files and their bytes are not synced here."""

from __future__ import annotations

import errno
import os
from typing import Final

# File systems that cannot sync a folder, some in user space and on a network.
_NO_SYNC: Final = {
    getattr(errno, name)
    for name in ("EINVAL", "EBADF", "EACCES", "EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP")
    if hasattr(errno, name)
}


def sync_folder(descriptor: int) -> None:
    """Sync an open folder, on a file system that can.

    Raises:
        OSError: The disk failed.
    """
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
