"""Small files in a held folder, read with a bound, and written whole or not at all.

What is in them is not known here.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import Final

from filesend_tui.core.torrent.storage.dir_handle import DirHandle

#: Ends the name of a file while it is written; it then replaces the one before.
NEW: Final = ".new"

# Something else has its name: a link, a folder, a socket. A device or FIFO has no error number.
_SOMETHING_ELSE: Final = {None, errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENXIO}


def write(ground: DirHandle, name: str, data: bytes, *, sync: bool = True) -> None:
    """Put a file into a folder, in the place of an earlier one.

    Args:
        ground: The folder.
        name: The file's name.
        data: All that is in it.
        sync: Sync it before it has its name, so that it is whole after a power failure too.

    Raises:
        OSError: It cannot be written; an earlier one is as it was.
    """
    with suppress(FileNotFoundError):
        ground.delete(name + NEW)
    descriptor = ground.open((name + NEW,), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        if sync:
            file.flush()
            os.fsync(file.fileno())
    ground.rename(name + NEW, name)


def read(ground: DirHandle, name: str, most: int) -> bytes | None:
    """Return what is in a file; None where there is none, it is no file, or it is too long.

    Raises:
        OSError: It cannot be read.
    """
    try:
        descriptor = ground.open((name,), os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in _SOMETHING_ELSE:
            return None
        raise
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(most + 1)
    return data if len(data) <= most else None
