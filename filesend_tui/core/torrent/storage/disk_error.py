"""The operating system's errors of a disk, as errors that a person can act on.

And which of them may pass by themselves; what is done about those is disk_watch.py's.
"""

from __future__ import annotations

import errno
from enum import StrEnum
from typing import Final

from filesend_tui.core.errors import FileSendError, NoSpace, StorageFailed

# Windows has no quota error of this name.
_FULL: Final = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


class Trouble(StrEnum):
    """What keeps a disk from being written to, and may pass by itself."""

    #: It is full, or a quota of it is.
    FULL = "full"
    #: It is mounted read-only, or write-protected.
    READ_ONLY = "readOnly"
    #: It was taken away, unmounted, or its server does not answer.
    AWAY = "away"


_AWAY: Final = {
    getattr(errno, name)
    for name in ("EIO", "ENOENT", "ESTALE", "ENODEV", "ENXIO", "ENOTCONN", "EHOSTDOWN", "ETIMEDOUT")
    if hasattr(errno, name)
}
# Windows' own numbers, for which it has no or misleading names of POSIX: write-protected; not
# ready, no such network resource, its name was deleted, no such device, disconnected, I/O error.
_WINDOWS_READ_ONLY: Final = {19}
_WINDOWS_AWAY: Final = {21, 55, 64, 433, 1117, 1167}


def disk_error(error: OSError, doing: str) -> FileSendError:
    """Return NoSpace or StorageFailed for what happened while `doing` (such as `writing a.txt`)."""
    if error.errno in _FULL:
        return NoSpace(f"The disk became full while {doing}.")
    if error.errno == errno.EFBIG:
        return StorageFailed(
            f"A file is too large for this disk's file system, found while {doing}.",
            "Choose a folder on another disk.",
        )
    return StorageFailed(f"The disk failed while {doing}: {error.strerror or error}.")


def trouble_of(error: FileSendError) -> Trouble | None:
    """Return what of an error of the disk may pass by itself; None: nothing does.

    Args:
        error: One that `disk_error` made, with the system's error as its cause.
    """
    cause = error.__cause__
    if not isinstance(cause, OSError) or not isinstance(error, NoSpace | StorageFailed):
        return None
    number = getattr(cause, "winerror", None)
    if isinstance(error, NoSpace):
        return Trouble.FULL
    if cause.errno == errno.EROFS or number in _WINDOWS_READ_ONLY:
        return Trouble.READ_ONLY
    return Trouble.AWAY if cause.errno in _AWAY or number in _WINDOWS_AWAY else None
