"""Moves what is finished to where a person will find it, and never over anything that is there.

Between looking whether a name is free and using it another program may take it, so each way here
lets the operating system decide: it claims the name and fails if somebody has it.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from filesend_tui.core.torrent.paths import free_name

# What file systems without hard links answer, and Linux where a policy forbids them.
_NO_LINKS = {
    getattr(errno, name)
    for name in ("EPERM", "EACCES", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EMLINK", "EINVAL", "EXDEV")
    if hasattr(errno, name)
}
_TAKEN = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EISDIR}


def place(source: Path, folder: Path, name: str) -> Path:
    """Move file or folder `source` into `folder` as `name`, `name (1)`, …; return where it is.

    All of it appears at once. Both must be on one file system.

    Raises:
        OSError: It could not be moved; it is still at `source`.
    """
    move = _move_anything if os.name == "nt" else _move_folder if source.is_dir() else _move_file
    while True:
        target = free_name(folder, name)
        try:
            move(source, target)
        except OSError as error:
            if error.errno not in _TAKEN or not os.path.lexists(target):
                raise
        else:
            return target


def _move_anything(source: Path, target: Path) -> None:
    source.rename(target)  # Windows refuses a name that is taken


def _move_file(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # Claim the name with an empty file that only this call knows of, then replace it.
        target.touch(exist_ok=False)
        try:
            source.replace(target)
        except OSError:
            target.unlink()
            raise
    else:
        source.unlink()


def _move_folder(source: Path, target: Path) -> None:
    # POSIX renames a folder over an empty one, and over nothing else: claim the name with one.
    target.mkdir(0o700)
    try:
        source.rename(target)
    except OSError:
        with suppress(OSError):
            target.rmdir()
        raise
